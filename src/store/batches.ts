import { type Kysely, type Selectable, sql } from 'kysely';
import type { StoredChange } from './journal.ts';
import { databaseClock, isLeased, isPerformed } from './leases.ts';
import { dropOtherOwners, storingLinks } from './links.ts';
import { type ChangeOutcome, isPlain, linksOf, recordOutcomes } from './outcomes.ts';
import type { Outcome, RunStatus, Tables } from './schema.ts';

/** A batch as stored: changes of one kind that go out in one write request. */
export type Batch = Selectable<Tables['batches']>;

/** What sending a change takes; the rest of its line in the journal is for readers. */
export type OpenChange = Pick<
  StoredChange,
  'seq' | 'kind' | 'person' | 'reason' | 'ref' | 'after' | 'changed' | 'link'
>;

/**
 * One attempt to send a batch, under one lease. As soon as somebody else takes the batch up, or the lease over, the store
 * takes nothing of this attempt any more.
 */
export type Attempt = {
  readonly run_id: string;
  readonly batch: number;
  readonly attempt: number;
  readonly lease: number;
};

/** A batch that is being taken up, with its changes that have no outcome yet. */
export type BatchBegin =
  | { readonly state: 'done' }
  | { readonly state: 'paused' }
  /** Nobody performs its run now, or under another lease. Whoever takes the run up queues its batches anew. */
  | { readonly state: 'stale' }
  | {
      readonly state: 'begun';
      readonly batch: Batch;
      readonly attempt: Attempt;
      /** An earlier attempt may have been sent. */
      readonly repeated: boolean;
      /** Who took it up before and never said how that ended; null when it is known to be over. */
      readonly sender: string | null;
      /** How long a request of that one may still be on its way, in ms. */
      readonly quietMs: number;
      readonly changes: readonly OpenChange[];
    };

/** Who takes a batch up, and how long a request of theirs may be on its way after it was allowed. */
export type Sender = { readonly name: string; readonly lastsMs: number };

/** Attempts sent, reads and writes apart. */
export type RequestCount = { readonly reads: number; readonly writes: number };

/** What of a run is still to be sent. */
export type OpenBatches = {
  /** The run was cancelled, or is not there any more. */
  readonly cancelled: boolean;
  /** Changes in all batches, and in those that are done. */
  readonly total: number;
  readonly done: number;
  /** Batches that are not done. */
  readonly left: number;
  /** The next ones of them. */
  readonly batches: readonly number[];
};

/** Since when there has been nothing but 429. `runMs` is null when other changes of the run had an outcome meanwhile. */
export type LimitedSince = { readonly batchMs: number; readonly runMs: number | null };

/** Batches: what of a plan is still to be sent, and the outcomes of what was. */
export type BatchStore = {
  /** How far a run is, and its next batches: at most `limit`, of the first stage that is not done. */
  readonly open: (run: string, limit: number) => Promise<OpenBatches>;
  /**
   * Marks a batch as being sent, unless it is done, its platform is paused or its run is not performed under that lease, and
   * returns what is to be sent.
   */
  readonly begin: (
    of: { readonly run: string; readonly batch: number; readonly lease: number },
    sender: Sender,
    nowMs: number,
  ) => Promise<BatchBegin>;
  /** Whether a request of this attempt may be sent now: its lease is held, and nobody else took the batch up. */
  readonly holds: (attempt: Attempt) => Promise<boolean>;
  /** Changes of a batch that have no outcome yet. */
  readonly openChanges: (run: string, batch: number) => Promise<readonly OpenChange[]>;
  /**
   * No request of this attempt is on its way any more, and the batch is still to be sent. `unsent`: it certainly had no
   * effect, so the next attempt is no repetition.
   */
  readonly letGo: (attempt: Attempt, unsent: boolean) => Promise<void>;
  /** Notes that a batch was answered 429, and says since when it, and its run, have been answered nothing else. */
  readonly limited: (run: string, batch: number, nowMs: number) => Promise<LimitedSince>;
  /** It was answered something else. */
  readonly notLimited: (run: string, batch: number) => Promise<void>;
  /** Ends a batch. `outcomes` are those of its changes that `begin` gave. False when the attempt does not count any more. */
  readonly finish: (
    attempt: Attempt & Pick<Batch, 'size'>,
    outcomes: readonly ChangeOutcome[],
    requests: RequestCount,
    nowMs: number,
  ) => Promise<boolean>;
  /** Adds the requests of an attempt that did not finish its batch. */
  readonly addRequests: (run: string, batch: number, requests: RequestCount) => Promise<void>;
  /** Outcomes of some changes of a batch that still has others to send. */
  readonly recordOutcomes: (
    attempt: Attempt,
    outcomes: readonly ChangeOutcome[],
    nowMs: number,
  ) => Promise<void>;
  /** Ends everything that is still open in a run with one outcome, unless it is performed under another lease. */
  readonly closeRun: (
    run: Pick<Attempt, 'run_id' | 'lease'>,
    outcome: Outcome,
    code: string,
    message: string,
    nowMs: number,
  ) => Promise<void>;
  /** Skips what no request has been sent for yet; batches that are being sent keep their changes. */
  readonly closePending: (run: string, code: string, message: string, nowMs: number) => Promise<void>;
};

type OpenTuple = [
  OpenChange['seq'],
  OpenChange['kind'],
  OpenChange['person'],
  OpenChange['reason'],
  OpenChange['ref'],
  OpenChange['after'],
  OpenChange['changed'],
  OpenChange['link'],
];

/** The changes of a batch as one JSON text: no driver builds an object of twenty columns for each. */
const openTuples = sql<string | null>`
  select json_agg(json_build_array(c.seq, c.kind, c.person, c.reason, c.ref, c.after, c.changed, c.link) order by c.seq)::text
  from rollcall.changes c`;

function parseOpen(text: string | null): readonly OpenChange[] {
  if (text === null) return [];
  return (JSON.parse(text) as OpenTuple[]).map(([seq, kind, person, reason, ref, after, changed, link]) => ({
    seq,
    kind,
    person,
    reason,
    ref,
    after,
    changed,
    link,
  }));
}

/** Batches in that database. */
export function createBatchStore(db: Kysely<Tables>): BatchStore {
  return {
    open: async (run, limit) => {
      const { rows } = await sql<{
        status: RunStatus | null;
        total: number;
        done: number;
        left: number;
        batches: number[];
      }>`
        select (select status from rollcall.runs where id = ${run}) as status,
          coalesce(sum(size), 0) as total, coalesce(sum(size) filter (where status = 'done'), 0) as done,
          count(*) filter (where status <> 'done') as "left",
          (select coalesce(json_agg(batch order by batch), '[]') from (
            select batch from rollcall.batches where run_id = ${run} and status <> 'done' and stage = (
              select min(stage) from rollcall.batches where run_id = ${run} and status <> 'done')
            order by batch limit ${limit}
          ) next) as batches
        from rollcall.batches where run_id = ${run}`.execute(db);
      const [row] = rows;
      const status = row?.status ?? 'cancelled';
      return {
        cancelled: status === 'cancelled',
        total: Number(row?.total ?? 0),
        done: Number(row?.done ?? 0),
        left: Number(row?.left ?? 0),
        batches: row?.batches ?? [],
      };
    },
    begin: async ({ run, batch: number, lease }, sender, nowMs) => {
      // One statement: at fifty batches a second each one more is a twentieth of the database's time.
      const { rows } = await sql<
        Batch & {
          paused: boolean;
          held: boolean;
          attempt: number | null;
          quiet_ms: number | null;
          changes: string | null;
        }
      >`
        with before as materialized (
          select b.*, p.paused_ms is not null as paused,
            coalesce(${isLeased} and p.lease_number = ${lease} and r.lease_number = ${lease}, false) as held
          from rollcall.batches b
          join rollcall.runs r on r.id = b.run_id
          left join rollcall.platforms p on p.customer = b.customer and p.platform = b.platform
          where b.run_id = ${run} and b.batch = ${number} for update of b
        ), started as (
          update rollcall.batches b set status = 'sending', attempts = b.attempts + 1, sent_ms = ${nowMs},
            lease_number = ${lease}::bigint, sender = ${sender.name}, lasts_ms = ${sender.lastsMs}::integer,
            quiet_until_ms = case when before.sender is not null
              then greatest(before.quiet_until_ms, ${databaseClock} + before.lasts_ms) else before.quiet_until_ms end
          from before where b.run_id = before.run_id and b.batch = before.batch
            and before.status <> 'done' and before.held and not before.paused
          returning b.attempts as attempt, b.quiet_until_ms - ${databaseClock} as quiet_ms
        )
        select before.*, (select attempt from started), (select quiet_ms from started),
          case when before.status <> 'done' and before.held and not before.paused then (
          ${openTuples} where c.run_id = before.run_id and c.batch = before.batch and (before.attempts = 0
            or not exists (select from rollcall.outcomes o where o.run_id = c.run_id and o.seq = c.seq))
        ) end as changes from before`.execute(db);
      const [row] = rows;
      if (row === undefined || row.status === 'done') return { state: 'done' };
      const { paused, held, attempt, quiet_ms: quietMs, changes, ...batch } = row;
      if (paused) return { state: 'paused' };
      if (!held || attempt === null) return { state: 'stale' };
      return {
        state: 'begun',
        batch,
        attempt: { run_id: run, batch: number, attempt, lease },
        repeated: batch.status === 'sending',
        sender: batch.sender,
        quietMs: Math.max(0, Number(quietMs ?? 0)),
        changes: parseOpen(changes),
      };
    },
    holds: async ({ run_id: run, batch, attempt, lease }) => {
      const { rows } = await sql`
        select 1 from rollcall.batches b join rollcall.platforms p on p.customer = b.customer and p.platform = b.platform
        where b.run_id = ${run} and b.batch = ${batch} and b.attempts = ${attempt} and b.lease_number = ${lease}
          and b.status = 'sending' and p.lease_number = ${lease} and ${isLeased}`.execute(db);
      return rows.length > 0;
    },
    openChanges: async (run, number) => {
      const { rows } = await sql<{ changes: string | null }>`
        select (${openTuples} where c.run_id = ${run} and c.batch = ${number}
          and not exists (select from rollcall.outcomes o where o.run_id = c.run_id and o.seq = c.seq)) as changes`.execute(
        db,
      );
      return parseOpen(rows[0]?.changes ?? null);
    },
    letGo: async ({ run_id: run, batch, attempt, lease }, unsent) => {
      await sql`
        update rollcall.batches set sender = null,
          status = case when ${unsent} and status = 'sending' then 'pending' else status end
        where run_id = ${run} and batch = ${batch} and attempts = ${attempt} and lease_number = ${lease}`.execute(
        db,
      );
    },
    limited: async (run, batch, nowMs) => {
      // A time that lies in the future was stored before a clock went back.
      const { rows } = await sql<{ batch_ms: number; run_ms: number; others: boolean }>`
        with noted as (
          update rollcall.batches set limited_since_ms =
            case when limited_since_ms <= ${nowMs} then limited_since_ms else ${nowMs} end
          where run_id = ${run} and batch = ${batch} returning limited_since_ms
        ), first as (
          select min(limited_since_ms) as since_ms from rollcall.batches
          where run_id = ${run} and status <> 'done' and limited_since_ms <= ${nowMs}
        )
        select noted.limited_since_ms as batch_ms, least(first.since_ms, noted.limited_since_ms) as run_ms,
          exists (select from rollcall.journal where run_id = ${run} and outcome is not null
            and done_ms >= least(first.since_ms, noted.limited_since_ms)) as others
        from noted, first`.execute(db);
      const [row] = rows;
      if (row === undefined) return { batchMs: nowMs, runMs: null };
      return { batchMs: Number(row.batch_ms), runMs: row.others ? null : Number(row.run_ms) };
    },
    notLimited: async (run, batch) => {
      await db
        .updateTable('batches')
        .set({ limited_since_ms: null })
        .where('run_id', '=', run)
        .where('batch', '=', batch)
        .execute();
    },
    finish: ({ size, ...attempt }, outcomes, requests, nowMs) =>
      storingLinks(db, async (on, isContested) => {
        // Only what covers every change may stand for them.
        const isWhole = outcomes.length === size;
        const rows = isWhole ? outcomes.filter((outcome) => !isPlain(outcome)) : outcomes;
        if (isContested) await makeWay(on, attempt, outcomes);
        const { run_id: run, batch } = attempt;
        const standing = sql`
          update rollcall.batches set status = 'done', sender = null,
            reads = reads + ${requests.reads}, writes = writes + ${requests.writes},
            applied_ms = ${rows.length < outcomes.length ? nowMs : null}::bigint
          where ${isOpen(attempt)} returning 1`;
        const first = await recordOutcomes(on, { run, standing, rows, outcomes, isContested, nowMs });
        // Somebody else took it up, and their outcomes stand.
        if (!first) await addRequests(on, run, batch, requests);
        return first;
      }),
    addRequests: (run, batch, requests) => addRequests(db, run, batch, requests),
    recordOutcomes: (attempt, outcomes, nowMs) =>
      storingLinks(db, async (on, isContested) => {
        if (isContested) await makeWay(on, attempt, outcomes);
        const standing = openBatch(attempt);
        const { run_id: run } = attempt;
        await recordOutcomes(on, { run, standing, rows: outcomes, outcomes, isContested, nowMs });
      }),
    closeRun: ({ run_id: run, lease }, outcome, code, message, nowMs) =>
      db.transaction().execute(async (tx) => {
        const { rows: performed } = await sql`
          select from rollcall.runs r where r.id = ${run} and ${isPerformed(lease)} for update`.execute(tx);
        if (performed.length === 0) return;
        // First the batches: one that is just being finished is waited for, and its changes have their outcome then.
        await tx
          .updateTable('batches')
          .set({ status: 'done' })
          .where('run_id', '=', run)
          .where('status', '<>', 'done')
          .execute();
        await sql`
          insert into rollcall.outcomes (run_id, seq, outcome, outcome_code, outcome_message, done_ms)
          select run_id, seq, ${outcome}, ${code}, ${message}, ${nowMs} from rollcall.journal
          where run_id = ${run} and disposition = 'apply' and outcome is null
          on conflict do nothing`.execute(tx);
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
        if (closed.length === 0) return;
        await sql`
          insert into rollcall.outcomes (run_id, seq, outcome, outcome_code, outcome_message, done_ms)
          select run_id, seq, 'skipped', ${code}, ${message}, ${nowMs} from rollcall.changes
          where run_id = ${run} and disposition = 'apply'
            and batch in (select json_array_elements_text(${JSON.stringify(closed.map(({ batch }) => batch))}::json)::integer)
          on conflict do nothing`.execute(tx);
      }),
  };
}

/** The batch, unless its outcomes stand already or the attempt does not count any more. */
function isOpen({ run_id: run, batch, attempt, lease }: Attempt) {
  return sql`run_id = ${run} and batch = ${batch} and attempts = ${attempt} and lease_number = ${lease} and applied_ms is null`;
}

function openBatch(attempt: Attempt) {
  return sql`select 1 from rollcall.batches where ${isOpen(attempt)} for update`;
}

/** Takes accounts from whoever has them, for the people whom a batch gives them to. */
async function makeWay(
  tx: Kysely<Tables>,
  attempt: Attempt,
  outcomes: readonly ChangeOutcome[],
): Promise<void> {
  const { rows } = await openBatch(attempt).execute(tx);
  if (rows.length > 0) await dropOtherOwners(tx, linksOf(outcomes));
}

async function addRequests(
  db: Kysely<Tables>,
  run: string,
  batch: number,
  requests: RequestCount,
): Promise<void> {
  if (requests.reads + requests.writes === 0) return;
  await db
    .updateTable('batches')
    .set({
      reads: sql<number>`reads + ${requests.reads}`,
      writes: sql<number>`writes + ${requests.writes}`,
    })
    .where('run_id', '=', run)
    .where('batch', '=', batch)
    .execute();
}
