import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseEmail, normaliseId, normaliseText } from '../src/normalise.ts';

describe('normaliseText', () => {
  test.each([
    ['plain text', 'plain text'],
    ['', ''],
    ['   ', ''],
    [' both ends ', 'both ends'],
    ['two  spaces', 'two spaces'],
    ['no\u00a0break\u202fspace', 'no break space'],
    ['line\r\nbreak\tand tab', 'line break and tab'],
    ['\ufeffmark', 'mark'],
    ['ze\u200bro wi\u2060dth', 'zero width'],
    ['Zoe\u0308', 'Zo\u00eb'],
    ['\u212b', '\u00c5'],
    ['A\u200dB', 'AB'],
    ['\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645', '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645'],
    ['nul\u0000l', 'null'],
    ["O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."],
  ])('%j is %j', (input, expected) => {
    expect(normaliseText(input)).toBe(expected);
  });

  test('is idempotent, trimmed and NFC, whatever comes in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (input) => {
        const once = normaliseText(input);
        expect(normaliseText(once)).toBe(once);
        expect(once).toBe(once.trim());
        expect(once).toBe(once.normalize('NFC'));
        expect(once).not.toMatch(/\s\s/);
      }),
    );
  });

  test('the short way for plain text and the long way agree', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (input) => {
        const long = input.replace(/\s+/g, ' ').trim();
        expect(normaliseText(input)).toBe(long);
      }),
    );
  });
});

test.each([
  ['Zoe.Okafor@Example.COM', 'zoe.okafor@example.com'],
  [' ZO\u00cb@x.io ', 'zo\u00eb@x.io'],
  ['a\u200b@x.io', 'a@x.io'],
])('normaliseEmail: %j is %j', (input, expected) => {
  expect(normaliseEmail(input)).toBe(expected);
});

test.each([
  ['00042', '00042'],
  [' \u00a00042\t', '0042'],
  ['e1', 'e1'],
  ['E  1', 'E  1'],
  ['1\u200b2', '12'],
  ['a\u0000b', 'a\u0000b'],
  ['A\u030a1', '\u00c51'],
])('normaliseId: %j is %j', (input, expected) => {
  expect(normaliseId(input)).toBe(expected);
});
