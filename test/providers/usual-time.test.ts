import { expect, test } from 'vitest';
import { createUsualTime } from '../../src/providers/usual-time.ts';

test('while nothing is usual yet, all of the time is delay', () => {
  const usual = createUsualTime();
  expect([30, 20, 40, 25].map((tookMs) => usual.note('POST write', tookMs))).toEqual([30, 20, 40, 25]);
});

test('then what is longer than the fastest of the last twenty, each kind by itself', () => {
  const usual = createUsualTime();
  for (const tookMs of [900, 800, 850, 950]) usual.note('POST write', tookMs);
  expect(usual.note('POST write', 1_000)).toBe(200);
  expect(usual.note('GET read', 40)).toBe(40);
  expect(usual.note('POST write', 700)).toBe(0);
  // A platform that has become slower: after twenty answers that is its usual time.
  for (let at = 0; at < 20; at++) usual.note('POST write', 2_000);
  expect(usual.note('POST write', 2_010)).toBe(10);
});
