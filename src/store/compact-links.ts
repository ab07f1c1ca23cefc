import { setImmediate } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Link } from '../account.ts';
import type { Tables } from './schema.ts';

/** Rows fetched at a time: a million links are never in memory at once. */
const pageSize = 20_000;
const betweenCells = '\u001f';
const betweenRows = '\u001e';
const cellsInRow = 8;

type Page = { readonly links: Iterable<Link>; readonly size: number; readonly last: string };

const cell = (column: string) => sql`coalesce(${sql.ref(column)}::text, '')`;
// A hash is a whole number, and cheaper to print as one.
const hash = (column: string) => sql`coalesce(${sql.ref(column)}::bigint::text, '')`;
/** One text for a page: as JSON it would cost the database twice the time. */
const asText = sql<string | null>`string_agg(${sql.join(
  [
    sql.ref('person'),
    cell('account_id'),
    cell('external_id'),
    cell('email'),
    hash('written_hash'),
    hash('email_hash'),
    hash('confirmed_hash'),
    sql`case when deactivated then '1' else '' end`,
  ],
  sql` || ${sql.lit(betweenCells)} || `,
)}, ${sql.lit(betweenRows)})`;
const asJson = sql<
  string | null
>`json_agg(json_build_array(person, account_id, external_id, email, written_hash, email_hash, confirmed_hash, case when deactivated then '1' end))::text`;

const textOf = (value: string | null | undefined): string | null =>
  value === undefined || value === '' ? null : value;
const numberOf = (value: string | number | null | undefined): number | null =>
  value === undefined || value === null || value === '' ? null : Number(value);

function asLink(cells: readonly (string | null)[]): Link {
  const [person, accountId, externalId, email, writtenHash, emailHash, confirmedHash, deactivated] = cells;
  return {
    person: person ?? '',
    accountId: textOf(accountId),
    externalId: textOf(externalId),
    email: textOf(email),
    writtenHash: numberOf(writtenHash),
    emailHash: numberOf(emailHash),
    confirmedHash: numberOf(confirmedHash),
    deactivated: deactivated === '1',
  };
}

/** One by one, so that no page of them is alive at once. */
function* linksOf(rows: readonly (readonly (string | null)[])[] | readonly string[]): Generator<Link> {
  for (const row of rows) yield asLink(typeof row === 'string' ? row.split(betweenCells) : row);
}

/** True when no value holds a separator: one that did would make a row, or a cell, too many. */
function isWhole(text: string, size: number): boolean {
  let rows = 1;
  let cells = 1;
  for (let at = text.indexOf(betweenRows); at >= 0; at = text.indexOf(betweenRows, at + 1)) rows++;
  for (let at = text.indexOf(betweenCells); at >= 0; at = text.indexOf(betweenCells, at + 1)) cells++;
  return rows === size && cells === size * (cellsInRow - 1) + 1;
}

/**
 * What a diff compares of all links of a platform, page by page in the order of their people. The next page is fetched
 * while one is worked on.
 */
export async function* compactLinks(
  db: Kysely<Tables>,
  customer: string,
  platform: string,
): AsyncGenerator<Iterable<Link>, void, undefined> {
  async function ask(form: typeof asText, after: string) {
    const { rows } = await sql<{ page: string | null; size: number; last: string | null }>`
      select ${form} as page, count(*)::integer as size, max(person) as last
      from (
        select * from rollcall.links
        where customer = ${customer} and platform = ${platform} and person > ${after}
        order by person limit ${pageSize}
      ) links`.execute(db);
    return rows[0] ?? { page: null, size: 0, last: null };
  }

  async function page(after: string): Promise<Page> {
    const asked = await ask(asText, after);
    const { size } = asked;
    const last = asked.last ?? '';
    if (asked.page === null) return { links: [], size, last };
    if (isWhole(asked.page, size)) return { links: linksOf(asked.page.split(betweenRows)), size, last };
    const json = (await ask(asJson, after)).page ?? '[]';
    return { links: linksOf(JSON.parse(json) as (string | null)[][]), size, last };
  }

  let next = page('');
  for (;;) {
    const { links, size, last } = await next;
    const isLast = size < pageSize;
    if (!isLast) {
      next = page(last);
      // Its failure is met when it is awaited, unless the reader stops before.
      next.catch(() => undefined);
      // The reader keeps this thread busy with the page: the question has to be on its way by then.
      await setImmediate();
    }
    yield links;
    if (isLast) return;
  }
}
