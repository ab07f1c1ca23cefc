import { expect, test } from 'vitest';
import { RecordReader } from '../../../../src/roster/formats/csv/records.ts';

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
