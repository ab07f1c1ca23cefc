import { describe, expect, test } from 'vitest';
import type { RosterConfig } from '../../../../src/config/schema.ts';
import { NumberFormats } from '../../../../src/roster/formats/xlsx/number-formats.ts';
import { serialDate, serialTime } from '../../../../src/roster/formats/xlsx/serial-dates.ts';
import { zipOf } from '../../content/zip.ts';
import { readText } from '../../reading.ts';

const config: Partial<RosterConfig> = { columns: { id: 'id', firstName: 'first', status: 'status' } };
const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

type Given = {
  readonly rows: string;
  readonly strings?: string;
  readonly target?: string;
  readonly head?: string;
};

/** The least that is a workbook, with these rows in its sheet. */
function workbook({ rows, strings = '', target = 'worksheets/sheet1.xml', head = '' }: Given): Buffer {
  return zipOf(
    { name: '[Content_Types].xml', content: '<Types/>' },
    {
      name: 'xl/workbook.xml',
      content: `<workbook><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      content: `<Relationships><Relationship Id="r1" Type="${relations}/worksheet" Target="${target}"/><Relationship Id="r2" Type="${relations}/sharedStrings" Target="/xl/sharedStrings.xml"/></Relationships>`,
    },
    { name: 'xl/sharedStrings.xml', content: `<sst>${strings}</sst>` },
    {
      name: 'xl/worksheets/sheet1.xml',
      content: `${head}<x:worksheet xmlns:x="urn:x"><x:sheetData>${rows}</x:sheetData></x:worksheet>`,
    },
  );
}

const text = (at: string, value: string): string =>
  `<x:c r="${at}" t="inlineStr"><x:is><x:t>${value}</x:t></x:is></x:c>`;
const header = `<x:row r="1">${text('A1', 'id')}${text('B1', 'first')}${text('C1', 'status')}</x:row>`;
const row = (n: number, first = 'Ann'): string =>
  `<x:row r="${n}">${text(`A${n}`, String(n))}${text(`B${n}`, first)}${text(`C${n}`, 'Active')}</x:row>`;

describe('a workbook that is made to harm', () => {
  test('an id that became a date is nobody whom one knows', async () => {
    const dated = `<x:row r="3"><x:c r="A3" t="d"><x:v>2026-03-01</x:v></x:c>${text('B3', 'Zoe')}${text('C3', 'Active')}</x:row>`;
    const { people, rejected, proof } = await readText(
      workbook({ rows: `${header}${row(2)}${dated}` }),
      config,
    );
    expect(people.map(({ id }) => id)).toEqual(['2']);
    expect(rejected).toMatchObject([{ code: 'ID_UNREADABLE', id: null, line: 3 }]);
    expect(proof.unreadableIds).toBe(1);
  });

  test('the least one is read, whatever its prefixes, rows and cells without addresses', async () => {
    const bare =
      '<x:row><x:c t="str"><x:v>3</x:v></x:c><x:c t="s"><x:v>1</x:v></x:c><x:c t="str"><x:v>Active</x:v></x:c></x:row>';
    const { people } = await readText(
      workbook({
        rows: `${header}${row(2, 'A &amp; B &#x5A;_x000D__x0041_')}${bare}`,
        strings: '<si><t>x</t></si><si><t>Zo\u00eb</t></si>',
      }),
      config,
    );
    expect(people.map(({ id, firstName, line }) => [id, firstName, line])).toEqual([
      ['2', 'A & B Z A', 2],
      ['3', 'Zo\u00eb', 3],
    ]);
  });

  test.each([
    [
      'entities that name entities',
      {
        rows: header + row(2, '&b;'),
        head: '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
      },
    ],
    [
      'an entity of a file',
      { rows: header + row(2, '&f;'), head: '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' },
    ],
    ['elements in elements without end', { rows: header + '<x:a>'.repeat(100_000) }],
    ['rows out of order', { rows: header + row(3) + row(2) }],
    ['a row twice', { rows: header + row(2) + row(2) }],
    ['cells out of order', { rows: `${header}<x:row r="2">${text('B2', 'Ann')}${text('A2', '2')}</x:row>` }],
    ['a column that no sheet has', { rows: `${header}<x:row r="2">${text('ZZZ2', '2')}</x:row>` }],
    [
      'a text that is not there',
      { rows: `${header}<x:row r="2"><x:c r="A2" t="s"><x:v>7</x:v></x:c></x:row>` },
    ],
    ['a sheet outside of it', { rows: header + row(2), target: '../../../../etc/passwd' }],
    ['a sheet without its end', { rows: `${header}${row(2)}</x:sheetData>` }],
  ])('%s: nothing of it is read', async (_, given: Given) => {
    await expect(readText(workbook(given), config)).rejects.toMatchObject({
      code: 'ROSTER_UNREADABLE',
      message: expect.stringContaining('not whole'),
    });
  });

  test('a text without end is cut off and rejects its row', async () => {
    const { rejected } = await readText(workbook({ rows: header + row(2, 'a'.repeat(3_000_000)) }), config);
    expect(rejected).toMatchObject([{ id: '2', code: 'CELL_TOO_LONG' }]);
  });

  test('a sheet that unpacks to more than a roster can be', async () => {
    const bomb = workbook({ rows: `${header}${row(2, ' '.repeat(200 * 1024 ** 2))}` });
    expect(bomb.length).toBeLessThan(300_000);
    await expect(readText(bomb, config)).rejects.toMatchObject({
      code: 'ROSTER_UNREADABLE',
      message: expect.stringContaining('unpacks to more than'),
    });
  });

  test('names of prototypes are names', async () => {
    const rows = `<x:row __proto__="x" r="1">${text('A1', 'id')}${text('B1', '__proto__')}${text('C1', 'constructor')}</x:row>${row(2)}`;
    const { people } = await readText(workbook({ rows }), {
      columns: { id: 'id', firstName: '__proto__', status: 'constructor' },
    });
    expect(people).toMatchObject([{ id: '2', firstName: 'Ann', status: 'Active' }]);
  });
});

test.each([
  [0, '1900-01-00', '1904-01-01'],
  [1, '1900-01-01', '1904-01-02'],
  [59, '1900-02-28', '1904-02-29'],
  // The day that there never was.
  [60, '1900-02-29', '1904-03-01'],
  [61, '1900-03-01', '1904-03-02'],
  [43_890, '2020-02-29', '2024-03-01'],
  [43_890.5, '2020-02-29 12:00:00', '2024-03-01 12:00:00'],
  [44_196.999_999_9, '2021-01-01', '2025-01-02'],
  [2_957_003, '9995-12-30', '9999-12-31'],
  [2_958_465, '9999-12-31', undefined],
  [-1, undefined, undefined],
  [2_958_466, undefined, undefined],
])('day %d is %s, and %s from 1904 on', (day, of1900, of1904) => {
  expect(serialDate(day, '1900')).toBe(of1900);
  expect(serialDate(day, '1904')).toBe(of1904);
});

test('times of day', () => {
  expect([0, 0.25, 0.999_995, 1.5].map(serialTime)).toEqual(['00:00:00', '06:00:00', '00:00:00', '12:00:00']);
});

test.each([
  ['General', '100012345678', '100012345678', false],
  ['General', '1.00012345678E+11', '100012345678', false],
  ['General', '10442.0', '10442', false],
  ['General', '123456789012345', '123456789012345', false],
  ['General', '1234567890123456', '1.23456789012346E+15', false],
  ['General', '0.30000000000000004', '0.3', false],
  ['General', '1E-3', '0.001', false],
  ['0.00', '2.5', '2.5', false],
  ['000000', '123', '000123', false],
  ['00000;-00000', '42', '00042', false],
  ['0%', '0.5', '50%', false],
  ['0.00%', '0.12345', '12.35%', false],
  ['yyyy-mm-dd', '43890', '2020-02-29', true],
  ['[$-407]d. mmmm yyyy;@', '43890', '2020-02-29', true],
  ['"Day" 0', '43890', '43890', false],
  ['[Red]0.0', '1.5', '1.5', false],
  ['mmm', '43890', '2020-02-29', true],
  ['h:mm', '0.5', '12:00:00', false],
  ['[h]:mm', '0.5', '12:00:00', false],
  ['#,##0.00 "dh"', '7', '7', false],
  ['yyyy-mm-dd', '-5', '#####', true],
])('a number shown as %s: %s is %s', async (code, written, shown, isDate) => {
  const formats = new NumberFormats('1900');
  const escaped = code.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  await formats.read(
    (async function* () {
      yield Buffer.from(
        `<styleSheet><numFmts><numFmt numFmtId="200" formatCode="${escaped}"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs></styleSheet>`,
      );
    })(),
  );
  expect(formats.show(written, 1)).toEqual({ text: shown, isDate });
});
