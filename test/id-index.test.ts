import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdIndex } from '../src/id-index.ts';

test.each([
  ['digits', (i: number) => String(i)],
  ['digits with leading zeros', (i: number) => String(i).padStart(8, '0')],
  ['a prefix', (i: number) => `EMP-${i}`],
  ['letters', (i: number) => i.toString(36)],
  ['a common end', (i: number) => `${i}@corp`],
])('300,000 ids of %s are told apart', (_, idOf) => {
  const index = new IdIndex();
  for (let i = 0; i < 300_000; i++) {
    if (index.find(idOf(i)) !== -1) throw new Error(`${idOf(i)} was taken for another`);
    index.add(idOf(i));
  }
  for (let i = 0; i < 300_000; i += 997) expect(index.find(idOf(i))).toBe(i);
  expect(index.size).toBe(300_000);
});

test('does what a Map does', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 6 }), { maxLength: 500 }), (ids) => {
      const index = new IdIndex();
      const map = new Map<string, number>();
      for (const id of ids) {
        expect(index.find(id)).toBe(map.get(id) ?? -1);
        if (!map.has(id)) {
          map.set(id, map.size);
          index.add(id);
        }
      }
    }),
  );
});

test('a hundred thousand similar ones are all different, and known the second time', () => {
  const seen = new IdIndex();
  const ids = Array.from({ length: 100_000 }, (_, index) => index.toString(16).padStart(64, '0'));
  expect(ids.filter((id) => !seen.add(id))).toEqual([]);
  expect(ids.filter((id) => seen.add(id))).toEqual([]);
  expect(seen.size).toBe(ids.length);
});

test('order and length of the characters count', () => {
  const seen = new IdIndex();
  const ids = ['', 'a', 'aa', 'ab', 'ba', 'b', '\u0000', '\u0000\u0000', 'Zoë', 'Zoe'];
  expect(ids.filter((id) => !seen.add(id))).toEqual([]);
});
