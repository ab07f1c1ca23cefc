import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Utf8Decoder } from '../../../../src/roster/formats/text/encoding.ts';
import { utf16be, windows1252 } from '../../reading.ts';

const mark = '\ufeff';
const encodings = [
  ['utf-8', (text: string) => Buffer.from(text)],
  ['utf-16le', (text: string) => Buffer.from(mark + text, 'utf16le')],
  ['utf-16be', (text: string) => utf16be(mark + text)],
  ['windows-1252', windows1252],
] as const;

function decode(
  bytes: Buffer,
  cuts: readonly number[],
  named?: string,
): { text: string; decoder: Utf8Decoder; torn: boolean } {
  const decoder = new Utf8Decoder(named);
  const parts: Buffer[] = [];
  const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i++) parts.push(decoder.write(bytes.subarray(edges[i - 1], edges[i])));
  const { rest, torn } = decoder.end();
  return { text: Buffer.concat([...parts, rest]).toString('utf8'), decoder, torn };
}

describe('Utf8Decoder', () => {
  test.each(encodings)('%s, cut into chunks anywhere, the first accent early or late', (encoding, encode) => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 100, 70_000),
        fc.string({ unit: fc.constantFrom('a', ',', '\u00d8', '\u00e9', '\u00df') }),
        fc.array(fc.oneof(fc.nat(300), fc.integer({ min: 69_990, max: 70_300 }))),
        (plain, accents, cuts) => {
          const text = `${'id,name\n'.repeat(plain / 8 + 1)}\u00e9, ${accents}`;
          const {
            text: decoded,
            decoder,
            torn,
          } = decode(encode(text), cuts, encoding === 'windows-1252' ? encoding : undefined);
          expect(decoded).toBe(text);
          expect(decoder.encoding).toBe(encoding);
          expect(torn).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('UTF-8 whose first accent lies across two chunks', () => {
    const plain = 'x'.repeat(100_000);
    for (const sign of ['\u00e9', '\u20ac', '\u{1F600}']) {
      const bytes = Buffer.from(`${plain}${sign}y`);
      for (let cut = plain.length; cut < bytes.length; cut++) {
        const { text, decoder } = decode(bytes, [cut]);
        expect(text.slice(plain.length)).toBe(`${sign}y`);
        expect(decoder.encoding).toBe('utf-8');
      }
    }
  });

  test('the end of a file in the middle of a character', () => {
    const bytes = Buffer.from(`${'\u00e9'.repeat(10)}\u{1F600}`);
    expect(
      [0, 1, 2, 3].map((missing) => decode(bytes.subarray(0, bytes.length - missing), [5]).torn),
    ).toEqual([false, true, true, true]);
  });
});
