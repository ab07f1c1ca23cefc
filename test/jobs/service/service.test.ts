import { expect, test, vi } from 'vitest';
import { cronSchedule } from '../../../src/jobs/schedule/cron.ts';
import { people } from '../../support/company.ts';
import { type Company, openSparkwiseCompany, platformName } from '../../support/harness.ts';
import { serve, serviceOn } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

// Each test starts a service: seconds by itself, and much longer on a machine with other work.
vi.setConfig({ testTimeout: 120_000 });

const nightly = '0 0 2 * * *';

async function runsOf(company: Company) {
  const { store } = await company.opened();
  return (await store.runs.list({ customer: 'harbour', platform: platformName, limit: 100 })).toReversed();
}

async function ended(company: Company, count: number): Promise<void> {
  await until(
    `${count} runs to end`,
    async () => (await runsOf(company)).filter((run) => run.ended_ms !== null).length >= count,
    20_000,
  );
}

test('a slot runs once; while down several are missed and made up for once', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(20),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: nightly, timezone: 'UTC' },
  });
  const first = await serve(company);
  expect(first.nextRunMs('harbour', platformName)).toBe(Date.parse('2026-11-21T02:00:00Z'));
  // Nothing was missed before anybody was there to run it.
  await expect(until('a run', async () => (await runsOf(company)).length > 0, 1_500)).rejects.toThrow(
    'in vain',
  );
  company.clock.set('2026-11-21T02:00:00.200Z');
  await ended(company, 1);
  expect(await runsOf(company)).toMatchObject([
    { trigger: 'schedule', slot_ms: Date.parse('2026-11-21T02:00:00Z'), status: 'applied' },
  ]);
  await first.stop(5_000);
  await company.close();

  company.clock.set('2026-11-24T09:00:00Z');
  const second = await serve(company);
  await ended(company, 2);
  await second.stop(5_000);
  await company.close();
  await serve(company);
  company.clock.set('2026-11-24T10:00:00Z');
  await expect(until('a third', async () => (await runsOf(company)).length > 2, 1_500)).rejects.toThrow(
    'in vain',
  );
  expect((await runsOf(company)).at(-1)).toMatchObject({
    trigger: 'catch-up',
    slot_ms: Date.parse('2026-11-24T02:00:00Z'),
    status: 'unchanged',
  });
});

test('a paused platform is left alone, says so everywhere, and its slot is made up for after the pause', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(20),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: nightly, timezone: 'UTC' },
  });
  const service = await serve(company);
  expect(
    (await company.rollcall('pause', platformName, '--for', '16h', '--reason', 'vendor maintenance')).out,
  ).toContain('academy: paused for 16h, until 2026-11-21T04:00:00.000Z');
  expect((await company.rollcall('status')).out).toContain(
    'PAUSED    paused by command since 2026-11-20T12:00:00.000Z until 2026-11-21T04:00:00.000Z: vendor maintenance',
  );
  expect((await company.rollcall('schedule')).out).toMatch(
    /paused by command.*vendor maintenance\n {2}Sun 2026-11-22 02:00:00 UTC/,
  );
  const sync = await company.sync();
  expect(sync).toMatchObject({ exit: 1, status: 'failed' });
  expect(sync.reasons[0]?.message).toContain('paused: vendor maintenance');

  company.clock.set('2026-11-21T02:00:00.500Z');
  await expect(until('a run', async () => (await runsOf(company)).length > 0, 1_500)).rejects.toThrow(
    'in vain',
  );
  company.clock.set('2026-11-21T04:00:01Z');
  await ended(company, 1);
  expect(await runsOf(company)).toMatchObject([
    { trigger: 'catch-up', slot_ms: Date.parse('2026-11-21T02:00:00Z') },
  ]);
  expect((await company.rollcall('resume')).out).toBe('nothing was paused\n');
  expect(service.health()).toMatchObject({ store: { ok: true }, queue: { ok: true }, schedulers: 1 });
});

test('a run under way stops sending while paused and goes on when resumed', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(450), rate: 4 });
  await serve(company);
  const writes = () => company.sandbox.log.filter(({ kind }) => kind === 'write').length;
  const job = await (await company.opened()).engine.request({
    customer: 'harbour',
    platform: platformName,
    trigger: 'command',
    actor: 'test',
  });
  await until('the first write', () => writes() > 0);
  await company.rollcall('pause', platformName);
  // What had its slot already may still go out.
  let seen = -1;
  await until('the writes to stop', async () => {
    const before = writes();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    seen = writes();
    return seen === before;
  });
  await company.rollcall('resume', platformName);
  const result = await (await company.opened()).engine.result(job, { signal: AbortSignal.timeout(30_000) });
  expect(result).toMatchObject({ run: { status: 'applied', applied: { create: 450 } } });
  expect(seen).toBeGreaterThan(0);
});

test('a cancelled run skips what was not sent, and every change has its one outcome', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(600),
    rate: 4,
    platform: { batch: 20 },
  });
  await serve(company);
  const { engine, store } = await company.opened();
  const job = await engine.request({
    customer: 'harbour',
    platform: platformName,
    trigger: 'command',
    actor: 'test',
  });
  await until('the first write', () => company.sandbox.log.some(({ kind }) => kind === 'write'));
  const [run] = await runsOf(company);
  const cancelled = await company.rollcall('cancel', run?.id ?? '');
  expect(cancelled.out).toContain('cancelled by command; what was not sent was skipped');
  const result = await engine.result(job, { signal: AbortSignal.timeout(10_000) });
  if (!('run' in result)) throw new Error('no run');
  const done = company.sandbox.log
    .filter(({ kind, status }) => kind === 'write' && status < 300)
    .reduce((sum, { items }) => sum + items, 0);
  expect(result.run).toMatchObject({ status: 'cancelled', applied: { create: done } });
  expect(done).toBeLessThan(600);
  expect((await store.runs.outcomes(result.run.id)).open).toBe(0);
  const again = await company.rollcall('cancel', result.run.id);
  expect([again.exit, again.err]).toEqual([2, expect.stringContaining('RUN_ENDED')]);
  // The next run goes on with the rest.
  expect((await company.plan()).planned.create).toBe(600 - done);
});

test('jitter delays a slot, and what the schedule shows is when it runs', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(5),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: nightly, timezone: 'UTC', jitter: '30m' },
  });
  const shown = await company.rollcall('schedule', '--json');
  const [first] = (shown.json as { platforms: { next: string[] }[] }).platforms[0]?.next ?? [];
  const delayMs =
    Date.parse(first ?? '') - (cronSchedule(nightly, 'UTC', 'schedule').next(company.clock.now()) ?? 0);
  expect(delayMs).toBeGreaterThan(0);
  expect(delayMs).toBeLessThan(30 * 60_000);
  await serve(company);
  company.clock.set('2026-11-21T02:00:00.100Z');
  const { queues } = await company.opened();
  await until('the job', async () => (await queues.sync.getDelayedCount()) === 1);
  const [job] = await queues.sync.getDelayed();
  expect(job?.id).toBe('slot.harbour.academy.20261121T020000Z');
  expect(job?.opts.delay).toBe(delayMs - 100);
});

test('one customer whose schedule cannot be taken care of does not stop the others', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(5),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: '* * * * * *', timezone: 'UTC' },
  });
  const { customers, store, engine } = await company.opened();
  const [customer] = customers;
  if (customer === undefined) throw new Error('no customer');
  const broken = {
    ...store,
    platforms: {
      ...store.platforms,
      find: async (name: string, platform: string) => {
        if (name === 'broken') throw new Error('broken');
        return store.platforms.find(name, platform);
      },
    },
  };
  await engine.configure([{ ...customer, name: 'broken' }, customer]);
  const service = await serviceOn(company, { store: broken });
  let ticks = 0;
  service.onTick(() => {
    ticks++;
    throw new Error('a listener');
  });
  await service.start();
  // Two seconds on, the roster counts as settled.
  company.clock.set('2026-11-20T12:00:04Z');
  await ended(company, 1);
  await until('more ticks', () => ticks > 1);
});

test('a clock set back while slots by the wrong one are being enqueued delays the schedule no further', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(5),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: '*/10 * * * * *', timezone: 'UTC' },
  });
  const { engine } = await company.opened();
  const asked: number[] = [];
  let letGo = (): void => undefined;
  const released = new Promise<void>((done) => {
    letGo = done;
  });
  const service = await serviceOn(company, {
    engine: {
      ...engine,
      request: async (request) => {
        asked.push(request.slotMs ?? 0);
        if (asked.length === 1) await released;
        return engine.request(request);
      },
    },
  });
  await service.start();
  company.clock.set('2026-11-21T12:00:00Z');
  await until('a slot by the wrong clock', () => asked.length === 1);
  company.clock.set('2026-11-20T12:00:04Z');
  await until('the service to see it', () => company.logged().includes('the clock was set back'));
  letGo();
  // A beat in between, by which the slot that was under way has ended.
  const { lastBeatMs } = service.health();
  company.clock.set('2026-11-20T12:00:05Z');
  await until('a beat', () => service.health().lastBeatMs !== lastBeatMs);
  company.clock.set('2026-11-20T12:00:21Z');
  await until('a slot by the right clock', () => asked.includes(Date.parse('2026-11-20T12:00:20Z')), 10_000);
  expect(asked.filter((slotMs) => slotMs > company.clock.now())).toHaveLength(1);
});
