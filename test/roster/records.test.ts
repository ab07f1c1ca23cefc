import { expect, test } from 'vitest';
import { hasSwallowedRows, RecordReader } from '../../src/roster/records.ts';

const layout = { delimiter: ',', lineBreaks: ['\r\n', '\n'], skipBytes: 0, skipLines: 0 } as const;

test('a quote that is not closed is given up after a megabyte, and nothing is kept', async () => {
  const reader = new RecordReader(layout);
  expect(await reader.write(Buffer.from('a,b\n1,2\n3,"4\n'))).toMatchObject([{ line: 1 }, { line: 2 }]);
  const chunk = Buffer.alloc(300_000, 'x,y\n');
  for (let i = 0; i < 3; i++) await reader.write(chunk);
  expect(reader.damagedAtLine).toBeUndefined();
  await reader.write(chunk);
  expect(reader.damagedAtLine).toBe(3);
  expect(await reader.write(Buffer.from('"\n5,6\n'))).toEqual([]);
  expect(await reader.end()).toEqual([]);
});

test.each([
  [['1', 'a\nb', 'c', 'd'], false],
  [['1', 'c', 'd', 'a\nb'], false],
  [['1', 'c', 'd', 'a, b\nc, d'], false],
  [['1', 'a,b,c\n2,Al', 'c', 'd'], true],
  [['1', 'a\nb', 'c'], true],
  [['1', 'a', 'c'], false],
  [['1', '"a" b\nc', 'c', 'd'], false],
])('%j of 4 columns has swallowed rows: %s', (cells, expected) => {
  expect(hasSwallowedRows(cells, 4, ',')).toBe(expected);
});
