import { type Kysely, sql } from 'kysely';
import { type ChangeCounts, noChanges } from '../change.ts';
import { jsonb } from './json.ts';
import { isLeased, isPerformed } from './leases.ts';
import { createRunLookups, type Run, type RunLookups } from './run-lookups.ts';
import type { RunReason, RunStatus, RunTrigger, Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

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
export type RunStore = RunLookups & {
  /** Creates the run, or returns the one that has that id: a job that starts again goes on with its run. */
  readonly begin: (run: NewRun, nowMs: number) => Promise<Run>;
  /** From now on the run is performed under that lease of its platform. False when somebody else has taken that over. */
  readonly perform: (id: string, lease: number) => Promise<boolean>;
  /** Marks a run that has not ended as cancelled. False when it has ended. */
  readonly cancel: (id: string, actor: string) => Promise<boolean>;
  /** Forgets a run that never came to a plan. */
  readonly discard: (id: string) => Promise<void>;
  /** Says of a waiting run what it waits for. */
  readonly wait: (id: string, notes: readonly RunReason[]) => Promise<void>;
  readonly setStatus: (id: string, status: RunStatus, nowMs: number) => Promise<void>;
  readonly addRequests: (id: string, reads: number, writes: number) => Promise<void>;
  /** Replaces all reasons and notes of a run that has a plan. */
  readonly setReasons: (
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
      /** The lease under which whoever ends it performed it; nothing happens if that is not the run's any more. */
      lease?: number;
    },
    nowMs: number,
  ) => Promise<void>;
  readonly decide: (id: string, decided: string) => Promise<void>;
};

/** Runs in that database. */
export function createRunStore(db: Kysely<Tables>, times: StoredTimes): RunStore {
  const lookups = createRunLookups(db, times);
  const { find } = lookups;
  return {
    ...lookups,
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
          target_names: jsonb({}),
          reads: 0,
          writes: 0,
          hold_expires_ms: null,
          decided: null,
          decided_by: null,
          decided_ms: null,
          undoes: run.undoes ?? null,
          lease_number: null,
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute();
      const begun = await find(run.id);
      if (begun === undefined) throw new Error(`run ${run.id} was not stored`);
      return begun;
    },
    perform: async (id, lease) => {
      const { rows } = await sql`
        update rollcall.runs r set lease_number = ${lease} from rollcall.platforms p
        where r.id = ${id} and p.customer = r.customer and p.platform = r.platform and p.lease_number = ${lease}
          and ${isLeased} returning 1`.execute(db);
      return rows.length > 0;
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
    setReasons: async (id, reasons, notes) => {
      await db
        .updateTable('runs')
        .set({ reasons: jsonb([...reasons]), notes: jsonb([...notes]) })
        .where('id', '=', id)
        .execute();
    },
    end: async (id, end, nowMs) => {
      let update = db
        .updateTable('runs as r')
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
        .where('ended_ms', 'is', null);
      if (end.lease !== undefined) update = update.where(isPerformed(end.lease));
      await update.execute();
    },
    decide: async (id, decided) => {
      await db.updateTable('runs').set({ decided }).where('id', '=', id).execute();
    },
  };
}

/** A run's requests and those of its batches. */
function withBatches(column: 'reads' | 'writes') {
  const name = sql.ref(column);
  return sql<number>`${name} + (select coalesce(sum(b.${name}), 0) from rollcall.batches b where b.run_id = r.id)`;
}
