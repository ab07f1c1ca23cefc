import { type Kysely, type Selectable, sql } from 'kysely';
import type { RosterGlance } from './overview.ts';
import type { Tables } from './schema.ts';

/** A run of a whole platform, as far as pictures show it. */
export type PastRun = Pick<
  Selectable<Tables['runs']>,
  | 'platform'
  | 'status'
  | 'created_ms'
  | 'started_ms'
  | 'ended_ms'
  | 'applied'
  | 'accounts'
  | 'managed'
  | 'reads'
  | 'writes'
  | 'hold_expires_ms'
  | 'decided_ms'
>;

/** A customer's past, oldest first. */
export type History = {
  readonly runs: readonly PastRun[];
  readonly rosters: readonly Pick<RosterGlance, 'part' | 'last_read_ms' | 'rows'>[];
  /** From the first plan that has a leaver's deactivation until it was done. */
  readonly leavers: {
    readonly people: number;
    readonly medianMs: number | null;
    readonly worstMs: number | null;
  };
};

/** Runs that pictures are drawn from; with more, the oldest are left out. */
const mostRuns = 2_000;

/** What happened to a customer since then. */
export async function readHistory(db: Kysely<Tables>, customer: string, sinceMs: number): Promise<History> {
  const runs = await db
    .selectFrom('runs')
    .select([
      'platform',
      'status',
      'created_ms',
      'started_ms',
      'ended_ms',
      'applied',
      'accounts',
      'managed',
      'reads',
      'writes',
      'hold_expires_ms',
      'decided_ms',
    ])
    .where('customer', '=', customer)
    .where('created_ms', '>', sinceMs)
    .where('person', 'is', null)
    .where('ended_ms', 'is not', null)
    .orderBy('created_ms', 'desc')
    .limit(mostRuns)
    .execute();
  const rosters = await db
    .selectFrom('exports')
    .select(['part', 'last_read_ms', 'rows'])
    .where('customer', '=', customer)
    .where('last_read_ms', '>', sinceMs)
    .orderBy('last_read_ms')
    .limit(mostRuns)
    .execute();
  const { rows } = await sql<{ people: number; median: number | null; worst: number | null }>`
    select count(*) as people, percentile_cont(0.5) within group (order by took) as median, max(took) as worst from (
      select max(j.done_ms) - min(r.created_ms) as took from rollcall.journal j join rollcall.runs r on r.id = j.run_id
      where j.run_id in (select id from rollcall.runs where customer = ${customer} and created_ms > ${sinceMs})
        and j.kind = 'deactivate' and j.reason = 'TERMINATED'
      group by j.platform, j.person having max(j.done_ms) filter (where j.outcome = 'done') is not null) leavers`.execute(
    db,
  );
  const [leavers] = rows;
  return {
    runs: runs.toReversed(),
    rosters,
    leavers: {
      people: Number(leavers?.people ?? 0),
      medianMs: leavers?.median === null ? null : Number(leavers?.median ?? 0),
      worstMs: leavers?.worst === null ? null : Number(leavers?.worst ?? 0),
    },
  };
}
