import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codesOf, readFrom, readText, tempFolder } from './reading.ts';

const header = 'id,email,first,department,status\n';
const rows = (count: number, department = 'Sales') =>
  Array.from({ length: count }, (_, i) => `${department}${1_000 + i},,Ann,${department},Active\n`).join('');
const noBaseline = { maxPeople: null, maxPerShrinkValue: {}, endsInLine: null };

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
  ])('of %s people %i are there, %i%% fewer allowed', async (maxPeople, count, maxShrink, codes) => {
    const { proof } = await readText(
      header + rows(count),
      { maxShrink },
      { baseline: { ...noBaseline, maxPeople } },
    );
    expect(codesOf(proof)).toEqual(codes);
    for (const { message } of proof.reasons) {
      expect(message).toContain(`${count} people`);
      expect(message).toContain(`${maxShrink}%`);
    }
  });

  test('people count, however many rows they have: after an export that was doubled, the next one has not shrunk', async () => {
    const once = rows(20);
    const { proof } = await readText(
      `${header}${once}${once}`,
      {},
      { baseline: { ...noBaseline, maxPeople: 20 } },
    );
    expect(proof.rows).toBe(40);
    expect(proof.usable + proof.rejected).toBe(20);
    expect(codesOf(proof)).not.toContain('ROSTER_SHRUNK');
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
      {
        baseline: { maxPeople: 140, maxPerShrinkValue: { Sales: 100, Legal: 50, Ops: 3 }, endsInLine: null },
      },
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
    lastExpectedMs: (atMs: number) => number = () => 0,
  ) {
    await using folder = await tempFolder();
    const file = join(folder.path, 'roster.csv');
    await writeFile(file, header + rows(1));
    const atSeconds = (nowMs - ageHours * hourMs) / 1000;
    await utimes(file, atSeconds, atSeconds);
    return await readFrom(file, options, { nowMs, lastExpectedMs });
  }

  test.each([
    [26, []],
    [27, ['ROSTER_STALE']],
    [-0.1, []],
    [-1, ['ROSTER_STALE']],
  ])('%s hours old, maxAge 26h', async (ageHours, codes) => {
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
});
