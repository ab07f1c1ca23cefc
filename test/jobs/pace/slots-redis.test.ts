import type { Redis } from 'ioredis';
import RedisMock from 'ioredis-mock';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRedisSlots } from '../../../src/jobs/pace/slots-redis.ts';

// Our own scripts on ioredis-mock, whose Lua takes them; on a real Redis, over processes, they are tested by pacer.test.ts.
const rate = { count: 2, windowMs: 1_000 };

// Its TIME puts rounded seconds of one clock beside the microseconds of another, and goes back and forth by a second: the
// clock stands still here.
beforeEach(() => vi.useFakeTimers({ toFake: ['Date', 'hrtime'], now: 1_800_000_000_000 }));
afterEach(() => vi.useRealTimers());

test('the log of sends: no window has more than its rate, over two clients', async () => {
  const [one, other] = [new RedisMock(), new RedisMock()] as unknown as [Redis, Redis];
  await one.flushall();
  const bounds = { aheadMs: 10_000, notBeforeMs: 0 };
  const atMs: number[] = [];
  for (const client of [one, other, one, other, one]) {
    atMs.push((await createRedisSlots(client).take('mocked', rate, bounds)).waitMs);
  }
  atMs.sort((a, b) => a - b);
  for (const [at, sentMs] of atMs.entries()) {
    const next = atMs[at + rate.count];
    // The time that the call itself took counts as time on the way.
    if (next !== undefined) expect(next - sentMs).toBeGreaterThan(rate.windowMs - 150);
  }
});

test('a pause holds everybody who asks after it', async () => {
  const client = new RedisMock() as unknown as Redis;
  await client.flushall();
  await createRedisSlots(client).pause('paused', 3_000);
  const taken = await createRedisSlots(client).take('paused', rate, { aheadMs: 0, notBeforeMs: 0 });
  expect(taken.waitMs).toBeGreaterThan(2_000);
  expect(taken.waitMs).toBeLessThanOrEqual(3_000);
});
