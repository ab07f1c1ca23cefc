import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codesOf, plainRules, readFrom, readText, tempFolder } from './reading.ts';

const header = 'id,email,first,department,status\n';
const rows = (count: number, department = 'Sales') =>
  Array.from({ length: count }, (_, i) => `${department}${1_000 + i},,Ann,${department},Active\n`).join('');
const noBaseline = { maxRows: null, maxPerShrinkValue: {} };

describe('completeness', () => {
  test('a header and no rows', async () => {
    const { proof } = await readText(header);
    expect(codesOf(proof)).toEqual(['ROSTER_EMPTY']);
    expect(proof).toMatchObject({ complete: false, rows: 0, usable: 0 });
  });

  test.each([
    [100, 90, 10, []],
    [100, 89, 10, ['ROSTER_SHRUNK']],
    [100, 93, 7, []],
    [100, 92, 7, ['ROSTER_SHRUNK']],
    [100, 200, 10, []],
    [10, 9, 0, ['ROSTER_SHRUNK']],
    [null, 1, 10, []],
  ])('of %s rows %i are there, %i%% fewer allowed', async (maxRows, count, maxShrink, codes) => {
    const { proof } = await readText(
      header + rows(count),
      { maxShrink },
      { baseline: { ...noBaseline, maxRows } },
    );
    expect(codesOf(proof)).toEqual(codes);
    for (const { message } of proof.reasons) {
      expect(message).toContain(`${count} rows`);
      expect(message).toContain(`${maxShrink}%`);
    }
  });

  test('rejected rows count as rows, and blank ones do not', async () => {
    const { proof } = await readText(`${header}${rows(9)}x,,Bo,Sales,Sabbatical\n\n,,,,\n`);
    expect(proof.rows).toBe(10);
  });

  test('a value of shrinkBy that shrank, and one that is gone', async () => {
    const text = header + rows(95) + rows(40, 'Legal') + rows(5, 'New');
    const { proof } = await readText(
      text,
      { shrinkBy: 'department' },
      { baseline: { maxRows: 140, maxPerShrinkValue: { Sales: 100, Legal: 50, Ops: 3 } } },
    );
    expect(proof.perShrinkValue).toEqual({ Sales: 95, Legal: 40, New: 5 });
    expect(codesOf(proof)).toEqual(['ROSTER_SHRUNK_VALUE']);
    expect(proof.reasons[0]?.message).toContain('"Legal" (40 of 50), "Ops" (0 of 3)');
    expect(proof.reasons[0]?.message).not.toContain('Sales');
  });

  test.each([
    [99, 1, []],
    [98, 2, ['ROSTER_REJECTED']],
  ])('%i good rows and %i bad ones, 1%% allowed', async (good, bad, codes) => {
    const text = header + rows(good) + rows(bad, 'x').replaceAll('Active', 'Sabbatical');
    const { proof } = await readText(text, { maxRejected: 1 });
    expect(codesOf(proof)).toEqual(codes);
  });

  const hourMs = 3_600_000;
  const nowMs = Date.UTC(2026, 2, 2, 12);
  async function readAged(
    ageHours: number,
    options: Parameters<typeof readFrom>[1],
    lastExpectedMs?: (atMs: number) => number,
  ) {
    await using folder = await tempFolder();
    const file = join(folder.path, 'roster.csv');
    await writeFile(file, header + rows(1));
    const atSeconds = (nowMs - ageHours * hourMs) / 1000;
    await utimes(file, atSeconds, atSeconds);
    return await readFrom(
      file,
      options,
      lastExpectedMs === undefined ? { nowMs } : { nowMs, lastExpectedMs },
    );
  }

  test.each([
    [26, []],
    [27, ['ROSTER_STALE']],
    [-1, []],
  ])('%i hours old, maxAge 26h', async (ageHours, codes) => {
    const { proof } = await readAged(ageHours, { expected: { maxAge: 26 * hourMs } });
    expect(codesOf(proof)).toEqual(codes);
  });

  test.each([
    ['written after it was due', 0.5, 1, []],
    ['due, and within its grace', 20, 1, []],
    ['due, and past its grace', 20, 3, ['ROSTER_STALE']],
    ['written in the very moment', 3, 3, []],
  ])('expected daily by cron: %s', async (_, ageHours, dueHoursAgo, codes) => {
    const due = [nowMs - dueHoursAgo * hourMs, nowMs - (dueHoursAgo + 24) * hourMs];
    const lastExpectedMs = (atMs: number) => due.find((timeMs) => timeMs <= atMs) ?? 0;
    const expected = { cron: '0 1 * * *', timezone: 'UTC', grace: 2 * hourMs };
    const { proof } = await readAged(ageHours, { expected }, lastExpectedMs);
    expect(codesOf(proof)).toEqual(codes);
  });

  test('a cron without anybody to reckon it is a defect', async () => {
    const expected = { cron: '0 1 * * *', timezone: 'UTC', grace: 0 };
    await expect(readAged(0, { expected })).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('the trailer', () => {
  const trailer = { match: '^(TRAILER|T)[,;|](?<count>[\\d.]+)$' };
  test.each([
    ['right', `${rows(12)}TRAILER,12\n`, [], 12],
    ['right, no line break', `${rows(12)}T,12`, [], 12],
    ['right, with blank lines after', `${rows(12)}T,12\n\n \n`, [], 12],
    ['right, thousands separated', `${rows(1_200)}T,1.200\n`, [], 1_200],
    ['too many', `${rows(11)}T,12\n`, ['TRAILER_COUNT'], 11],
    ['too few', `${rows(13)}T,12\n`, ['TRAILER_COUNT'], 13],
    ['cut in its number', `${rows(12)}T,1`, ['TRAILER_COUNT'], 12],
    ['missing', rows(12), ['TRAILER_MISSING'], 12],
    ['missing, no rows', '', ['ROSTER_EMPTY', 'TRAILER_MISSING'], 0],
    ['right, no rows', 'T,0\n', ['ROSTER_EMPTY'], 0],
  ])('%s', async (_, text, codes, count) => {
    const { proof, people } = await readText(header + text, { trailer });
    expect(codesOf(proof)).toEqual(codes);
    expect(proof.rows).toBe(count);
    expect(people).toHaveLength(count);
  });

  test('is no row even with as many cells as one', async () => {
    const { proof, rejected } = await readText(
      'id,status\n1,Active\n9999,1\n',
      {
        columns: { id: 'id', status: 'status' },
        trailer: { match: '^9999,(?<count>\\d+)$' },
      },
      { rules: plainRules },
    );
    expect(proof).toMatchObject({ complete: true, rows: 1 });
    expect(rejected).toEqual([]);
  });

  test('without its configuration it is a bad row', async () => {
    const { rejected } = await readText(`${header}${rows(2)}TRAILER,2\n`);
    expect(rejected).toMatchObject([{ code: 'COLUMN_COUNT', line: 4 }]);
  });
});
