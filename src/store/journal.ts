import { type ExpressionBuilder, type Kysely, type Selectable, sql } from 'kysely';
import { type ChangeCounts, type ChangeKind, noChanges } from '../change.ts';
import { recentReach } from './results.ts';
import { legalSpansMs } from './times.ts';
import type { Disposition, Tables } from './schema.ts';

/** A change as stored: the journal's line. */
export type StoredChange = Selectable<Tables['journal']>;

const chunkSize = 2_000;

/** The journal, read: every change that was planned, and what became of it. */
export type JournalStore = {
  readonly changes: (
    run: string,
    filter?: { readonly disposition?: Disposition; readonly afterSeq?: number; readonly pageSize?: number },
  ) => AsyncIterable<readonly StoredChange[]>;
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
  /** Unenrollments applied since then without an approval, by target. */
  readonly recentUnenrolls: (
    customer: string,
    platform: string,
    sinceMs: number,
  ) => Promise<ReadonlyMap<string, number>>;
  /** Changes sent since then that may have been applied: nobody knows. */
  readonly recentUnknown: (
    customer: string,
    platform: string,
    sinceMs: number,
  ) => Promise<
    readonly { readonly kind: ChangeKind; readonly target: string | null; readonly fingerprint: string }[]
  >;
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
    changes: async function* (run, filter = {}) {
      let after = filter.afterSeq ?? -1;
      const size = filter.pageSize ?? chunkSize;
      for (;;) {
        let query = db.selectFrom('journal').selectAll().where('run_id', '=', run).where('seq', '>', after);
        if (filter.disposition !== undefined) query = query.where('disposition', '=', filter.disposition);
        const page = await query.orderBy('seq').limit(size).execute();
        if (page.length > 0) yield page;
        if (page.length < size) return;
        after = page.at(-1)?.seq ?? after;
      }
    },
    failedAccounts: async (run, people) => {
      if (people.length === 0) return new Set();
      const rows = await db
        .selectFrom('journal')
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
        .selectFrom('journal')
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
        .selectFrom('journal')
        .select(['kind', 'target', 'fingerprint'])
        .distinct()
        .where('run_id', 'in', (eb) => runsSince(eb, customer, platform, sinceMs))
        .where('outcome', '=', 'unknown')
        .where('approved', '=', false)
        .where('done_ms', '>', sinceMs)
        .execute(),
    recentUnenrolls: async (customer, platform, sinceMs) => {
      const rows = await db
        .selectFrom('journal')
        .select(['target', (eb) => eb.fn.countAll<number>().as('count')])
        .where('run_id', 'in', (eb) => runsSince(eb, customer, platform, sinceMs))
        .where('kind', '=', 'unenroll')
        .where('outcome', '=', 'done')
        .where('approved', '=', false)
        .where('done_ms', '>', sinceMs)
        .groupBy('target')
        .execute();
      return new Map(rows.flatMap(({ target, count }) => (target === null ? [] : [[target, Number(count)]])));
    },
    recentCounts: async (customer, platform, sinceMs) => {
      const rows = await db
        .selectFrom('journal')
        .select(['kind', (eb) => eb.fn.countAll<number>().as('count')])
        .where('run_id', 'in', (eb) => runsSince(eb, customer, platform, sinceMs))
        .where('outcome', '=', 'done')
        .where('approved', '=', false)
        .where('done_ms', '>', sinceMs)
        // What lies further ahead than that was stored under another clock, and would count for as long.
        .where('done_ms', '<=', sinceMs + 2 * legalSpansMs.applied)
        // Limits on joining do not bind while nothing is managed; what they did not bind must not count the day after.
        .where((eb) =>
          eb.or([
            eb('kind', 'not in', ['create', 'enroll']),
            eb('run_id', 'in', runsSince(eb, customer, platform, sinceMs).where('managed', '>', 0)),
          ]),
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
        .selectFrom('journal')
        .innerJoin('runs', 'runs.id', 'journal.run_id')
        .selectAll('journal')
        .where('journal.customer', '=', customer)
        .where('journal.person', '=', person)
        .where('journal.disposition', '=', 'held')
        .where('runs.decided', 'is', null)
        .orderBy('runs.created_ms', 'desc')
        .orderBy('journal.seq')
        .execute(),
    appliedSince: async (customer, platform, people, sinceMs, exceptRun) => {
      const runs = new Map<string, string>();
      for (let at = 0; at < people.length; at += chunkSize) {
        const rows = await db
          .selectFrom('journal')
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
        .selectFrom('journal')
        .innerJoin('runs', 'runs.id', 'journal.run_id')
        .selectAll('journal')
        .select(['runs.trigger', 'runs.actor'])
        .where('journal.customer', '=', customer)
        .where('journal.person', '=', person)
        .orderBy('runs.created_ms', 'desc')
        .orderBy('journal.seq', 'desc')
        .limit(limit)
        .execute(),
    undoneElsewhere: async (run, sinceMs) => {
      // Sets, not a look-up for each change: a first sync has a million, and nothing before it.
      const rows = await sql<{ person: string; kind: ChangeKind }>`
        with this_run as materialized (select customer, platform from rollcall.runs where id = ${run}),
        recent as materialized (
          select e.id from rollcall.runs e, this_run r
          where e.customer = r.customer and e.platform = r.platform and e.id <> ${run}
            and e.planned_ms is not null and e.status <> 'unchanged' and (e.ended_ms is null or e.ended_ms > ${sinceMs})
        ),
        planned as materialized (
          select customer, person, kind, coalesce(target, '') as target, fingerprint from rollcall.changes
          where run_id = ${run} and exists (select from recent)
        ),
        last as materialized (
          select distinct on (d.person, coalesce(d.target, '')) d.person, coalesce(d.target, '') as target, d.fingerprint
          from planned p
          join rollcall.journal d on d.customer = p.customer and d.person = p.person and coalesce(d.target, '') = p.target
          where d.run_id in (select id from recent) and d.outcome = 'done' and d.done_ms > ${sinceMs}
          order by d.person, coalesce(d.target, ''), d.done_ms desc
        )
        select p.person, p.kind from planned p
        join last on last.person = p.person and last.target = p.target and last.fingerprint = p.fingerprint
        order by p.person limit 1000`.execute(db);
      return rows.rows;
    },
    memberChanges: async (run) => {
      const { rows } = await sql<{ target: string; enrolled: number; unenrolled: number }>`
        select target, count(*) filter (where kind = 'enroll') as enrolled, count(*) filter (where kind = 'unenroll') as unenrolled
        from rollcall.journal where run_id = ${run} and target is not null and outcome = 'done' group by target`.execute(
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
        .selectFrom('journal')
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
        .selectFrom('journal')
        .selectAll()
        .where('run_id', '=', run)
        .where('outcome', 'in', ['failed', 'unknown', 'skipped'])
        .orderBy('seq')
        .limit(limit)
        .execute(),
  };
}

/** The runs of a platform in which something may have been applied after that time. */
function runsSince(
  eb: ExpressionBuilder<Tables, 'journal'>,
  customer: string,
  platform: string,
  sinceMs: number,
) {
  return eb
    .selectFrom('runs')
    .select('runs.id')
    .where('runs.customer', '=', customer)
    .where('runs.platform', '=', platform)
    .where((run) => run.or([run('runs.ended_ms', 'is', null), run('runs.ended_ms', '>', sinceMs)]));
}
