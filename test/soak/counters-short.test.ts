import { test } from 'vitest';
import { describeOn } from '../support/backends.ts';
import { expectCountersHold } from '../support/counters.ts';

// The short form; test/soak has the one of half a minute each.
describeOn('embedded', 'counters under load', () => {
  test('5/s for 6 s', { timeout: 60_000 }, () =>
    expectCountersHold({ backend: 'embedded', rate: 5, batch: 200, seconds: 6 }),
  );
});

describeOn('redis', 'counters under load', () => {
  test('50/s for 6 s', { timeout: 60_000 }, () =>
    expectCountersHold({ backend: 'redis', rate: 50, batch: 20, seconds: 6 }),
  );
});
