import { test } from 'vitest';
import { describeOn } from '../support/backends.ts';
import { expectCountersHold } from '../support/counters.ts';

const loads = [
  { rate: 5, batch: 200, seconds: 30 },
  // Batches of 20, or it would be 300,000 people.
  { rate: 50, batch: 20, seconds: 30 },
] as const;

for (const backend of ['embedded', 'redis', 'postgres'] as const) {
  describeOn(backend, 'counters under load', () => {
    test.for(loads)('$rate/s for $seconds s, $batch at a time', { timeout: 300_000 }, (load) =>
      expectCountersHold({ backend, ...load }),
    );
  });
}
