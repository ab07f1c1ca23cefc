import { sql } from 'kysely';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { busiestWindow } from '../../../sandbox/server.ts';
import type { Limited } from '../../../src/providers/contract.ts';
import { createPacer } from '../../../src/jobs/pace/pacer.ts';
import { waitBeforeSend, windowMarginMs } from '../../../src/jobs/pace/pacing.ts';
import { createLocalSlots, createPostgresSlots, type SlotSource } from '../../../src/jobs/pace/slots.ts';
import { createRedisSlots } from '../../../src/jobs/pace/slots-redis.ts';
import { openEmbedded, openPostgres } from '../../../src/store/database.ts';
import { createPacerSlots } from '../../../src/store/pacer-slots.ts';
import { describeOn, sharedPostgres } from '../../support/backends.ts';
import { startRedis } from '../../support/servers.ts';
import { makeDataDir } from '../../support/template.ts';
import { until } from '../../support/until.ts';

const rates = fc.record({
  count: fc.integer({ min: 1, max: 60 }),
  windowMs: fc.constantFrom(200, 1_000, 60_000),
});

test('whenever callers come, no sliding window has more than the rate', async () => {
  const comings = fc.array(fc.nat({ max: 3_000 }), { minLength: 1, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(rates, comings, fc.nat({ max: 50 }), async (rate, gaps, aheadMs) => {
      let nowMs = 0;
      const slots = createLocalSlots(() => nowMs);
      const sent: number[] = [];
      for (const gapMs of gaps) {
        nowMs += gapMs * (gapMs % 2);
        for (;;) {
          const taken = await slots.take('group', rate, { aheadMs });
          nowMs += taken.waitMs;
          if (!('late' in taken)) continue;
          expect(taken.waitMs).toBeLessThanOrEqual(aheadMs);
          break;
        }
        sent.push(nowMs);
      }
      return busiestWindow(sent, rate.windowMs) <= rate.count;
    }),
    { numRuns: 150 },
  );
});

test('who waits as long as was said may send then, and not before', () => {
  const logs = fc.array(fc.nat({ max: 400 }), { maxLength: 80 });
  fc.assert(
    fc.property(rates, logs, fc.nat({ max: 5_000 }), (rate, gaps, sinceMs) => {
      let atMs = 0;
      const sentMs = gaps.map((gap) => {
        atMs += gap;
        return atMs;
      });
      const nowMs = atMs + sinceMs;
      const waitMs = waitBeforeSend({ sentMs, pausedUntilMs: 0 }, rate, nowMs);
      expect(waitMs).toBeLessThanOrEqual(rate.windowMs + windowMarginMs);
      expect(waitBeforeSend({ sentMs, pausedUntilMs: 0 }, rate, nowMs + waitMs)).toBeLessThan(1e-6);
      if (waitMs > 1)
        expect(waitBeforeSend({ sentMs, pausedUntilMs: 0 }, rate, nowMs + waitMs - 1)).toBeGreaterThan(0);
    }),
  );
});

/** A request that left long ago was refused now. */
function refusedNow(askedMs?: number): Limited {
  return { kind: 'write', sentMs: 0, askedMs };
}

test('a pause holds the group that it is of, and no other; a shorter one does not end it', async () => {
  const pacer = createPacer(createLocalSlots());
  const rate = { count: 5, windowMs: 1_000 };
  const { signal } = new AbortController();
  const [one, two] = [pacer.group('one', rate), pacer.group('two', rate)];
  const beganMs = performance.now();
  await one.limited(refusedNow(300));
  await one.limited(refusedNow(50));
  const order: string[] = [];
  await Promise.all([
    one.slot(signal).then(() => order.push('one')),
    two.slot(signal).then(() => order.push('two')),
  ]);
  expect(order).toEqual(['two', 'one']);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(300);
});

test('what the embedded database has seen holds for the next process: a minute, and a pause', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-pacer-'));
  await makeDataDir(join(folder, 'data'));
  const perMinute = { count: 2, windowMs: 60_000 };
  const perSecond = { count: 5, windowMs: 1_000 };
  const inOneProcess = async (work: (slots: SlotSource) => Promise<void>): Promise<void> => {
    const database = await openEmbedded(join(folder, 'data'), 'test');
    await work(createPostgresSlots(createPacerSlots(database.db)));
    await database.close();
  };
  await inOneProcess(async (slots) => {
    expect(await slots.take('minute', perMinute)).toMatchObject({ waitMs: 0 });
    expect(await slots.take('second', perSecond)).toMatchObject({ waitMs: 0 });
    await slots.pause('paused', 30_000);
  });
  await inOneProcess(async (slots) => {
    // The least distance after the one before.
    expect((await slots.take('minute', perMinute)).waitMs).toBeGreaterThan(5_000);
    expect((await slots.take('paused', perSecond)).waitMs).toBeGreaterThan(20_000);
    expect((await slots.take('fresh', perSecond)).waitMs).toBe(0);
  });
  await rm(folder, { recursive: true, force: true });
});

test('a caller that gives up does not hold up those behind it', async () => {
  const pacer = createPacer(createLocalSlots());
  const group = pacer.group('group', { count: 1, windowMs: 150 });
  const living = new AbortController().signal;
  const leaving = new AbortController();
  await group.slot(living);
  const gone = group.slot(leaving.signal);
  const next = group.slot(living);
  leaving.abort(new Error('gone'));
  await expect(gone).rejects.toThrow('gone');
  await next;
});

test('the window of a request begins when it leaves, and nobody overtakes it', async () => {
  const pacer = createPacer(createLocalSlots());
  const group = pacer.group('group', { count: 2, windowMs: 300 });
  const { signal } = new AbortController();
  const left: number[] = [];
  const send = async (afterMs: number): Promise<void> => {
    const leaves = Promise.withResolvers<void>();
    await group.slot(signal, {
      left: leaves.promise,
      delayedMs: Promise.resolve(0),
      answered: leaves.promise,
    });
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    left.push(performance.now());
    leaves.resolve();
  };
  await Promise.all([send(120), send(0), send(0), send(0)]);
  expect(left).toEqual(left.toSorted((a, b) => a - b));
  expect((left[2] ?? 0) - (left[0] ?? 0)).toBeGreaterThanOrEqual(300);
  expect((left[3] ?? 0) - (left[1] ?? 0)).toBeGreaterThanOrEqual(300);
});

test('a request that was late on its way begins its window when it arrived, by a quarter of a second at most', async () => {
  const lates: number[] = [];
  const taken = { waitMs: 0, moreMs: () => 0, late: (lateMs: number) => void lates.push(lateMs) };
  const pacer = createPacer({ take: async () => taken, pause: async () => undefined });
  const group = pacer.group('group', { count: 2, windowMs: 1_000 });
  const send = (delayedMs: number) =>
    group.slot(new AbortController().signal, {
      left: Promise.resolve(),
      delayedMs: Promise.resolve(delayedMs),
      answered: Promise.resolve(),
    });
  await send(0);
  await until('the first has left', async () => lates.length === 1);
  await send(80);
  await until('the second has arrived', async () => lates.length === 3);
  await send(5_000);
  await until('the third has arrived', async () => lates.length === 5);
  // 15 ms are what the margin covers.
  const [, left, arrived, leftToo, arrivedToo] = lates.map(Number);
  expect(Number(arrived) - Number(left)).toBeCloseTo(65, 6);
  expect(Number(arrivedToo) - Number(leftToo)).toBeCloseTo(235, 6);
});

test('who was refused sends one request at a time until one is taken, and those who do not wait hear of a pause at once', async () => {
  const limits = { firstPauseMs: 40, longestPauseMs: 1_000, giveUpAfterMs: 2_000 };
  const pacer = createPacer(createLocalSlots(), { limits });
  const group = pacer.group('group', { count: 50, windowMs: 1_000 });
  const { signal } = new AbortController();
  const sent: PromiseWithResolvers<void>[] = [];
  const send = async (): Promise<void> => {
    const answered = Promise.withResolvers<void>();
    const sending = {
      left: Promise.resolve(),
      delayedMs: answered.promise.then(() => 0),
      answered: answered.promise,
    };
    await group.slot(signal, sending);
    sent.push(answered);
  };
  await send();
  const [first] = sent;
  await group.limited({ kind: 'write', sentMs: performance.now(), askedMs: undefined });
  first?.resolve();
  const turned = group.turn();
  expect(turned).toMatchObject({ waitMs: expect.closeTo(40, -2) });
  const others = [send(), send(), send()];
  const impatient = group.slot(signal, undefined, (pauseMs) => {
    throw new Error(`paused ${pauseMs > 0}`);
  });
  await expect(impatient).rejects.toThrow('paused true');
  await until('one more was sent', async () => sent.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(sent).toHaveLength(2);
  const [probe] = [group.turn()];
  expect(probe).toHaveProperty('end');
  expect(group.turn()).toEqual({ waitMs: 40 });
  if ('end' in probe) probe.end();
  group.answered('write');
  sent[1]?.resolve();
  await Promise.all(others);
  expect(sent).toHaveLength(4);
  expect([group.turn(), group.turn()]).toEqual([{ end: expect.anything() }, { end: expect.anything() }]);
});

test('a stored pause that is longer than any can be is none: a clock went back', async () => {
  const taken = { waitMs: 0, sentMs: 0 };
  const withPause = (pausedUntilMs: number) =>
    createPostgresSlots({
      ...({} as Parameters<typeof createPostgresSlots>[0]),
      take: async (_name, _keep, _aheadMs, decide) => {
        const waitMs = decide([], pausedUntilMs, 1_000_000);
        return waitMs > 0 ? { waitMs, sentMs: null } : taken;
      },
    });
  const rate = { count: 5, windowMs: 1_000 };
  expect(await withPause(1_000_000 + 900_000).take('group', rate)).toMatchObject({ waitMs: 900_000 });
  expect(await withPause(1_000_000 + 900_001).take('group', rate)).toMatchObject({ waitMs: 0 });
});

test('a slot that was taken ahead is waited for, and a pause that comes meanwhile takes it back', async () => {
  let asked = 0;
  const pacer = createPacer({
    take: async (_group, _rate, { notBeforeMs = 0 } = {}) => {
      asked++;
      return { waitMs: Math.max(25, notBeforeMs), moreMs: () => 0, late: () => undefined };
    },
    pause: async () => undefined,
  });
  const group = pacer.group('group', { count: 1, windowMs: 1_000 });
  const { signal } = new AbortController();
  const beganMs = performance.now();
  await group.slot(signal);
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(25);
  expect(asked).toBe(1);

  const held = group.slot(signal);
  await until('it has taken a slot', async () => asked === 2);
  const pausedMs = performance.now();
  await group.limited(refusedNow(200));
  await held;
  expect(performance.now() - pausedMs).toBeGreaterThanOrEqual(200);
  expect(asked).toBe(3);
});

test('when a slot begins, what was learned meanwhile of the sends before it counts', async () => {
  let nowMs = 0;
  const slots = createLocalSlots(() => nowMs);
  const rate = { count: 1, windowMs: 1_000 };
  const first = await slots.take('group', rate);
  nowMs = windowMarginMs + 990;
  const second = await slots.take('group', rate, { aheadMs: 25 });
  if (!('late' in first && 'late' in second)) throw new Error('no slot');
  expect(second.waitMs).toBe(10);
  first.late(100);
  nowMs += second.waitMs;
  expect(second.moreMs()).toBe(100);
  nowMs += 100;
  expect(second.moreMs()).toBe(0);
});

/** A slot that begins soon is taken by who asks first; whoever asks then comes after it. */
async function expectTakenAhead(one: SlotSource, other: SlotSource): Promise<void> {
  const rate = { count: 1, windowMs: 10_000 };
  expect(await one.take('ahead', rate)).toMatchObject({ waitMs: 0 });
  expect('late' in (await one.take('ahead', rate, { aheadMs: 5_000 }))).toBe(false);
  const taken = await one.take('ahead', rate, { aheadMs: 15_000 });
  expect('late' in taken).toBe(true);
  expect(taken.waitMs).toBeGreaterThan(9_000);
  expect((await other.take('ahead', rate)).waitMs).toBeGreaterThan(19_000);
  const later = await other.take('not before', rate, { aheadMs: 5_000, notBeforeMs: 4_000 });
  expect('late' in later).toBe(true);
  expect(later.waitMs).toBeGreaterThanOrEqual(4_000);
  expect((await one.take('not before', rate)).waitMs).toBeGreaterThan(13_000);
}

/** Keeps the process from reading anything for that long. */
function standStill(forMs: number): void {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs);
}

/** A process that reads the reply of its slot late, or sends late, and one that asks for the next slot. */
async function expectLatenessIsTold(busy: SlotSource, other: SlotSource): Promise<void> {
  const rate = { count: 1, windowMs: 20_000 };
  const asking = busy.take('reads late', rate);
  // The question is on its way to the server; the answer waits.
  await new Promise((resolve) => setImmediate(resolve));
  standStill(400);
  const read = await asking;
  if ('late' in read) read.late(0);
  await until('the others know', async () => (await other.take('reads late', rate)).waitMs > 19_900);

  const taken = await busy.take('sends late', rate);
  if (!('late' in taken)) throw new Error('no slot');
  taken.late(500);
  taken.late(1_500);
  await until('the others know', async () => (await other.take('sends late', rate)).waitMs > 21_000);
}

/** Callers of several pacers over one source of slots: what several processes are, on one clock. */
async function expectRateHeld(source: () => SlotSource, pacers: number): Promise<void> {
  const rate = { count: 20, windowMs: 500 };
  const groups = Array.from({ length: pacers }, () => createPacer(source()).group('shared', rate));
  const { signal } = new AbortController();
  const sent: number[] = [];
  await Promise.all(
    groups.flatMap((group) =>
      Array.from({ length: 80 / pacers }, async () => {
        await group.slot(signal);
        sent.push(performance.now());
      }),
    ),
  );
  sent.sort((a, b) => a - b);
  expect(sent.length).toBe(80);
  expect(busiestWindow(sent, rate.windowMs)).toBeLessThanOrEqual(rate.count);
}

test('in process: a slot is taken ahead', () => {
  const slots = createLocalSlots();
  return expectTakenAhead(slots, slots);
});

test('in process: 80 sends at 20 in half a second', () => {
  return expectRateHeld(createLocalSlots, 1);
});

describeOn('postgres', 'the pacer', () => {
  test('a pause that comes between reading the log and recording the send is kept', {
    timeout: 30_000,
  }, async () => {
    const { db, close } = await openPostgres(await (await sharedPostgres()).database());
    const slots = createPacerSlots(db);
    await slots.noteAsked('group', 0);
    const decide = (_sent: readonly number[], pausedUntilMs: number, nowMs: number): number =>
      Math.max(0, pausedUntilMs - nowMs);
    const waiting = sql<{ n: number }>`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const { taking } = await db.transaction().execute(async (tx) => {
      await sql`select 1 from rollcall.pacers for update`.execute(tx);
      const begun = slots.take('group', 5, 0, decide);
      await until('its send to be recorded', async () => (await waiting.execute(db)).rows[0]?.n === 1);
      await sql`
        update rollcall.pacers set paused_until_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint + 60000`.execute(
        tx,
      );
      return { taking: begun };
    });
    const { waitMs, sentMs } = await taking;
    expect(sentMs).toBeNull();
    expect(waitMs).toBeGreaterThan(50_000);
    await close();
  });

  test('a slot is taken ahead', { timeout: 30_000 }, async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    const slots = () => createPostgresSlots(createPacerSlots(database.db));
    await expectTakenAhead(slots(), slots());
    await database.close();
  });

  test('80 sends of 4 pacers at 20 in half a second', { timeout: 30_000 }, async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    await expectRateHeld(() => createPostgresSlots(createPacerSlots(database.db)), 4);
    await database.close();
  });

  test('a busy process tells the others that it was late', { timeout: 30_000 }, async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    const slots = () => createPostgresSlots(createPacerSlots(database.db));
    await expectLatenessIsTold(slots(), slots());
    await database.close();
  });
});

describeOn('redis', 'the pacer', () => {
  test('a slot is taken ahead', { timeout: 30_000 }, async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    await expectTakenAhead(createRedisSlots(redis), createRedisSlots(redis));
    redis.disconnect();
    await server.stop();
  });

  test('80 sends of 4 pacers at 20 in half a second', { timeout: 30_000 }, async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    await expectRateHeld(() => createRedisSlots(redis), 4);
    redis.disconnect();
    await server.stop();
  });

  test('a busy process tells the others that it was late', { timeout: 30_000 }, async () => {
    const server = await startRedis();
    const [one, other] = [new Redis(server.url), new Redis(server.url)];
    await Promise.all([one.ping(), other.ping()]);
    await expectLatenessIsTold(createRedisSlots(one), createRedisSlots(other));
    one.disconnect();
    other.disconnect();
    await server.stop();
  });

  test('what a process has sent holds also when Redis has forgotten it', { timeout: 30_000 }, async () => {
    const server = await startRedis();
    const redis = new Redis(server.url);
    const slots = createRedisSlots(redis);
    const rate = { count: 1, windowMs: 60_000 };
    expect(await slots.take('group', rate)).toMatchObject({ waitMs: 0 });
    await redis.flushall();
    expect((await slots.take('group', rate)).waitMs).toBeGreaterThan(50_000);
    redis.disconnect();
    await server.stop();
  });

  test('three processes at 30/s for 3 s', { timeout: 60_000 }, async () => {
    const server = await startRedis();
    const pacerFile = fileURLToPath(new URL('../../../src/jobs/pace/pacer.ts', import.meta.url));
    const slotsFile = fileURLToPath(new URL('../../../src/jobs/pace/slots-redis.ts', import.meta.url));
    const redisFile = import.meta.resolve('ioredis');
    // Wall clock, so that the times of three processes are on one scale; one warm-up send each.
    const script = `import { Redis } from ${JSON.stringify(redisFile)};
      import { createPacer } from ${JSON.stringify(pacerFile)};
      import { createRedisSlots } from ${JSON.stringify(slotsFile)};
      const redis = new Redis(${JSON.stringify(server.url)});
      const rate = { count: 30, windowMs: 1000 };
      const group = createPacer(createRedisSlots(redis)).group('shared', rate);
      const { signal } = new AbortController();
      const sent = [];
      for (let at = 0; at < 30; at++) { await group.slot(signal); sent.push(performance.timeOrigin + performance.now()); }
      console.log(JSON.stringify(sent));
      redis.disconnect();`;
    const outputs = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
              stdio: ['ignore', 'pipe', 'inherit'],
            });
            let out = '';
            child.stdout.on('data', (data) => {
              out += String(data);
            });
            child.once('close', () => resolve(out));
          }),
      ),
    );
    const sent = outputs.flatMap((out) => JSON.parse(out) as number[]).sort((a, b) => a - b);
    expect(sent.length).toBe(90);
    expect(busiestWindow(sent, 1_000)).toBeLessThanOrEqual(30);
    await server.stop();
  });
});
