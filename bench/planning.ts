import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { personAt, rowsOf, writeRoster } from './company.ts';
import { type Measured, measure, rollcall } from './measure.ts';
import { startBenchSandbox } from './sandbox.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** Roster to plan at one size, beside its floors, all in one run. Seconds are whole processes, from start to exit. */
export type PlanningRow = {
  readonly size: number;
  readonly store: BenchStore['name'];
  readonly csv: Measured;
  readonly fetch: Measured;
  readonly duckdb: Measured;
  readonly firstSync: Measured;
  readonly plan: Measured;
  readonly unchanged: Measured;
  /** What a command does before it reads anything: process start, modules, store. */
  readonly startup: Measured;
  readonly ratio: number;
  readonly ratioDuckdb: number;
  readonly planned: Readonly<Record<string, number>>;
  readonly unchangedWrites: number;
  readonly unchangedJobs: number;
  readonly grownBytes: number | null;
};

const tasks = resolve(import.meta.dirname, 'tasks');
/** The rate that lifts the limit: more than any process can send. */
const lifted = '100000/s';

async function writeAccounts(file: string, size: number): Promise<void> {
  const out = createWriteStream(file);
  for (let at = 0; at < size; at++) {
    const { id, firstName, lastName } = personAt(at, seed);
    const line = `${JSON.stringify({ remoteId: id, firstName, lastName, active: true })}\n`;
    if (!out.write(line)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

/** Measures one size on one store. */
export async function benchPlanning(size: number, store: BenchStore): Promise<PlanningRow> {
  const world = await createWorld();
  const sandbox = await startBenchSandbox({ users: size, seed });
  try {
    await writeRoster(world.roster, rowsOf(size, seed));
    await world.configure(sandbox, { rate: lifted });
    const files = ['-c', world.config];
    const startup = await measure(
      resolve(import.meta.dirname, '../src/main.js'),
      ['runs', '--json', ...files],
      store.env,
    );
    const firstSync = await rollcall(['sync', ...files], store.env, world.dir);
    const before = await store.sizeBytes(world.dir);
    const unchanged = await rollcall(['sync', ...files], store.env, world.dir);
    const after = await store.sizeBytes(world.dir);
    const jobs = await store.jobs(world.dir);

    // One person in a thousand joins, leaves or changes name, as on a busy day.
    const day = Math.max(1, Math.round(size / 1_000));
    await writeRoster(world.roster, rowsOf(size, seed, { joiners: day, leavers: day, movers: day }));
    const accounts = join(world.dir, 'accounts.ndjson');
    await writeAccounts(accounts, size);
    const csv = await measure(join(tasks, 'csv-parse.ts'), [world.roster]);
    const fetch = await measure(join(tasks, 'fetch-pages.ts'), [sandbox.url, sandbox.apiKey, String(size)]);
    const duckdb = await measure(join(tasks, 'duckdb.ts'), [world.roster, accounts]);
    const plan = await rollcall(['plan', ...files], store.env, world.dir);
    const [planned] = plan.json.runs;
    if (planned === undefined || planned.status === 'failed') throw new Error(`the plan failed: ${plan.out}`);
    return {
      size,
      store: store.name,
      csv,
      fetch,
      duckdb,
      firstSync,
      plan,
      unchanged,
      startup,
      ratio: plan.seconds / (csv.seconds + fetch.seconds),
      ratioDuckdb: plan.seconds / duckdb.seconds,
      planned: planned.planned,
      unchangedWrites: unchanged.json.runs[0]?.requests.writes ?? Number.NaN,
      unchangedJobs: jobs,
      grownBytes: before === null || after === null ? null : after - before,
    };
  } finally {
    sandbox.close();
    await world.remove();
    await store.reset();
  }
}
