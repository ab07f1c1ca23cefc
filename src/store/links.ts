import { type Kysely, type Selectable, sql } from 'kysely';
import { insertMany } from './database.ts';
import type { Tables } from './schema.ts';

export type LinkRow = Selectable<Tables['links']>;

/** Rows fetched at a time: a million links are never in memory at once. */
const pageSize = 20_000;

/** Links between people and accounts, which outlive the journal. */
export type LinkStore = {
  readonly all: (customer: string, platform: string) => AsyncIterable<readonly LinkRow[]>;
  readonly count: (customer: string, platform: string) => Promise<number>;
  readonly ofPerson: (customer: string, person: string) => Promise<readonly LinkRow[]>;
  readonly ofPeople: (
    customer: string,
    platform: string,
    people: readonly string[],
  ) => Promise<ReadonlyMap<string, LinkRow>>;
  readonly ofAccount: (customer: string, platform: string, accountId: string) => Promise<LinkRow | undefined>;
  readonly put: (links: readonly LinkRow[]) => Promise<void>;
  readonly remove: (customer: string, platform: string, person: string) => Promise<boolean>;
  /** Who an earlier key (an old email, a former account id) belongs to. */
  readonly alias: (customer: string, platform: string, key: string) => Promise<string | undefined>;
};

/** Inserts or replaces links; an account that another person had goes over to the new one. */
export async function putLinks(db: Kysely<Tables>, links: readonly LinkRow[]): Promise<void> {
  for (let at = 0; at < links.length; at += pageSize) {
    const json = JSON.stringify(links.slice(at, at + pageSize));
    await sql`
      delete from rollcall.links old using json_populate_recordset(null::rollcall.links, ${json}::json) new
      where old.customer = new.customer and old.platform = new.platform
        and (old.person = new.person or old.account_id = new.account_id)`.execute(db);
    await insertMany(db, 'links', links.slice(at, at + pageSize), pageSize);
  }
}

/** Links in that database. */
export function createLinkStore(db: Kysely<Tables>): LinkStore {
  return {
    all: async function* (customer, platform) {
      let after = '';
      for (;;) {
        const page = await db
          .selectFrom('links')
          .selectAll()
          .where('customer', '=', customer)
          .where('platform', '=', platform)
          .where(sql<string>`person collate "C"`, '>', after)
          .orderBy(sql`person collate "C"`)
          .limit(pageSize)
          .execute();
        if (page.length > 0) yield page;
        if (page.length < pageSize) return;
        after = page.at(-1)?.person ?? '';
      }
    },
    count: async (customer, platform) => {
      const row = await db
        .selectFrom('links')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },
    ofPerson: (customer, person) =>
      db
        .selectFrom('links')
        .selectAll()
        .where('customer', '=', customer)
        .where('person', '=', person)
        .orderBy('platform')
        .execute(),
    ofPeople: async (customer, platform, people) => {
      if (people.length === 0) return new Map();
      const rows = await db
        .selectFrom('links')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('person', 'in', [...people])
        .execute();
      return new Map(rows.map((row) => [row.person, row]));
    },
    ofAccount: (customer, platform, accountId) =>
      db
        .selectFrom('links')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('account_id', '=', accountId)
        .executeTakeFirst(),
    put: (links) => db.transaction().execute((tx) => putLinks(tx, links)),
    remove: async (customer, platform, person) => {
      const removed = await db
        .deleteFrom('links')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('person', '=', person)
        .executeTakeFirst();
      return removed.numDeletedRows > 0n;
    },
    alias: async (customer, platform, key) => {
      const row = await db
        .selectFrom('aliases')
        .select('person')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('key', '=', key)
        .executeTakeFirst();
      return row?.person;
    },
  };
}
