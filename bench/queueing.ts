import { resolve } from 'node:path';
import { rowsOf, writeRoster } from './company.ts';
import { measure, rollcall } from './measure.ts';
import { startBenchSandbox } from './sandbox.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** Batch jobs a second through the whole path, beside bare BullMQ doing nothing on the same backend. */
export type QueueRow = {
  readonly store: BenchStore['name'];
  readonly jobs: number;
  readonly jobsPerSecond: number;
  readonly barePerSecond: number;
};

/** One person a batch, with the rate lifted: every job is one request that is answered at once. */
export async function benchQueue(store: BenchStore, jobs: number): Promise<QueueRow> {
  const world = await createWorld();
  const sandbox = await startBenchSandbox({ users: 0, seed });
  try {
    await writeRoster(world.roster, rowsOf(jobs, seed));
    await world.configure(sandbox, { rate: '100000/s', batch: 1 });
    const run = await rollcall(['sync', '-c', world.config], store.env, world.dir);
    if (run.json.runs[0]?.status !== 'applied') throw new Error(`the run ended ${run.out}`);
    const [counts] = await sandbox.ask({ ask: 'counts' });
    await store.reset();
    const bare = await measure(
      resolve(import.meta.dirname, 'tasks/bare-queue.ts'),
      [world.dir, String(jobs)],
      store.env,
    );
    return {
      store: store.name,
      jobs,
      jobsPerSecond: jobs / ((counts?.writeSpanMs ?? Number.NaN) / 1_000),
      barePerSecond: (JSON.parse(bare.out) as { perSecond: number }).perSecond,
    };
  } finally {
    sandbox.close();
    await world.remove();
    await store.reset();
  }
}
