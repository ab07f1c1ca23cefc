import { rowsOf, writeRoster } from './company.ts';
import { rollcall } from './measure.ts';
import { startBenchSandbox } from './sandbox.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** Applying at one rate and one answer time, counted by the sandbox. */
export type ApplyingRow = {
  readonly store: BenchStore['name'];
  readonly rate: number;
  readonly latencyMs: number;
  /** People a request. */
  readonly batch: number;
  readonly requests: number;
  /** Requests sent ÷ the least that the API allows. */
  readonly overLeast: number;
  /** Time from the first write to the last ÷ what the rate allows for that many. */
  readonly overIdeal: number;
  readonly tooMany: number;
  readonly busiestWindow: number;
};

/** The most that the API takes in one request. */
const batchSize = 200;

/** A first sync of as many people as fill `requests` batches. */
export async function benchApplying(
  store: BenchStore,
  rate: number,
  latencyMs: number,
  batch: number,
  requests: number,
): Promise<ApplyingRow> {
  const people = requests * batch;
  const world = await createWorld();
  const sandbox = await startBenchSandbox({ users: 0, seed, rate, latencyMs });
  try {
    await writeRoster(world.roster, rowsOf(people, seed));
    await world.configure(sandbox, { rate: `${rate}/s`, batch });
    const run = await rollcall(['sync', '-c', world.config], store.env, world.dir);
    if (run.json.runs[0]?.status !== 'applied') throw new Error(`the run ended ${run.out}`);
    const [counts] = await sandbox.ask({ ask: 'counts' });
    if (counts === undefined) throw new Error('the sandbox said nothing');
    // The first write waits for nobody, so n writes take n − 1 intervals.
    const idealMs = ((counts.writes - 1) / rate) * 1_000;
    return {
      store: store.name,
      rate,
      latencyMs,
      batch,
      requests: counts.writes,
      overLeast: counts.writes / requests,
      overIdeal: counts.writeSpanMs / idealMs,
      tooMany: counts.tooMany,
      busiestWindow: counts.busiestWindow,
    };
  } finally {
    sandbox.close();
    await world.remove();
    await store.reset();
  }
}

/** The first sync of many people on the embedded default: what is not the rate limit. */
export type FirstSyncRow = {
  readonly people: number;
  readonly rate: number;
  readonly seconds: number;
  readonly rateSeconds: number;
  readonly otherSeconds: number;
};

/** Creates `people` at a rate, and says how much of the time was not the rate's. */
export async function benchFirstSync(store: BenchStore, people: number, rate: number): Promise<FirstSyncRow> {
  const world = await createWorld();
  const sandbox = await startBenchSandbox({ users: 0, seed, rate });
  try {
    await writeRoster(world.roster, rowsOf(people, seed));
    await world.configure(sandbox, { rate: `${rate}/s` });
    const run = await rollcall(['sync', '-c', world.config], store.env, world.dir);
    if (run.json.runs[0]?.status !== 'applied') throw new Error(`the run ended ${run.out}`);
    const rateSeconds = Math.ceil(people / batchSize) / rate;
    return { people, rate, seconds: run.seconds, rateSeconds, otherSeconds: run.seconds - rateSeconds };
  } finally {
    sandbox.close();
    await world.remove();
    await store.reset();
  }
}
