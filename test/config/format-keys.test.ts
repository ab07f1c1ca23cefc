import { expect, test } from 'vitest';
import { academy, load, problems } from './fixtures.ts';

const of = (lines: string): string =>
  `roster:\n  columns: { id: ID }\n${lines.replace(/^/gm, '  ')}\n${academy}`;
const one = (keys: string): string => of(`source: ./a.bin\n${keys}`);
const paged = (keys: string): string =>
  of(`source: { type: https, url: "https://hr.example/p", pages: { by: page } }\n${keys}`);
const parts = (beside: string, ...each: readonly string[]): string =>
  of(`${beside === '' ? '' : `${beside}\n`}parts:\n${each.map((keys) => `  - ${keys}`).join('\n')}`);

test.each<[name: string, text: string, said: string]>([
  [
    'sheet with csv',
    one('format: csv\nsheet: Staff'),
    '5:3 roster.sheet: is for XLSX, and the roster is CSV (format): take one of them out',
  ],
  ['records with xlsx', one('format: xlsx\nrecords: data'), '5:3 roster.records: is for JSON, and'],
  ['records with lines', one('format: jsonl\nrecords: data'), '5:3 roster.records: is for JSON, and'],
  [
    'delimiter with json',
    one('format: json\ndelimiter: ";"'),
    '5:3 roster.delimiter: is for CSV, and the roster is JSON (format)',
  ],
  ['delimiter with xlsx', one('format: xlsx\ndelimiter: ";"'), '5:3 roster.delimiter: is for CSV, and'],
  [
    'encoding with xlsx',
    one('format: xlsx\nencoding: windows-1252'),
    '5:3 roster.encoding: is for CSV, JSON, JSON lines, and the roster is XLSX',
  ],
  [
    'lines above no header',
    one('format: json\nskip: { above: 2 }'),
    '5:11 roster.skip.above: is for CSV, XLSX, and the roster is JSON',
  ],
  [
    'records beside pages',
    paged('records: data'),
    '4:3 roster.records: is not read where the list comes in pages: where it is in each of them, source.records says',
  ],
  ['sheet beside pages', paged('sheet: 1'), '4:3 roster.sheet: is for XLSX, and the roster is JSON lines'],
  ['csv in pages', paged('format: csv'), '4:11 roster.format: is csv, and source.pages are JSON'],
  [
    'an encrypted list in pages',
    paged('decrypt: { privateKey: key }'),
    '4:3 roster.decrypt: is for one file, and source.pages puts a list together that is not encrypted',
  ],
  [
    'sheet in a part of csv',
    parts('', '{ name: a, source: ./a.csv, format: csv, sheet: 2 }', '{ name: b, source: ./b.xlsx }'),
    '4:48 roster.parts[0].sheet: is for XLSX, and the roster is CSV',
  ],
  [
    'sheet in a part whose format stands beside',
    parts('format: csv', '{ name: a, source: ./a.csv, sheet: 2 }', '{ name: b, source: ./b.csv }'),
    '5:35 roster.parts[0].sheet: is for XLSX, and the roster is CSV',
  ],
  [
    'sheet beside parts of which none is a workbook',
    parts(
      'sheet: 2',
      '{ name: a, source: ./a.csv, format: csv }',
      '{ name: b, source: ./b.json, format: json }',
    ),
    '3:3 roster.sheet: is for XLSX, and no part of the roster is that',
  ],
  [
    'decrypt beside parts of which one comes in pages',
    parts(
      'decrypt: { privateKey: key }',
      '{ name: a, source: ./a.csv.gpg }',
      '{ name: b, source: { type: https, url: "https://hr.example/p", pages: { by: page } } }',
    ),
    '3:3 roster.decrypt: stands beside parts, for all, and b comes in pages, which are not encrypted',
  ],
])('%s is refused', async (_name, text, said) => {
  const found = await problems(text);
  expect(found).toEqual([expect.stringContaining(said)]);
});

test.each<[name: string, text: string]>([
  ['what the format takes', one('format: csv\ndelimiter: ";"\nencoding: windows-1252\nskip: { above: 2 }')],
  ['a workbook', one('format: xlsx\nsheet: Staff\nskip: { above: 2, below: 1 }')],
  ['a list in JSON', one('format: json\nrecords: data\nencoding: utf-16le\nskip: { end: 1 }')],
  ['what the content decides', one('sheet: 1\ndelimiter: ";"\nrecords: data')],
  ['json in pages', paged('format: json\nskip: { end: 1 }')],
  [
    'a default for the parts that it fits',
    parts(
      'delimiter: ";"\nsheet: Staff',
      '{ name: a, source: ./a.csv, format: csv }',
      '{ name: b, source: ./b.xlsx, format: xlsx }',
    ),
  ],
])('%s is not', async (_name, text) => {
  await load(text);
});
