import type { Attempt, Batch, BatchBegin, OpenChange, Sender } from '../../store/batches.ts';
import type { LinkRow } from '../../store/links.ts';
import { referredPerson } from '../../account.ts';
import type { JobDeps } from '../deps.ts';
import type { BatchJobData } from './batch-job.ts';

/** A batch that is being taken up, with everything that sending it needs. */
export type PreparedBatch =
  | Exclude<BatchBegin, { readonly state: 'begun' }>
  | {
      readonly state: 'begun';
      readonly batch: Batch;
      readonly attempt: Attempt;
      /** An earlier attempt may have been sent. */
      readonly repeated: boolean;
      /** Who took it up before and never said how that ended, and how long a request of theirs may be on its way. */
      readonly sender: string | null;
      readonly quietMs: number;
      readonly sending: readonly OpenChange[];
      /** Their change needs another one that did not succeed. */
      readonly skipped: readonly OpenChange[];
      readonly links: ReadonlyMap<string, LinkRow>;
    }
  /** It is marked as being sent, and what it needs could not be looked up. */
  | {
      readonly state: 'failed';
      readonly batch: Batch;
      readonly attempt: Attempt;
      readonly repeated: boolean;
      readonly error: unknown;
    };

/** Takes a batch up and looks up what sending it needs. */
export async function prepareBatch(
  deps: Pick<JobDeps, 'store' | 'now'>,
  job: BatchJobData,
  sender: Sender,
  references: readonly string[],
): Promise<PreparedBatch> {
  const { store } = deps;
  const begun = await store.batches.begin(job, sender, deps.now());
  if (begun.state !== 'begun') return begun;
  const { batch, attempt, repeated, changes } = begun;
  try {
    const without = await blocked(deps, batch, changes);
    const links = await store.links.ofPeople(batch.customer, batch.platform, [
      ...new Set(changes.flatMap((change) => [change.person, ...referredIn(change, references)])),
    ]);
    const isSkipped = (change: OpenChange): boolean =>
      without.has(change.person) || isAboutNobody(change, references, links);
    const sending = changes.filter((change) => !isSkipped(change));
    const skipped = changes.filter(isSkipped);
    return { ...begun, sending, skipped, links };
  } catch (error) {
    return { state: 'failed', batch, attempt, repeated, error };
  }
}

/** The people whose accounts a change refers to. */
function referredIn({ after }: OpenChange, references: readonly string[]): readonly string[] {
  return references.flatMap((name) => referredPerson(after?.[name] ?? '') ?? []);
}

/** Whether all that an update writes is a reference to an account that could not be made. */
function isAboutNobody(
  { kind, after, changed }: OpenChange,
  references: readonly string[],
  links: ReadonlyMap<string, LinkRow>,
): boolean {
  return (
    kind === 'update' &&
    changed.length > 0 &&
    changed.every((name) => {
      const person = references.includes(name) ? referredPerson(after?.[name] ?? '') : null;
      return person !== null && links.get(person)?.account_id == null;
    })
  );
}

/** People of a batch whose change needs another one that did not succeed. */
async function blocked(
  deps: Pick<JobDeps, 'store'>,
  batch: Batch,
  changes: readonly OpenChange[],
): Promise<ReadonlySet<string>> {
  const { journal } = deps.store;
  if (batch.operation === 'enroll') {
    return journal.failedAccounts(
      batch.run_id,
      changes.map((change) => change.person),
    );
  }
  // Somebody who moves to another address, or back, is enrolled there before the one they had is taken out.
  if (batch.operation !== 'unenroll' || batch.target === null) return new Set();
  return journal.failedEnrollments(
    batch.run_id,
    batch.target,
    changes.map((change) => change.person),
  );
}
