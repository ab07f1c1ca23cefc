import { type Kysely, sql } from 'kysely';
import type { Tables } from './schema.ts';

/** Whose a tenant of a platform is in this store. */
export type TenantOwner = { readonly customer: string; readonly platform: string };

/** Which customer writes to which tenant: two names for one tenant would undo each other's work. */
export type TenantStore = {
  /**
   * Claims a tenant, named by a digest, for a customer's platform. Gives the owner: the asker, or another customer whose
   * claim is not older than that moment and who has had a run since.
   */
  readonly claim: (
    tenant: string,
    asker: TenantOwner,
    nowMs: number,
    givenUpBeforeMs: number,
  ) => Promise<TenantOwner>;
  /** Customers of whom anything is remembered, by name. */
  readonly customers: () => Promise<readonly string[]>;
};

/** Tenants in that database. */
export function createTenantStore(db: Kysely<Tables>): TenantStore {
  return {
    claim: async (tenant, { customer, platform }, nowMs, givenUpBeforeMs) => {
      await sql`
        insert into rollcall.tenants as t (tenant, customer, platform, claimed_ms)
        values (${tenant}, ${customer}, ${platform}, ${nowMs})
        on conflict (tenant) do update set customer = excluded.customer, platform = excluded.platform, claimed_ms = excluded.claimed_ms
        where t.customer = excluded.customer or (
          t.claimed_ms < ${givenUpBeforeMs} and not exists (
            select 1 from rollcall.runs r
            where r.customer = t.customer and r.platform = t.platform and r.created_ms >= ${givenUpBeforeMs}
          )
        )`.execute(db);
      return db
        .selectFrom('tenants')
        .select(['customer', 'platform'])
        .where('tenant', '=', tenant)
        .executeTakeFirstOrThrow();
    },
    customers: async () => {
      const rows = await db
        .selectFrom('platforms')
        .select('customer')
        .distinct()
        .orderBy('customer')
        .execute();
      return rows.map(({ customer }) => customer);
    },
  };
}
