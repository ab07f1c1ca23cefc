import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import type { AccountRef, Link } from '../account.ts';
import { compactLinks } from './compact-links.ts';
import type { Tables } from './schema.ts';

export type LinkRow = Selectable<Tables['links']>;

/** A link as the diff wants it. */
export function linkOf(row: LinkRow): Link {
  return {
    person: row.person,
    accountId: row.account_id,
    externalId: row.external_id,
    email: row.email,
    writtenHash: row.written_hash,
    emailHash: row.email_hash,
    confirmedHash: row.confirmed_hash,
    deactivated: row.deactivated,
  };
}

/** Rows written at a time. */
const pageSize = 20_000;

/** Links between people and accounts, which outlive the journal. */
export type LinkStore = {
  /** What a diff compares of all links, page by page; each page can be gone through once. */
  readonly compact: (customer: string, platform: string) => AsyncIterable<Iterable<Link>>;
  readonly count: (customer: string, platform: string) => Promise<number>;
  readonly ofPerson: (customer: string, person: string) => Promise<readonly LinkRow[]>;
  readonly ofPeople: (
    customer: string,
    platform: string,
    people: readonly string[],
  ) => Promise<ReadonlyMap<string, LinkRow>>;
  readonly ofAccount: (customer: string, platform: string, accountId: string) => Promise<LinkRow | undefined>;
  readonly put: (links: readonly LinkRow[]) => Promise<void>;
  /**
   * Stores a link unless it would put two people on one account: then the person who has it is returned, and nothing
   * is stored. `key` is what an account without a platform id is told by: its external id, or its email.
   */
  readonly claim: (link: LinkRow, key: string | null) => Promise<string | null>;
  readonly remove: (customer: string, platform: string, person: string) => Promise<boolean>;
  /** Who an earlier key (an old email, a former account id) belongs to. */
  readonly alias: (customer: string, platform: string, key: string) => Promise<string | undefined>;
  /** All earlier keys of people on a platform. */
  readonly aliases: (
    customer: string,
    platform: string,
  ) => Promise<readonly { readonly key: string; readonly person: string }[]>;
  /** Whose each reference is, in their order: by account id, then external id, then email, then an earlier email. */
  readonly peopleOf: (
    customer: string,
    platform: string,
    refs: readonly AccountRef[],
  ) => Promise<readonly (string | null)[]>;
};

/** The columns of a link, and their types. */
const linkTypes = {
  customer: 'text',
  platform: 'text',
  person: 'text',
  account_id: 'text',
  external_id: 'text',
  email: 'text',
  written_hash: 'double precision',
  email_hash: 'double precision',
  confirmed_hash: 'double precision',
  deactivated: 'boolean',
  linked_ms: 'bigint',
  run_id: 'text',
} as const satisfies Record<keyof LinkRow, string>;
const linkColumns = Object.keys(linkTypes) as (keyof LinkRow)[];
const linkKey: readonly string[] = ['customer', 'platform', 'person'];
const replaced = linkColumns.filter((column) => !linkKey.includes(column));

/**
 * The rows that an insert of links takes: a column is one parameter however many there are, and what is the same in all of
 * them is written once.
 */
export function linkRows(links: readonly LinkRow[]): RawBuilder<unknown> {
  const [first] = links;
  const several: { readonly column: keyof LinkRow; readonly values: RawBuilder<unknown> }[] = [];
  const selected = linkColumns.map((column) => {
    const type = sql.raw(linkTypes[column]);
    const value = first?.[column];
    if (column !== 'person' && links.every((link) => link[column] === value)) return sql`${value}::${type}`;
    several.push({ column, values: sql`${links.map((link) => link[column])}::${type}[]` });
    return sql`given.${sql.ref(column)}`;
  });
  const names = several.map(({ column }) => sql.ref(column));
  return sql`select ${sql.join(selected)}
    from unnest(${sql.join(several.map(({ values }) => values))}) as given(${sql.join(names)})`;
}

export const intoLinks = sql`insert into rollcall.links (${sql.join(linkColumns.map((column) => sql.ref(column)))})`;
/** Of a person who has a link already, it is replaced. */
export const orReplaceLink = sql.raw(
  `on conflict (customer, platform, person) do update set ${replaced.map((column) => `${column} = excluded.${column}`).join(', ')}`,
);

/** Inserts or replaces links, each a person's. The database refuses an account that somebody else has (`storingLinks`). */
export async function putLinks(db: Kysely<Tables>, links: readonly LinkRow[]): Promise<void> {
  for (let at = 0; at < links.length; at += pageSize)
    await sql`${intoLinks} ${linkRows(links.slice(at, at + pageSize))} ${orReplaceLink}`.execute(db);
}

/** As `putLinks`; an account that somebody else had goes over to the new one. */
async function takeLinks(db: Kysely<Tables>, links: readonly LinkRow[]): Promise<void> {
  for (let at = 0; at < links.length; at += pageSize) {
    const page = links.slice(at, at + pageSize);
    await dropOtherOwners(db, page);
    await putLinks(db, page);
  }
}

/** Removes other people's links to these accounts: one account, one person. */
export async function dropOtherOwners(db: Kysely<Tables>, links: readonly LinkRow[]): Promise<void> {
  const taken = links.filter(({ account_id }) => account_id !== null);
  const [first] = taken;
  if (first === undefined) return;
  await db
    .deleteFrom('links')
    .where('account_id', '=', anyOf(taken.flatMap(({ account_id }) => account_id ?? [])))
    .where('customer', '=', first.customer)
    .where('platform', '=', first.platform)
    .where('person', '<>', allOf(links.map(({ person }) => person)))
    .execute();
}

/** One parameter however many values there are: the statement stays the same, and short. */
function anyOf(values: readonly string[]) {
  return sql<string>`any(${[...values]}::text[])`;
}

function allOf(values: readonly string[]) {
  return sql<string>`all(${[...values]}::text[])`;
}

/**
 * Work that stores links, whole or not at all. That an account goes over to somebody else is rare, and so is a link that
 * came about meanwhile: both are looked for (`isContested`, in a transaction) only once the database has refused to store
 * them.
 */
export async function storingLinks<T>(
  db: Kysely<Tables>,
  work: (on: Kysely<Tables>, isContested: boolean) => Promise<T>,
): Promise<T> {
  try {
    return await work(db, false);
  } catch (error) {
    if (!isContested(error)) throw error;
    return await db.transaction().execute((tx) => work(tx, true));
  }
}

/** The indexes that let an account have one person, and a person one account of a platform. */
function isContested(error: unknown): boolean {
  const { code, constraint } = error as { readonly code?: unknown; readonly constraint?: unknown };
  return code === '23505' && (constraint === 'links_one_account' || constraint === 'links_pkey');
}

/** Links in that database. */
export function createLinkStore(db: Kysely<Tables>): LinkStore {
  return {
    compact: (customer, platform) => compactLinks(db, customer, platform),
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
        .where('person', '=', anyOf(people))
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
    put: (links) =>
      storingLinks(db, (on, contested) =>
        contested ? takeLinks(on, links) : on.transaction().execute((tx) => putLinks(tx, links)),
      ),
    claim: (link, key) =>
      db.transaction().execute(async (tx) => {
        const others = await sql<{ person: string }>`
          select person from rollcall.links
          where customer = ${link.customer} and platform = ${link.platform} and person <> ${link.person}
            and (account_id = ${link.account_id}
              or (account_id is null and ${key}::text in (external_id, email, case when external_id is null then person end)))
          limit 1`.execute(tx);
        const [other] = others.rows;
        if (other !== undefined) return other.person;
        await putLinks(tx, [link]);
        return null;
      }),
    remove: async (customer, platform, person) => {
      const removed = await db
        .deleteFrom('links')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('person', '=', person)
        .executeTakeFirst();
      return removed.numDeletedRows > 0n;
    },
    aliases: (customer, platform) =>
      db
        .selectFrom('aliases')
        .select(['key', 'person'])
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .execute(),
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
    peopleOf: async (customer, platform, refs) => {
      if (refs.length === 0) return [];
      const json = JSON.stringify(
        refs.map(({ id, externalId, email }, at) => ({ at, id, external_id: externalId, email })),
      );
      const { rows } = await sql<{ at: number; person: string | null }>`
        select w.at, coalesce(a.person, x.person, p.person, m.person, k.person) as person
        from json_to_recordset(${json}::json) as w(at integer, id text, external_id text, email text)
        left join rollcall.links a on a.customer = ${customer} and a.platform = ${platform} and a.account_id = w.id
        left join rollcall.links x on x.customer = ${customer} and x.platform = ${platform} and x.external_id = w.external_id
        left join rollcall.links p on p.customer = ${customer} and p.platform = ${platform} and p.person = w.external_id
          and p.external_id is null
        left join rollcall.links m on m.customer = ${customer} and m.platform = ${platform} and m.email = w.email
        left join rollcall.aliases k on k.customer = ${customer} and k.platform = ${platform} and k.key = w.email
        order by w.at`.execute(db);
      const people: (string | null)[] = refs.map(() => null);
      for (const { at, person } of rows) people[at] ??= person;
      return people;
    },
  };
}
