import type { CallContext } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { defaultReadAhead, readAhead, SeenIds } from '../pages.ts';
import { largestTake, type Window } from './api.ts';

/** Pages asked for at once after `read` pages: few for a small list, whose end would be asked for many times over. */
function widthAfter(read: number): number {
  return Math.min(defaultReadAhead, read);
}

/**
 * All rows of a list that names no total: it is read until a page is empty. `take` is clamped silently, so a page is
 * as long as the first one was, and one that comes short is read on from where it ended. Rows after an empty page, or
 * a row that comes twice, throw READ_INCOMPLETE: the list changed while it was read.
 */
export async function* readToEnd<T>(
  what: string,
  fetch: (window: Window, ctx: CallContext) => Promise<readonly T[]>,
  keyOf: (row: T) => string,
  ctx: CallContext,
): AsyncGenerator<readonly T[], void, undefined> {
  const seen = new SeenIds();
  let rows = 0;
  const checked = (page: readonly T[]): readonly T[] => {
    for (const row of page) {
      if (!seen.add(keyOf(row)))
        throw new ProviderError('READ_INCOMPLETE', `${what}: a row came twice, after ${rows}.`);
    }
    rows += page.length;
    return page;
  };

  const first = await fetch({ skip: 0, take: largestTake }, ctx);
  if (first.length === 0) return;
  const size = first.length;
  yield checked(first);

  /** Rows of one page, shorter only where an empty answer ended it. */
  async function readPage(page: number, inner: CallContext): Promise<readonly T[]> {
    const found: T[] = [];
    while (found.length < size) {
      const part = await fetch({ skip: page * size + found.length, take: size - found.length }, inner);
      if (part.length === 0) break;
      for (const row of part) found.push(row);
    }
    return found;
  }

  let isEnd = false;
  for (let next = 1; !isEnd; ) {
    const end = next + widthAfter(next);
    for await (const page of readAhead(ctx, { first: next, end }, readPage)) {
      if (isEnd && page.length > 0) {
        throw new ProviderError('READ_INCOMPLETE', `${what}: rows came after the end, at ${rows}.`);
      }
      if (page.length > 0) yield checked(page);
      if (page.length < size) isEnd = true;
    }
    next = end;
  }
}
