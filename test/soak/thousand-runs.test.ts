import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAlerting } from '../../src/alerts/watch/alerting.ts';
import { createService } from '../../src/jobs/service/service.ts';
import { createControlServer } from '../../src/web/server.ts';
import { controlSettingsOf } from '../../src/web/tokens.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';

const runs = Number(process.env['ROLLCALL_SOAK_RUNS'] ?? '1000');
const measurements = 24;
const kibi = 1024;
const mebi = 1024 * kibi;
const dayMs = 24 * 3_600_000;
/** The journal is kept for 7 days: a sixth of the runs is in it at any time, so that it levels off early. */
const betweenRunsMs = Math.ceil((6 * 7 * dayMs) / runs);
const token = 'operator-token-of-the-soak-test-000000001';

/** What must level off, and by how much it may rise in a third of the runs. */
const limits = {
  /** Objects that are reachable: measured after a collection, so it hardly varies. Compiled code still comes to it. */
  heap: Math.max(2 * mebi, runs * 3 * kibi),
  /** Buffers. The embedded database has a thread of its own: its memory only shows in what the process holds. */
  external: 8 * mebi,
  /** What the process holds: for some hundred runs it goes on touching pages that it was given at its start. */
  resident: (runs < 300 ? 96 : 48) * mebi,
  /** The data directory without the database's log, which is reused in files of 16 MB. Jobs that are done are kept for a while. */
  onDisk: Math.max(mebi / 2, runs * 2 * kibi),
  handles: 3,
  listeners: 0,
} as const;

type Quantity = keyof typeof limits;
type Point = { readonly run: number } & Readonly<Record<Quantity, number>>;

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && !entry.parentPath.includes('pg_wal'))
      bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}

async function collect(): Promise<void> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('start with --expose-gc (npm run test:soak does)');
  // What finalizers and weak references let go of is collected the second time.
  gc();
  await setImmediate();
  gc();
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/**
 * How much a quantity rises in a third of the runs, once the first third has warmed up: from the level of the middle third
 * to that of the last, or as it does from one measurement to the next. The former misses a growth that a single fall hides
 * (old code is thrown away), the latter one that goes in jumps; the greater counts.
 */
function rise(points: readonly Point[], of: Quantity): number {
  const third = Math.floor(points.length / 3);
  const warm = points.slice(-2 * third).map((point) => point[of]);
  const steps = warm.slice(1).map((value, at) => value - (warm[at] ?? 0));
  return Math.max(median(warm.slice(third)) - median(warm.slice(0, third)), median(steps) * third);
}

const inMb = (bytes: number): string => `${(bytes / mebi).toFixed(1)} MB`;

test(`${runs} runs in a row, unchanged, changed and failing in turn: memory and data level off`, {
  timeout: 3_600_000,
}, async () => {
  const count = 300;
  const generous = { update: { count: 100_000, percent: 100, floor: 100_000 } };
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(count),
    rate: 2_000,
    platform: { limits: generous },
    config: { control: { listen: '127.0.0.1:0', tokens: [{ name: 'soak', role: 'operator', token }] } },
    clock: '2026-03-02T06:00:00Z',
    keepLog: false,
  });
  // All that `rollcall start` has.
  const opened = await company.opened();
  const { customers, store, queues, engine } = opened;
  const { deps } = engine;
  const { now } = company.clock;
  const service = createService({ store, queues, engine, log: deps.log, now });
  const alerting = createAlerting({ deps, health: async () => service.health() });
  const control = await createControlServer({
    ...controlSettingsOf(customers.map(({ name, config }) => ({ customer: name, control: config.control }))),
    customers,
    store,
    queues,
    engine,
    log: deps.log,
    now,
    nextRunMs: service.nextRunMs,
  });
  await service.start();
  alerting.start();
  const look = async (path: string): Promise<void> => {
    const answer = await fetch(control.url + path, { headers: { authorization: `Bearer ${token}` } });
    await answer.text();
    expect([path, answer.status]).toEqual([path, 200]);
  };

  const points: Point[] = [];
  const ends = new Map<string, number>();
  const every = Math.max(1, Math.floor(runs / measurements));
  // One for all: a timer for each run would be a leak of the test.
  const { signal } = new AbortController();
  for (let run = 1; run <= runs; run++) {
    company.clock.advance(betweenRunsMs);
    if (run % 3 === 1)
      await company.export(
        people(count).map((row, at) => (at % 10 === 0 ? { ...row, lastName: `Okafor-${run}` } : row)),
      );
    if (run % 3 === 0)
      company.sandbox.fail({ kind: 'read', effect: { do: 'answer', response: { status: 403 } }, times: 1 });
    const job = await engine.request({
      customer: 'harbour',
      platform: platformName,
      trigger: 'command',
      actor: 'soak',
    });
    const result = await engine.result(job, { signal });
    const status = 'run' in result ? result.run.status : 'none';
    ends.set(status, (ends.get(status) ?? 0) + 1);
    expect(await alerting.settled(10_000)).toBe(true);
    for (const path of ['/metrics', '/api/platforms', '/api/runs']) await look(path);
    company.sandbox.clearLog();
    company.sandbox.clearFaults();
    if (run % every !== 0) continue;
    // What the service does every night.
    await store.retain('harbour', { journalMs: 0, resultsMs: 0 }, now());
    await collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    points.push({
      run,
      heap: heapUsed,
      external,
      resident: rss,
      onDisk: await sizeOf(join(company.folder, 'data')),
      handles: process.getActiveResourcesInfo().length,
      listeners: deps.events.eventNames().reduce((sum, name) => sum + deps.events.listenerCount(name), 0),
    });
  }
  process.stderr.write(
    `${points
      .map(
        ({ run, heap, external, resident, onDisk, handles, listeners }) =>
          `${run}: heap ${inMb(heap)}, external ${inMb(external)}, resident ${inMb(resident)}, on disk ${inMb(onDisk)}, ${handles} handles, ${listeners} listeners`,
      )
      .join('\n')}\n`,
  );
  expect(Object.fromEntries(ends)).toEqual({
    applied: expect.any(Number),
    unchanged: expect.any(Number),
    failed: expect.any(Number),
  });
  expect(Math.min(...ends.values())).toBeGreaterThan(runs / 4);
  for (const quantity of Object.keys(limits) as Quantity[])
    expect.soft(rise(points, quantity), quantity).toBeLessThanOrEqual(limits[quantity]);
  // The last job is marked as done right after its run.
  await until('the queues to be empty', async () => {
    const open = [queues.sync, queues.batch].map((queue) =>
      queue.getJobCounts('waiting', 'active', 'delayed'),
    );
    return (await Promise.all(open)).every(
      ({ waiting, active, delayed }) => waiting === 0 && active === 0 && delayed === 0,
    );
  });
  expect(await queues.batch.getJobCounts('completed', 'failed')).toEqual({ completed: 0, failed: 0 });
  expect(await queues.sync.getFailedCount()).toBe(0);
  await control.close();
  await service.stop(5_000);
  await alerting.stop(5_000);
});
