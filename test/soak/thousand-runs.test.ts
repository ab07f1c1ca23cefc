import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createService } from '../../src/jobs/service.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';

const runs = Number(process.env['ROLLCALL_SOAK_RUNS'] ?? '1000');
const mebi = 1024 * 1024;

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile())
      bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size;
  }
  return bytes;
}

/** Bytes per run that a series of measurements grows by: the slope of its least-squares line. */
function slope(points: readonly { readonly run: number; readonly bytes: number }[]): number {
  const meanRun = points.reduce((sum, { run }) => sum + run, 0) / points.length;
  const meanBytes = points.reduce((sum, { bytes }) => sum + bytes, 0) / points.length;
  const over = points.reduce((sum, { run, bytes }) => sum + (run - meanRun) * (bytes - meanBytes), 0);
  return over / points.reduce((sum, { run }) => sum + (run - meanRun) ** 2, 0);
}

test(`${runs} runs in a row, unchanged, changed and failing in turn: memory and data level off`, {
  timeout: 3_600_000,
}, async () => {
  const count = 300;
  const limits = { update: { count: 100_000, percent: 100, floor: 100_000 } };
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(count),
    rate: 2_000,
    platform: { limits },
    config: { retention: { journal: '1ms' } },
  });
  const { customers, store, queues, engine } = await company.opened();
  const service = createService({ customers, store, queues, engine, log: engine.deps.log });
  await service.start();
  const points: { run: number; memory: number; data: number; handles: number }[] = [];
  const ends = new Map<string, number>();
  const every = Math.max(1, Math.floor(runs / 20));
  for (let run = 1; run <= runs; run++) {
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
    const result = await engine.result(job, { signal: AbortSignal.timeout(60_000) });
    const status = 'run' in result ? result.run.status : 'none';
    ends.set(status, (ends.get(status) ?? 0) + 1);
    company.sandbox.clearLog();
    if (run % every === 0) {
      // What the service does every ten minutes and every night.
      await store.retain('harbour', { journalMs: 60_000, resultsMs: 60_000 }, Date.now());
      await store.database.vacuum();
      globalThis.gc?.();
      points.push({
        run,
        memory: process.memoryUsage().rss,
        data: await sizeOf(join(company.folder, 'data')),
        handles: process.getActiveResourcesInfo().length,
      });
    }
  }
  const last = points.at(-1);
  process.stderr.write(
    `${points.map(({ run, memory, data, handles }) => `${run}: ${Math.round(memory / mebi)} MB, ${Math.round(data / mebi)} MB on disk, ${handles} handles`).join('\n')}\n`,
  );
  expect(Object.fromEntries(ends)).toEqual({
    applied: expect.any(Number),
    unchanged: expect.any(Number),
    failed: expect.any(Number),
  });
  expect(Math.min(...ends.values())).toBeGreaterThan(runs / 4);
  // After the first quarter, when caches are warm.
  const steady = points.slice(Math.floor(points.length / 4));
  const grown = (of: (point: (typeof points)[number]) => number): number =>
    slope(steady.map((point) => ({ run: point.run, bytes: of(point) }))) * (runs * 0.75);
  expect(grown(({ memory }) => memory)).toBeLessThan(120 * mebi);
  expect(grown(({ data }) => data)).toBeLessThan(20 * mebi);
  expect(last?.handles ?? 0).toBeLessThanOrEqual((steady[0]?.handles ?? 0) + 5);
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
  await service.stop(5_000);
});
