import type { Redis } from 'ioredis';
import { patience } from '../../providers/rate-limit.ts';
import { longestAheadMs } from '../../store/pacer-slots.ts';
import { leastDistance, windowMarginMs } from './pacing.ts';
import { rememberingOwnSends, type SharedSlots, type SlotSource, telling } from './slots.ts';

/**
 * `waitBeforeSend` as one atomic step in Redis, on Redis' own clock: the log is a list, newest first. Returns the wait,
 * the entry if the slot was taken, and what is left of a pause, all in µs. Keys expire once they say nothing any more.
 */
const takeScript = `
local now = redis.call('TIME')
local nowUs = now[1] * 1000000 + now[2]
local count, windowUs, marginUs = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local aheadUs, wait, distanceUs = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local paused = redis.call('GET', KEYS[2])
local pausedUs = paused and math.max(0, tonumber(paused) - nowUs) or 0
-- Longer than any pause can be: it was stored before a clock went back.
if pausedUs > tonumber(ARGV[7]) then pausedUs = 0 end
wait = math.max(wait, pausedUs)
local newest = redis.call('LINDEX', KEYS[1], 0)
-- The same for sends.
while newest and tonumber(newest) - nowUs > tonumber(ARGV[8]) do
  redis.call('LPOP', KEYS[1])
  newest = redis.call('LINDEX', KEYS[1], 0)
end
local last = redis.call('LINDEX', KEYS[1], 0)
if last then wait = math.max(wait, tonumber(last) + distanceUs - nowUs) end
local oldest = redis.call('LINDEX', KEYS[1], count - 1)
if oldest then wait = math.max(wait, tonumber(oldest) + windowUs + marginUs - nowUs) end
wait = math.ceil(wait)
if wait > aheadUs then return { wait - aheadUs, '', math.ceil(pausedUs) } end
local entry = string.format('%.0f', nowUs + wait)
redis.call('LPUSH', KEYS[1], entry)
redis.call('LTRIM', KEYS[1], 0, count - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil((wait + windowUs + marginUs) / 1000) * 2)
return { wait, entry, 0 }
`;

/** A send was later than its entry says: the entry is moved, in µs, for the other processes. */
const moveScript = `
local at = redis.call('LPOS', KEYS[1], ARGV[1])
if at then redis.call('LSET', KEYS[1], at, ARGV[2]) end
return 0
`;

const pauseScript = `
local now = redis.call('TIME')
local untilUs = now[1] * 1000000 + now[2] + ARGV[1] * 1000
local known = redis.call('GET', KEYS[1])
if not known or tonumber(known) < untilUs or tonumber(known) - untilUs > tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], string.format('%.0f', untilUs), 'PX', ARGV[1])
end
return 0
`;

/** Slots in Redis: several processes and machines. */
export function createRedisSlots(redis: Redis): SlotSource {
  return rememberingOwnSends(redisSlots(redis));
}

function redisSlots(redis: Redis): SharedSlots {
  const keys = (group: string) => [`rollcall:pacer:${group}`, `rollcall:pacer:${group}:paused`] as const;
  return {
    take: async (group, rate, { aheadMs, notBeforeMs }) => {
      const [log, paused] = keys(group);
      const { count, windowMs } = rate;
      const distanceMs = (leastDistance * windowMs) / count;
      const spans = [windowMs, windowMarginMs, aheadMs, notBeforeMs, distanceMs];
      const times = [...spans, patience.longestPauseMs, longestAheadMs];
      const args = times.map((ms) => Math.ceil(ms * 1_000));
      const askedMs = performance.now();
      const [waitUs, entry, pausedUs] = (await redis.eval(takeScript, 2, log, paused, count, ...args)) as [
        number,
        string,
        number,
      ];
      const waitMs = waitUs / 1_000;
      if (entry === '') return { waitMs, pausedMs: pausedUs / 1_000, late: null };
      const replyMs = performance.now() - askedMs;
      const entryOf = (atMs: number): string => String(Math.round(atMs * 1_000));
      return {
        waitMs,
        late: telling(replyMs, Number(entry) / 1_000, (fromMs, toMs) =>
          redis.eval(moveScript, 1, log, entryOf(fromMs), entryOf(toMs)),
        ),
      };
    },
    pause: async (group, pauseMs) => {
      if (pauseMs > 0)
        await redis.eval(pauseScript, 1, keys(group)[1], Math.ceil(pauseMs), patience.longestPauseMs * 1_000);
    },
  };
}
