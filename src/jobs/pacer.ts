import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Rate } from '../config/units.ts';
import type { RequestPacer } from '../providers/contract.ts';
import type { PacerSlots } from '../store/pacer-slots.ts';
import { type SendLog, waitBeforeSend, windowMarginMs } from './pacing.ts';

/** A slot, or how long to wait before asking again. */
export type Taken =
  | { readonly waitMs: number }
  /** `late`: it was used so many ms after it was taken, and its window begins then. */
  | { readonly waitMs: 0; readonly late: (lateMs: number) => void };

/** Where the log of sends is kept. */
export type SlotSource = {
  readonly take: (group: string, rate: Rate) => Promise<Taken>;
  readonly pause: (group: string, pauseMs: number) => Promise<void>;
};

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
 * From this rate on nothing is counted or spaced, only pauses are kept: no platform's limit is that high and no process
 * sends that fast, so such a setting means "no limit" (a benchmark, a platform of one's own).
 */
export const unlimitedPerSecond = 10_000;

/**
 * A pacer over one source. Within the process the callers of a group queue up in order and only the first asks the
 * source, so that a thousand waiting requests cost no more than one. The next one is let on only when the request of
 * the one before has left: on a busy event loop that is later than it was let go, and its window begins then.
 */
export function createPacer(source: SlotSource): Pacer {
  const queues = new Map<string, Promise<void>>();

  async function slot(group: string, rate: Rate, signal: AbortSignal, left?: Promise<void>): Promise<void> {
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
        const taken = await source.take(group, rate);
        if ('late' in taken) {
          const takenMs = performance.now();
          const patience = setTimeout(end, longestDepartureMs);
          void (left ?? Promise.resolve()).then(() => {
            clearTimeout(patience);
            taken.late(performance.now() - takenMs);
            end();
          });
          return;
        }
        await sleep(taken.waitMs, undefined, { signal });
      }
    } catch (error) {
      end();
      throw error;
    }
  }

  /** A group without a limit: its pauses are those that this process was told. */
  function unlimited(): RequestPacer {
    let pausedUntilMs = 0;
    return {
      slot: async (signal) => {
        signal.throwIfAborted();
        for (
          let waitMs = pausedUntilMs - performance.now();
          waitMs > 0;
          waitMs = pausedUntilMs - performance.now()
        ) {
          await sleep(waitMs, undefined, { signal });
        }
      },
      pause: async (pauseMs) => {
        pausedUntilMs = Math.max(pausedUntilMs, performance.now() + pauseMs);
      },
    };
  }

  return {
    group: (name, rate) =>
      (rate.count * 1_000) / rate.windowMs >= unlimitedPerSecond
        ? unlimited()
        : {
            slot: (signal, left) => slot(name, rate, signal, left),
            pause: (pauseMs) => source.pause(name, pauseMs),
          },
  };
}

/** A send in a log of this process. */
type Sent = { atMs: number };

/** The last sends, oldest first: when they left, which may be in another order than they were let go. */
function inOrder(sent: readonly Sent[]): number[] {
  return sent.map(({ atMs }) => atMs).sort((a, b) => a - b);
}

/** Slots of one process: for the embedded database, which belongs to one. */
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
          own.atMs += lateMs;
        },
      };
    },
    pause: async (group, pauseMs) => {
      const log = logOf(group);
      log.pausedUntilMs = Math.max(log.pausedUntilMs, now() + pauseMs);
    },
  };
}

/** Slots in PostgreSQL: several processes without Redis. */
export function createPostgresSlots(slots: PacerSlots): SlotSource {
  return rememberingOwnSends({
    take: async (group, rate) => {
      const waitMs = await slots.take(group, rate.count, (sentMs, pausedUntilMs, nowMs) =>
        waitBeforeSend({ sentMs, pausedUntilMs } satisfies SendLog, rate, nowMs),
      );
      return waitMs > 0 ? { waitMs } : { waitMs: 0, late: () => undefined };
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

/**
 * `waitBeforeSend` as one atomic step in Redis, on Redis' own clock: the log is a list, newest first. Returns the wait in
 * ms, or 0 and the entry in µs. Keys expire once they say nothing any more.
 */
const takeScript = `
local now = redis.call('TIME')
local nowUs = now[1] * 1000000 + now[2]
local count, windowUs, marginUs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wait = 0
local paused = redis.call('GET', KEYS[2])
if paused then wait = math.max(wait, tonumber(paused) - nowUs) end
local last = redis.call('LINDEX', KEYS[1], 0)
if last then wait = math.max(wait, tonumber(last) + 0.5 * windowUs / count - nowUs) end
local oldest = redis.call('LINDEX', KEYS[1], count - 1)
if oldest then wait = math.max(wait, tonumber(oldest) + windowUs + marginUs - nowUs) end
if wait > 0 then return { math.ceil(wait / 1000), '' } end
local entry = string.format('%.0f', nowUs)
redis.call('LPUSH', KEYS[1], entry)
redis.call('LTRIM', KEYS[1], 0, count - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil((windowUs + marginUs) / 1000) * 2)
return { 0, entry }
`;

/** A send left later than it was taken: its entry says so, for the other processes. */
const lateScript = `
local at = redis.call('LPOS', KEYS[1], ARGV[1])
if at then redis.call('LSET', KEYS[1], at, string.format('%.0f', tonumber(ARGV[1]) + ARGV[2] * 1000)) end
return 0
`;
/** What every request takes to leave; only more than that is told to the others. */
const usualDepartureMs = 5;

const pauseScript = `
local now = redis.call('TIME')
local untilUs = now[1] * 1000000 + now[2] + ARGV[1] * 1000
local known = redis.call('GET', KEYS[1])
if not known or tonumber(known) < untilUs then
  redis.call('SET', KEYS[1], string.format('%.0f', untilUs), 'PX', ARGV[1])
end
return 0
`;

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
      const own = { atMs: now() };
      logs.set(group, [...sent, own].slice(-rate.count));
      return {
        waitMs: 0,
        late: (lateMs) => {
          own.atMs += lateMs;
          taken.late(lateMs);
        },
      };
    },
    pause: source.pause,
  };
}

/** Slots in Redis: several processes and machines. */
export function createRedisSlots(redis: Redis): SlotSource {
  return rememberingOwnSends(redisSlots(redis));
}

function redisSlots(redis: Redis): SlotSource {
  const keys = (group: string) => [`rollcall:pacer:${group}`, `rollcall:pacer:${group}:paused`] as const;
  return {
    take: async (group, rate) => {
      const [log, paused] = keys(group);
      const { count, windowMs } = rate;
      const args = [count, windowMs * 1_000, windowMarginMs * 1_000];
      const [waitMs, entry] = (await redis.eval(takeScript, 2, log, paused, ...args)) as [number, string];
      if (waitMs > 0) return { waitMs };
      return {
        waitMs: 0,
        late: (lateMs) => {
          // The others' knowledge; without it this process holds to its own.
          if (lateMs > usualDepartureMs)
            redis.eval(lateScript, 1, log, entry, Math.round(lateMs)).catch(() => undefined);
        },
      };
    },
    pause: async (group, pauseMs) => {
      if (pauseMs > 0) await redis.eval(pauseScript, 1, keys(group)[1], Math.ceil(pauseMs));
    },
  };
}
