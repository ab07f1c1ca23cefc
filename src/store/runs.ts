import type { Kysely, Selectable } from 'kysely';
import { type ChangeCounts, type ChangeKind, noChanges } from '../change.ts';
import { jsonb } from './json.ts';
import { openStatuses, type RunReason, type RunStatus, type RunTrigger, type Tables } from './schema.ts';

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
};

/** Runs: what happened, when, and how it ended. */
export type RunStore = {
  /** Creates the run, or returns the one that has that id: a job that starts again goes on with its run. */
  readonly begin: (run: NewRun, nowMs: number) => Promise<Run>;
  readonly find: (id: string) => Promise<Run | undefined>;
  readonly list: (filter: {
    customer: string;
    platform?: string | undefined;
    limit: number;
  }) => Promise<readonly Run[]>;
  readonly open: (customer: string) => Promise<readonly Run[]>;
  readonly setStatus: (id: string, status: RunStatus, nowMs: number) => Promise<void>;
  readonly addRequests: (id: string, reads: number, writes: number) => Promise<void>;
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
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      const begun = await find(run.id);
      if (begun === undefined) throw new Error(`run ${run.id} was not stored`);
      return begun;
    },
    find,
    list: ({ customer, platform, limit }) => {
      let query = db.selectFrom('runs').selectAll().where('customer', '=', customer);
      if (platform !== undefined) query = query.where('platform', '=', platform);
      return query.orderBy('created_ms', 'desc').orderBy('id', 'desc').limit(limit).execute();
    },
    open: (customer) =>
      db
        .selectFrom('runs')
        .selectAll()
        .where('customer', '=', customer)
        .where('status', 'in', [...openStatuses])
        .orderBy('created_ms')
        .execute(),
    setStatus: async (id, status, nowMs) => {
      const update = db.updateTable('runs').set({ status }).where('id', '=', id);
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
    end: async (id, end, nowMs) => {
      await db
        .updateTable('runs')
        .set({
          status: end.status,
          reasons: jsonb([...end.reasons]),
          ended_ms: nowMs,
          ...(end.notes === undefined ? {} : { notes: jsonb([...end.notes]) }),
          ...(end.applied === undefined ? {} : { applied: jsonb(end.applied) }),
          ...(end.failed === undefined ? {} : { failed: jsonb(end.failed) }),
        })
        .where('id', '=', id)
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
        .selectFrom('changes')
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
