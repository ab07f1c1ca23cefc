import { createHash } from 'node:crypto';
import { appendFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { codesOf, readFrom, readText, tempFolder, utf16be, windows1252 } from './reading.ts';

const header = 'id,email,first,department,status\n';
const zoe = '10442,zoe.okafor@example.com,Zo\u00eb,Warehouse,Active\n';
const mark = '\ufeff';

describe('encodings', () => {
  const text = `${header}${zoe}`;
  test.each([
    ['utf-8', Buffer.from(text), 'utf-8'],
    ['utf-8 with a mark', Buffer.from(mark + text), 'utf-8'],
    ['utf-16le with a mark', Buffer.from(mark + text, 'utf16le'), 'utf-16le'],
    ['utf-16le without', Buffer.from(text, 'utf16le'), 'utf-16le'],
    ['utf-16be with a mark', utf16be(mark + text), 'utf-16be'],
    ['utf-16be without', utf16be(text), 'utf-16be'],
    ['windows-1252', windows1252(text), 'windows-1252', 'windows-1252'],
    ['utf-8 with a mark, whatever is named', Buffer.from(mark + text), 'utf-8', 'windows-1252'],
    ['utf-16le with a mark, whatever is named', Buffer.from(mark + text, 'utf16le'), 'utf-16le', 'ibm850'],
  ])('%s', async (_, bytes, encoding, named?: string) => {
    const { people, proof } = await readText(bytes, named === undefined ? {} : { encoding: named });
    expect(proof).toMatchObject({ encoding, complete: true, rows: 1 });
    expect(people[0]?.firstName).toBe('Zo\u00eb');
  });

  test('windows-1252 has its own signs', async () => {
    const { people } = await readText(
      windows1252(`${header}1,a@x.io,D\u2019Arcy,\u20ac,Active\n2,b@x.io,CAF\u00c9,x,Active\n`),
      { encoding: 'windows-1252' },
    );
    expect(people.map(({ firstName }) => firstName)).toEqual(['D\u2019Arcy', 'CAF\u00c9']);
  });

  const many = (count: number, first = 'Ann') =>
    Array.from({ length: count }, (_, i) => `${10_000 + i},p${i}@x.io,${first},Sales,Active\n`).join('');

  test.each([65_530, 131_072, 300_000])(
    'a first accent after some %i bytes is still told apart',
    async (bytes) => {
      const ascii = header + many(Math.ceil(bytes / 30));
      const last = '99999,z@x.io,Zo\u00eb,Sales,Active\n';
      const { people, proof } = await readText(Buffer.from(ascii + last));
      expect(proof.encoding).toBe('utf-8');
      expect(people.at(-1)?.firstName).toBe('Zo\u00eb');
      const line = Math.ceil(bytes / 30) + 2;
      await expect(readText(Buffer.concat([Buffer.from(ascii), windows1252(last)]))).rejects.toMatchObject({
        code: 'ROSTER_ENCODING',
        message: expect.stringMatching(
          new RegExp(`stops being UTF-8 on line ${line} \\(byte ${ascii.length + 16} of .*windows-1252`),
        ),
        place: { key: 'roster.encoding', line },
      });
    },
  );

  test('a character may lie across the end of any chunk', async () => {
    for (let shift = 0; shift < 4; shift++) {
      const { people, proof } = await readText(
        `${header}${'0'.repeat(shift)}1,a@x.io,A,B,Active\n${many(12_000, '\u20ac')}`,
      );
      expect(proof).toMatchObject({ encoding: 'utf-8', rows: 12_001, rejected: 0 });
      expect(people.slice(1).every(({ firstName }) => firstName === '\u20ac')).toBe(true);
    }
  });

  test('UTF-8 that is damaged later rejects the damaged rows by name', async () => {
    const { people, proof, rejected } = await readText(
      Buffer.concat([
        Buffer.from(header + zoe.replace('10442', '5') + many(20_000)),
        windows1252('77777,r@x.io,Ren\u00e9,Sales,Active\n'),
        Buffer.from(zoe.replace('10442', '88888')),
      ]),
    );
    expect(proof).toMatchObject({ encoding: 'utf-8', rows: 20_003, usable: 20_002, rejected: 1 });
    expect(rejected).toMatchObject([{ id: '77777', code: 'ENCODING', field: 'first', line: 20_003 }]);
    expect(people.find(({ id }) => id === '88888')?.firstName).toBe('Zo\u00eb');
  });

  test('UTF-8 that is damaged at once', async () => {
    const { rejected } = await readText(
      Buffer.concat([
        Buffer.from(header + zoe + zoe.replace('10442', '2')),
        windows1252('3,,Ren\u00e9,Sales,Active\n'),
      ]),
    );
    expect(rejected).toMatchObject([{ id: '3', code: 'ENCODING', field: 'first', line: 4 }]);
  });

  test('a damaged id is unreadable', async () => {
    const { proof, rejected } = await readText(
      Buffer.concat([
        Buffer.from(header + zoe),
        windows1252('7\u00e9,,,,Active\n'),
        Buffer.from(zoe.replace('10442', '5')),
        Buffer.from('6,,\u00fc,,Active\n'),
      ]),
    );
    expect(rejected).toEqual([expect.objectContaining({ id: null, code: 'ID_UNREADABLE', line: 3 })]);
    expect(proof.unreadableIds).toBe(1);
  });
});

describe('delimiters and lines', () => {
  test.each([',', ';', '\t', '|'] as const)('%j', async (delimiter) => {
    const { people, proof } = await readText((header + zoe).replaceAll(',', delimiter));
    expect(proof).toMatchObject({ delimiter, complete: true });
    expect(people[0]).toMatchObject({ id: '10442', department: 'Warehouse' });
  });

  test('quotes in the header hide delimiters', async () => {
    const { proof } = await readText('"id, or number; of, the, person";first;status\n1;Ann;Active\n', {
      columns: { id: 'id, or number; of, the, person', firstName: 'first', status: 'status' },
    });
    expect(proof).toMatchObject({ delimiter: ';', usable: 1 });
  });

  test('sep=; and blank lines before the header', async () => {
    const { people, proof } = await readText('sep=;\r\n\r\nid;first;status\r\n1;"a, b";Active\r\n', {
      columns: { id: 'id', firstName: 'first', status: 'status' },
    });
    expect(proof.delimiter).toBe(';');
    expect(people).toMatchObject([{ id: '1', firstName: 'a, b', line: 4 }]);
  });

  test.each(['\n', '\r\n', '\r'])(
    'lines ended by %j, blank ones, quoted ones, and no last break',
    async (eol) => {
      const lines = [
        'id,email,first,department,status',
        '',
        `1,a@x.io,"Ann${eol}Marie","Sales, ""North""",Active`,
        '',
        '   ',
        ',,,,',
        '2,b@x.io, "Bob, B." ,x,Active'.replace(' ,x', ',x'),
        '3,c@x.io,Cy,x,Active',
      ];
      const { people, proof } = await readText(lines.join(eol));
      expect(proof).toMatchObject({ rows: 3, complete: true });
      expect(people).toMatchObject([
        { id: '1', firstName: 'Ann Marie', department: 'Sales, "North"', line: 3 },
        { id: '2', firstName: 'Bob, B.', line: 8 },
        { id: '3', line: 9 },
      ]);
    },
  );

  test('line numbers stay right over many chunks', async () => {
    let text = header;
    const expected = new Map<string, number>();
    for (let i = 0, line = 2; i < 20_000; i++, line++) {
      expected.set(String(i), line);
      const inner = i % 3 === 0 ? '"a\r\nb\nc"' : 'x';
      text += `${i},,${inner},,Active\n`;
      if (i % 3 === 0) line += 2;
      if (i % 7 === 0) {
        text += '\n';
        line++;
      }
    }
    const { people } = await readText(text);
    expect(people).toHaveLength(20_000);
    expect(people.filter(({ id, line }) => expected.get(id) !== line)).toEqual([]);
  });

  test('a quote inside a cell is a sign like others', async () => {
    const { people } = await readText(`${header}1,,Robert "Bob" B,x,Active\n2,,"Al" B,x,Active\n`);
    expect(people.map(({ firstName }) => firstName)).toEqual(['Robert "Bob" B', '"Al" B']);
  });
});

describe('the file', () => {
  test('gzip is unpacked, and the fingerprint is that of the content', async () => {
    await using folder = await tempFolder();
    const text = header + zoe;
    const file = join(folder.path, 'roster.csv.gz');
    await writeFile(file, gzipSync(text));
    const progress: number[] = [];
    const { proof, people } = await readFrom(
      file,
      {},
      { onProgress: (bytes, total) => progress.push(bytes / total) },
    );
    expect(people[0]?.firstName).toBe('Zo\u00eb');
    expect(proof.fingerprint).toBe(createHash('sha256').update(text).digest('hex'));
    expect(progress.at(-1)).toBe(1);
  });

  test('gzip that ends in the middle is torn, and what came before was read', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i},,${Math.sin(i)},x,Active\n`).join('');
    const zipped = gzipSync(header + rows);
    const { proof } = await readText(zipped.subarray(0, zipped.length - 5_000));
    expect(codesOf(proof)).toEqual(['ROSTER_TORN']);
    expect(proof.usable).toBeGreaterThan(10_000);
  });

  test('the same content has the same fingerprint, another has another', async () => {
    const prints = await Promise.all(
      [zoe, zoe, zoe.replace('Zo', 'Jo')].map(
        async (row) => (await readText(header + row)).proof.fingerprint,
      ),
    );
    expect(prints[0]).toBe(prints[1]);
    expect(prints[0]).not.toBe(prints[2]);
  });

  test.each([
    ['grows', (file: string) => appendFileSync(file, zoe)],
    [
      'is replaced',
      (file: string) => {
        writeFileSync(`${file}.new`, header);
        renameSync(`${file}.new`, file);
      },
    ],
    ['gets another time', (file: string) => utimesSync(file, 1, 1)],
    ['goes', (file: string) => rmSync(file)],
  ])('a file that %s meanwhile is refused', async (_, change) => {
    await using folder = await tempFolder();
    const file = join(folder.path, 'roster.csv');
    await writeFile(
      file,
      header + Array.from({ length: 30_000 }, (__, i) => `${i},,Ann,x,Active\n`).join(''),
    );
    const onPerson = ({ id }: { id: string }) => {
      if (id === '7') change(file);
    };
    await expect(readFrom(file, {}, { onPerson })).rejects.toMatchObject({
      code: 'ROSTER_CHANGING',
      message: expect.stringContaining('changed while'),
    });
  });

  test('stops when asked', async () => {
    const stop = new AbortController();
    const text = header + Array.from({ length: 60_000 }, (_, i) => `${i},,Ann,x,Active\n`).join('');
    await expect(
      readText(text, {}, { signal: stop.signal, onPerson: () => stop.abort() }),
    ).rejects.toMatchObject({ code: 'RUN_ABORTED' });
  });
});
