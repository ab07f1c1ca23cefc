import type { CallContext } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { readToEnd, type Window } from '../pages.ts';
import { largestTake } from './api.ts';
import type { ListPage } from './schema.ts';

/**
 * All rows of a list, read to an empty page. Where its pages name a total, it has to be the same on each of them and add up,
 * unless it is but the length of each page; throws READ_INCOMPLETE otherwise.
 */
export async function* readList<T>(
  what: string,
  fetch: (window: Window, ctx: CallContext) => Promise<ListPage<T>>,
  keyOf: (row: T) => string,
  ctx: CallContext,
): AsyncGenerator<readonly T[], void, undefined> {
  const totals = new Set<number>();
  let isLengthOfPage = true;
  let count = 0;
  const rowsOf = async (window: Window, inner: CallContext): Promise<readonly T[]> => {
    const { rows, total } = await fetch(window, inner);
    if (total !== null) {
      totals.add(total);
      isLengthOfPage &&= total === rows.length;
    }
    return rows;
  };
  for await (const page of readToEnd(what, largestTake, rowsOf, keyOf, ctx)) {
    count += page.length;
    yield page;
  }
  if (isLengthOfPage || (totals.size === 1 && totals.has(count))) return;
  const said = [...totals].sort((a, b) => a - b).join(', then ');
  throw new ProviderError('READ_INCOMPLETE', `${what}: ${count} rows came, and the total is ${said}.`);
}
