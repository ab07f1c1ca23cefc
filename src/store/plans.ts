import { type Kysely, sql } from 'kysely';
import { RollcallError } from '../errors.ts';
import { saveAdoptions } from './adoptions.ts';
import { insertMany } from './database.ts';
import { jsonb } from './json.ts';
import { isPerformed, LeaseLost } from './leases.ts';
import { saveLooks } from './looks.ts';
import type { PlannedReview, PlanRecord } from './plan-record.ts';
import { putCompletions } from './results.ts';
import { renamePart, saveMembers, sweepParts } from './roster-parts.ts';
import { recordAbsences, recordExport } from './roster-state.ts';
import type { RunStatus, Tables } from './schema.ts';

const chunkSize = 2_000;
/** A plan that wrote more rows than this has its tables analyzed at once. */
const analyzeAfterRows = 1_000;

/** Plans: what a run decided, stored whole before anything of it is sent. */
export type PlanStore = {
  /**
   * Stores the plan of a run that is performed under that lease. Throws LeaseLost, with nothing stored, when it is not any
   * more, or the run was ended meanwhile.
   */
  readonly save: (record: PlanRecord, lease: number, nowMs: number) => Promise<void>;
};

/** Plans in that database. */
export function createPlanStore(db: Kysely<Tables>): PlanStore {
  return {
    save: async (record, lease, nowMs) => {
      const rows = await db.transaction().execute(async (tx) => {
        await expectPerformed(tx, record.run, lease);
        const stored = await savePlan(tx, record, nowMs);
        // A large plan takes longer to store than a lease lasts.
        await expectPerformed(tx, record.run, lease);
        return stored;
      });
      // Without statistics the planner takes a table that was just filled for a small one, and scans it for each batch.
      if (rows > analyzeAfterRows)
        await sql`analyze rollcall.links, rollcall.changes, rollcall.batches`.execute(db);
    },
  };
}

/** Holds the run's row: whoever takes the run up meanwhile waits for the end of this. */
async function expectPerformed(tx: Kysely<Tables>, run: string, lease: number): Promise<void> {
  const { rows } = await sql`
    select from rollcall.runs r where r.id = ${run} and r.ended_ms is null and ${isPerformed(lease)}
    for update`.execute(tx);
  if (rows.length === 0) throw new LeaseLost();
}

/** Returns how many changes and links it wrote. */
async function savePlan(tx: Kysely<Tables>, record: PlanRecord, nowMs: number): Promise<number> {
  const { run, customer, platform } = record;
  for (const table of ['changes', 'outcomes', 'batches'] as const)
    await tx.deleteFrom(table).where('run_id', '=', run).execute();
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
      cause: change.cause ?? null,
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
      target_names: jsonb({ ...summary.targetNames }),
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
  for (const look of record.looks ?? []) await saveLooks(tx, record, look, nowMs);
  if (record.roster !== null) {
    // Last: all platforms of a customer write these rows, and none should wait until another one's plan is stored.
    const { reads, missing, present, members, parts, renamed } = record.roster;
    for (const one of renamed) await renamePart(tx, customer, one, nowMs);
    await sweepParts(tx, customer, parts, nowMs);
    for (const { read, rejectedRows } of reads) await recordExport(tx, customer, read, rejectedRows, nowMs);
    if (reads.some(({ read }) => read.complete)) await recordAbsences(tx, customer, missing, present, nowMs);
    if (members !== null) await saveMembers(tx, customer, members, nowMs);
  }
  return seq + adopted;
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
