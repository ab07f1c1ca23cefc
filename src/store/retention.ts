import type { Kysely } from 'kysely';
import type { Tables } from './schema.ts';

/** How long personal data is kept. */
export type Retention = { readonly journalMs: number; readonly resultsMs: number };

/** Deletes what is older than its retention. Links stay: they outlive the journal. Returns how many runs went. */
export async function applyRetention(
  db: Kysely<Tables>,
  customer: string,
  retention: Retention,
  nowMs: number,
): Promise<number> {
  const before = nowMs - retention.journalMs;
  const runs = await db
    .deleteFrom('runs')
    .where('customer', '=', customer)
    .where('created_ms', '<', before)
    .where('ended_ms', 'is not', null)
    .executeTakeFirst();
  await db
    .deleteFrom('exports')
    .where('customer', '=', customer)
    .where('last_read_ms', '<', before)
    .execute();
  await db
    .deleteFrom('approvals')
    .where('customer', '=', customer)
    .where('created_ms', '<', before)
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
  return Number(runs.numDeletedRows);
}
