import { afterEach, describe, it } from 'vitest';
import { describeAccounts } from './accounts.ts';
import { describeEnrollments } from './enrollments.ts';
import { describeFailures } from './failures.ts';
import { describeFields } from './fields.ts';
import { describeKept } from './kept.ts';
import { Bench, type Case, type Harness, type Open, type StartOptions } from './harness.ts';

const test: Case = (title, reason, body, timeoutMs) => {
  if (reason === undefined) it(title, body, timeoutMs);
  else it.skip(`${title} (not possible here: ${reason})`, body);
};

/** What every provider has to hold. What a platform cannot do is skipped, with the reason in its capabilities. */
export function conformance(harness: Harness): void {
  describe(`${harness.name} conforms`, () => {
    const benches: Bench[] = [];
    const open: Open = async (options) => {
      const bench = await Bench.open(harness, options);
      if (options?.keepOpen !== true) benches.push(bench);
      return bench;
    };
    afterEach(async () => {
      await Promise.all(benches.splice(0).map((bench) => bench.close()));
    });
    describeAccounts(harness, open, test);
    describeEnrollments(harness, open, test);
    describeFailures(harness, open, test);
    describeKept(harness, open, test);
    describeFields(harness, open);
  });
}

export type { Harness, StartOptions };
