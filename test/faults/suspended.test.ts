import { expect, test } from 'vitest';
import type { BackendName } from '../support/backends.ts';
import { describeOn } from '../support/backends.ts';
import { suspend, writes } from './suspended.ts';

// Each of them waits until a lease of 15 s has run out: side by side.
for (const backend of ['embedded', 'redis', 'postgres'] satisfies BackendName[]) {
  describeOn(
    backend,
    'a process that is stopped and wakes up when others have moved on',
    () => {
      test('writes none of the batches that it had begun, and works on', { timeout: 300_000 }, async () => {
        // Between begin and request: it holds several batches that wait for their slots.
        const { begun } = await suspend(backend, (log) => writes(log).length >= 6);
        expect(begun).toBeGreaterThan(1);
      });
    },
    { concurrent: true },
  );
}
