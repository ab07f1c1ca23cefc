import type { Account } from '../../account.ts';
import type { CallContext, ResultRow } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { IdIndex } from '../../id-index.ts';
import { readAhead } from '../pages.ts';
import type { SparkwiseApi, TimeRange } from './api.ts';
import { toAccount, toResult } from './convert.ts';
import type { UsersPage, WireCompletion } from './schema.ts';
import { maxBatch } from './settings.ts';

const dayMs = 86_400_000;
/** Completions are asked for in windows, so that one answer stays small. */
export const windowMs = 30 * dayMs;
/** Attendance can be recorded after the session: an incremental read goes back this far over what it knew. */
export const overlapMs = 14 * dayMs;
/** Where the first read begins: as far back as results are kept by default. */
export const firstReadMs = 5 * 365 * dayMs;
/** Windows in flight at once: their answers are larger than pages of users. */
const windowReadAhead = 4;

/**
 * All users, in pages. Complete only when every page was answered in its place, no id came twice, `total` was the same
 * on every page and the items add up to it.
 */
export async function* readUsers(
  platform: string,
  api: SparkwiseApi,
  ctx: CallContext,
  onTotal: ((total: number) => void) | undefined,
): AsyncGenerator<readonly Account[], void, undefined> {
  const incomplete = (what: string): ProviderError =>
    new ProviderError('READ_INCOMPLETE', `${platform}: the users read do not add up: ${what}.`);
  const seen = new IdIndex();

  const first = await api.users(0, maxBatch, ctx);
  const { total } = first;
  const pageCount = Math.max(1, first.totalPages);
  onTotal?.(total);

  function check(page: UsersPage, index: number): readonly Account[] {
    if (page.page !== index) throw incomplete(`asked for page ${index}, got page ${page.page}`);
    if (page.total !== total) {
      throw incomplete(`the total was ${total} on page 0 and is ${page.total} on page ${index}`);
    }
    if (page.totalPages !== first.totalPages) {
      throw incomplete(`there were ${first.totalPages} pages, and ${page.totalPages} on page ${index}`);
    }
    const isLast = index === pageCount - 1;
    if (isLast !== ((page.next ?? null) === null)) {
      throw incomplete(
        isLast
          ? `page ${index} should be the last and names a next one`
          : `page ${index} of ${pageCount} names no next one`,
      );
    }
    for (const user of page.items) {
      if (!seen.add(user.id)) throw incomplete(`a user of page ${index} was there before`);
    }
    return page.items.map(toAccount);
  }

  yield check(first, 0);
  let index = 1;
  const fetchPage = (page: number, inner: CallContext): Promise<UsersPage> =>
    api.users(page, maxBatch, inner);
  for await (const page of readAhead(ctx, { first: 1, end: pageCount }, fetchPage)) {
    yield check(page, index++);
  }
  if (seen.size !== total) throw incomplete(`${seen.size} of ${total} users in ${pageCount} pages`);
}

/** The windows that cover a range, the last one cut at its end. */
export function windows({ fromMs, toMs }: TimeRange): readonly TimeRange[] {
  const count = Math.ceil((toMs - fromMs) / windowMs);
  return Array.from({ length: Math.max(0, count) }, (_, index) => ({
    fromMs: fromMs + index * windowMs,
    toMs: Math.min(toMs, fromMs + (index + 1) * windowMs),
  }));
}

/**
 * Completions of sessions from `sinceIso` less the overlap (all: five years back) to tomorrow, window by window. Those of
 * guests, who have no remoteId, are left out.
 */
export async function* readCompletions(
  platform: string,
  api: SparkwiseApi,
  isCompleted: (completion: WireCompletion) => boolean,
  sinceIso: string | null,
  ctx: CallContext,
): AsyncGenerator<readonly ResultRow[], void, undefined> {
  const nowMs = Date.now();
  const fromMs = sinceIso === null ? nowMs - firstReadMs : Date.parse(sinceIso) - overlapMs;
  const ranges = windows({ fromMs, toMs: nowMs + dayMs });
  const fetchWindow = (index: number, inner: CallContext): Promise<readonly WireCompletion[]> => {
    const range = ranges[index];
    return range === undefined ? Promise.resolve([]) : api.completions(range, inner);
  };
  const range = { first: 0, end: ranges.length, width: windowReadAhead };
  for await (const completions of readAhead(ctx, range, fetchWindow)) {
    const rows: ResultRow[] = [];
    for (const completion of completions) {
      const row = toResult(completion, judge(platform, isCompleted, completion));
      if (row !== null) rows.push(row);
    }
    yield rows;
  }
}

function judge(
  platform: string,
  isCompleted: (completion: WireCompletion) => boolean,
  completion: WireCompletion,
): boolean {
  try {
    return isCompleted(completion);
  } catch {
    throw new ProviderError(
      'PLATFORM_BAD_ANSWER',
      `${platform}: completedWhen cannot be evaluated on completion ${completion.id}.`,
      { hint: `Check platforms.${platform}.completedWhen.` },
    );
  }
}
