import { changeKinds } from '../../change.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { RunReason, RunStatus } from '../../store/schema.ts';
import type { Customer, Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { cancelledReason } from '../reasons.ts';

/** How far back a repetition of our own change means that somebody else undid it. */
const undoneWindowMs = 7 * 24 * 3_600_000;

/** Reason codes of a side that was not complete. */
export function isWithholding(reason: RunReason): boolean {
  return /^(ROSTER_|TRAILER_|PLATFORM_EMPTY|PLATFORM_SHRUNK|TARGET_SHRUNK)/.test(reason.code);
}

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
  const sum = (counts: Run['planned']): number =>
    changeKinds.reduce((total, kind) => total + counts[kind], 0);
  const reasons: RunReason[] = [
    ...(run.status === 'cancelled' ? [cancelledReason(run)] : []),
    ...run.reasons,
  ];
  const notes: RunReason[] = [...run.notes];
  const failures = sum(failed) > 0 ? await store.journal.failures(run.id, 1_000) : [];
  const codes = new Map<string, number>();
  for (const failure of failures)
    codes.set(failure.outcome_code ?? 'UNKNOWN', (codes.get(failure.outcome_code ?? 'UNKNOWN') ?? 0) + 1);
  const signIn = failures.find((failure) => failure.outcome_code === 'SIGN_IN_REFUSED');
  if (signIn !== undefined)
    reasons.unshift({ code: 'SIGN_IN_REFUSED', message: signIn.outcome_message ?? 'sign-in was refused' });
  for (const [code, count] of [...codes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (code !== 'SIGN_IN_REFUSED')
      reasons.push({
        code: 'ITEMS_FAILED',
        message: `${count} changes failed with ${code}: rollcall show ${run.id}`,
      });
  }
  const undone =
    sum(run.planned) === 0 ? [] : await store.journal.undoneElsewhere(run.id, nowMs - undoneWindowMs);
  if (undone.length > 0) {
    notes.push({
      code: 'CHANGES_UNDONE',
      message: `${undone.length} changes had been applied before and were needed again: someone else writes there too`,
    });
  }
  const has = (code: string): boolean => reasons.some((reason) => reason.code === code);
  const status: RunStatus =
    run.status === 'cancelled'
      ? 'cancelled'
      : signIn !== undefined
        ? 'failed'
        : sum(run.held) > 0 || has('HELD_LAUNCH')
          ? 'held'
          : reasons.some(isWithholding)
            ? 'withheld'
            : sum(failed) > 0 || has('LAUNCH_UNKNOWN') || has('LAUNCH_FAILED')
              ? 'partial'
              : platform.config.mode === 'observe' && sum(run.planned) > 0
                ? 'planned'
                : sum(applied) > 0 || notes.some(({ code }) => /^LAUNCH_(CREATED|SENT)$/.test(code))
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
    await store.platforms.good(customer.name, platform.name, run.id, nowMs);
  const readWhole = !reasons.some((reason) => /^(PLATFORM_|TARGET_SHRUNK|SIGN_IN)/.test(reason.code));
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
