import { expect, test } from 'vitest';
import { createStrain } from '../../../src/jobs/pace/strain.ts';
import { pauseMsAfter, patience } from '../../../src/providers/rate-limit.ts';

test('without a usable time a group pauses for 1 s, doubled each time, for 15 minutes at most', () => {
  const pauses = Array.from({ length: 13 }, (_, at) => pauseMsAfter(at + 1, undefined, patience) / 1_000);
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
});

test('what is asked for is kept, 15 minutes at most; repeated at once it is not believed', () => {
  expect(pauseMsAfter(1, 250, patience)).toBe(250);
  expect(pauseMsAfter(1, 86_400_000, patience)).toBe(900_000);
  expect(pauseMsAfter(2, 60_000, patience)).toBe(60_000);
  expect(pauseMsAfter(5, 1_000, patience)).toBe(16_000);
});

test('requests that were on their way together are refused together', () => {
  const strain = createStrain(patience);
  const limited = (sentMs: number, nowMs: number, askedMs?: number) =>
    strain.limited({ kind: 'write', sentMs, askedMs }, nowMs);
  expect([limited(0, 100), limited(50, 110), limited(99, 120)]).toEqual([1_000, 1_000, 1_000]);
  expect(limited(98, 130, 7_000)).toBe(7_000);
  expect([limited(7_200, 7_250), limited(7_210, 7_260)]).toEqual([2_000, 2_000]);
});

test('an answer to a read ends nothing for writes; one to a write does; and so does time', () => {
  const strain = createStrain(patience);
  const write = (sentMs: number) => strain.limited({ kind: 'write', sentMs, askedMs: undefined }, sentMs + 1);
  write(0);
  strain.answered('read');
  strain.answered('auth');
  expect(write(2_000)).toBe(2_000);
  expect(strain.holds(3_000)).toBe(true);
  strain.answered('write');
  expect(strain.holds(3_000)).toBe(false);
  expect(write(4_000)).toBe(1_000);
  expect(strain.holds(5_001 + patience.longestPauseMs + 1)).toBe(false);
  expect(write(6_000 + patience.longestPauseMs)).toBe(1_000);
});
