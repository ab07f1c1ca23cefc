import type { RequestPacer } from '../../src/providers/contract.ts';
import { patience } from '../../src/providers/rate-limit.ts';

/** A pacer that never waits and remembers the pauses that it would have made, in ms. */
export function freePacer(pausesMs: number[] = []): RequestPacer {
  return {
    slot: async (signal) => signal.throwIfAborted(),
    limited: async ({ askedMs = patience.firstPauseMs }) => {
      pausesMs.push(askedMs);
      return askedMs;
    },
    answered: () => undefined,
  };
}
