import { expect } from 'vitest';
import { sparkwiseApiKey } from '../../sandbox/sparkwise.ts';
import type { BackendName } from './backends.ts';
import { people } from './company.ts';
import { openCompany } from './harness.ts';
import { startSandboxThread } from './sandbox-thread.ts';

/** Load for the counters: at this rate, in batches of this size, for at least so long. */
export type Load = {
  readonly backend: BackendName;
  readonly rate: number;
  readonly batch: number;
  readonly seconds: number;
};

const pageSize = 200;

/**
 * Puts a platform under load and holds the sandbox's own counters against what was promised: requests of at most 200
 * items, exactly the requests that there have to be, no sliding window over the rate, and no 429.
 */
export async function expectCountersHold({ backend, rate, batch, seconds }: Load): Promise<void> {
  // One person too many for full batches: the last one is a batch of one.
  const rows = people(rate * seconds * batch + 1);
  const sandbox = await startSandboxThread();
  const block = { provider: 'sparkwise', baseUrl: sandbox.url, apiKey: sparkwiseApiKey, batch };
  await using company = await openCompany({ backend, rows, rate }, { sandbox, block });
  // Open beforehand: how long that takes is not the platform's load.
  await company.opened();
  sandbox.clearLog();

  const began = performance.now();
  const first = await company.sync();
  const tookS = (performance.now() - began) / 1_000;

  const writes = Math.ceil(rows.length / batch);
  expect(first).toMatchObject({ exit: 0, applied: { create: rows.length }, requests: { reads: 1, writes } });
  expect(await sandbox.counts()).toMatchObject({
    reads: 1,
    writes,
    items: rows.length,
    largestItems: batch,
    tooMany: 0,
  });
  expect((await sandbox.counts()).busiestWindow).toBeLessThanOrEqual(rate);
  expect(tookS).toBeGreaterThan(seconds);

  sandbox.clearLog();
  const reads = Math.ceil(rows.length / pageSize);
  expect(await company.sync()).toMatchObject({ status: 'unchanged', requests: { reads, writes: 0 } });
  expect(await sandbox.counts()).toMatchObject({ reads, writes: 0, tooMany: 0 });
  expect((await sandbox.counts()).busiestWindow).toBeLessThanOrEqual(rate);
  process.stderr.write(
    `${backend} ${rate}/s: ${writes} writes in ${tookS.toFixed(1)} s, ${((tookS * rate) / (writes + 1)).toFixed(3)} of the ideal time\n`,
  );
}
