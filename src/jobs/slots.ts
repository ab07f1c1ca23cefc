import type { Rate } from '../config/units.ts';
import type { PacerSlots } from '../store/pacer-slots.ts';
import { type SendLog, waitBeforeSend } from './pacing.ts';

/** A slot, or how long to wait before asking again. */
export type Taken =
  | { readonly waitMs: number }
  /**
   * `late`: its request left, or will have arrived, so many ms after it was taken, and its window begins then. May be
   * called again with more.
   */
  | { readonly waitMs: 0; readonly late: (lateMs: number) => void };

/** Where the log of sends is kept. */
export type SlotSource = {
  readonly take: (group: string, rate: Rate) => Promise<Taken>;
  readonly pause: (group: string, pauseMs: number) => Promise<void>;
};

/** A send in a log of this process. */
type Sent = { atMs: number };

/** The last sends, oldest first: when they left, which may be in another order than they were let go. */
function inOrder(sent: readonly Sent[]): number[] {
  return sent.map(({ atMs }) => atMs).sort((a, b) => a - b);
}

/** Slots in memory: windows and pauses of one process. */
export function createLocalSlots(now: () => number = () => performance.now()): SlotSource {
  const logs = new Map<string, { sent: Sent[]; pausedUntilMs: number }>();
  const logOf = (group: string) => {
    const known = logs.get(group) ?? { sent: [], pausedUntilMs: 0 };
    logs.set(group, known);
    return known;
  };
  return {
    take: async (group, rate) => {
      const log = logOf(group);
      const nowMs = now();
      const waitMs = waitBeforeSend(
        { sentMs: inOrder(log.sent), pausedUntilMs: log.pausedUntilMs },
        rate,
        nowMs,
      );
      if (waitMs > 0) return { waitMs };
      const own = { atMs: nowMs };
      log.sent = [...log.sent, own].slice(-rate.count);
      return {
        waitMs: 0,
        late: (lateMs) => {
          own.atMs = nowMs + lateMs;
        },
      };
    },
    pause: async (group, pauseMs) => {
      const log = logOf(group);
      log.pausedUntilMs = Math.max(log.pausedUntilMs, now() + pauseMs);
    },
  };
}

/**
 * Holds a source to what this process itself has sent: when it did leave, and should the source lose its memory.
 */
export function rememberingOwnSends(
  source: SlotSource,
  now: () => number = () => performance.now(),
): SlotSource {
  const logs = new Map<string, Sent[]>();
  return {
    take: async (group, rate) => {
      const sent = logs.get(group) ?? [];
      const ownWaitMs = waitBeforeSend({ sentMs: inOrder(sent), pausedUntilMs: 0 }, rate, now());
      if (ownWaitMs > 0) return { waitMs: ownWaitMs };
      const taken = await source.take(group, rate);
      if (!('late' in taken)) return taken;
      const takenMs = now();
      const own = { atMs: takenMs };
      logs.set(group, [...sent, own].slice(-rate.count));
      return {
        waitMs: 0,
        late: (lateMs) => {
          own.atMs = takenMs + lateMs;
          taken.late(lateMs);
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
    take: async (group, rate) => {
      const askedMs = performance.now();
      const { waitMs, sentMs } = await slots.take(group, rate.count, (sent, pausedUntilMs, nowMs) =>
        waitBeforeSend({ sentMs: sent, pausedUntilMs } satisfies SendLog, rate, nowMs),
      );
      if (waitMs > 0) return { waitMs };
      const replyMs = performance.now() - askedMs;
      return { waitMs: 0, late: telling(replyMs, sentMs, (from, to) => slots.move(group, from, to)) };
    },
    pause: (group, pauseMs) => slots.pause(group, pauseMs),
  });
}

/** A window of this length or more outlives a process: `plan` and then `sync` are one minute to the platform. */
const lastingWindowMs = 5_000;

/**
 * Slots of an embedded database. Windows of a second are over before the next process has started and are kept in memory;
 * those of a minute, and pauses, are kept in the store.
 */
export function createEmbeddedSlots(slots: PacerSlots): SlotSource {
  const local = createLocalSlots();
  const stored = createPostgresSlots(slots);
  const begun = new Set<string>();
  return {
    take: async (group, rate) => {
      if (rate.windowMs >= lastingWindowMs) return stored.take(group, rate);
      if (begun.has(group)) return local.take(group, rate);
      // Another process may have been told to pause before it ended.
      const taken = await stored.take(group, rate);
      if (!('late' in taken)) return taken;
      begun.add(group);
      return local.take(group, rate);
    },
    pause: async (group, pauseMs) => {
      await Promise.all([local.pause(group, pauseMs), stored.pause(group, pauseMs)]);
    },
  };
}
