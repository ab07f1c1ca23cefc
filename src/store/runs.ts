import { type Kysely, type Selectable, sql } from 'kysely';
import { type ChangeCounts, type ChangeKind, noChanges } from '../change.ts';
import { jsonb } from './json.ts';
import type { RunReason, RunStatus, RunTrigger, Tables } from './schema.ts';

/** A run as stored. */
export type Run = Selectable<Tables['runs']>;

/** What a run begins with. */
export type NewRun = {
  readonly id: string;
  readonly customer: string;
  readonly platform: string;
  readonly person: string | null;
  readonly trigger: RunTrigger;
  readonly actor: string | null;
  readonly slotMs: number | null;
  readonly approval: string | null;
  /** The run that this one takes back. */
  readonly undoes?: string | null;
};

/** Runs: what happened, when, and how it ended. */
export type RunStore = {
  /** Creates the run, or returns the one that has that id: a job that starts again goes on with its run. */
  readonly begin: (run: NewRun, nowMs: number) => Promise<Run>;
  readonly find: (id: string) => Promise<Run | undefined>;
  /** The customer's runs whose id begins so, newest first, at most `limit`. */
  readonly beginningWith: (customer: string, prefix: string, limit: number) => Promise<readonly Run[]>;
  /** The first plan of the whole platform after that of this run: what took its place. */
  readonly replacing: (run: Run) => Promise<Run | undefined>;
  readonly list: (filter: {
    customer: string;
    platform?: string | undefined;
    limit: number;
  }) => Promise<readonly Run[]>;
  /** The newest run of each platform; those of one person do not count. */
  readonly newest: (customer: string) => Promise<readonly Run[]>;
  /** Runs that have not ended, the cancelled ones that still wind up among them; oldest first. */
  readonly open: (customer: string) => Promise<readonly Run[]>;
  /** Whether a run was begun for that slot or a later one. */
  readonly sinceSlot: (customer: string, platform: string, slotMs: number) => Promise<boolean>;
  /** Marks a run that has not ended as cancelled. False when it has ended. */
  readonly cancel: (id: string, actor: string) => Promise<boolean>;
  /** Forgets a run that never came to a plan. */
  readonly discard: (id: string) => Promise<void>;
  /** Says of a waiting run what it waits for. */
  readonly wait: (id: string, notes: readonly RunReason[]) => Promise<void>;
  /**
   * The last ended run of each platform, runs of one person, undone and cancelled ones left out. `through`: only runs
   * that came to a plan and its end, failed ones left out too.
   */
  readonly latest: (
    customer: string,
    platforms: readonly string[],
    through?: boolean,
  ) => Promise<readonly Run[]>;
  /** When the platform's first run was asked for; null when there was none. */
  readonly firstMs: (customer: string, platform: string) => Promise<number | null>;
  /** Customers with a run that ended after that time. */
  readonly customersEndedSince: (sinceMs: number) => Promise<readonly string[]>;
  /** Days, counted from that time on, on which a scheduled run read the roster again. */
  readonly scheduledDaysSince: (customer: string, sinceMs: number) => Promise<number>;
  readonly setStatus: (id: string, status: RunStatus, nowMs: number) => Promise<void>;
  readonly addRequests: (id: string, reads: number, writes: number) => Promise<void>;
  /** Adds reasons and notes of the launches; those of an earlier attempt are replaced. */
  readonly addReasons: (
    id: string,
    reasons: readonly RunReason[],
    notes: readonly RunReason[],
  ) => Promise<void>;
  readonly end: (
    id: string,
    end: {
      status: RunStatus;
      reasons: readonly RunReason[];
      notes?: readonly RunReason[];
      applied?: ChangeCounts;
      failed?: ChangeCounts;
    },
    nowMs: number,
  ) => Promise<void>;
  /** Held runs that wait for a decision, newest first. */
  readonly held: (customer: string, platform?: string) => Promise<readonly Run[]>;
  readonly decide: (id: string, decided: string) => Promise<void>;
  /** Counts of outcomes, by kind. */
  readonly outcomes: (id: string) => Promise<{ applied: ChangeCounts; failed: ChangeCounts; open: number }>;
};

/** Runs in that database. */
export function createRunStore(db: Kysely<Tables>): RunStore {
  const find = (id: string) => db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst();
  return {
    begin: async (run, nowMs) => {
      const zero = jsonb(noChanges());
      await db
        .insertInto('runs')
        .values({
          id: run.id,
          customer: run.customer,
          platform: run.platform,
          person: run.person,
          trigger: run.trigger,
          actor: run.actor,
          slot_ms: run.slotMs,
          approval: run.approval,
          status: 'waiting',
          created_ms: nowMs,
          started_ms: null,
          planned_ms: null,
          ended_ms: null,
          hash: null,
          planned: zero,
          applied: zero,
          failed: zero,
          held: zero,
          reasons: jsonb([]),
          notes: jsonb([]),
          rejected: 0,
          review: 0,
          managed: 0,
          accounts: 0,
          members: jsonb({}),
          reads: 0,
          writes: 0,
          hold_expires_ms: null,
          decided: null,
          decided_by: null,
          decided_ms: null,
          undoes: run.undoes ?? null,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      const begun = await find(run.id);
      if (begun === undefined) throw new Error(`run ${run.id} was not stored`);
      return begun;
    },
    find,
    beginningWith: (customer, prefix, limit) =>
      db
        .selectFrom('runs')
        .selectAll()
        .where('customer', '=', customer)
        .where((eb) => eb.fn<boolean>('starts_with', ['id', eb.val(prefix)]))
        .orderBy('created_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute(),
    replacing: (run) =>
      db
        .selectFrom('runs')
        .selectAll()
        .where('customer', '=', run.customer)
        .where('platform', '=', run.platform)
        .where('id', '<>', run.id)
        .where('person', 'is', null)
        .where('undoes', 'is', null)
        .where('planned_ms', '>', run.planned_ms ?? run.created_ms)
        .orderBy('planned_ms')
        .limit(1)
        .executeTakeFirst(),
    list: ({ customer, platform, limit }) => {
      let query = db.selectFrom('runs').selectAll().where('customer', '=', customer);
      if (platform !== undefined) query = query.where('platform', '=', platform);
      return query.orderBy('created_ms', 'desc').orderBy('id', 'desc').limit(limit).execute();
    },
    newest: (customer) =>
      db
        .selectFrom('runs')
        .selectAll()
        .distinctOn('platform')
        .where('customer', '=', customer)
        .where('person', 'is', null)
        .orderBy('platform')
        .orderBy('created_ms', 'desc')
        .execute(),
    open: (customer) =>
      db
        .selectFrom('runs')
        .selectAll()
        .where('customer', '=', customer)
        .where('ended_ms', 'is', null)
        .orderBy('created_ms')
        .execute(),
    latest: async (customer, platforms, through = false) => {
      if (platforms.length === 0) return [];
      const { rows } = await sql<Run>`
        select r.* from json_array_elements_text(${JSON.stringify(platforms)}::json) as p(name) cross join lateral (
          select * from rollcall.runs where customer = ${customer} and platform = p.name and person is null
            and trigger <> 'undo' and ended_ms is not null and status <> 'cancelled'
            and (${!through} or status <> 'failed')
          order by created_ms desc, id desc limit 1) r`.execute(db);
      return rows;
    },
    firstMs: async (customer, platform) => {
      const row = await db
        .selectFrom('runs')
        .select('created_ms')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .orderBy('created_ms')
        .limit(1)
        .executeTakeFirst();
      return row?.created_ms ?? null;
    },
    customersEndedSince: async (sinceMs) => {
      const rows = await db
        .selectFrom('runs')
        .select('customer')
        .distinct()
        .where('ended_ms', '>', sinceMs)
        .execute();
      return rows.map((row) => row.customer);
    },
    scheduledDaysSince: async (customer, sinceMs) => {
      // Half a day before and after each full day: a nightly run counts once, however its start varies.
      const { rows } = await sql<{ days: number }>`
        select count(distinct day) as days from (
          select (created_ms - ${sinceMs}::bigint + 43200000) / 86400000 as day from rollcall.runs
          where customer = ${customer} and person is null and trigger in ('schedule', 'catch-up')
            and planned_ms is not null and created_ms > ${sinceMs}) runs where day >= 1`.execute(db);
      return Number(rows[0]?.days ?? 0);
    },
    sinceSlot: async (customer, platform, slotMs) => {
      const found = await db
        .selectFrom('runs')
        .select('id')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('slot_ms', '>=', slotMs)
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
    },
    cancel: async (id, actor) => {
      const done = await db
        .updateTable('runs')
        .set({ status: 'cancelled', decided: `cancelled by ${actor}` })
        .where('id', '=', id)
        .where('ended_ms', 'is', null)
        .executeTakeFirst();
      return done.numUpdatedRows > 0n;
    },
    discard: async (id) => {
      await db.deleteFrom('runs').where('id', '=', id).where('planned_ms', 'is', null).execute();
    },
    wait: async (id, notes) => {
      await db
        .updateTable('runs')
        .set({ status: 'waiting', notes: jsonb([...notes]) })
        .where('id', '=', id)
        .where('status', '<>', 'cancelled')
        .execute();
    },
    setStatus: async (id, status, nowMs) => {
      // Who cancelled it has the last word.
      const update = db
        .updateTable('runs')
        .set({ status })
        .where('id', '=', id)
        .where('status', '<>', 'cancelled');
      await (status === 'reading' ? update.set({ started_ms: nowMs }) : update).execute();
    },
    addRequests: async (id, reads, writes) => {
      if (reads === 0 && writes === 0) return;
      await db
        .updateTable('runs')
        .set((eb) => ({ reads: eb('reads', '+', reads), writes: eb('writes', '+', writes) }))
        .where('id', '=', id)
        .execute();
    },
    addReasons: async (id, reasons, notes) => {
      const run = await find(id);
      if (run === undefined) return;
      const others = (known: readonly RunReason[]): readonly RunReason[] =>
        known.filter(({ code }) => !/LAUNCH|^NEWCOMERS_/.test(code));
      await db
        .updateTable('runs')
        .set({
          reasons: jsonb([...others(run.reasons), ...reasons]),
          notes: jsonb([...others(run.notes), ...notes]),
        })
        .where('id', '=', id)
        .execute();
    },
    end: async (id, end, nowMs) => {
      await db
        .updateTable('runs')
        .set({
          status: end.status,
          reasons: jsonb([...end.reasons]),
          ended_ms: nowMs,
          // A batch counts its own requests: were they added to the run's row, every batch would wait for the one before.
          reads: withBatches('reads'),
          writes: withBatches('writes'),
          ...(end.notes === undefined ? {} : { notes: jsonb([...end.notes]) }),
          ...(end.applied === undefined ? {} : { applied: jsonb(end.applied) }),
          ...(end.failed === undefined ? {} : { failed: jsonb(end.failed) }),
        })
        .where('id', '=', id)
        // Once: a second time would count the batches' requests again.
        .where('ended_ms', 'is', null)
        .execute();
    },
    held: (customer, platform) => {
      let query = db
        .selectFrom('runs')
        .selectAll()
        .where('customer', '=', customer)
        .where('hold_expires_ms', 'is not', null)
        .where('decided', 'is', null);
      if (platform !== undefined) query = query.where('platform', '=', platform);
      return query.orderBy('created_ms', 'desc').execute();
    },
    decide: async (id, decided) => {
      await db.updateTable('runs').set({ decided }).where('id', '=', id).execute();
    },
    outcomes: async (id) => {
      const rows = await db
        .selectFrom('journal')
        .select(['kind', 'outcome', (eb) => eb.fn.countAll<number>().as('count')])
        .where('run_id', '=', id)
        .where('disposition', '=', 'apply')
        .groupBy(['kind', 'outcome'])
        .execute();
      const applied: Record<ChangeKind, number> = noChanges();
      const failed: Record<ChangeKind, number> = noChanges();
      let open = 0;
      for (const row of rows) {
        if (row.outcome === null) open += Number(row.count);
        else if (row.outcome === 'done') applied[row.kind] += Number(row.count);
        else failed[row.kind] += Number(row.count);
      }
      return { applied, failed, open };
    },
  };
}

/** A run's requests and those of its batches. */
function withBatches(column: 'reads' | 'writes') {
  const name = sql.ref(column);
  return sql<number>`${name} + (select coalesce(sum(b.${name}), 0) from rollcall.batches b where b.run_id = runs.id)`;
}
