import { type Kysely, type Selectable, sql } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

export type PlatformRow = Selectable<Tables['platforms']>;

/** A pause of a platform: until when (null: until resumed), why and by whom. */
export type Pause = { readonly untilMs: number | null; readonly reason: string | null; readonly by: string };

/** What is remembered of each platform between runs. */
export type PlatformStore = {
  readonly find: (customer: string, platform: string) => Promise<PlatformRow | undefined>;
  readonly all: (customer: string) => Promise<readonly PlatformRow[]>;
  /** Whether any customer has or had a platform of that name. */
  readonly isKnown: (platform: string) => Promise<boolean>;
  /** A run that left the platform in step, by these rules. */
  readonly good: (
    customer: string,
    platform: string,
    run: string,
    nowMs: number,
    rules: PlatformRow['rules'],
  ) => Promise<void>;
  /** Sizes of a complete read, adjusted by what was applied: what the next read is compared with. */
  readonly sizes: (
    customer: string,
    platform: string,
    accounts: number | null,
    members: Readonly<Record<string, number>>,
  ) => Promise<void>;
  readonly pause: (customer: string, platform: string, pause: Pause, nowMs: number) => Promise<void>;
  readonly resume: (customer: string, platform: string) => Promise<boolean>;
  /** All platforms that are paused, of all customers. */
  readonly paused: () => Promise<readonly PlatformRow[]>;
  /** Remembers up to which slot a schedule was taken care of; never goes back. */
  readonly slotDone: (customer: string, platform: string, slotMs: number) => Promise<void>;
};

/** Platforms in that database. */
export function createPlatformStore(db: Kysely<Tables>, times: StoredTimes): PlatformStore {
  /** The row without what its own times say of another clock. */
  const credible = (row: PlatformRow): PlatformRow => {
    const of = `${row.customer}/${row.platform}`;
    const pausedMs = times.credible('paused', row.paused_ms, of);
    // Somebody did pause it: then it lasts until somebody resumes it, and has lasted too long already.
    const pause = pausedMs === row.paused_ms ? {} : { paused_ms: 0, paused_until_ms: null };
    return {
      ...row,
      ...pause,
      last_slot_ms: times.credible('lastSlot', row.last_slot_ms, of),
      last_good_ms: times.credible('lastGood', row.last_good_ms, of),
    };
  };
  const upsert = (
    customer: string,
    platform: string,
    values: Partial<Omit<PlatformRow, 'last_members' | 'rules'>>,
  ) =>
    db
      .insertInto('platforms')
      .values({ customer, platform, last_members: jsonb({}), ...values } as never)
      .onConflict((conflict) => conflict.columns(['customer', 'platform']).doUpdateSet(values));
  return {
    find: async (customer, platform) => {
      const row = await db
        .selectFrom('platforms')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .executeTakeFirst();
      return row === undefined ? undefined : credible(row);
    },
    isKnown: async (platform) => {
      const row = await db
        .selectFrom('platforms')
        .select('platform')
        .where('platform', '=', platform)
        .executeTakeFirst();
      return row !== undefined;
    },
    all: async (customer) => {
      const rows = await db
        .selectFrom('platforms')
        .selectAll()
        .where('customer', '=', customer)
        .orderBy('platform')
        .execute();
      return rows.map(credible);
    },
    good: async (customer, platform, run, nowMs, rules) => {
      await upsert(customer, platform, { last_good_run: run, last_good_ms: nowMs }).execute();
      await db
        .updateTable('platforms')
        .set({ rules: jsonb({ ...rules }) })
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('rules', 'is distinct from', jsonb({ ...rules }))
        .execute();
    },
    sizes: async (customer, platform, accounts, members) => {
      await upsert(customer, platform, { last_accounts: accounts }).execute();
      await db
        .updateTable('platforms')
        .set({ last_members: jsonb({ ...members }) })
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .execute();
    },
    pause: async (customer, platform, pause, nowMs) => {
      await upsert(customer, platform, {
        paused_ms: nowMs,
        paused_until_ms: pause.untilMs,
        pause_reason: pause.reason,
        paused_by: pause.by,
      }).execute();
    },
    resume: async (customer, platform) => {
      const done = await db
        .updateTable('platforms')
        .set({ paused_ms: null, paused_until_ms: null, pause_reason: null, paused_by: null })
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('paused_ms', 'is not', null)
        .executeTakeFirst();
      return done.numUpdatedRows > 0n;
    },
    paused: async () =>
      (await db.selectFrom('platforms').selectAll().where('paused_ms', 'is not', null).execute()).map(
        credible,
      ),
    slotDone: async (customer, platform, slotMs) => {
      await sql`
        insert into rollcall.platforms as p (customer, platform, last_slot_ms) values (${customer}, ${platform}, ${slotMs})
        on conflict (customer, platform) do update set last_slot_ms = case
          when p.last_slot_ms > ${times.latestMs('lastSlot')} then excluded.last_slot_ms
          else greatest(p.last_slot_ms, excluded.last_slot_ms) end`.execute(db);
    },
  };
}
