import { expect, test } from 'vitest';
import { formatDuration, parseDurationMs, parsePercent, parseRate } from '../../src/config/units.ts';

test.each([
  ['90s', 90_000],
  ['1.5h', 5_400_000],
  ['26h', 93_600_000],
  ['30d', 2_592_000_000],
  ['5y', 157_680_000_000],
  ['250ms', 250],
  ['1 d', 86_400_000],
  ['100y', 3_153_600_000_000],
  ['101y', undefined],
  ['99999999999d', undefined],
  ['10', undefined],
  ['-5s', undefined],
  ['5 weeks', undefined],
  ['', undefined],
])('duration %s is %s ms', (text, expected) => {
  expect(parseDurationMs(text)).toBe(expected);
});

test.each([
  ['5/s', { count: 5, windowMs: 1_000 }],
  ['300 / m', { count: 300, windowMs: 60_000 }],
  ['1000/h', { count: 1_000, windowMs: 3_600_000 }],
  ['0/s', undefined],
  ['5/d', undefined],
  ['5', undefined],
])('rate %s', (text, expected) => {
  expect(parseRate(text)).toEqual(expected);
});

test.each([
  ['10%', 10],
  ['0.5 %', 0.5],
  ['100%', 100],
  ['101%', undefined],
  ['10', undefined],
])('percentage %s', (text, expected) => {
  expect(parsePercent(text)).toBe(expected);
});

test.each([
  [90_000, '90s'],
  [93_600_000, '26h'],
  [172_800_000, '2d'],
  [1_234, '1.2s'],
  [12, '12ms'],
])('%s ms reads %s', (durationMs, expected) => {
  expect(formatDuration(durationMs)).toBe(expected);
});
