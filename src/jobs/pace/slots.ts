import type { Rate } from '../../config/units.ts';
import { patience } from '../../providers/rate-limit.ts';
import type { PacerSlots } from '../../store/pacer-slots.ts';
import { type SendLog, waitBeforeSend } from './pacing.ts';

/** A slot that begins after `waitMs`, or how long to wait before asking again. */
export type Taken =
  | {
      readonly waitMs: number;
      /** How much of it is a pause that another process was told; 0 or undefined when none. */
      readonly pausedMs?: number;
    }
  | {
      readonly waitMs: number;
      readonly pausedMs?: undefined;
      /** When it begins: how much longer to wait, for what has become known since of this process' own sends. */
      readonly moreMs: () => number;
      /**
       * Its request left, or will have arrived, so many ms after the slot began, and its window begins then. May be called
       * again with more.
       */
      readonly late: (lateMs: number) => void;
    };

/** Bounds of a slot, in ms from now. */
export type Bounds = {
  /** The slot is taken if it begins within this time. Default 0: if it begins now. */
  readonly aheadMs?: number;
  /** It does not begin before that. Default 0. */
  readonly notBeforeMs?: number;
};

/** What a log that is shared knows of a slot: of this process' own sends only `rememberingOwnSends` knows more. */
export type SharedSlots = Omit<SlotSource, 'take'> & {
  readonly take: (
    group: string,
    rate: Rate,
    bounds: Required<Bounds>,
  ) => Promise<{
    readonly waitMs: number;
    readonly pausedMs?: number;
    readonly late: ((lateMs: number) => void) | null;
  }>;
};

/** Where the log of sends is kept. */
export type SlotSource = {
  readonly take: (group: string, rate: Rate, bounds?: Bounds) => Promise<Taken>;
  readonly pause: (group: string, pauseMs: number) => Promise<void>;
};

/** A send in a log of this process. */
type Sent = { atMs: number };

/** The last sends, oldest first: when they left, which may be in another order than they were let go. */
function inOrder(sent: readonly Sent[]): number[] {
  return sent.map(({ atMs }) => atMs).sort((a, b) => a - b);
}

/** With one more than a window: it is still full when the newest is left out. */
function withNew(sent: readonly Sent[], own: Sent, rate: Rate): readonly Sent[] {
  return [...sent, own].slice(-rate.count - 1);
}

/** Slots in memory: windows of one process. Its pauses are the pacer's. */
export function createLocalSlots(now: () => number = () => performance.now()): SlotSource {
  return rememberingOwnSends(
    {
      take: async (_group, _rate, { notBeforeMs }) => ({ waitMs: notBeforeMs, late: () => undefined }),
      pause: async () => undefined,
    },
    now,
  );
}

/**
 * Holds a source to what this process itself has sent: when it did leave, and should the source lose its memory. For one
 * pacer, which asks for one slot of a group at a time.
 */
export function rememberingOwnSends(
  source: SharedSlots,
  now: () => number = () => performance.now(),
): SlotSource {
  const logs = new Map<string, readonly Sent[]>();
  return {
    take: async (group, rate, bounds = {}) => {
      const { aheadMs = 0 } = bounds;
      const sends = (): readonly Sent[] => logs.get(group) ?? [];
      const waitAfter = (sent: readonly Sent[]): number =>
        waitBeforeSend({ sentMs: inOrder(sent), pausedUntilMs: 0 }, rate, now());
      const notBeforeMs = Math.max(waitAfter(sends()), bounds.notBeforeMs ?? 0);
      if (notBeforeMs > aheadMs) return { waitMs: notBeforeMs - aheadMs };
      const { waitMs, pausedMs = 0, late } = await source.take(group, rate, { aheadMs, notBeforeMs });
      if (late === null) return { waitMs, pausedMs };
      const beginsMs = now() + waitMs;
      const own = { atMs: beginsMs };
      logs.set(group, withNew(sends(), own, rate));
      return {
        waitMs,
        moreMs: () => waitAfter(sends().filter((sent) => sent !== own)),
        late: (lateMs) => {
          own.atMs = beginsMs + lateMs;
          late(lateMs);
        },
      };
    },
    pause: source.pause,
  };
}

/** What every request takes to leave; only more than that is told to the others. */
const usualDepartureMs = 5;

/**
 * Tells the others' log that a send was late, counted from when the log was asked and not from when its reply was read:
 * a busy process reads late. Times in ms on the log's own clock. What cannot be told is let go: this process still holds
 * to what it knows itself.
 */
export function telling(
  replyMs: number,
  recordedMs: number,
  move: (fromMs: number, toMs: number) => Promise<unknown>,
): (lateMs: number) => void {
  let toldMs = recordedMs;
  let told: Promise<unknown> = Promise.resolve();
  return (lateMs) => {
    const atMs = recordedMs + replyMs + lateMs;
    if (atMs - toldMs <= usualDepartureMs) return;
    const fromMs = toldMs;
    toldMs = atMs;
    // In turn: the second move looks for the time that the first has put there.
    told = told.then(() => move(fromMs, atMs)).catch(() => undefined);
  };
}

/** Slots in PostgreSQL: several processes without Redis. */
export function createPostgresSlots(slots: PacerSlots): SlotSource {
  return rememberingOwnSends({
    take: async (group, rate, { aheadMs, notBeforeMs }) => {
      const askedMs = performance.now();
      let pausedMs = 0;
      const { waitMs, sentMs } = await slots.take(group, rate.count, aheadMs, (sent, untilMs, nowMs) => {
        pausedMs = pauseLeftMs(untilMs, nowMs);
        const log: SendLog = { sentMs: sent, pausedUntilMs: nowMs + pausedMs };
        return Math.max(notBeforeMs, waitBeforeSend(log, rate, nowMs));
      });
      if (sentMs === null) return { waitMs: waitMs - aheadMs, pausedMs, late: null };
      const replyMs = performance.now() - askedMs;
      return { waitMs, late: telling(replyMs, sentMs, (from, to) => slots.move(group, from, to)) };
    },
    pause: (group, pauseMs) => slots.pause(group, pauseMs),
  });
}

/** What is left of a stored pause. One that is longer than any can be was stored before a clock went back: it is none. */
function pauseLeftMs(untilMs: number, nowMs: number): number {
  const leftMs = Math.max(0, untilMs - nowMs);
  return leftMs > patience.longestPauseMs ? 0 : leftMs;
}
