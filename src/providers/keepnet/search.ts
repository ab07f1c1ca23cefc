import type { z } from 'zod';
import type { CallContext, ProviderDeps } from '../contract.ts';
import { ProviderError } from '../error.ts';
import type { Http } from '../http.ts';
import { IdIndex } from '../../id-index.ts';
import { readAhead } from '../pages.ts';
import type { Page } from './schema.ts';

/** The vendor's filter that excludes nothing. Null in it, or for it, is refused, so it is always sent whole. */
export const emptyFilter = {
  condition: 'AND',
  searchInputTextValue: '',
  filterGroups: [
    { condition: 'AND', filterItems: [], filterGroups: [] },
    { condition: 'OR', filterItems: [], filterGroups: [] },
  ],
} as const;

/** The same as companies, enrollments and reports write it: the specification names their members otherwise. */
export const capitalFilter = {
  Condition: 'AND',
  SearchInputTextValue: '',
  FilterGroups: [
    { Condition: 'AND', FilterItems: [], FilterGroups: [] },
    { Condition: 'OR', FilterItems: [], FilterGroups: [] },
  ],
} as const;

/** One search: all its rows are read; but for the one by email, the platform filters none. */
export type Search<T> = {
  readonly path: string;
  /** What error messages and logs call it, without ids. */
  readonly label?: string;
  readonly schema: z.ZodType<{ readonly data: Page<T> }>;
  readonly orderBy: 'CreateTime' | 'Name' | 'Email';
  /** Absent for the search by email, which takes none. */
  readonly filter?: typeof emptyFilter | typeof capitalFilter;
  readonly extra?: Readonly<Record<string, string | boolean>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idOf: (row: T) => string;
};

/** Asks for one page, from 1. Oldest first, so that who is created meanwhile comes last and moves nobody. */
export async function searchPage<T>(
  http: Http,
  search: Search<T>,
  at: { readonly pageNumber: number; readonly pageSize: number },
  ctx: CallContext,
): Promise<Page<T>> {
  const { data } = await http.request(
    {
      kind: 'read',
      method: 'POST',
      path: search.path,
      ...(search.label === undefined ? {} : { label: search.label }),
      ...(search.headers === undefined ? {} : { headers: search.headers }),
      json: {
        ...at,
        orderBy: search.orderBy,
        ascending: true,
        ...(search.filter === undefined ? {} : { filter: search.filter }),
        ...search.extra,
      },
      schema: search.schema,
    },
    ctx,
  );
  return data.data;
}

/**
 * All rows of a search, in pages, several requests at once. Ends normally only when the rows are as many as the last
 * page's total says, none came twice, and the total never shrank: a row taken out moves all later ones, and one of them
 * over the edge between two pages.
 *
 * @throws ProviderError READ_INCOMPLETE with the numbers
 */
export async function* searchAll<T>(
  http: Http,
  deps: ProviderDeps,
  search: Search<T>,
  pageSize: number,
  ctx: CallContext,
  onTotal?: (total: number) => void,
): AsyncGenerator<readonly T[], void, undefined> {
  const seen = new IdIndex();
  let rows = 0;
  let most = 0;

  function incomplete(message: string): ProviderError {
    return new ProviderError(
      'READ_INCOMPLETE',
      `${deps.platform}: ${search.label ?? search.path} ${message}.`,
    );
  }

  async function fetchPage(pageNumber: number, inner: CallContext): Promise<Page<T>> {
    const before = most;
    const answer = await searchPage(http, search, { pageNumber, pageSize }, inner);
    const total = answer.totalNumberOfRecords;
    if (total < before) {
      throw incomplete(`shrank from ${before} to ${total} rows while it was read (page ${pageNumber})`);
    }
    most = Math.max(most, total);
    return answer;
  }

  function take(answer: Page<T>): readonly T[] {
    for (const row of answer.results) {
      if (!seen.add(search.idOf(row)))
        throw incomplete(`gave a row twice among ${rows + answer.results.length}`);
    }
    rows += answer.results.length;
    return answer.results;
  }

  let last = await fetchPage(1, ctx);
  let number = 1;
  onTotal?.(last.totalNumberOfRecords);
  yield take(last);
  for await (const answer of readAhead(ctx, { first: 2, end: last.totalNumberOfPages + 1 }, fetchPage)) {
    last = answer;
    number++;
    yield take(answer);
  }
  // Rows that were added meanwhile may have opened further pages.
  while (last.totalNumberOfPages > number) {
    last = await fetchPage(++number, ctx);
    yield take(last);
  }
  if (rows !== last.totalNumberOfRecords) {
    throw incomplete(`gave ${rows} rows in ${number} pages, but says there are ${last.totalNumberOfRecords}`);
  }
}
