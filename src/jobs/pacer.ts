import { createHash } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Rate } from '../config/units.ts';
import type { RequestPacer } from '../providers/contract.ts';
import type { PacerSlots } from '../store/pacer-slots.ts';
import { type SendLog, waitBeforeSend, windowMarginMs } from './pacing.ts';

/** Where the log of sends is kept. `take` records a send and returns 0, or returns the ms to wait before asking again. */
export type SlotSource = {
  readonly take: (group: string, rate: Rate) => Promise<number>;
  /** The last send that this process took left so much later than it was taken: its window begins then. */
  readonly late?: (group: string, lateMs: number) => void;
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

/** How long a request is watched on its way at most: by then it has left, unless the event loop was busy. */
const longestWatchMs = 25;

/**
 * Watches the event loop while a request leaves, for half of the least distance to the next one. Resolves to how long the
 * loop was kept busy, which is how late the request may be.
 */
async function watchItLeave(rate: Rate): Promise<number> {
  const watchMs = Math.min(longestWatchMs, (0.25 * rate.windowMs) / rate.count);
  const beganMs = performance.now();
  await sleep(watchMs);
  await nextTurn();
  await nextTurn();
  return Math.max(0, performance.now() - beganMs - watchMs);
}

/**
 * From this rate on nothing is counted or spaced, only pauses are kept: no platform's limit is that high and no process
 * sends that fast, so such a setting means "no limit" (a benchmark, a platform of one's own).
 */
export const unlimitedPerSecond = 10_000;

/**
 * A pacer over one source. Within the process the callers of a group queue up in order and only the first asks the
 * source, so that a thousand waiting requests cost no more than one. The next one is let on only when the request of
 * the one before has left: a busy event loop (the embedded database blocks it) sends late, and the window begins then.
 */
export function createPacer(source: SlotSource): Pacer {
  const queues = new Map<string, Promise<void>>();

  async function slot(group: string, rate: Rate, signal: AbortSignal): Promise<void> {
    const before = queues.get(group) ?? Promise.resolve();
    let done = (): void => undefined;
    const mine = new Promise<void>((resolve) => {
      done = resolve;
    });
    queues.set(group, mine);
    const end = (): void => {
      done();
      if (queues.get(group) === mine) queues.delete(group);
    };
    try {
      await before;
      for (;;) {
        signal.throwIfAborted();
        const waitMs = await source.take(group, rate);
        if (waitMs <= 0) break;
        await sleep(waitMs, undefined, { signal });
      }
    } catch (error) {
      end();
      throw error;
    }
    void watchItLeave(rate).then((lateMs) => {
      source.late?.(group, lateMs);
      end();
    });
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
            slot: (signal) => slot(name, rate, signal),
            pause: (pauseMs) => source.pause(name, pauseMs),
          },
  };
}

function delayLast(sentMs: number[], lateMs: number): void {
  const last = sentMs.at(-1);
  if (last !== undefined) sentMs[sentMs.length - 1] = last + lateMs;
}

/** Slots of one process: for the embedded database, which belongs to one. */
export function createLocalSlots(now: () => number = () => performance.now()): SlotSource {
  const logs = new Map<string, { sentMs: number[]; pausedUntilMs: number }>();
  const logOf = (group: string) => {
    const known = logs.get(group) ?? { sentMs: [], pausedUntilMs: 0 };
    logs.set(group, known);
    return known;
  };
  return {
    take: async (group, rate) => {
      const log = logOf(group);
      const nowMs = now();
      const waitMs = waitBeforeSend(log, rate, nowMs);
      if (waitMs > 0) return waitMs;
      log.sentMs.push(nowMs);
      if (log.sentMs.length > rate.count * 2) log.sentMs = log.sentMs.slice(-rate.count);
      return 0;
    },
    late: (group, lateMs) => delayLast(logOf(group).sentMs, lateMs),
    pause: async (group, pauseMs) => {
      const log = logOf(group);
      log.pausedUntilMs = Math.max(log.pausedUntilMs, now() + pauseMs);
    },
  };
}

/** Slots in PostgreSQL: several processes without Redis. */
export function createPostgresSlots(slots: PacerSlots): SlotSource {
  return rememberingOwnSends({
    take: (group, rate) =>
      slots.take(group, rate.count, (sentMs, pausedUntilMs, nowMs) =>
        waitBeforeSend({ sentMs, pausedUntilMs } satisfies SendLog, rate, nowMs),
      ),
    pause: (group, pauseMs) => slots.pause(group, pauseMs),
  });
}

/**
 * `waitBeforeSend` as one atomic step in Redis, on Redis' own clock: the log is a list, newest first. Keys expire once
 * they say nothing any more.
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
if wait > 0 then return math.ceil(wait / 1000) end
redis.call('LPUSH', KEYS[1], string.format('%.0f', nowUs))
redis.call('LTRIM', KEYS[1], 0, count - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil((windowUs + marginUs) / 1000) * 2)
return 0
`;

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
  const own = new Map<string, number[]>();
  return {
    take: async (group, rate) => {
      const sentMs = own.get(group) ?? [];
      const ownWaitMs = waitBeforeSend({ sentMs, pausedUntilMs: 0 }, rate, now());
      if (ownWaitMs > 0) return ownWaitMs;
      const waitMs = await source.take(group, rate);
      if (waitMs <= 0) own.set(group, [...sentMs, now()].slice(-rate.count));
      return waitMs;
    },
    late: (group, lateMs) => delayLast(own.get(group) ?? [], lateMs),
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
      return Number(
        await redis.eval(
          takeScript,
          2,
          log,
          paused,
          rate.count,
          rate.windowMs * 1_000,
          windowMarginMs * 1_000,
        ),
      );
    },
    pause: async (group, pauseMs) => {
      if (pauseMs > 0) await redis.eval(pauseScript, 1, keys(group)[1], Math.ceil(pauseMs));
    },
  };
}
