import { expect, test } from 'vitest';
import type { CallContext } from '../../src/providers/contract.ts';
import { readAhead } from '../../src/providers/pages.ts';

function context(signal = new AbortController().signal): CallContext {
  return { signal, onRequest: () => undefined };
}

/** Pages that are answered when the test says so, and rejected when their request is aborted. */
function desk() {
  const open = new Map<number, { answer: () => void; fail: (error: Error) => void }>();
  const asked: number[] = [];
  const aborted: number[] = [];
  return {
    asked,
    aborted,
    open,
    fetch: (page: number, { signal }: CallContext) =>
      new Promise<string>((resolve, reject) => {
        asked.push(page);
        const done = (settle: () => void) => () => {
          open.delete(page);
          settle();
        };
        open.set(page, {
          answer: done(() => resolve(`page ${page}`)),
          fail: (error) => done(() => reject(error))(),
        });
        signal.addEventListener('abort', () => {
          if (!open.delete(page)) return;
          aborted.push(page);
          reject(signal.reason);
        });
      }),
  };
}

test('yields pages in order, whatever the order of the answers', async () => {
  const { fetch, open } = desk();
  const read = readAhead(context(), { first: 1, end: 4 }, fetch);
  const first = read.next();
  for (const page of [3, 1, 2]) open.get(page)?.answer();
  expect(await first).toEqual({ done: false, value: 'page 1' });
  expect(await read.next()).toEqual({ done: false, value: 'page 2' });
  expect(await read.next()).toEqual({ done: false, value: 'page 3' });
  expect(await read.next()).toEqual({ done: true, value: undefined });
});

test('has no more than the width under way, counting pages that wait for their turn', async () => {
  const { fetch, open, asked } = desk();
  const read = readAhead(context(), { first: 0, end: 10, width: 3 }, fetch);
  const first = read.next();
  expect(asked).toEqual([0, 1, 2]);
  open.get(1)?.answer();
  open.get(2)?.answer();
  open.get(0)?.answer();
  await first;
  expect(asked).toEqual([0, 1, 2]);
  await read.next();
  expect(asked).toEqual([0, 1, 2, 3]);
  await read.return();
});

test('reads nothing when there is nothing to read', async () => {
  const { fetch, asked } = desk();
  expect(await readAhead(context(), { first: 1, end: 1 }, fetch).next()).toMatchObject({ done: true });
  expect(asked).toEqual([]);
});

test('a page that fails ends the read in its turn, and aborts what is under way', async () => {
  const { fetch, open, aborted } = desk();
  const read = readAhead(context(), { first: 0, end: 9, width: 4 }, fetch);
  const first = read.next();
  open.get(1)?.fail(new Error('page 1 is broken'));
  open.get(0)?.answer();
  expect(await first).toMatchObject({ value: 'page 0' });
  await expect(read.next()).rejects.toThrow('page 1 is broken');
  expect(aborted).toEqual([2, 3, 4]);
  expect(open.size).toBe(0);
});

test('a reader that stops leaves nothing under way', async () => {
  const { fetch, open, aborted } = desk();
  const read = readAhead(context(), { first: 0, end: 9, width: 3 }, fetch);
  const first = read.next();
  open.get(0)?.answer();
  await first;
  await read.return();
  expect(aborted).toEqual([1, 2]);
  expect(open.size).toBe(0);
});

test('an aborted run ends with its reason, and leaves nothing under way', async () => {
  const { fetch, open } = desk();
  const run = new AbortController();
  const read = readAhead(context(run.signal), { first: 0, end: 9, width: 3 }, fetch);
  const first = read.next();
  run.abort(new Error('stopped by hand'));
  await expect(first).rejects.toThrow('stopped by hand');
  expect(open.size).toBe(0);
});
