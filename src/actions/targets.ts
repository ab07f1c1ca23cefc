import type { TargetListing } from '../providers/contract.ts';
import type { LaunchRow } from '../store/results.ts';
import { type Customer, countingContext, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';

/** What people can be enrolled in on one platform, and the trainings that Rollcall started there. */
export type PlatformTargets = {
  readonly platform: string;
  readonly provider: string;
  /** Why nobody can be enrolled there, if so. */
  readonly noEnrollments: string | null;
  readonly targets: readonly TargetListing[];
  readonly launches: readonly LaunchRow[];
};

/** Reads the targets of a platform. Reads only. */
export async function listTargets(
  deps: Pick<JobDeps, 'store'>,
  customer: Customer,
  platform: Platform,
  signal: AbortSignal,
): Promise<PlatformTargets> {
  const { provider, config, name } = platform;
  const ctx = countingContext(signal);
  await provider.prepare?.(ctx);
  const targets = provider.capabilities.missing.targets === undefined ? await provider.listTargets(ctx) : [];
  return {
    platform: name,
    provider: config.provider,
    noEnrollments: provider.capabilities.missing.enrollments ?? null,
    targets: targets.toSorted((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name)),
    launches: await deps.store.launches.find(customer.name, name),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
