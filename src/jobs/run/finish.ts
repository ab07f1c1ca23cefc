import { sumOf } from '../../change.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { RunReason, RunStatus } from '../../store/schema.ts';
import type { Customer, Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { rulesOf } from '../read/seen.ts';
import { cancelledReason, incomplete, type Reason, some } from '../reasons.ts';

/** How far back a repetition of our own change means that somebody else undid it. */
const undoneWindowMs = 7 * 24 * 3_600_000;

/** Failures that are not of an item but of the platform: the run fails with them. */
const stopping = ['SIGN_IN_REFUSED', 'PLATFORM_RATE_LIMITED'] as const;

/** Ends a run: counts its outcomes, names its status, and remembers the sizes that the next read is compared with. */
export async function finishRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  lease: number,
): Promise<RunStatus> {
  const { store, events, log } = deps;
  const nowMs = deps.now();
  const { applied, failed } = await store.runs.outcomes(run.id);
  const failures = sumOf(failed) > 0 ? await store.journal.failures(run.id, 1_000) : [];
  const codes = new Map<string, number>();
  for (const failure of failures)
    codes.set(failure.outcome_code ?? 'UNKNOWN', (codes.get(failure.outcome_code ?? 'UNKNOWN') ?? 0) + 1);
  const gaveUp = stopping.find((code) => codes.has(code));
  const first: Reason[] = [];
  const last: Reason[] = [];
  const noted: Reason[] = [];
  if (gaveUp !== undefined) {
    const failure = failures.find((one) => one.outcome_code === gaveUp);
    first.push({ code: gaveUp, message: failure?.outcome_message ?? 'the run gave up' });
  }
  if (run.status === 'cancelled') first.push(cancelledReason(run));
  for (const [code, count] of [...codes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (code !== gaveUp)
      last.push({
        code: 'ITEMS_FAILED',
        message: `${count} changes failed with ${code}: rollcall show ${run.id}`,
      });
  }
  const undone =
    sumOf(run.planned) === 0 ? [] : await store.journal.undoneElsewhere(run.id, nowMs - undoneWindowMs);
  if (undone.length > 0) {
    noted.push({
      code: 'CHANGES_UNDONE',
      message: `${undone.length} changes had been applied before and were needed again: someone else writes there too`,
    });
  }
  const reasons = [...first, ...run.reasons, ...last];
  const notes = [...run.notes, ...noted];
  const status: RunStatus =
    run.status === 'cancelled'
      ? 'cancelled'
      : gaveUp !== undefined
        ? 'failed'
        : sumOf(run.held) > 0 || some(reasons, 'holds')
          ? 'held'
          : some(reasons, 'withholds')
            ? 'withheld'
            : sumOf(failed) > 0 || some(reasons, 'fails')
              ? 'partial'
              : platform.config.mode === 'observe' && sumOf(run.planned) > 0
                ? 'planned'
                : sumOf(applied) > 0 || some(notes, 'applies')
                  ? 'applied'
                  : 'unchanged';
  // Before the run ends: killed in between, it would never be remembered.
  // An undo says nothing of whether the platform is in step, and reads no more of it than it needs.
  if (run.person === null && run.undoes === null)
    await remember(deps, customer, platform, run, reasons, applied, status, nowMs);
  await store.runs.end(run.id, { status, reasons, notes, applied, failed, lease }, nowMs);
  log.info(
    { customer: customer.name, platform: platform.name, run: run.id, status, applied, failed },
    'run ended',
  );
  events.emit('runEnded', run.id);
  return status;
}

async function remember(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  reasons: readonly RunReason[],
  applied: Run['applied'],
  status: RunStatus,
  nowMs: number,
): Promise<void> {
  const { store } = deps;
  if (status === 'applied' || status === 'unchanged')
    await store.platforms.good(customer.name, platform.name, run.id, nowMs, rulesOf(customer, platform));
  const readWhole = incomplete(reasons, 'platform').length === 0 && !some(reasons, 'ends');
  if (!readWhole) return;
  const accounts = platform.provider.capabilities.accounts === 'write' ? run.accounts + applied.create : null;
  // A first sync of a million people is not gone through for enrollments that it does not have.
  const moves = run.planned.enroll + run.planned.unenroll;
  const members = moves === 0 ? [] : await store.journal.memberChanges(run.id);
  const sizes: Record<string, number> = { ...run.members };
  for (const { target, enrolled, unenrolled } of members)
    sizes[target] = Math.max(0, (sizes[target] ?? 0) + enrolled - unenrolled);
  await store.platforms.sizes(customer.name, platform.name, accounts, sizes);
}
