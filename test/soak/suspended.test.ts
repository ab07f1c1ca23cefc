import { afterAll, expect, test } from 'vitest';
import { suspend, writes, writesOfRun } from '../faults/suspended.ts';
import { type BackendName, describeOn } from '../support/backends.ts';
import { drawn } from '../support/drawn.ts';

const trials = Number(process.env['ROLLCALL_SOAK_TRIALS'] ?? '50');
const longestMs = 400;

const random = drawn('moments at which a process is stopped');
const backends = ['embedded', 'redis'] as const satisfies readonly BackendName[];
const moments = Array.from({ length: trials }, (_, at) => ({
  at,
  backend: backends[at % backends.length] ?? 'embedded',
  afterWrites: 1 + random.int(writesOfRun),
  afterMs: random.int(longestMs),
}));
const told: string[] = [];
let begun = 0;
afterAll(() => {
  process.stderr.write(
    `${told.join('\n')}\n${told.length} processes stopped and woken up, ${begun} batches begun\n`,
  );
});

for (const backend of backends) {
  describeOn(
    backend,
    'a process that is stopped at any moment of its run and wakes up when others have moved on',
    () => {
      test.for(moments.filter((one) => one.backend === backend))(
        '$at: after $afterWrites writes and $afterMs ms it writes nothing of what it had begun',
        { timeout: 1_800_000 },
        async ({ at, afterWrites, afterMs }) => {
          let reachedMs: number | null = null;
          const suspended = await suspend(backend, (log) => {
            if (writes(log).length >= afterWrites) reachedMs ??= performance.now();
            return reachedMs !== null && performance.now() - reachedMs >= afterMs;
          });
          told.push(`${at} on ${backend}: ${suspended.written} written, ${suspended.begun} begun`);
          begun += suspended.begun;
        },
      );
    },
    { concurrent: true },
  );
}

// Stopped at moments at which nothing waits to be sent, nothing would be tried.
test.runIf(trials >= 10)('most of them were stopped with batches in their hands', () => {
  expect(begun).toBeGreaterThan(trials);
});
