import { type Kysely, sql } from 'kysely';
import { baselineWindowMs } from './roster-state.ts';
import type { Tables } from './schema.ts';

/** The journal is kept at least this long: the guard counts the last 24 hours, and undone work is looked for in 7 days. */
const leastJournalMs = 7 * 24 * 3_600_000;

/** How long personal data is kept. */
export type Retention = { readonly journalMs: number; readonly resultsMs: number };

/** Deletes what is older than its retention. Links stay: they outlive the journal. Returns how many runs went. */
export async function applyRetention(
  db: Kysely<Tables>,
  customer: string,
  retention: Retention,
  nowMs: number,
): Promise<number> {
  const before = nowMs - Math.max(retention.journalMs, leastJournalMs);
  const { rows } = await sql<{ runs: number }>`
    with gone as (
      delete from rollcall.runs where customer = ${customer} and created_ms < ${before} and ended_ms is not null returning id
    ),
    changes as (delete from rollcall.changes where run_id in (select id from gone)),
    outcomes as (delete from rollcall.outcomes where run_id in (select id from gone)),
    batches as (delete from rollcall.batches where run_id in (select id from gone))
    select count(*) as runs from gone`.execute(db);
  await db
    .deleteFrom('exports')
    .where('customer', '=', customer)
    // Sizes without anybody's data; the roster is compared with those of 30 days.
    .where('last_read_ms', '<', Math.min(before, nowMs - baselineWindowMs))
    .execute();
  await db
    .deleteFrom('approvals')
    .where('customer', '=', customer)
    .where('created_ms', '<', before)
    .execute();
  await db
    .deleteFrom('rejections')
    .where('customer', '=', customer)
    .where('created_ms', '<', before)
    .where('until_ms', '<', nowMs)
    .execute();
  await db
    .deleteFrom('suppressions')
    .where('customer', '=', customer)
    .where('until_ms', '<', nowMs)
    .execute();
  await db
    .deleteFrom('results')
    .where('customer', '=', customer)
    .where('read_ms', '<', nowMs - retention.resultsMs)
    .execute();
  await db
    .deleteFrom('completions')
    .where('customer', '=', customer)
    .where('seen_ms', '<', nowMs - retention.resultsMs)
    .execute();
  return Number(rows[0]?.runs ?? 0);
}
