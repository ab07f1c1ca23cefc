import { channel } from 'node:diagnostics_channel';
import { expect } from 'vitest';
import { busiestWindow } from '../../sandbox/server.ts';
import { sparkwiseApiKey } from '../../sandbox/sparkwise/index.ts';
import { windowMarginMs } from '../../src/jobs/pace/pacing.ts';
import type { BackendName } from './backends.ts';
import { people } from './company.ts';
import { openCompany } from './harness.ts';
import { type SandboxThread, startSandboxThread } from './sandbox-thread.ts';

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

  // When each request left, from the HTTP client itself.
  const left: number[] = [];
  const onLeft = (): void => {
    left.push(performance.now());
  };
  const sends = channel('undici:client:sendHeaders');
  sends.subscribe(onLeft);
  try {
    const began = performance.now();
    const first = await company.sync();
    const tookS = (performance.now() - began) / 1_000;
    const writes = Math.ceil(rows.length / batch);
    const late = await expectRateHeld(sandbox, left, rate);
    expect(first).toMatchObject({ exit: 0, status: 'applied', applied: { create: rows.length } });
    expect(first.requests).toEqual({ reads: 1, writes: writes + late });
    const counts = await sandbox.counts();
    expect(counts).toMatchObject({ reads: 1, writes: writes + late, largestItems: batch });
    expect(tookS).toBeGreaterThan(seconds);

    sandbox.clearLog();
    left.length = 0;
    const second = await company.sync();
    const lateReads = await expectRateHeld(sandbox, left, rate);
    const reads = Math.ceil(rows.length / pageSize) + lateReads;
    expect(second).toMatchObject({ status: 'unchanged', requests: { reads, writes: 0 } });
    expect(await sandbox.counts()).toMatchObject({ reads, writes: 0 });
    const pace = ((tookS * rate) / (writes + 1)).toFixed(3);
    process.stderr.write(
      `${backend} ${rate}/s: ${writes} writes in ${tookS.toFixed(1)} s, ${pace} of the ideal time\n`,
    );
  } finally {
    sends.unsubscribe(onLeft);
  }
}

/**
 * No window over the rate as the requests left, nor as they were counted. On a machine so busy that the counting thread
 * itself stood still for longer than the pacer's margin, its times prove nothing: there the number of its 429s is given
 * back, and what left is all that is held against the rate.
 */
async function expectRateHeld(
  sandbox: SandboxThread,
  left: readonly number[],
  rate: number,
): Promise<number> {
  const counts = await sandbox.counts();
  expect(left.length).toBe(counts.reads + counts.writes);
  expect(busiestWindow(left, 1_000)).toBeLessThanOrEqual(rate);
  if (counts.stalledMs > windowMarginMs && counts.tooMany > 0) {
    process.stderr.write(
      `the sandbox stood still for ${Math.round(counts.stalledMs)} ms and refused ${counts.tooMany}: the machine is too busy to count\n`,
    );
    return counts.tooMany;
  }
  expect(counts.tooMany).toBe(0);
  expect(counts.busiestWindow).toBeLessThanOrEqual(rate);
  return 0;
}
