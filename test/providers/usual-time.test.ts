import { expect, test } from 'vitest';
import { createUsualTime } from '../../src/providers/usual-time.ts';

test('with too few to compare with, all of the time is delay', async () => {
  const usual = createUsualTime();
  const delays = [30, 20, 40, 25].map((tookMs) => usual.note('POST write', tookMs));
  expect(await Promise.all(delays)).toEqual([30, 20, 40, 25]);
});

test('the first answers are compared with those that come soon after them', async () => {
  const usual = createUsualTime();
  const delays = [330, 300, 340, 325, 310].map((tookMs) => usual.note('POST write', tookMs));
  expect(await Promise.all(delays)).toEqual([30, 0, 40, 25, 10]);
});

test('then what is longer than the fastest of the last hundred, each kind by itself', async () => {
  const usual = createUsualTime();
  for (const tookMs of [900, 800, 850, 950]) void usual.note('POST write', tookMs);
  expect(await usual.note('POST write', 1_000)).toBe(200);
  expect(await usual.note('GET read', 40)).toBe(40);
  expect(await usual.note('POST write', 700)).toBe(0);
  // A platform that has become slower: after a hundred answers that is its usual time.
  for (let at = 0; at < 100; at++) void usual.note('POST write', 2_000);
  expect(await usual.note('POST write', 2_010)).toBe(10);
});
