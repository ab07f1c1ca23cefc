import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findRoster } from '../../../src/roster/index.ts';
import { tempFolder } from '../reading.ts';

describe('findRoster', () => {
  test('of several matches, takes the one modified last, or the last by name', async () => {
    await using folder = await tempFolder();
    const names = ['roster-1.csv', 'roster-2.csv', 'roster-3.csv'];
    for (const [at, name] of names.entries()) {
      await writeFile(join(folder.path, name), 'x'.repeat(at + 1));
      // The middle one is the newest.
      await utimes(join(folder.path, name), 1_700_000_000, 1_700_000_000 + (at === 1 ? 60 : at));
    }
    await writeFile(join(folder.path, 'other.csv'), 'newest of all');
    await mkdir(join(folder.path, 'roster-9.csv'));
    const source = join(folder.path, 'roster-*.csv');
    expect(await findRoster({ source, pick: 'modified' })).toEqual({
      file: join(folder.path, 'roster-2.csv'),
      modifiedAtMs: 1_700_000_060_000,
      sizeBytes: 2,
    });
    expect(await findRoster({ source, pick: 'name' })).toMatchObject({
      file: join(folder.path, 'roster-3.csv'),
    });
  });

  test('files of one time: the last by name', async () => {
    await using folder = await tempFolder();
    for (const name of ['b.csv', 'c.csv', 'a.csv']) {
      await writeFile(join(folder.path, name), '');
      await utimes(join(folder.path, name), 1_700_000_000, 1_700_000_000);
    }
    const found = await findRoster({ source: join(folder.path, '*.csv'), pick: 'modified' });
    expect(found.file).toBe(join(folder.path, 'c.csv'));
  });

  test('a name that has the signs of a glob is a name first', async () => {
    await using folder = await tempFolder();
    const source = join(folder.path, 'roster [final].csv');
    await writeFile(source, 'abc');
    expect(await findRoster({ source, pick: 'modified' })).toMatchObject({ file: source, sizeBytes: 3 });
  });

  test('a folder: says that it is one, and which pattern its files have', async () => {
    await using folder = await tempFolder();
    await mkdir(join(folder.path, 'hr'));
    await writeFile(join(folder.path, 'hr', 'roster-1.csv'), '');
    const source = join(folder.path, 'hr');
    await expect(findRoster({ source, pick: 'modified' })).rejects.toMatchObject({
      code: 'ROSTER_NOT_FOUND',
      message: `roster.source "${source}" is a folder.`,
      hint: expect.stringMatching(
        /or a pattern such as .*hr\/\*\.csv\. The folder .*hr has roster-1\.csv\.$/,
      ),
    });
  });

  test('nothing found: names the source and the nearest files', async () => {
    await using folder = await tempFolder();
    for (const name of ['rooster.csv', 'holidays.txt', 'payroll.xml', 'z.bin'])
      await writeFile(join(folder.path, name), '');
    const source = join(folder.path, 'roster*.csv');
    await expect(findRoster({ source, pick: 'modified' })).rejects.toMatchObject({
      code: 'ROSTER_NOT_FOUND',
      message: expect.stringContaining(source),
      hint: expect.stringMatching(/has rooster\.csv, .* and 1 more/),
    });
  });

  test.each([
    ['hr/roster.csv', 'does not exist'],
    ['*/roster.csv', 'has no files'],
  ])('nothing found for %s: the folder %s', async (source, hint) => {
    await using folder = await tempFolder();
    await expect(findRoster({ source: join(folder.path, source), pick: 'name' })).rejects.toMatchObject({
      code: 'ROSTER_NOT_FOUND',
      hint: expect.stringContaining(hint),
    });
  });
});
