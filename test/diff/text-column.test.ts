import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTextColumn } from '../../src/diff/text-column.ts';

// 'binary' has lone surrogates too: whatever a row holds comes back as it was.
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit)) }),
  fc.constantFrom('', 'Zoë', 'ÿ', 'Ā', 'Łukasz', '李', '😀'),
);

it('gives every text back, the last one that was set', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3_000), text)), (writes) => {
      const column = createTextColumn();
      const expected = new Map<number, string>();
      for (const [ordinal, value] of writes) {
        column.set(ordinal, value);
        expected.set(ordinal, value);
      }
      for (const [ordinal, value] of expected) {
        expect(column.get(ordinal)).toBe(value);
        expect(column.is(ordinal, value)).toBe(true);
        expect(column.is(ordinal, `${value}x`)).toBe(false);
      }
      expect(column.get(4_000)).toBe('');
    }),
  );
});

it('compares parts as their joined text', () => {
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 4 }),
      fc.array(text, { maxLength: 4 }),
      (parts, others) => {
        const column = createTextColumn();
        column.set(7, parts.join('\u001f'));
        expect(column.isJoined(7, parts, '\u001f')).toBe(true);
        expect(column.isJoined(7, others, '\u001f')).toBe(others.join('\u001f') === parts.join('\u001f'));
      },
    ),
  );
});

it('takes texts longer than a block, and those that end at its border', () => {
  const column = createTextColumn();
  const texts = ['a'.repeat((1 << 20) - 3), 'abc', 'd', 'Ł'.repeat(1 << 20), 'e'.repeat(1 << 20), 'f'];
  for (const [at, value] of texts.entries()) column.set(at, value);
  for (const [at, value] of texts.entries()) {
    expect(column.get(at) === value).toBe(true);
    expect(column.is(at, value)).toBe(true);
    expect(column.is(at, `${value.slice(0, -1)}!`)).toBe(false);
  }
});
