import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { longestCell, mostColumns } from '../../src/roster/bounds.ts';
import { codesOf, readText } from './reading.ts';

const header = 'id,email,first,department,status\n';

test('an archive that unpacks to more than a roster can be is given up on the way', async () => {
  // A gigabyte in one megabyte; no more than a fifth of it is unpacked.
  const megabyte = gzipSync(Buffer.alloc(1024 ** 2, '1'));
  const bomb = Array.from({ length: 1_000 }, () => megabyte);
  await expect(readText(Buffer.concat([gzipSync(header), ...bomb]))).rejects.toMatchObject({
    code: 'ROSTER_UNREADABLE',
    message: expect.stringMatching(
      /unpacks to more than 2\d\d,\d{3},\d{3} \(\d+ times as many\): that is no roster/,
    ),
  });
});

test('a roster that packs well is read', async () => {
  const rows = Array.from({ length: 20_000 }, (_, at) => `${at},,Zoe,Sales,Active\n`);
  const { people } = await readText(gzipSync(header + rows.join('')));
  expect(people).toHaveLength(20_000);
});

test('a cell longer than any cell rejects its row by id; the longest is taken', async () => {
  const { people, rejected } = await readText(
    `${header}1,,Zoe,${'x'.repeat(longestCell)},Active\n2,,Zoe,${'x'.repeat(longestCell + 1)},Active\n3,,Zoe,Sales,Active\n`,
  );
  expect(people.map(({ id }) => id)).toEqual(['1', '3']);
  expect(rejected).toMatchObject([
    {
      id: '2',
      line: 3,
      field: 'department',
      code: 'CELL_TOO_LONG',
      message: 'Line 3 (id 2): department has more than 32,767 characters.',
    },
  ]);
});

test('a column that nobody mapped may be as long as a row', async () => {
  const { people } = await readText(
    `id,first,note\n1,Zoe,${'x'.repeat(longestCell * 2)}\n`,
    {
      columns: { id: 'id', firstName: 'first' },
    },
    { rules: { stateOf: () => 'active' } },
  );
  expect(people).toHaveLength(1);
});

test('a header of more columns than a sheet has is no header', async () => {
  await expect(readText(`${header.trim()}${',x'.repeat(mostColumns)}\n`)).rejects.toMatchObject({
    code: 'ROSTER_HEADER',
    message: 'the header has 16,389 columns, and may have 16,384.',
  });
});

test('a row without an end is damage', async () => {
  const { proof } = await readText(`${header}1,,Zoe,"${'x,'.repeat(1_000_000)}\n`);
  expect(proof.complete).toBe(false);
  expect(codesOf(proof)).toContain('ROSTER_TORN');
});
