import { createHash } from 'node:crypto';
import type { HttpsPages, HttpsSource } from '../../../config/roster-source.ts';
import { changedMeanwhile, DeliveryError } from '../source.ts';
import type { Ask } from './ask.ts';
import { countOf, parseVerbatim, valueAt } from './json.ts';

/** The most pages of one roster: a million records in pages of ten. */
const mostPages = 100_000;
/** The largest page, in bytes: it is held in memory. */
const largestPageBytes = 64 * 1024 ** 2;

type Page = {
  readonly records: readonly unknown[];
  readonly total: number | undefined;
  /** Where the next page is: a cursor, or an address. Null at the end; undefined where nothing is said of it. */
  readonly next: string | null | undefined;
};

/** Where in a page things are. */
type Shape = {
  readonly host: string;
  readonly pages: HttpsPages;
  readonly records: string | undefined;
};

/**
 * Reads a list page by page and gives its records as JSON lines. It ends well only when the list has proved to be whole:
 * as many records as the total that every page named, or an empty page behind the end; of lists that name the next page
 * themselves, the end that they name.
 *
 * @throws DeliveryError; RollcallError ROSTER_CHANGING (the total changed between two pages)
 */
export async function* readPages(
  config: HttpsSource & { readonly pages: HttpsPages },
  ask: Ask,
  readText: (response: Response, url: URL, mostBytes: number) => Promise<string>,
): AsyncGenerator<Buffer> {
  const { pages, records } = config;
  const first = new URL(config.url);
  const shape: Shape = { host: first.host, pages, records };
  const asked = new Set<string>();
  let url = pages.by === 'offset' || pages.by === 'page' ? numbered(first, pages, 1, 0) : sized(first, pages);
  let total: number | undefined;
  let count = 0;
  let before = '';
  for (let n = 1; n <= mostPages; n++) {
    if (asked.has(url.href)) throw broken(shape.host, 'it names a page as the next one that it gave before');
    asked.add(url.href);
    const response = await ask(url);
    const page = pageOf(await readText(response, url, largestPageBytes), response, shape);
    if (n > 1 && page.total !== total)
      throw changedMeanwhile(shape.host, `it had ${total} records, and has ${page.total}`);
    total = page.total;
    const lines = page.records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const digest = createHash('sha256').update(lines).digest('hex');
    if (lines !== '' && digest === before)
      throw broken(shape.host, `page ${n} is the same as the one before: it does not go on`);
    before = digest;
    count += page.records.length;
    if (lines !== '') yield Buffer.from(lines);

    const next = nextOf(page, { url, first, n, count, shape });
    if (next !== null) {
      url = next;
      continue;
    }
    if (total !== undefined && total !== count)
      throw new DeliveryError(shape.host, `its pages have ${count} records, and it says ${total}`, {
        passing: true,
        hint: 'Check roster.source.pages: whether total is the number of all records, and what a page may hold.',
      });
    return;
  }
  throw broken(shape.host, `it has more than ${mostPages} pages`);
}

/** The address of the next page; null where the list has ended. */
function nextOf(
  page: Page,
  at: {
    readonly url: URL;
    readonly first: URL;
    readonly n: number;
    readonly count: number;
    readonly shape: Shape;
  },
): URL | null {
  const { first, n, count, shape } = at;
  const { pages } = shape;
  if (pages.by === 'offset' || pages.by === 'page') {
    const isEnd = page.records.length === 0 || (page.total !== undefined && count >= page.total);
    return isEnd ? null : numbered(first, pages, n + 1, count);
  }
  if (page.next === null || page.next === undefined) {
    refuseDoubtfulEnd(page, n, shape);
    return null;
  }
  if (pages.by === 'cursor' && !/^(https?:\/\/|[/?])/i.test(page.next)) {
    const url = sized(first, pages);
    url.searchParams.set(pages.cursor, page.next);
    return url;
  }
  const url = URL.parse(page.next, at.url.href);
  if (url === null) throw broken(shape.host, 'it names a next page that is no address');
  if (url.origin !== first.origin)
    throw broken(
      shape.host,
      `it names a next page on ${url.origin}, and no credential is sent to another host`,
    );
  return url;
}

/** A first page that says nothing of a next one is the end only if something else shows it. */
function refuseDoubtfulEnd(page: Page, n: number, { host, pages }: Shape): void {
  if (n > 1 || page.next === null || page.total !== undefined || pages.by === 'offset' || pages.by === 'page')
    return;
  if (pages.size !== undefined && page.records.length < pages.size) return;
  const where = pages.by === 'cursor' ? `"${pages.next}"` : 'a Link header';
  throw new DeliveryError(host, `nothing shows that its first page is all: it has no ${where}`, {
    passing: false,
    hint: 'Check roster.source.pages; with size or total it can be proved.',
  });
}

function numbered(
  first: URL,
  pages: Extract<HttpsPages, { readonly by: 'offset' | 'page' }>,
  n: number,
  count: number,
): URL {
  const url = new URL(first);
  if (pages.by === 'offset') url.searchParams.set(pages.offset, String(count));
  else url.searchParams.set(pages.page, String(pages.first + n - 1));
  url.searchParams.set(pages.limit, String(pages.size));
  return url;
}

function sized(first: URL, pages: Extract<HttpsPages, { readonly by: 'cursor' | 'link' }>): URL {
  const url = new URL(first);
  if (pages.size !== undefined) url.searchParams.set(pages.limit, String(pages.size));
  return url;
}

function pageOf(text: string, response: Response, { host, pages, records: path }: Shape): Page {
  const data = parseVerbatim(text);
  if (data === undefined)
    throw new DeliveryError(host, `it answered with ${text.length} characters that are not JSON`, {
      passing: true,
      hint: 'Check roster.source.url, and whether a proxy answers in its place.',
    });
  const records = path === undefined ? data : valueAt(data, path);
  if (!Array.isArray(records))
    throw new DeliveryError(
      host,
      path === undefined ? 'its answer is not a list' : `its answer has no list at "${path}"`,
      { passing: false, hint: 'Set roster.source.records to where the list is.' },
    );
  const total = pages.total === undefined ? undefined : countOf(valueAt(data, pages.total));
  if (pages.total !== undefined && total === undefined)
    throw new DeliveryError(host, `its answer has no number at "${pages.total}"`, {
      passing: false,
      hint: 'Check roster.source.pages.total.',
    });
  const next =
    pages.by === 'cursor'
      ? cursorOf(valueAt(data, pages.next))
      : pages.by === 'link'
        ? linkToNext(response.headers.get('link'))
        : undefined;
  return { records, total, next };
}

function cursorOf(value: unknown): string | null | undefined {
  if (value === undefined) return undefined;
  if (value === null || value === '' || value === false) return null;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/**
 * The target of the link whose relation is `next` (RFC 8288, section 3). A header without one names the end; undefined
 * when there is no header.
 */
export function linkToNext(header: string | null): string | null | undefined {
  if (header === null) return undefined;
  for (const [, target, parameters = ''] of header.matchAll(
    /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)/g,
  )) {
    const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const relations = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes('next')) return target ?? '';
  }
  return null;
}

function broken(host: string, why: string): DeliveryError {
  return new DeliveryError(host, why, { passing: false, hint: 'Check roster.source.pages.' });
}
