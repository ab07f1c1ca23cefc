import { type Kysely, sql } from 'kysely';
import type { ChangeCounts } from '../change.ts';
import type { PlatformRow } from './platforms.ts';
import type { RunReason, RunStatus, Tables } from './schema.ts';

/** A platform of a customer. */
export type PlatformKey = { readonly customer: string; readonly platform: string };

/** A run as an overview shows it. */
export type RunGlance = PlatformKey & {
  readonly id: string;
  readonly status: RunStatus;
  readonly created_ms: number;
  readonly ended_ms: number | null;
  readonly reasons: readonly RunReason[];
};

/** A hold that nobody has decided. */
export type HoldGlance = PlatformKey & {
  readonly id: string;
  readonly hash: string | null;
  readonly held: ChangeCounts;
  readonly managed: number;
  readonly created_ms: number;
  readonly hold_expires_ms: number;
};

/** What was rejected of one run and still stands. */
export type RejectionGlance = PlatformKey & {
  readonly run_id: string;
  readonly changes: number;
  readonly actor: string;
  readonly until_ms: number | null;
  readonly created_ms: number;
};

/** The last reading of a part of a customer's roster. */
export type RosterGlance = {
  readonly customer: string;
  /** The part of the roster; '' is the only one. */
  readonly part: string;
  readonly modified_ms: number;
  readonly last_read_ms: number;
  readonly rows: number;
  readonly rejected: number;
  readonly complete: boolean;
};

/** Many customers at once: each look is one query, however many there are. */
export type OverviewStore = {
  readonly platforms: (customers: readonly string[]) => Promise<readonly PlatformRow[]>;
  /** The newest runs of whole platforms, newest first, at most `each` of a platform. */
  readonly runs: (platforms: readonly PlatformKey[], each: number) => Promise<readonly RunGlance[]>;
  readonly holds: (customers: readonly string[]) => Promise<readonly HoldGlance[]>;
  readonly rejections: (customers: readonly string[], nowMs: number) => Promise<readonly RejectionGlance[]>;
  readonly rosters: (customers: readonly string[]) => Promise<readonly RosterGlance[]>;
  /** People in review, by platform. */
  readonly reviews: (
    customers: readonly string[],
  ) => Promise<readonly (PlatformKey & { readonly people: number })[]>;
  /** Launches that wait for somebody, by platform. */
  readonly launches: (
    customers: readonly string[],
  ) => Promise<readonly (PlatformKey & { readonly state: string; readonly launches: number })[]>;
};

/** Overviews of that database. */
export function createOverviewStore(db: Kysely<Tables>): OverviewStore {
  const of = (customers: readonly string[]) =>
    sql`select json_array_elements_text(${JSON.stringify(customers)}::json) collate "C"`;
  return {
    platforms: (customers) =>
      db
        .selectFrom('platforms')
        .selectAll()
        .where(sql<boolean>`customer in (${of(customers)})`)
        .execute(),
    runs: async (platforms, each) => {
      const { rows } = await sql<RunGlance>`
        select r.* from json_to_recordset(${JSON.stringify(platforms)}::json) as p(customer text, platform text)
        cross join lateral (
          select id, customer, platform, status, created_ms, ended_ms, reasons from rollcall.runs
          where customer = p.customer collate "C" and platform = p.platform collate "C" and person is null
          order by created_ms desc, id desc limit ${each}) r`.execute(db);
      return rows;
    },
    holds: async (customers) => {
      const { rows } = await sql<HoldGlance>`
        select id, customer, platform, hash, held, managed, created_ms, hold_expires_ms from rollcall.runs
        where hold_expires_ms is not null and decided is null and customer in (${of(customers)})
        order by created_ms desc`.execute(db);
      return rows;
    },
    rejections: async (customers, nowMs) => {
      const { rows } = await sql<RejectionGlance>`
        select customer, platform, run_id, count(*) as changes, min(actor) as actor, max(until_ms) as until_ms,
          min(created_ms) as created_ms
        from rollcall.suppressions
        where cause = 'rejected' and (until_ms is null or until_ms > ${nowMs}) and customer in (${of(customers)})
        group by customer, platform, run_id order by min(created_ms) desc`.execute(db);
      return rows;
    },
    rosters: async (customers) => {
      const { rows } = await sql<RosterGlance>`
        select distinct on (customer, part) customer, part, modified_ms, last_read_ms, rows, rejected, complete
        from rollcall.exports where customer in (${of(customers)}) order by customer, part, last_read_ms desc`.execute(
        db,
      );
      return rows;
    },
    reviews: async (customers) => {
      const { rows } = await sql<PlatformKey & { people: number }>`
        select customer, platform, count(*) as people from rollcall.reviews
        where customer in (${of(customers)}) group by customer, platform`.execute(db);
      return rows;
    },
    launches: async (customers) => {
      const { rows } = await sql<PlatformKey & { state: string; launches: number }>`
        select customer, platform, case when state = 'unknown' then 'unknown' else 'held' end as state, count(*) as launches
        from rollcall.launches where (state = 'unknown' or (held and approved_ms is null)) and customer in (${of(customers)})
        group by 1, 2, 3`.execute(db);
      return rows;
    },
  };
}
