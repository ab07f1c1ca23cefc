import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rate } from '../../config/units.ts';
import type { RequestPacer, Sending } from '../../providers/contract.ts';
import { type Patience, patience } from '../../providers/rate-limit.ts';
import { takenAheadMs, windowMarginMs } from './pacing.ts';
import type { SlotSource } from './slots.ts';
import { createStrain, type Strain } from './strain.ts';

/** A batch's turn: it may be taken up, or after how long to ask again, in ms. */
export type Turn = { readonly waitMs: number } | { readonly end: () => void };

/** The pacer of one rate group. */
export type GroupPacer = RequestPacer & {
  /**
   * Whether a batch may be taken up now: not while the group is paused; and when the platform has refused everything
   * lately, one batch at a time, so that what it takes to find out is one batch's requests and not those of all.
   */
  readonly turn: () => Turn;
};

/** Hands out the slots of all rate groups, over whatever `SlotSource` the processes share. */
export type Pacer = {
  readonly group: (name: string, rate: Rate) => GroupPacer;
  /** Rate groups of which requests wait and none has been let go for longer than any pause and any window may take. */
  readonly stalled: () => readonly string[];
};

export type PacerOptions = {
  readonly limits?: Patience;
  /** Told of each pause, with how long it lasts from now. */
  readonly onPause?: (group: string, pauseMs: number) => void;
  /** Told that a request waits for a pause, whoever was asked to make it, and how long from now. */
  readonly onWait?: (group: string, pauseMs: number) => void;
};

/** The name of a rate group: what the vendor counts by, hashed, for it holds a credential. */
export function rateGroupName(configured: string | undefined, host: string, credential: string): string {
  const hash = createHash('sha256')
    .update(configured ?? `${host}\n${credential}`)
    .digest('hex')
    .slice(0, 24);
  return configured === undefined ? `host-${hash}` : `group-${hash}`;
}

/**
 * The next request waits at most so long for the one before to leave. Within it the connection has been made, unless its
 * host is slow to take one: then its window begins late all the same.
 */
const longestDepartureMs = 250;
/**
 * A request is held to have been so long on its way at most. Of what an answer took longer than usual nobody can tell
 * how much was the way there and how much the platform's own work; more than this would halve the rate of a platform whose
 * answers take now one second and now two.
 */
const longestTransitMs = 250;
/** A pause is 15 minutes at most: a group whose requests wait for longer without one being let go has a dead pacer. */
const stalledAfterMs = 20 * 60_000;
/** How soon a batch asks again while another one finds out whether the platform takes requests. */
const askAgainMs = 1_000;
/** What of the window's margin is left for timers and clocks, which tick in milliseconds. */
const clockMarginMs = 5;

/**
 * From this rate on nothing is counted or spaced, only pauses are kept: no platform's limit is that high and no process
 * sends that fast, so such a setting means "no limit" (a benchmark, a platform of one's own).
 */
const unlimitedPerSecond = 10_000;

/** Never early: timers count whole milliseconds, and cut off the rest. */
async function sleepUntil(untilMs: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = untilMs - performance.now(); leftMs > 0; leftMs = untilMs - performance.now())
    await sleep(Math.ceil(leftMs), undefined, { signal });
}

/**
 * A pacer over one source. Within the process the callers of a group queue up in order and only the first asks the
 * source, so that a thousand waiting requests cost no more than one. The next one is let on only when the request of
 * the one before has left: on a busy event loop that is later than it was let go, and its window begins then. It begins
 * later still when the answer took longer than such answers do, for the platform counts what arrives.
 */
export function createPacer(source: SlotSource, options: PacerOptions = {}): Pacer {
  const queues = new Map<string, Promise<void>>();
  const groups = new Map<string, Group>();
  const limits = options.limits ?? patience;

  function groupOf(name: string): Group {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group: Group = {
      strain: createStrain(limits),
      pausedUntilMs: 0,
      waiting: new Set(),
      probing: false,
      asking: 0,
      movedMs: 0,
      windowMs: 0,
    };
    groups.set(name, group);
    return group;
  }

  function leftMs(name: string): number {
    return Math.max(0, groupOf(name).pausedUntilMs - performance.now());
  }

  function notePause(name: string, pauseMs: number): void {
    const group = groupOf(name);
    group.pausedUntilMs = Math.max(group.pausedUntilMs, performance.now() + pauseMs);
    for (const tell of [...group.waiting]) tell();
  }

  /** The caller first: who does not wait throws. */
  function tellWait(name: string, pauseMs: number, onPause?: OnPause): void {
    onPause?.(pauseMs);
    options.onWait?.(name, pauseMs);
  }

  /** Waits for those before. Of a pause, that there is or that comes meanwhile, the caller hears at once. */
  async function waitForTurn(name: string, before: Promise<void>, onPause?: OnPause): Promise<void> {
    if (onPause === undefined) return before;
    const { waiting } = groupOf(name);
    const refused = Promise.withResolvers<never>();
    const tell = (): void => {
      try {
        onPause(leftMs(name));
      } catch (error) {
        refused.reject(error);
      }
    };
    waiting.add(tell);
    if (leftMs(name) > 0) tell();
    try {
      await Promise.race([refused.promise, before]);
    } finally {
      waiting.delete(tell);
    }
  }

  async function slot(
    name: string,
    rate: Rate,
    signal: AbortSignal,
    sending?: Sending,
    onPause?: OnPause,
  ): Promise<void> {
    const before = queues.get(name) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    queues.set(name, mine.promise);
    const end = (): void => {
      mine.resolve();
      if (queues.get(name) === mine.promise) queues.delete(name);
    };
    try {
      await waitForTurn(name, before, onPause);
      for (;;) {
        signal.throwIfAborted();
        if (leftMs(name) > 0) tellWait(name, leftMs(name), onPause);
        const taken = await source.take(name, rate, { aheadMs: takenAheadMs, notBeforeMs: leftMs(name) });
        if (taken.pausedMs !== undefined && taken.pausedMs > 0) tellWait(name, taken.pausedMs, onPause);
        const beginsMs = performance.now() + taken.waitMs;
        await sleepUntil(beginsMs, signal);
        if (!('late' in taken)) continue;
        for (let moreMs = taken.moreMs(); moreMs > 0; moreMs = taken.moreMs())
          await sleepUntil(performance.now() + moreMs, signal);
        // A pause that came meanwhile takes the slot back.
        if (leftMs(name) > 0) continue;
        // Who was refused lately sends one request at a time, and the next one knows what it was answered.
        const alone = groupOf(name).strain.holds(performance.now());
        const patienceTimer = alone ? undefined : setTimeout(end, longestDepartureMs);
        void (sending?.left ?? Promise.resolve()).then(async () => {
          clearTimeout(patienceTimer);
          const departedMs = performance.now() - beginsMs;
          taken.late(departedMs);
          if (alone) await sending?.answered;
          end();
          const delayedMs = Math.min((await sending?.delayedMs) ?? 0, longestTransitMs);
          // The margin is there for the way: only what it does not cover is late.
          const lateMs = delayedMs - (windowMarginMs - clockMarginMs);
          if (lateMs > 0) taken.late(departedMs + lateMs);
        });
        return;
      }
    } catch (error) {
      // Not before those who came first: they still count on the order.
      void before.then(end);
      throw error;
    }
  }

  /** A group without a limit: its pauses are those that this process was told. */
  async function unlimitedSlot(name: string, signal: AbortSignal, onPause?: OnPause): Promise<void> {
    signal.throwIfAborted();
    // A pause may grow while it is waited for.
    while (leftMs(name) > 0) {
      tellWait(name, leftMs(name), onPause);
      await sleepUntil(groupOf(name).pausedUntilMs, signal);
    }
  }

  function turn(name: string): Turn {
    const group = groupOf(name);
    const waitMs = leftMs(name);
    if (waitMs > 0) return { waitMs };
    if (!group.strain.holds(performance.now())) return { end: () => undefined };
    if (group.probing) return { waitMs: Math.min(askAgainMs, limits.firstPauseMs) };
    group.probing = true;
    return {
      end: () => {
        group.probing = false;
      },
    };
  }

  function stalled(): readonly string[] {
    const nowMs = performance.now();
    return [...groups].flatMap(([name, { asking, movedMs, windowMs, pausedUntilMs }]) =>
      asking > 0 && nowMs - Math.max(movedMs, pausedUntilMs) > Math.max(stalledAfterMs, 2 * windowMs)
        ? [name]
        : [],
    );
  }

  return {
    stalled,
    group: (name, rate) => {
      const isUnlimited = (rate.count * 1_000) / rate.windowMs >= unlimitedPerSecond;
      return {
        slot: async (signal, sending, onPause) => {
          const group = groupOf(name);
          if (group.asking === 0) group.movedMs = performance.now();
          group.asking++;
          group.windowMs = Math.max(group.windowMs, rate.windowMs);
          try {
            if (isUnlimited) await unlimitedSlot(name, signal, onPause);
            else await slot(name, rate, signal, sending, onPause);
          } finally {
            group.asking--;
            group.movedMs = performance.now();
          }
        },
        limited: async (refused) => {
          const pauseMs = groupOf(name).strain.limited(refused, performance.now());
          notePause(name, pauseMs);
          options.onPause?.(name, leftMs(name));
          if (!isUnlimited) await source.pause(name, pauseMs);
          return leftMs(name);
        },
        answered: (kind) => groupOf(name).strain.answered(kind),
        turn: () => turn(name),
      };
    },
  };
}

type OnPause = (pauseMs: number) => void;

/** What this process knows of a rate group. */
type Group = {
  readonly strain: Strain;
  /** The pauses that this process was told, on its own clock. */
  pausedUntilMs: number;
  /** Tells the callers that wait for others of a pause. */
  readonly waiting: Set<() => void>;
  probing: boolean;
  /** Requests that wait for a slot, and when the first of them came or the last one was let go. */
  asking: number;
  movedMs: number;
  windowMs: number;
};
