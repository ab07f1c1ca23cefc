import { RollcallError } from '../errors.ts';
import type { Approval, Rejection } from '../store/decisions.ts';
import type { StoredChange } from '../store/journal.ts';
import type { Run } from '../store/run-lookups.ts';
import type { Customer } from '../jobs/customer.ts';
import { describeCause } from '../diff/causes.ts';
import { type HoldState, holdStateOf } from './decisions.ts';
import type { JobDeps } from '../jobs/deps.ts';

/** Ids that are listed when several runs begin alike. */
const mostCandidates = 5;

/**
 * The customer's run of that id, or of an id that begins so and no other does; `last` is the newest. Throws RUN_UNKNOWN
 * with the candidates.
 */
export async function findRun(
  deps: Pick<JobDeps, 'store'>,
  customer: Customer,
  wanted: string | undefined,
): Promise<Run> {
  if (wanted === undefined || wanted === '')
    throw new RollcallError('USAGE', 'which run? Its id is missing.', {
      hint: 'See rollcall runs; "last" is the newest.',
    });
  const { runs } = deps.store;
  if (wanted === 'last') {
    const [newest] = await runs.list({ customer: customer.name, limit: 1 });
    if (newest !== undefined) return newest;
    throw new RollcallError('RUN_UNKNOWN', 'there are no runs yet.', { hint: 'Start one: rollcall sync.' });
  }
  const exact = await runs.find(wanted);
  if (exact?.customer === customer.name) return exact;
  const [only, ...others] = await runs.beginningWith(customer.name, wanted, mostCandidates + 1);
  if (only === undefined)
    throw new RollcallError('RUN_UNKNOWN', `there is no run ${wanted}.`, { hint: 'See rollcall runs.' });
  if (others.length === 0) return only;
  const listed = [only, ...others].slice(0, mostCandidates).map((run) => run.id);
  throw new RollcallError(
    'RUN_UNKNOWN',
    `several runs begin with ${wanted}: ${listed.join(', ')}${others.length >= mostCandidates ? ' …' : ''}.`,
    {
      hint: 'Write more of the id.',
    },
  );
}

/** A run with all that was decided about it. */
export type RunStory = {
  readonly run: Run;
  readonly hold: HoldState;
  /** The approvals that its hold was given, oldest first. */
  readonly approvals: readonly Approval[];
  /** The approval that this run carries out. */
  readonly carriesOut: Approval | null;
  /** The rejections that its hold was given, oldest first. */
  readonly rejections: readonly Rejection[];
  /** The run that took its place, when its hold was replaced. */
  readonly replacedBy: string | null;
  readonly changes: AsyncIterable<readonly StoredChange[]>;
};

/** Tells a run's story; `changes` is read page by page as it is walked. */
export async function runStory(deps: Pick<JobDeps, 'store' | 'now'>, run: Run): Promise<RunStory> {
  const { store } = deps;
  const hold = holdStateOf(run, deps.now());
  return {
    run,
    hold,
    approvals: await store.decisions.approvalsOf(run.id),
    carriesOut: run.approval === null ? null : ((await store.decisions.approval(run.approval)) ?? null),
    rejections: await store.decisions.rejectionsOf(run.id),
    replacedBy: hold === 'replaced' ? ((await store.runs.replacing(run))?.id ?? null) : null,
    changes: store.journal.changes(run.id),
  };
}

/**
 * What was decided about a held change of a person: `held` while nobody has. Of an approval of some, the others are
 * `not approved`: the run that carried it out judged them anew.
 */
export function decidedOf(
  { hold, approvals }: Pick<RunStory, 'hold' | 'approvals'>,
  person: string,
): 'held' | 'approved' | 'not approved' | 'rejected' | 'replaced' | 'expired' {
  if (hold === 'open' || hold === 'none') return 'held';
  if (hold !== 'approved') return hold;
  const people = approvals.at(-1)?.people ?? null;
  return people === null || people.includes(person) ? 'approved' : 'not approved';
}

/** A person's name as a change's images have it, for a reviewer's screen; '' where there is none. */
export function nameIn(change: Pick<StoredChange, 'before' | 'after'>): string {
  const fields = { ...change.before, ...change.after };
  const name = [fields['firstName'], fields['lastName']]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
  return name === '' ? (fields['displayName'] ?? '') : name;
}

/** Why a change came up, in words, for a reviewer's screen. */
export function whyOf(change: StoredChange): string {
  return describeCause(change);
}
