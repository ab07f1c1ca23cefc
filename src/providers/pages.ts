import { IdIndex } from '../id-index.ts';
import type { CallContext } from './contract.ts';
import { ProviderError } from './error.ts';

/** Requests in flight at once while pages are read ahead: enough that the rate limit binds, not the latency. */
const defaultReadAhead = 8;

/** Which pages to read: numbers from `first` up to, not including, `end`. */
export type PageRange = {
  readonly first: number;
  readonly end: number;
  /** Most requests in flight or pages waiting. Default 8. */
  readonly width?: number;
};

/**
 * Reads pages whose number is known beforehand, several at once, and yields them in order. At most `width` pages are
 * under way or waiting. When the consumer stops, a page fails or the signal aborts, the requests in flight are aborted
 * and awaited before this ends. `fetchPage` must use the context that it is given.
 *
 * @throws whatever the first failing page (in order) threw, or the signal's reason.
 */
export async function* readAhead<T>(
  ctx: CallContext,
  range: PageRange,
  fetchPage: (page: number, ctx: CallContext) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const stop = new AbortController();
  const inner: CallContext = { ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) };
  const width = range.width ?? defaultReadAhead;
  const underWay: Promise<T>[] = [];
  let next = range.first;
  try {
    while (next < range.end || underWay.length > 0) {
      ctx.signal.throwIfAborted();
      while (next < range.end && underWay.length < width) {
        const page = fetchPage(next++, inner);
        // A page that fails before its turn is awaited in its turn, or not at all.
        page.catch(() => undefined);
        underWay.push(page);
      }
      const first = underWay[0];
      if (first === undefined) return;
      const page = await first;
      underWay.shift();
      yield page;
    }
  } finally {
    stop.abort();
    await Promise.allSettled(underWay);
  }
}

/** Rows of a list that are asked for at once: from `skip` on, `take` at most. */
export type Window = { readonly skip: number; readonly take: number };

/** Pages asked for at once after `read` pages: few for a small list, whose end would be asked for many times over. */
function widthAfter(read: number): number {
  return Math.min(defaultReadAhead, read);
}

/**
 * All rows of a list that names no total: it is read until a page is empty. The first page is asked for alone, with `most`
 * rows. Platforms clamp that silently, so a page is as long as the first one was, and one that comes short is read on from
 * where it ended. Rows after an empty page, or a row that comes twice, throw READ_INCOMPLETE: the list changed while it was
 * read.
 */
export async function* readToEnd<T>(
  what: string,
  most: number,
  fetch: (window: Window, ctx: CallContext) => Promise<readonly T[]>,
  keyOf: (row: T) => string,
  ctx: CallContext,
): AsyncGenerator<readonly T[], void, undefined> {
  const seen = new IdIndex();
  let rows = 0;
  const checked = (page: readonly T[]): readonly T[] => {
    for (const row of page) {
      if (!seen.add(keyOf(row)))
        throw new ProviderError('READ_INCOMPLETE', `${what}: a row came twice, after ${rows}.`);
    }
    rows += page.length;
    return page;
  };

  const first = await fetch({ skip: 0, take: most }, ctx);
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
