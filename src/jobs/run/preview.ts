import type { Change } from '../../diff/change.ts';
import type { RunStatus } from '../../store/schema.ts';
import { type Customer, countingContext, type Platform } from '../customer.ts';
import { type Decision, decide } from '../decide/decide.ts';
import type { JobDeps } from '../deps.ts';
import { previewLaunches } from '../launch/preview.ts';
import type { OnProgress } from '../progress.ts';
import { readSides, type Sides } from '../read/sides.ts';
import { type Reason, some } from '../reasons.ts';

/** A plan that was only looked at. */
export type Preview = {
  readonly status: RunStatus;
  readonly decision: Decision;
  readonly sides: Sides;
  /** Trainings that the run would start, and whom a send reaches. */
  readonly launches: readonly Reason[];
  readonly changes: () => Iterable<Change>;
  readonly requests: { readonly reads: number; readonly writes: number };
};

/** Reads both sides and judges the difference; changes nothing on the platform, in the queue or in the store. */
export async function previewRun(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  options: { readonly signal: AbortSignal; readonly onProgress: OnProgress },
): Promise<Preview> {
  const ctx = countingContext(options.signal);
  const nowMs = deps.now();
  const suppressions = await deps.store.decisions.suppressions(customer.name, platform.name, nowMs);
  const sides = await readSides({
    customer,
    platform,
    store: deps.store,
    ctx,
    nowMs,
    onProgress: options.onProgress,
    hashRowsOf: new Set(suppressions.map((suppression) => suppression.person)),
  });
  const decision = await decide({
    customer,
    platform,
    store: deps.store,
    sides,
    nowMs,
    approved: new Set(),
    suppressions,
    onePerson: false,
  });
  const nothing = Object.values(decision.planned).every((count) => count === 0);
  const joining = new Map<string, number>();
  if (platform.provider.launcher !== undefined) {
    for (const { kind, target } of decision.difference.changes()) {
      if (target === null) continue;
      joining.set(
        target,
        (joining.get(target) ?? 0) + (kind === 'enroll' ? 1 : kind === 'unenroll' ? -1 : 0),
      );
    }
  }
  const { managed } = decision;
  const launches = await previewLaunches(deps, customer, platform, { managed, joining }, ctx);
  const status =
    decision.anyHeld || some(launches, 'holds')
      ? 'held'
      : some(decision.reasons, 'withholds')
        ? 'withheld'
        : nothing && !some(launches, 'plans')
          ? 'unchanged'
          : 'planned';
  return { status, launches, decision, sides, changes: decision.difference.changes, requests: ctx.count };
}
