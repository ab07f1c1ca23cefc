import { expect, test } from 'vitest';
import { hasSwallowedRows } from '../../../src/roster/intake/swallowed.ts';

const form = { fewest: 4, most: 4, idAt: 0, delimiter: ',', isLikeId: (text: string) => /^\d+$/.test(text) };

test.each([
  [['1', 'a\nb', 'c', 'd'], false],
  [['1', 'c', 'd', 'a\nb'], false],
  [['1', 'c', 'd', 'a, b\nc, d'], false],
  [['1', 'a,b,c\n2,Al', 'c', 'd'], true],
  [['1', 'a\nb', 'c'], true],
  [['1', 'a', 'c'], false],
  [['1', '"a" b\nc', 'c', 'd'], false],
])('%j of 4 columns has swallowed rows: %s', (cells, expected) => {
  expect(hasSwallowedRows(cells, form)).toBe(expected);
});
