import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normaliseText } from '../../src/normalise.ts';
import { readText, utf16be, windows1252 } from './reading.ts';

const mark = '\ufeff';
const encodings = {
  'utf-8': (text: string) => Buffer.from(text),
  'utf-8 with a mark': (text: string) => Buffer.from(mark + text),
  'utf-16le': (text: string) => Buffer.from(mark + text, 'utf16le'),
  'utf-16be': (text: string) => utf16be(mark + text),
  'windows-1252': windows1252,
} as const;

// Windows-1252 puts the curly quote and the euro where UTF-8 has the rest of a character: an accent and two of them are, byte
// for byte, one Chinese character. Nobody can tell these apart, so they are not drawn here.
// A quote alone is in no name (it is damage), nor is a euro sign; a nickname in two of them is.
const latinSigns = [..."abcXYZ0189 ,;\t|'\n.-\u00e9\u00fc\u00df\u00d8", ' "Q" x'];
const allSigns = [
  ...latinSigns,
  '\u1e9e',
  '\u2019',
  '\u0142',
  '\u0646',
  '\u6797',
  '\u{1F600}',
  'e\u0301',
  '\u00a0',
];

function cell(value: string, delimiter: string, eol: string, always: boolean): string {
  const text = value.replaceAll('\n', eol);
  return always || /["\r\n]/.test(text) || text.includes(delimiter) || text !== text.trim()
    ? `"${text.replaceAll('"', '""')}"`
    : text;
}

const layout = fc.record({
  encoding: fc.constantFrom(...(Object.keys(encodings) as (keyof typeof encodings)[])),
  delimiter: fc.constantFrom(',', ';', '\t', '|'),
  eol: fc.constantFrom('\n', '\r\n'),
  lastBreak: fc.boolean(),
  quoted: fc.boolean(),
});
const scenario = layout.chain((file) =>
  fc.record({
    file: fc.constant(file),
    rows: fc.array(
      fc.tuple(
        ...([1, 2, 3] as const).map(() =>
          fc.string({
            unit: fc.constantFrom(...(file.encoding === 'windows-1252' ? latinSigns : allSigns)),
            maxLength: 12,
          }),
        ),
      ),
      { maxLength: 20 },
    ),
  }),
);

test('rows written in any encoding, delimiter and line break are read back the same', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ file, rows }) => {
      const { delimiter, eol, quoted } = file;
      const lines = [
        ['id', 'first', 'last', 'note', 'status'],
        ...rows.map(([first = '', last = '', note = ''], at) => [
          `E${String(at).padStart(4, '0')}`,
          first,
          last,
          note,
          'Active',
        ]),
      ].map((cells) => cells.map((value) => cell(value, delimiter, eol, quoted)).join(delimiter));
      const { people, proof } = await readText(
        encodings[file.encoding](lines.join(eol) + (file.lastBreak ? eol : '')),
        {
          columns: { id: 'id', firstName: 'first', lastName: 'last', status: 'status' },
          attributes: ['note'],
          ...(file.encoding === 'windows-1252' ? { encoding: 'windows-1252' } : {}),
        },
      );
      expect(proof).toMatchObject({ delimiter, rows: rows.length, usable: rows.length, rejected: 0 });
      expect(proof.reasons.filter(({ code }) => code !== 'ROSTER_EMPTY')).toEqual([]);
      expect(
        people.map(({ firstName, lastName, attributes }) => [
          firstName ?? '',
          lastName ?? '',
          attributes['note'],
        ]),
      ).toEqual(rows.map((cells) => cells.map(normaliseText)));
    }),
    { numRuns: 200 },
  );
}, 30_000);

test('however a file is cut, no one is usable who was not whole, and a cut in a row is noticed', async () => {
  const ids = Array.from({ length: 40 }, (_, i) => `E${1_000 + i}`);
  const whole = Buffer.from(
    `id,first,status\n${ids.map((id) => `${id},"Zo\u00eb, ""Z""",Active\n`).join('')}`,
  );
  const columns = { id: 'id', firstName: 'first', status: 'status' } as const;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 20, max: whole.length }), async (length) => {
      const { people, proof, rejected } = await readText(whole.subarray(0, length), { columns });
      expect(people.every(({ id, firstName }) => ids.includes(id) && firstName === 'Zo\u00eb, "Z"')).toBe(
        true,
      );
      expect(rejected.every(({ id }) => id === null || ids.includes(id))).toBe(true);
      const atRowEnd = whole[length - 1] === 0x0a || whole[length] === 0x0a;
      if (!atRowEnd) expect(proof.complete && rejected.length === 0).toBe(false);
    }),
    { numRuns: 200 },
  );
}, 30_000);
