import { type Kysely, type Selectable, sql } from 'kysely';
import { type ChangeCounts, type ChangeKind, noChanges } from '../change.ts';
import type { Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

/** A run as stored. */
export type Run = Selectable<Tables['runs']>;

/** A run that was asked for and of which nothing has begun: as much of it as its place in line depends on. */
export type WaitingRun = Pick<Run, 'id' | 'trigger' | 'person' | 'undoes' | 'created_ms'>;

/** Runs by what is asked of them. */
export type RunLookups = {
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
  /** Of the open ones those of which nothing has begun, that wait for no roster and for which nothing was approved; oldest first. */
  readonly waiting: (customer: string, platform: string) => Promise<readonly WaitingRun[]>;
  /** Whether a run was begun for that slot or a later one. */
  readonly sinceSlot: (customer: string, platform: string, slotMs: number) => Promise<boolean>;
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
  /** Held runs that wait for a decision, newest first. */
  readonly held: (customer: string, platform?: string) => Promise<readonly Run[]>;
  /** Counts of outcomes, by kind. */
  readonly outcomes: (id: string) => Promise<{ applied: ChangeCounts; failed: ChangeCounts; open: number }>;
};

/** Looks runs up in that database. */
export function createRunLookups(db: Kysely<Tables>, times: StoredTimes): RunLookups {
  return {
    find: (id) => db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst(),
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
        .where('created_ms', '<=', times.latestMs('created'))
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
    waiting: (customer, platform) =>
      db
        .selectFrom('runs')
        .select(['id', 'trigger', 'person', 'undoes', 'created_ms'])
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('status', '=', 'waiting')
        .where('ended_ms', 'is', null)
        .where('started_ms', 'is', null)
        .where('approval', 'is', null)
        .where(sql<boolean>`not notes @> '[{"code": "ROSTER_AWAITED"}]'::jsonb`)
        .orderBy('created_ms')
        .execute(),
    latest: async (customer, platforms, through = false) => {
      if (platforms.length === 0) return [];
      const { rows } = await sql<Run>`
        select r.* from json_array_elements_text(${JSON.stringify(platforms)}::json) as p(name) cross join lateral (
          select * from rollcall.runs where customer = ${customer} and platform = p.name and person is null
            and trigger <> 'undo' and ended_ms is not null and status <> 'cancelled'
            and created_ms <= ${times.latestMs('created')}
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
        .where('created_ms', '<=', times.latestMs('created'))
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
        .where('slot_ms', '<=', Math.max(slotMs, times.latestMs('lastSlot')))
        .limit(1)
        .executeTakeFirst();
      return found !== undefined;
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
