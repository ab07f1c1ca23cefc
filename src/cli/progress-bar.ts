import type { Writable } from 'node:stream';
import type { Progress } from '../jobs/progress.ts';

const phaseNames: Readonly<Record<Progress['phase'], string>> = {
  roster: 'reading the roster',
  accounts: 'reading accounts',
  members: 'reading enrollments',
  plan: 'planning',
  apply: 'applying',
};
const width = 24;
/** Redrawing more often than this says nothing new. */
const redrawMs = 100;

/** A progress bar on one line of a terminal, with the time that is left; nothing when nobody watches. */
export type ProgressBar = {
  readonly show: (label: string, progress: Progress) => void;
  readonly clear: () => void;
};

/** A bar that writes to that stream, or nowhere. */
export function createProgressBar(
  out: Writable,
  enabled: boolean,
  now: () => number = () => performance.now(),
): ProgressBar {
  if (!enabled) return { show: () => undefined, clear: () => undefined };
  let drawnMs = 0;
  let phase = '';
  let begun = { atMs: 0, done: 0 };
  let shown = false;
  return {
    show: (label, progress) => {
      const nowMs = now();
      const key = `${label} ${progress.phase}`;
      if (key !== phase) {
        phase = key;
        begun = { atMs: nowMs, done: progress.done };
      } else if (nowMs - drawnMs < redrawMs && progress.done !== progress.total) return;
      drawnMs = nowMs;
      shown = true;
      out.write(
        `\r\u001b[2K${label}: ${phaseNames[progress.phase]} ${barOf(progress)}${leftOf(progress, begun, nowMs)}`,
      );
    },
    clear: () => {
      if (shown) out.write('\r\u001b[2K');
      shown = false;
    },
  };
}

function barOf({ done, total }: Progress): string {
  if (total === null || total === 0) return done === 0 ? '…' : done.toLocaleString('en');
  const filled = Math.round((Math.min(done, total) / total) * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${done.toLocaleString('en')}/${total.toLocaleString('en')}`;
}

function leftOf(progress: Progress, begun: { atMs: number; done: number }, nowMs: number): string {
  const seconds = secondsLeft(progress, begun, nowMs);
  if (seconds === null) return '';
  return seconds < 90 ? `, ${Math.ceil(seconds)} s left` : `, ${Math.ceil(seconds / 60)} min left`;
}

/** The time left by the pace so far; null before anything can be said. */
export function secondsLeft(
  { done, total }: Progress,
  begun: { atMs: number; done: number },
  nowMs: number,
): number | null {
  const made = done - begun.done;
  if (total === null || made <= 0 || nowMs - begun.atMs < 500) return null;
  return ((total - done) * (nowMs - begun.atMs)) / made / 1_000;
}
