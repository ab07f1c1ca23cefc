import { type ExpressionBuilder, type Kysely, type Selectable, sql } from 'kysely';
import type { AccountFields, AccountRef } from '../account.ts';
import type { ChangeCounts, ChangeKind } from '../change.ts';
import { noChanges } from '../change.ts';
import { RollcallError } from '../errors.ts';
import { insertMany } from './database.ts';
import type { Suppression } from './decisions.ts';
import { jsonb } from './json.ts';
import { type LinkRow, putLinks } from './links.ts';
import { keepEmails, movePerson, putCompletions, recentReach } from './results.ts';
import {
  type ExportRead,
  exportKey,
  type RejectedRowRecord,
  recordAbsences,
  recordExport,
} from './roster-state.ts';
import type { Disposition, LinkFacts, Outcome, RunReason, RunStatus, Tables } from './schema.ts';

/** A change as stored: the journal's line. */
export type StoredChange = Selectable<Tables['changes']>;
export type Batch = Selectable<Tables['batches']>;

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

/** A link to be stored with the plan: an account that becomes ours without a write. */
/** Somebody seen to have completed what a target trains. */
export type Completion = { readonly target: string; readonly course: string; readonly person: string };

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

/** What became of one change of a batch. */
export type ChangeOutcome = {
  readonly seq: number;
  readonly outcome: Outcome;
  readonly code: string | null;
  readonly message: string | null;
  /** The link to store, for a change that made or renewed one. */
  readonly link: LinkRow | null;
  /** An earlier key of the person on the platform, to find their results by. */
  readonly alias: string | null;
};

const chunkSize = 2_000;
/** A plan that wrote more rows than this has its tables analyzed at once. */
const analyzeAfterRows = 1_000;

/** The journal: plans, their batches, and what became of every change. */
export type JournalStore = {
  readonly savePlan: (record: PlanRecord, nowMs: number) => Promise<void>;
  readonly changes: (
    run: string,
    filter?: { readonly disposition?: Disposition; readonly afterSeq?: number; readonly pageSize?: number },
  ) => AsyncIterable<readonly StoredChange[]>;
  readonly batch: (run: string, batch: number) => Promise<Batch | undefined>;
  /** The first batches, at most `limit`, of the first stage that is not done; empty when all are. */
  readonly nextBatches: (run: string, limit: number) => Promise<readonly Batch[]>;
  readonly progress: (run: string) => Promise<{ readonly done: number; readonly total: number }>;
  /** Changes of a batch that have no outcome yet. */
  readonly openChanges: (run: string, batch: number) => Promise<readonly StoredChange[]>;
  /** Marks a batch as being sent; says whether an earlier attempt may have been sent. Null when it is done. */
  readonly startBatch: (
    run: string,
    batch: number,
    nowMs: number,
  ) => Promise<{ readonly repeated: boolean } | null>;
  /** The last attempt certainly had no effect: the next one is no repetition. */
  readonly unsendBatch: (run: string, batch: number) => Promise<void>;
  readonly finishBatch: (
    run: string,
    batch: number,
    outcomes: readonly ChangeOutcome[],
    nowMs: number,
  ) => Promise<void>;
  /** Outcomes of some changes of a batch that still has others to send. */
  readonly recordOutcomes: (run: string, outcomes: readonly ChangeOutcome[], nowMs: number) => Promise<void>;
  /** Ends everything that is still open in a run with one outcome. */
  readonly closeRun: (
    run: string,
    outcome: Outcome,
    code: string,
    message: string,
    nowMs: number,
  ) => Promise<number>;
  /** Skips what no request has been sent for yet; batches that are being sent keep their changes. */
  readonly closePending: (run: string, code: string, message: string, nowMs: number) => Promise<number>;
  /** People whose account change failed in this run: their enrollments are skipped. */
  readonly failedAccounts: (run: string, people: readonly string[]) => Promise<ReadonlySet<string>>;
  /** People whose enrollment in that target did not succeed in this run: an old address is not taken out before the new one is in. */
  readonly failedEnrollments: (
    run: string,
    target: string,
    people: readonly string[],
  ) => Promise<ReadonlySet<string>>;
  /** Changes applied since then without an approval: what the guard counts. */
  readonly recentCounts: (customer: string, platform: string, sinceMs: number) => Promise<ChangeCounts>;
  /** Changes sent since then that may have been applied: nobody knows. */
  readonly recentUnknown: (
    customer: string,
    platform: string,
    sinceMs: number,
  ) => Promise<readonly { readonly kind: ChangeKind; readonly fingerprint: string }[]>;
  /** What waits for a decision about a person: held changes of runs that nobody has decided yet. */
  readonly heldOfPerson: (customer: string, person: string) => Promise<readonly StoredChange[]>;
  /** The runs, newest first, whose changes of these people on a platform were applied after a time. */
  readonly appliedSince: (
    customer: string,
    platform: string,
    people: readonly string[],
    sinceMs: number,
    exceptRun: string,
  ) => Promise<ReadonlyMap<string, string>>;
  readonly ofPerson: (
    customer: string,
    person: string,
    limit: number,
  ) => Promise<readonly (StoredChange & { trigger: string; actor: string | null })[]>;
  /** Changes of this plan that repeat what was applied last: somebody else undoes our work. */
  readonly undoneElsewhere: (
    run: string,
    sinceMs: number,
  ) => Promise<readonly { person: string; kind: ChangeKind }[]>;
  /** Memberships made and ended by a run, for each target. */
  readonly memberChanges: (
    run: string,
  ) => Promise<readonly { target: string; enrolled: number; unenrolled: number }[]>;
  readonly failures: (run: string, limit: number) => Promise<readonly StoredChange[]>;
  /** People with a change that did not succeed in this run, and its code. */
  readonly failedPeople: (
    run: string,
    limit: number,
  ) => Promise<readonly { readonly person: string; readonly code: string }[]>;
};

/** The journal in that database. */
export function createJournalStore(db: Kysely<Tables>): JournalStore {
  return {
    savePlan: async (record, nowMs) => {
      const rows = await db.transaction().execute((tx) => savePlan(tx, record, nowMs));
      // Without statistics the planner takes a table that was just filled for a small one, and scans it for each batch.
      if (rows > analyzeAfterRows)
        await sql`analyze rollcall.links, rollcall.changes, rollcall.batches`.execute(db);
    },
    changes: async function* (run, filter = {}) {
      let after = filter.afterSeq ?? -1;
      const size = filter.pageSize ?? chunkSize;
      for (;;) {
        let query = db.selectFrom('changes').selectAll().where('run_id', '=', run).where('seq', '>', after);
        if (filter.disposition !== undefined) query = query.where('disposition', '=', filter.disposition);
        const page = await query.orderBy('seq').limit(size).execute();
        if (page.length > 0) yield page;
        if (page.length < size) return;
        after = page.at(-1)?.seq ?? after;
      }
    },
    batch: (run, batch) =>
      db
        .selectFrom('batches')
        .selectAll()
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .executeTakeFirst(),
    nextBatches: (run, limit) =>
      db
        .selectFrom('batches')
        .selectAll()
        .where('run_id', '=', run)
        .where('status', '<>', 'done')
        .where('stage', '=', (eb) =>
          eb
            .selectFrom('batches')
            .select((stage) => stage.fn.min('stage').as('stage'))
            .where('run_id', '=', run)
            .where('status', '<>', 'done'),
        )
        .orderBy('batch')
        .limit(limit)
        .execute(),
    progress: async (run) => {
      const row = await db
        .selectFrom('batches')
        .select((eb) => [
          eb.fn.coalesce(eb.fn.sum<number>('size'), sql<number>`0`).as('total'),
          eb.fn
            .coalesce(eb.fn.sum<number>('size').filterWhere('status', '=', 'done'), sql<number>`0`)
            .as('done'),
        ])
        .where('run_id', '=', run)
        .executeTakeFirst();
      return { done: Number(row?.done ?? 0), total: Number(row?.total ?? 0) };
    },
    openChanges: (run, batch) =>
      db
        .selectFrom('changes')
        .selectAll()
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .where('outcome', 'is', null)
        .orderBy('seq')
        .execute(),
    startBatch: async (run, batch, nowMs) => {
      const before = await db
        .selectFrom('batches')
        .select('status')
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .executeTakeFirst();
      const started = await db
        .updateTable('batches')
        .set((eb) => ({ status: 'sending', attempts: eb('attempts', '+', 1), sent_ms: nowMs }))
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .where('status', '<>', 'done')
        .executeTakeFirst();
      return started.numUpdatedRows > 0n ? { repeated: before?.status === 'sending' } : null;
    },
    unsendBatch: async (run, batch) => {
      await db
        .updateTable('batches')
        .set({ status: 'pending' })
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .where('status', '=', 'sending')
        .execute();
    },
    finishBatch: (run, batch, outcomes, nowMs) =>
      db.transaction().execute(async (tx) => {
        await recordOutcomes(tx, run, outcomes, nowMs);
        await tx
          .updateTable('batches')
          .set({ status: 'done' })
          .where('run_id', '=', run)
          .where('batch', '=', batch)
          .execute();
      }),
    recordOutcomes: (run, outcomes, nowMs) =>
      db.transaction().execute((tx) => recordOutcomes(tx, run, outcomes, nowMs)),
    closeRun: (run, outcome, code, message, nowMs) =>
      db.transaction().execute(async (tx) => {
        const closed = await tx
          .updateTable('changes')
          .set({ outcome, outcome_code: code, outcome_message: message, done_ms: nowMs })
          .where('run_id', '=', run)
          .where('outcome', 'is', null)
          .where('disposition', '=', 'apply')
          .executeTakeFirst();
        await tx
          .updateTable('batches')
          .set({ status: 'done' })
          .where('run_id', '=', run)
          .where('status', '<>', 'done')
          .execute();
        return Number(closed.numUpdatedRows);
      }),
    closePending: (run, code, message, nowMs) =>
      db.transaction().execute(async (tx) => {
        const closed = await tx
          .updateTable('batches')
          .set({ status: 'done' })
          .where('run_id', '=', run)
          .where('status', '=', 'pending')
          .returning('batch')
          .execute();
        if (closed.length === 0) return 0;
        const changes = await tx
          .updateTable('changes')
          .set({ outcome: 'skipped', outcome_code: code, outcome_message: message, done_ms: nowMs })
          .where('run_id', '=', run)
          .where('outcome', 'is', null)
          .where('disposition', '=', 'apply')
          .where(
            'batch',
            'in',
            closed.map((row) => row.batch),
          )
          .executeTakeFirst();
        return Number(changes.numUpdatedRows);
      }),
    failedAccounts: async (run, people) => {
      if (people.length === 0) return new Set();
      const rows = await db
        .selectFrom('changes')
        .select('person')
        .where('run_id', '=', run)
        .where('kind', 'in', ['create', 'reactivate'])
        .where('person', 'in', [...people])
        .where((eb) =>
          eb.or([eb('outcome', 'in', ['failed', 'skipped', 'unknown']), eb('disposition', '<>', 'apply')]),
        )
        .execute();
      return new Set(rows.map((row) => row.person));
    },
    failedEnrollments: async (run, target, people) => {
      if (people.length === 0) return new Set();
      const rows = await db
        .selectFrom('changes')
        .select('person')
        .where('run_id', '=', run)
        .where('kind', '=', 'enroll')
        .where('target', '=', target)
        .where('person', 'in', [...people])
        .where((eb) => eb.or([eb('outcome', 'is', null), eb('outcome', '<>', 'done')]))
        .execute();
      return new Set(rows.map((row) => row.person));
    },
    recentUnknown: (customer, platform, sinceMs) =>
      db
        .selectFrom('changes')
        .select(['kind', 'fingerprint'])
        .distinct()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('outcome', '=', 'unknown')
        .where('approved', '=', false)
        .where('done_ms', '>', sinceMs)
        .execute(),
    recentCounts: async (customer, platform, sinceMs) => {
      // Limits on joining do not bind while nothing is managed; what they did not bind must not count the day after.
      const firstRuns = (eb: ExpressionBuilder<Tables, 'changes'>) =>
        eb
          .selectFrom('runs')
          .select('id')
          .where('runs.customer', '=', customer)
          .where('runs.platform', '=', platform)
          .where('managed', '=', 0);
      const rows = await db
        .selectFrom('changes')
        .select(['kind', (eb) => eb.fn.countAll<number>().as('count')])
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('outcome', '=', 'done')
        .where('approved', '=', false)
        .where('done_ms', '>', sinceMs)
        .where((eb) =>
          eb.or([eb('kind', 'not in', ['create', 'enroll']), eb('run_id', 'not in', firstRuns(eb))]),
        )
        .groupBy('kind')
        .execute();
      const counts = noChanges();
      for (const row of rows) counts[row.kind] = Number(row.count);
      counts.enroll += await recentReach(db, customer, platform, sinceMs);
      return counts;
    },
    heldOfPerson: (customer, person) =>
      db
        .selectFrom('changes')
        .innerJoin('runs', 'runs.id', 'changes.run_id')
        .selectAll('changes')
        .where('changes.customer', '=', customer)
        .where('changes.person', '=', person)
        .where('changes.disposition', '=', 'held')
        .where('runs.decided', 'is', null)
        .orderBy('runs.created_ms', 'desc')
        .orderBy('changes.seq')
        .execute(),
    appliedSince: async (customer, platform, people, sinceMs, exceptRun) => {
      const runs = new Map<string, string>();
      for (let at = 0; at < people.length; at += chunkSize) {
        const rows = await db
          .selectFrom('changes')
          .select(['person', 'run_id'])
          .where('customer', '=', customer)
          .where('platform', '=', platform)
          .where('person', 'in', people.slice(at, at + chunkSize))
          .where('outcome', '=', 'done')
          .where('done_ms', '>=', sinceMs)
          .where('run_id', '<>', exceptRun)
          .orderBy('done_ms')
          .execute();
        for (const row of rows) runs.set(row.person, row.run_id);
      }
      return runs;
    },
    ofPerson: (customer, person, limit) =>
      db
        .selectFrom('changes')
        .innerJoin('runs', 'runs.id', 'changes.run_id')
        .selectAll('changes')
        .select(['runs.trigger', 'runs.actor'])
        .where('changes.customer', '=', customer)
        .where('changes.person', '=', person)
        .orderBy('runs.created_ms', 'desc')
        .orderBy('changes.seq', 'desc')
        .limit(limit)
        .execute(),
    undoneElsewhere: async (run, sinceMs) => {
      // Sets, not a look-up for each change: a first sync has a million, and nothing before it.
      const rows = await sql<{ person: string; kind: ChangeKind }>`
        with this_run as materialized (select customer, platform from rollcall.runs where id = ${run}),
        last as materialized (
          select distinct on (d.person, coalesce(d.target, '')) d.person, coalesce(d.target, '') as target, d.fingerprint
          from rollcall.changes d, this_run r
          where d.customer = r.customer and d.platform = r.platform and d.outcome = 'done'
            and d.done_ms > ${sinceMs} and d.run_id <> ${run}
          order by d.person, coalesce(d.target, ''), d.done_ms desc
        ),
        planned as materialized (
          select person, kind, coalesce(target, '') as target, fingerprint from rollcall.changes
          where run_id = ${run} and exists (select 1 from last)
        )
        select p.person, p.kind from planned p
        join last on last.person = p.person and last.target = p.target and last.fingerprint = p.fingerprint
        order by p.person limit 1000`.execute(db);
      return rows.rows;
    },
    memberChanges: async (run) => {
      const { rows } = await sql<{ target: string; enrolled: number; unenrolled: number }>`
        select target, count(*) filter (where kind = 'enroll') as enrolled, count(*) filter (where kind = 'unenroll') as unenrolled
        from rollcall.changes where run_id = ${run} and target is not null and outcome = 'done' group by target`.execute(
        db,
      );
      return rows.map((row) => ({
        target: row.target,
        enrolled: Number(row.enrolled),
        unenrolled: Number(row.unenrolled),
      }));
    },
    failedPeople: async (run, limit) => {
      const rows = await db
        .selectFrom('changes')
        .select(['person', (eb) => eb.fn.min<string | null>('outcome_code').as('code')])
        .where('run_id', '=', run)
        .where('outcome', 'in', ['failed', 'unknown'])
        .groupBy('person')
        .orderBy('person')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ person: row.person, code: row.code ?? 'UNKNOWN' }));
    },
    failures: (run, limit) =>
      db
        .selectFrom('changes')
        .selectAll()
        .where('run_id', '=', run)
        .where('outcome', 'in', ['failed', 'unknown', 'skipped'])
        .orderBy('seq')
        .limit(limit)
        .execute(),
  };
}

/** Returns how many changes and links it wrote. */
async function savePlan(tx: Kysely<Tables>, record: PlanRecord, nowMs: number): Promise<number> {
  const { run, customer, platform } = record;
  await tx.deleteFrom('changes').where('run_id', '=', run).execute();
  await tx.deleteFrom('batches').where('run_id', '=', run).execute();
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
      await insertMany(tx, 'changes', rows, chunkSize);
      rows = [];
    }
  }
  await insertMany(tx, 'changes', rows, chunkSize);
  const batches = record.batches();
  await insertMany(
    tx,
    'batches',
    batches.map((batch) => ({ run_id: run, customer, platform, status: 'pending', attempts: 0, ...batch })),
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
    await putLinks(tx, links, { takeOver: false });
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
    if (links.length === 5_000) await flush();
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

async function recordOutcomes(
  tx: Kysely<Tables>,
  run: string,
  outcomes: readonly ChangeOutcome[],
  nowMs: number,
): Promise<void> {
  const json = JSON.stringify(
    outcomes.map(({ seq, outcome, code, message }) => ({ seq, outcome, code, message })),
  );
  await sql`
    update rollcall.changes c set outcome = o.outcome, outcome_code = o.code, outcome_message = o.message, done_ms = ${nowMs}
    from json_to_recordset(${json}::json) as o(seq integer, outcome text, code text, message text)
    where c.run_id = ${run} and c.seq = o.seq and c.outcome is null`.execute(tx);
  await putLinks(
    tx,
    outcomes.flatMap((outcome) => (outcome.link === null ? [] : [outcome.link])),
    { takeOver: true },
  );
  for (const { alias, link } of outcomes) {
    if (alias === null || link === null) continue;
    await tx
      .insertInto('aliases')
      .values({ customer: link.customer, platform: link.platform, key: alias, person: link.person })
      .onConflict((conflict) =>
        conflict.columns(['customer', 'platform', 'key']).doUpdateSet({ person: link.person }),
      )
      .execute();
  }
}
