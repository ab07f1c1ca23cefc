import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { codesOf, readText } from '../reading.ts';
import { zipOf } from './zip.ts';

const header = 'id,email,first,department,status\n';
const rows = Array.from({ length: 5_000 }, (_, i) => `${10_000 + i},p${i}@x.io,Ann ${i},Sales,Active\n`).join(
  '',
);
const csv = header + rows;

describe('a zip of one file', () => {
  test.each([
    ['CSV', zipOf({ name: 'out/roster.csv', content: csv })],
    [
      'CSV, from a Mac',
      zipOf(
        { name: 'roster.csv', content: csv },
        { name: '__MACOSX/._roster.csv', content: 'x' },
        { name: '.DS_Store', content: 'y' },
      ),
    ],
    ['CSV, with its folder', zipOf({ name: 'out/', content: '' }, { name: 'out/roster.csv', content: csv })],
    ['gzip', zipOf({ name: 'roster.csv.gz', content: gzipSync(csv) })],
    ['within gzip', gzipSync(zipOf({ name: 'roster.csv', content: csv }))],
  ])('%s', async (_, bytes) => {
    const progress: number[] = [];
    const { proof, people } = await readText(bytes, {}, { onProgress: (at, of) => progress.push(at / of) });
    expect(proof).toMatchObject({
      format: 'csv',
      rows: 5_000,
      complete: true,
      fingerprint: createHash('sha256').update(csv).digest('hex'),
    });
    expect(people[4_999]?.firstName).toBe('Ann 4999');
    expect(Math.max(...progress)).toBeCloseTo(1, 2);
  });

  test('JSON', async () => {
    const bytes = zipOf({
      name: 'people.json',
      content: '[{"id":"1","email":"a@x.io","first":"Ann","department":"x","status":"Active"}]',
    });
    expect((await readText(bytes)).proof).toMatchObject({ format: 'json', usable: 1 });
  });

  test('cut anywhere, it is an error', async () => {
    const bytes = zipOf({ name: 'roster.csv', content: csv });
    for (let cut = 4; cut < bytes.length; cut += Math.ceil(bytes.length / 24))
      await expect(readText(bytes.subarray(0, cut)), String(cut)).rejects.toMatchObject({
        code: 'ROSTER_UNREADABLE',
        message: expect.stringContaining('not whole'),
      });
  });

  test('content that is not what its checksum says is torn, or cannot be unpacked', async () => {
    const bytes = zipOf({ name: 'roster.csv', content: csv });
    const sum = bytes.indexOf('PK\x01\x02') + 16;
    bytes.writeUInt32LE((bytes.readUInt32LE(sum) ^ 1) >>> 0, sum);
    expect(codesOf((await readText(bytes)).proof)).toEqual(['ROSTER_TORN']);
  });
});

describe('a zip that is no roster', () => {
  test.each([
    [
      'two files',
      zipOf({ name: 'a.csv', content: csv }, { name: 'b.csv', content: csv }),
      'a zip of 2 files (a.csv, b.csv)',
    ],
    ['no file', zipOf(), 'a zip with no file in it'],
    [
      'an encrypted file',
      zipOf({ name: 'a.csv', content: csv, isEncrypted: true }),
      'a zip that is encrypted',
    ],
    [
      'an OpenDocument sheet',
      zipOf({ name: 'mimetype', content: 'application/vnd.oasis.opendocument.spreadsheet' }),
      'an OpenDocument file (ods)',
    ],
    [
      'a binary workbook',
      zipOf({ name: '[Content_Types].xml', content: '' }, { name: 'xl/workbook.bin', content: '' }),
      'a binary Excel workbook (xlsb)',
    ],
    [
      'a letter',
      zipOf({ name: '[Content_Types].xml', content: '' }, { name: 'word/document.xml', content: '' }),
      'a Word document',
    ],
    [
      'an old workbook',
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]),
      'an old Excel workbook (xls)',
    ],
    [
      'a workbook with a password',
      Buffer.concat([
        Buffer.from('d0cf11e0a1b11ae1', 'hex'),
        Buffer.alloc(300_000),
        Buffer.from('EncryptedPackage', 'utf16le'),
      ]),
      'a workbook protected by a password',
    ],
  ])('%s', async (_, bytes, what) => {
    await expect(readText(bytes)).rejects.toMatchObject({
      code: 'ROSTER_FORMAT',
      message: `the roster is ${what}.`,
    });
  });

  test('one that unpacks to more than a roster can be is given up on the way', async () => {
    const bomb = zipOf({
      name: 'a.csv',
      content: Buffer.concat([Buffer.from(header), Buffer.alloc(300 * 1024 ** 2, 'a')]),
    });
    expect(bomb.length).toBeLessThan(400_000);
    await expect(readText(bomb)).rejects.toMatchObject({
      code: 'ROSTER_UNREADABLE',
      message: expect.stringContaining('unpacks to more than'),
    });
  });
});
