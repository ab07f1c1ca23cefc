import type { Writable } from 'node:stream';
import type { Progress } from '../jobs/progress.ts';
import { clearLine } from '../output/output.ts';

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

/** How far something was at a moment. */
export type Sample = { readonly atMs: number; readonly done: number };

/** The pace is that of so long: a pause in the middle must not count to the end. */
const paceMs = 15_000;

/** How far long work is: a bar on one line of a terminal, with the time that is left, or lines now and then. */
export type ProgressBar = {
  readonly show: (label: string, progress: Progress) => void;
  readonly clear: () => void;
};

/** Without a terminal, work that takes long says so often that it goes on. */
const lineMs = 15_000;

/** A bar that writes to that stream; where nobody watches (`isWatched` is false), a line every 15 seconds instead. */
export function createProgressBar(
  out: Writable,
  isWatched: boolean,
  now: () => number = () => performance.now(),
): ProgressBar {
  if (!isWatched) return createProgressLines(out, now);
  let drawnMs = 0;
  let phase = '';
  let samples: Sample[] = [];
  let shown = false;
  return {
    show: (label, progress) => {
      const nowMs = now();
      const key = `${label} ${progress.phase}`;
      if (key !== phase) {
        phase = key;
        samples = [];
      } else if (nowMs - drawnMs < redrawMs && progress.done !== progress.total) return;
      drawnMs = nowMs;
      shown = true;
      samples.push({ atMs: nowMs, done: progress.done });
      while (samples.length > 2 && nowMs - (samples[1]?.atMs ?? nowMs) > paceMs) samples.shift();
      const [since = { atMs: nowMs, done: progress.done }] = samples;
      out.write(
        `${clearLine}${label}: ${phaseNames[progress.phase]} ${barOf(progress)}${leftOf(progress, since, nowMs)}`,
      );
    },
    clear: () => {
      if (shown) out.write(clearLine);
      shown = false;
    },
  };
}

function createProgressLines(out: Writable, now: () => number): ProgressBar {
  let saidMs = now();
  let phase = '';
  let since: Sample = { atMs: saidMs, done: 0 };
  return {
    show: (label, progress) => {
      const nowMs = now();
      const key = `${label} ${progress.phase}`;
      if (key !== phase) {
        phase = key;
        since = { atMs: nowMs, done: progress.done };
      }
      if (nowMs - saidMs < lineMs) return;
      saidMs = nowMs;
      const { done, total } = progress;
      const of = total === null || total === 0 ? '' : `/${total.toLocaleString('en')}`;
      out.write(
        `${label}: ${phaseNames[progress.phase]} ${done.toLocaleString('en')}${of}${leftOf(progress, since, nowMs)}\n`,
      );
    },
    clear: () => undefined,
  };
}

function barOf({ done, total }: Progress): string {
  if (total === null || total === 0) return done === 0 ? '…' : done.toLocaleString('en');
  const filled = Math.round((Math.min(done, total) / total) * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${done.toLocaleString('en')}/${total.toLocaleString('en')}`;
}

function leftOf(progress: Progress, since: Sample, nowMs: number): string {
  const seconds = secondsLeft(progress, since, nowMs);
  if (seconds === null) return '';
  return seconds < 90 ? `, ${Math.ceil(seconds)} s left` : `, ${Math.ceil(seconds / 60)} min left`;
}

/**
 * The time left by the pace since then, and at least what the rate takes for the rest. Null before anything can be said.
 * The first second of applying has the requests of two, and no answer yet: it is left to the rate.
 */
export function secondsLeft(progress: Progress, since: Sample, nowMs: number): number | null {
  const { done, total } = progress;
  const leastMs = progress.phase === 'apply' ? progress.leastMs : null;
  const made = done - since.done;
  const elapsedMs = nowMs - since.atMs;
  const byPaceMs =
    total === null || made <= 0 || elapsedMs < (leastMs === null ? 500 : 3_000)
      ? null
      : ((total - done) * elapsedMs) / made;
  if (byPaceMs === null && leastMs === null) return null;
  return Math.max(byPaceMs ?? 0, leastMs ?? 0) / 1_000;
}
