import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absent, createTextGroups, createTextIndex, hash53, several } from '../../src/diff/hash-index.ts';

describe('hash53', () => {
  it('is a whole number that a double holds, and the same for ever: links store it', () => {
    const whole = (text: string) => Number.isSafeInteger(hash53(text)) && hash53(text) >= 0;
    fc.assert(fc.property(fc.string(), whole));
    expect([hash53(''), hash53('a'), hash53('zoe.okafor@example.com')]).toEqual([
      3338908027751811,
      7929297801672961,
      expect.any(Number),
    ]);
  });

  it('tells a hundred thousand numbered ids apart', () => {
    const seen = new Set<number>();
    for (let at = 0; at < 100_000; at++) seen.add(hash53(`E${at}`));
    expect(seen.size).toBe(100_000);
  });
});

describe('a text index', () => {
  it('is a map', () => {
    const entries = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat()), { maxLength: 300 });
    fc.assert(
      fc.property(entries, fc.array(fc.string({ maxLength: 3 })), (pairs, probes) => {
        const index = createTextIndex(1);
        const map = new Map<string, number>();
        for (const [text, ordinal] of pairs) {
          index.set(text, ordinal);
          map.set(text, ordinal);
          expect(index.size).toBe(map.size);
        }
        for (const text of [...map.keys(), ...probes]) expect(index.get(text)).toBe(map.get(text) ?? absent);
      }),
    );
  });
});

describe('text groups', () => {
  it('give the ordinals that have a text now', () => {
    const texts = fc.array(fc.option(fc.constantFrom('a', 'b', 'c')), { maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(11)), (given, cleared) => {
        const now = [...given];
        const groups = createTextGroups((ordinal) => now[ordinal] !== null);
        for (const [ordinal, text] of given.entries()) if (text !== null) groups.add(text, ordinal);
        for (const ordinal of cleared) if (ordinal < now.length) now[ordinal] = null;
        for (const text of ['a', 'b', 'c', 'd']) {
          const expected = now.flatMap((one, ordinal) => (one === text ? [ordinal] : []));
          expect(groups.all(text)).toEqual(expected);
          expect(groups.only(text)).toBe(expected.length > 1 ? several : (expected[0] ?? absent));
        }
        for (const group of groups.shared()) expect(group.length).toBeGreaterThan(1);
      }),
    );
  });
});
