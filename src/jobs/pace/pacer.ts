import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rate } from '../../config/units.ts';
import type { RequestPacer, Sending } from '../../providers/contract.ts';
import { takenAheadMs, windowMarginMs } from './pacing.ts';
import type { SlotSource } from './slots.ts';

/** Hands out the slots of all rate groups, over whatever `SlotSource` the processes share. */
export type Pacer = { readonly group: (name: string, rate: Rate) => RequestPacer };

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
/** What of the window's margin is left for timers and clocks, which tick in milliseconds. */
const clockMarginMs = 5;

/**
 * From this rate on nothing is counted or spaced, only pauses are kept: no platform's limit is that high and no process
 * sends that fast, so such a setting means "no limit" (a benchmark, a platform of one's own).
 */
export const unlimitedPerSecond = 10_000;

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
export function createPacer(source: SlotSource): Pacer {
  const queues = new Map<string, Promise<void>>();
  /** Pauses that this process was told, by group, on its own clock. */
  const pausedUntilMs = new Map<string, number>();
  const untilMs = (group: string): number => pausedUntilMs.get(group) ?? 0;

  async function slot(group: string, rate: Rate, signal: AbortSignal, sending?: Sending): Promise<void> {
    const before = queues.get(group) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    queues.set(group, mine.promise);
    const end = (): void => {
      mine.resolve();
      if (queues.get(group) === mine.promise) queues.delete(group);
    };
    try {
      await before;
      for (;;) {
        signal.throwIfAborted();
        const taken = await source.take(group, rate, {
          aheadMs: takenAheadMs,
          notBeforeMs: Math.max(0, untilMs(group) - performance.now()),
        });
        const beginsMs = performance.now() + taken.waitMs;
        await sleepUntil(beginsMs, signal);
        if (!('late' in taken)) continue;
        for (let moreMs = taken.moreMs(); moreMs > 0; moreMs = taken.moreMs())
          await sleepUntil(performance.now() + moreMs, signal);
        // A pause that came meanwhile takes the slot back.
        if (untilMs(group) <= performance.now()) {
          const patience = setTimeout(end, longestDepartureMs);
          void (sending?.left ?? Promise.resolve()).then(async () => {
            clearTimeout(patience);
            const leftMs = performance.now() - beginsMs;
            taken.late(leftMs);
            end();
            const delayedMs = Math.min((await sending?.delayedMs) ?? 0, longestTransitMs);
            // The margin is there for the way: only what it does not cover is late.
            const lateMs = delayedMs - (windowMarginMs - clockMarginMs);
            if (lateMs > 0) taken.late(leftMs + lateMs);
          });
          return;
        }
      }
    } catch (error) {
      end();
      throw error;
    }
  }

  function notePause(group: string, pauseMs: number): void {
    pausedUntilMs.set(group, Math.max(untilMs(group), performance.now() + pauseMs));
  }

  /** A group without a limit: its pauses are those that this process was told. */
  function unlimited(group: string): RequestPacer {
    return {
      slot: async (signal) => {
        signal.throwIfAborted();
        // A pause may grow while it is waited for.
        while (untilMs(group) > performance.now()) await sleepUntil(untilMs(group), signal);
      },
      pause: async (pauseMs) => notePause(group, pauseMs),
    };
  }

  return {
    group: (name, rate) =>
      (rate.count * 1_000) / rate.windowMs >= unlimitedPerSecond
        ? unlimited(name)
        : {
            slot: (signal, sending) => slot(name, rate, signal, sending),
            pause: (pauseMs) => {
              notePause(name, pauseMs);
              return source.pause(name, pauseMs);
            },
          },
  };
}
