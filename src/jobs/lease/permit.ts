import type { Permit } from '../../providers/contract.ts';
import { LeaseLost } from '../../store/leases.ts';

/** The store has to say within this time that a write may be sent: an older word is none. */
export const proofWithinMs = 5_000;
/** By so much wall clock and monotonic clock may differ over a request; more is a clock that was set, or a sleep. */
const clockToleranceMs = 1_000;

/** How long a write of that timeout may be on its way after the store was asked whether it may be sent. */
export function writeLastsMs(timeoutMs: number): number {
  return timeoutMs + proofWithinMs;
}

/** Where the time of a permit is read; tests drive it. */
export type PermitClock = { readonly monotonicMs: () => number; readonly wallMs: () => number };

const realClock: PermitClock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };

/**
 * A write of that timeout may be sent if the store says so, and soon: by the monotonic clock, which a stopped process finds
 * advanced, and by the wall clock, which a machine that slept does. The same is asked of it once more when it leaves.
 *
 * @throws LeaseLost when it may not, or the answer came too late
 */
export async function permitOf(
  holds: () => Promise<boolean>,
  timeoutMs: number,
  clock: PermitClock = realClock,
): Promise<Permit> {
  const [monotonicMs, wallMs] = [clock.monotonicMs(), clock.wallMs()];
  const isYoungerThan = (ms: number): boolean => {
    const elapsedMs = clock.monotonicMs() - monotonicMs;
    const byTheWallMs = clock.wallMs() - wallMs;
    return elapsedMs <= ms && Math.abs(byTheWallMs - elapsedMs) <= clockToleranceMs;
  };
  if (!(await holds()) || !isYoungerThan(proofWithinMs)) throw new LeaseLost();
  return { isFresh: () => isYoungerThan(writeLastsMs(timeoutMs)), stale: () => new LeaseLost() };
}
