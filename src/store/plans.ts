import { type Kysely, sql } from 'kysely';
import type { AccountFields, AccountRef } from '../account.ts';
import type { ChangeCounts, ChangeKind } from '../change.ts';
import { RollcallError } from '../errors.ts';
import { insertMany } from './database.ts';
import type { Suppression } from './decisions.ts';
import { jsonb } from './json.ts';
import { type LinkRow, putLinks } from './links.ts';
import { keepEmails, movePerson, putCompletions } from './results.ts';
import {
  type ExportRead,
  exportKey,
  type RejectedRowRecord,
  recordAbsences,
  recordExport,
} from './roster-state.ts';
import type { Disposition, LinkFacts, RunReason, RunStatus, Tables } from './schema.ts';

/** A planned change with what the guard decided and the batch it goes into. */
export type PlannedChange = {
  readonly kind: ChangeKind;
  readonly person: string;
  readonly target: string | null;
  readonly ref: AccountRef;
  readonly before: AccountFields | null;
  readonly after: AccountFields | null;
  readonly changed: readonly string[];
  readonly reason: string;
  readonly fingerprint: string;
  readonly disposition: Disposition;
  readonly approved: boolean;
  readonly batch: number | null;
  readonly rowHash: string | null;
  readonly link: LinkFacts | null;
};

export type PlannedBatch = {
  readonly batch: number;
  readonly stage: number;
  readonly operation: string;
  readonly target: string | null;
  readonly size: number;
};

export type PlannedReview = {
  readonly person: string;
  readonly code: string;
  readonly accounts: readonly string[];
};

/** Somebody seen to have completed what a target trains. */
export type Completion = { readonly target: string; readonly course: string; readonly person: string };

/** A link to be stored with the plan: an account that becomes ours without a write. */
export type AdoptedLink = {
  readonly person: string;
  readonly ref: AccountRef;
  readonly from: string | null;
  readonly link: LinkFacts | null;
  readonly confirmedHash: number | null;
};

/** Everything a plan leaves behind, stored in one transaction: all of it or nothing. */
export type PlanRecord = {
  readonly run: string;
  readonly customer: string;
  readonly platform: string;
  /** Null for a resync of one person, which says nothing of the roster as a whole. */
  readonly roster: {
    readonly read: ExportRead;
    readonly rejectedRows: readonly RejectedRowRecord[];
    readonly missing: readonly string[];
    readonly present: (person: string) => boolean;
  } | null;
  readonly adoptions: Iterable<AdoptedLink>;
  /** Completions that were not known before. */
  readonly completions?: readonly Completion[];
  /** Null leaves the reviews as they are (a resync of one person). */
  readonly reviews: readonly PlannedReview[] | null;
  readonly changes: Iterable<PlannedChange>;
  /** Filled while `changes` is walked. */
  readonly batches: () => readonly PlannedBatch[];
  readonly summary: () => {
    readonly hash: string | null;
    readonly planned: ChangeCounts;
    readonly held: ChangeCounts;
    readonly reasons: readonly RunReason[];
    readonly notes: readonly RunReason[];
    readonly rejected: number;
    readonly review: number;
    readonly managed: number;
    readonly accounts: number;
    readonly members: Readonly<Record<string, number>>;
    readonly holdExpiresMs: number | null;
  };
  readonly status: RunStatus;
  /** The approval that this plan uses up. */
  readonly approval: string | null;
  /** What must not be proposed again once this plan is stored: changes that it takes back. */
  readonly suppress?: readonly Suppression[];
  /** Suppressions that end with this plan. */
  readonly unsuppress?: readonly string[];
};

const chunkSize = 2_000;
/** Five times as many take a million adoptions 140 MB further up, and are hardly faster. */
const adoptedAtOnce = 1_000;
/** A plan that wrote more rows than this has its tables analyzed at once. */
const analyzeAfterRows = 1_000;

/** Plans: what a run decided, stored whole before anything of it is sent. */
export type PlanStore = {
  readonly save: (record: PlanRecord, nowMs: number) => Promise<void>;
};

/** Plans in that database. */
export function createPlanStore(db: Kysely<Tables>): PlanStore {
  return {
    save: async (record, nowMs) => {
      const rows = await db.transaction().execute((tx) => savePlan(tx, record, nowMs));
      // Without statistics the planner takes a table that was just filled for a small one, and scans it for each batch.
      if (rows > analyzeAfterRows)
        await sql`analyze rollcall.links, rollcall.changes, rollcall.batches`.execute(db);
    },
  };
}

/** Returns how many changes and links it wrote. */
async function savePlan(tx: Kysely<Tables>, record: PlanRecord, nowMs: number): Promise<number> {
  const { run, customer, platform } = record;
  for (const table of ['changes', 'outcomes', 'batches'] as const)
    await tx.deleteFrom(table).where('run_id', '=', run).execute();
  if (record.roster !== null) {
    const { read, rejectedRows, missing, present } = record.roster;
    await recordExport(tx, customer, read, rejectedRows, nowMs);
    if (read.complete) await recordAbsences(tx, customer, exportKey(read), missing, present, nowMs);
  }
  const adopted = await saveAdoptions(tx, record, nowMs);
  await putCompletions(tx, customer, platform, record.completions ?? [], nowMs);
  if (record.reviews !== null) await saveReviews(tx, record, record.reviews, nowMs);

  let seq = 0;
  let rows: object[] = [];
  let stored: Promise<void> = Promise.resolve();
  for (const change of record.changes) {
    rows.push({
      run_id: run,
      seq: seq++,
      customer,
      platform,
      kind: change.kind,
      person: change.person,
      target: change.target,
      ref: change.ref,
      before: change.before,
      after: change.after,
      changed: change.changed,
      reason: change.reason,
      fingerprint: change.fingerprint,
      disposition: change.disposition,
      approved: change.approved,
      batch: change.batch,
      row_hash: change.rowHash,
      link: change.link,
    });
    if (rows.length === chunkSize) {
      // While the database takes one chunk, the next one is drawn: each waits for the other only once.
      await stored;
      stored = insertMany(tx, 'changes', rows, chunkSize);
      // Its failure is met where it is awaited.
      stored.catch(() => undefined);
      rows = [];
    }
  }
  await stored;
  await insertMany(tx, 'changes', rows, chunkSize);
  const batches = record.batches();
  await insertMany(
    tx,
    'batches',
    batches.map((batch) => ({
      run_id: run,
      customer,
      platform,
      status: 'pending',
      attempts: 0,
      reads: 0,
      writes: 0,
      ...batch,
    })),
  );
  const summary = record.summary();
  await tx
    .updateTable('runs')
    .set({
      // A run that was cancelled while it was planned stays cancelled.
      status: sql<RunStatus>`case when status = 'cancelled' then status else ${record.status} end`,
      planned_ms: nowMs,
      hash: summary.hash,
      planned: jsonb(summary.planned),
      held: jsonb(summary.held),
      reasons: jsonb([...summary.reasons]),
      notes: jsonb([...summary.notes]),
      rejected: summary.rejected,
      review: summary.review,
      managed: summary.managed,
      accounts: summary.accounts,
      members: jsonb({ ...summary.members }),
      hold_expires_ms: summary.holdExpiresMs,
    })
    .where('id', '=', run)
    .execute();
  if (record.approval !== null) {
    const used = await tx
      .updateTable('approvals')
      .set({ used_by: run })
      .where('id', '=', record.approval)
      .where((eb) => eb.or([eb('used_by', 'is', null), eb('used_by', '=', run)]))
      .executeTakeFirst();
    if (used.numUpdatedRows === 0n)
      throw new RollcallError('RUN_NOT_HELD', 'the approval of this run was used by another run.');
  }
  if (record.suppress !== undefined) await insertMany(tx, 'suppressions', record.suppress);
  if (record.unsuppress !== undefined && record.unsuppress.length > 0)
    await tx
      .deleteFrom('suppressions')
      .where('id', 'in', [...record.unsuppress])
      .execute();
  // A newer plan replaces an older one that still waits for a decision: what it held is judged again here.
  if (record.reviews !== null) {
    await tx
      .updateTable('runs')
      .set({ decided: 'replaced' })
      .where('customer', '=', customer)
      .where('platform', '=', platform)
      .where('hold_expires_ms', 'is not', null)
      .where('decided', 'is', null)
      .where('undoes', 'is', null)
      .where('id', '<>', run)
      .execute();
  }
  return seq + adopted;
}

async function saveAdoptions(tx: Kysely<Tables>, record: PlanRecord, nowMs: number): Promise<number> {
  let count = 0;
  let links: LinkRow[] = [];
  const flush = async (): Promise<void> => {
    await keepEmails(tx, links);
    await putLinks(tx, links);
    links = [];
  };
  for (const adoption of record.adoptions) {
    if (adoption.from !== null) {
      // The history goes with the account: whoever completed under a former employee id has completed.
      await movePerson(tx, record, adoption.from, adoption.person);
      await tx
        .deleteFrom('links')
        .where('customer', '=', record.customer)
        .where('platform', '=', record.platform)
        .where('person', '=', adoption.from)
        .execute();
    }
    links.push({
      customer: record.customer,
      platform: record.platform,
      person: adoption.person,
      account_id: adoption.ref.id,
      external_id: adoption.ref.externalId === adoption.person ? null : adoption.ref.externalId,
      email: adoption.ref.id === null ? adoption.ref.email : null,
      written_hash: adoption.link?.writtenHash ?? null,
      email_hash: adoption.link?.emailHash ?? null,
      confirmed_hash: adoption.confirmedHash,
      linked_ms: nowMs,
      run_id: record.run,
    });
    count++;
    if (links.length === adoptedAtOnce) await flush();
  }
  await flush();
  return count;
}

async function saveReviews(
  tx: Kysely<Tables>,
  record: PlanRecord,
  reviews: readonly PlannedReview[],
  nowMs: number,
): Promise<void> {
  const known = await tx
    .selectFrom('reviews')
    .select(['person', 'code', 'since_ms'])
    .where('customer', '=', record.customer)
    .where('platform', '=', record.platform)
    .execute();
  if (known.length === 0 && reviews.length === 0) return;
  const since = new Map(known.map((row) => [`${row.person}\n${row.code}`, row.since_ms]));
  await tx
    .deleteFrom('reviews')
    .where('customer', '=', record.customer)
    .where('platform', '=', record.platform)
    .execute();
  const byPerson = new Map(reviews.map((review) => [review.person, review]));
  await insertMany(
    tx,
    'reviews',
    [...byPerson.values()].map((review) => ({
      customer: record.customer,
      platform: record.platform,
      person: review.person,
      code: review.code,
      accounts: review.accounts,
      since_ms: since.get(`${review.person}\n${review.code}`) ?? nowMs,
      run_id: record.run,
    })),
  );
}
