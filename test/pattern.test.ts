import { expect, test } from 'vitest';
import { pattern } from '../src/pattern.ts';

test('a pattern is found anywhere, and a named group says what it caught', () => {
  expect(pattern('b+').test('abbc')).toBe(true);
  expect(pattern('^b').test('abbc')).toBe(false);
  expect(pattern('^T,(?<count>\\d+)$').group('T,12', 'count')).toBe('12');
  expect(pattern('^T,(?<count>\\d+)?$').group('T,', 'count')).toBe('');
  expect(pattern('^T,(?<count>\\d+)$').group('T,x', 'count')).toBeNull();
});

test('time grows with the text, whatever the pattern', () => {
  const startMs = performance.now();
  expect(pattern('^(a+)+$').test(`${'a'.repeat(30_000)}!`)).toBe(false);
  expect(pattern('(x+x+)+y').test('x'.repeat(30_000))).toBe(false);
  expect(performance.now() - startMs).toBeLessThan(2_000);
});

test.each(['(a', '(?<=a)b', '(a)\\1', 'a{1001}', '(a{1000}){1000}'])(
  '%s is refused with a reason',
  (source) => {
    expect(() => pattern(source)).toThrow(/^not a regular expression: [a-z].*`/);
  },
);
