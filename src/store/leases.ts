import { type Kysely, sql } from 'kysely';
import { RollcallError } from '../errors.ts';
import type { Tables } from './schema.ts';

/** The lease is not held any more: what was begun under it must not go on. */
export class LeaseLost extends RollcallError {
  constructor() {
    super('RUN_OVERLAP', 'the right to run the platform is not held any more: nothing more is sent.');
  }
}

/**
 * No lease is taken for longer than this. One that claims to last longer was stored under another clock, and counts as
 * one that is over.
 */
export const longestLeaseMs = 2 * 60_000;

/** The database's clock, in ms since 1970: the one clock that all processes share. */
export const databaseClock = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/**
 * How taking a lease ended. `number` is the fencing number: raised whenever somebody else takes the lease, so that what
 * is begun under one number can be told from what a later holder does. `from`: who had it until then and did not give it
 * back. `owner`: who has it.
 */
export type LeaseTaken =
  | { readonly mine: true; readonly number: number; readonly from: string | null }
  | { readonly mine: false; readonly owner: string | null };

/** A worker that may have a request on its way, and how long such a request lasts at most after it was allowed. */
export type BusySender = {
  readonly run: string;
  readonly batch: number;
  readonly sender: string;
  readonly lastsMs: number;
};

/**
 * Leases: the right to run a platform (or to speak for a customer), by the database's clock, each with its fencing
 * number.
 */
export type LeaseStore = {
  /**
   * Takes the lease if nobody has it, or goes on with it if `owner` has it. `gone`: a holder that is known to be gone, from
   * whom it is taken at once.
   */
  readonly take: (
    customer: string,
    platform: string,
    owner: string,
    ttlMs: number,
    gone?: string,
  ) => Promise<LeaseTaken>;
  /** Makes it last for `ttlMs` from now. False when somebody else took it, or it was given back. */
  readonly renew: (
    customer: string,
    platform: string,
    owner: string,
    number: number,
    ttlMs: number,
  ) => Promise<boolean>;
  /** Gives it back; nothing happens where somebody else has it. */
  readonly release: (customer: string, platform: string, owner: string) => Promise<void>;
  /** Who has it now; null when nobody does. */
  readonly holder: (customer: string, platform: string) => Promise<string | null>;
  /** Whether the lease is still held under that number, now. */
  readonly holds: (customer: string, platform: string, number: number) => Promise<boolean>;
  /** Workers that took a batch of this platform up and have not said how it ended. */
  readonly busy: (customer: string, platform: string) => Promise<readonly BusySender[]>;
  /** Whether a launch was begun of which nobody knows how it ended. */
  readonly launching: (customer: string, platform: string) => Promise<boolean>;
  /**
   * The platform's batches that have not ended belong to that lease from now on: what an earlier holder still says of them
   * is refused.
   */
  readonly adopt: (customer: string, platform: string, number: number) => Promise<void>;
};

/** That a row of `platforms`, named `p`, is leased now. */
export const isLeased = sql<boolean>`(p.lease_owner is not null and p.lease_until_ms > ${databaseClock}
  and p.lease_until_ms <= ${databaseClock} + ${sql.lit(longestLeaseMs)})`;

/** That a row of `runs`, named `r`, is performed under that lease, and nobody has taken the platform over since. */
export function isPerformed(lease: number) {
  return sql<boolean>`(r.lease_number = ${lease} and exists (select from rollcall.platforms p
    where p.customer = r.customer and p.platform = r.platform and p.lease_number = ${lease}))`;
}

/** Leases in that database. */
export function createLeaseStore(db: Kysely<Tables>): LeaseStore {
  return {
    take: async (customer, platform, owner, ttlMs, gone) => {
      const { rows } = await sql<{ number: number; from: string | null }>`
        with known as materialized (
          select lease_owner from rollcall.platforms where customer = ${customer} and platform = ${platform}
        )
        insert into rollcall.platforms as p (customer, platform, lease_owner, lease_until_ms, lease_number)
        values (${customer}, ${platform}, ${owner}, ${databaseClock} + ${ttlMs}::bigint, 1)
        on conflict (customer, platform) do update set lease_owner = excluded.lease_owner,
          lease_until_ms = excluded.lease_until_ms,
          lease_number = p.lease_number + case when p.lease_owner = excluded.lease_owner then 0 else 1 end
        where p.lease_owner = excluded.lease_owner or p.lease_owner = ${gone ?? null} or not ${isLeased}
        returning lease_number as number, (select lease_owner from known) as from`.execute(db);
      const [row] = rows;
      if (row === undefined) {
        const state = await db
          .selectFrom('platforms')
          .select('lease_owner')
          .where('customer', '=', customer)
          .where('platform', '=', platform)
          .executeTakeFirst();
        return { mine: false, owner: state?.lease_owner ?? null };
      }
      return { mine: true, number: Number(row.number), from: row.from === owner ? null : row.from };
    },
    renew: async (customer, platform, owner, number, ttlMs) => {
      const { rows } = await sql`
        update rollcall.platforms set lease_until_ms = ${databaseClock} + ${ttlMs}::bigint
        where customer = ${customer} and platform = ${platform} and lease_owner = ${owner} and lease_number = ${number}
        returning 1`.execute(db);
      return rows.length > 0;
    },
    release: async (customer, platform, owner) => {
      await db
        .updateTable('platforms')
        .set({ lease_owner: null, lease_until_ms: null })
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('lease_owner', '=', owner)
        .execute();
    },
    holder: async (customer, platform) => {
      const { rows } = await sql<{ lease_owner: string | null }>`
        select p.lease_owner from rollcall.platforms p
        where p.customer = ${customer} and p.platform = ${platform} and ${isLeased}`.execute(db);
      return rows[0]?.lease_owner ?? null;
    },
    holds: async (customer, platform, number) => {
      const { rows } = await sql`
        select 1 from rollcall.platforms p where p.customer = ${customer} and p.platform = ${platform}
          and p.lease_number = ${number} and ${isLeased}`.execute(db);
      return rows.length > 0;
    },
    busy: async (customer, platform) => {
      const rows = await db
        .selectFrom('batches')
        .select(['run_id', 'batch', 'sender', 'lasts_ms'])
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('sender', 'is not', null)
        .execute();
      return rows.map(({ run_id: run, batch, sender, lasts_ms: lastsMs }) => ({
        run,
        batch,
        sender: sender ?? '',
        lastsMs: lastsMs ?? 0,
      }));
    },
    launching: async (customer, platform) => {
      const row = await db
        .selectFrom('launches')
        .select('name')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('state', 'in', ['creating', 'sending'])
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    adopt: async (customer, platform, number) => {
      await db
        .updateTable('batches')
        .set({ sender: null, lease_number: number })
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('sender', 'is not', null)
        .execute();
    },
  };
}
