import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RosterRecord } from '../../../../src/roster/formats/format.ts';
import { RecordReader, type Records } from '../../../../src/roster/formats/csv/records.ts';
import { ThreadedRecords, threadedFromBytes } from '../../../../src/roster/formats/csv/threaded-records.ts';
import { readFrom, tempFolder } from '../../reading.ts';

const layout = { delimiter: ',', lineBreaks: ['\r\n', '\n'], skipBytes: 0, skipLines: 0 } as const;

/** All that a reader makes of these chunks. */
async function allOf(reader: Records, chunks: readonly Buffer[]) {
  const records: RosterRecord[] = [];
  for (const chunk of chunks) records.push(...(await reader.write(chunk)));
  records.push(...(await reader.end()));
  const { damagedAtLine } = reader;
  await reader.close();
  return { records, damagedAtLine };
}

// Separators of the packing among them, quotes that never close, line breaks in cells, and no cell at all.
const signs = ['a', 'B', '7', ' ', ',', '"', '\n', '\r\n', '\u001e', '\u001f', '\u00e9', '\u{1F600}'];
const pieces = fc.array(fc.string({ unit: fc.constantFrom(...signs), maxLength: 60 }), { maxLength: 12 });

test('a thread of its own reads what this one reads, however the file is cut', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(pieces, async (texts) => {
      const chunks = texts.map((text) => Buffer.from(text));
      const expected = await allOf(new RecordReader(layout), chunks);
      expect(await allOf(new ThreadedRecords(layout), chunks)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test('damage that no row can be read from is told', async () => {
  const chunks = [
    Buffer.from('a,b\n1,2\n3,"4\n'),
    ...Array.from({ length: 5 }, () => Buffer.alloc(300_000, 'x')),
  ];
  const { records, damagedAtLine } = await allOf(new ThreadedRecords(layout), chunks);
  expect(records.map(({ line }) => line)).toEqual([1, 2]);
  expect(damagedAtLine).toBe(3);
});

test('a thread that has ended fails who waits for its rows, and who asks after that', async () => {
  const reader = new ThreadedRecords(layout);
  await reader.close();
  await expect(reader.end()).rejects.toThrow('has ended');
  await expect(reader.end()).rejects.toThrow('has ended');
});

const header = 'id,email,first,department,status\n';
const row = (at: number): string =>
  `E${String(at).padStart(6, '0')},p${at}@example.com,${'Lovelace '.repeat(8)},Sales,Active\n`;
const count = Math.ceil(threadedFromBytes / row(0).length) + 1_000;
const rows = Array.from({ length: count }, (_, at) => row(at));

test('a large file is read to its last line, with what is wrong in it', { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, 'roster.csv');
  const wrong = rows.with(70_000, 'E070000,not an address,Ada,Sales,Active\n');
  await writeFile(file, header + wrong.join(''));
  const { proof, people, rejected } = await readFrom(file, {});
  expect(proof).toMatchObject({ complete: true, rows: count, usable: count - 1, rejected: 1 });
  expect(people.at(-1)).toMatchObject({ id: `E${String(count - 1).padStart(6, '0')}`, line: count + 1 });
  expect(rejected).toMatchObject([{ code: 'EMAIL_INVALID', id: 'E070000', line: 70_002 }]);
});

test('a large file that is cut off counts as torn', { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, 'roster.csv');
  await writeFile(file, (header + rows.join('')).slice(0, -40));
  const { proof } = await readFrom(file, {});
  expect(proof.complete).toBe(false);
  expect(proof.reasons.map(({ code }) => code)).toContain('ROSTER_TORN');
});
