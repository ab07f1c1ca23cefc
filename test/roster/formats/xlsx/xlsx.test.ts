import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { RosterConfig } from '../../../../src/config/schema.ts';
import { codesOf, readFrom, readText } from '../../reading.ts';

const committed = new URL('./workbooks/', import.meta.url).pathname;

/** Made anew by openpyxl where there is one; else only those that it made before are read. */
function madeNow(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-workbooks-'));
  const script = new URL('./make_workbooks.py', import.meta.url).pathname;
  for (const python of ['python3', '/usr/bin/python3'])
    try {
      execFileSync(python, [script, folder], { stdio: 'pipe' });
      return folder;
    } catch {
      // The next one.
    }
  console.log(
    'skipped: workbooks made now. There is no python3 with openpyxl; those in the repository are read.',
  );
  return undefined;
}

const fresh = madeNow();
afterAll(() => {
  if (fresh !== undefined) rmSync(fresh, { recursive: true });
});
const folders = [
  ['committed', committed] as const,
  ...(fresh === undefined ? [] : [['made now', fresh] as const]),
];

const config: Partial<RosterConfig> = {
  columns: {
    id: 'Worker ID',
    email: 'work email',
    firstName: 'First name',
    department: 'Department',
    status: 'Status',
    startDate: 'Hired',
    endDate: 'Left',
  },
  attributes: ['Notes'],
  dateFormat: 'dd.MM.yyyy',
};

describe.each(folders)('workbooks, %s', (_, folder) => {
  test.each(['odd.xlsx', 'odd-shared.xlsx'])('%s: every cell is what people see', async (name) => {
    const { people, rejected, proof } = await readFrom(join(folder, name), {
      ...config,
      noDate: ['1900-01-00'],
    });
    expect(proof).toMatchObject({ format: 'xlsx', sheet: 'Employees', rows: 11, delimiter: null });
    expect(
      people.map(({ id, firstName, startDate, endDate, state, attributes, line }) => [
        line,
        id,
        firstName,
        startDate,
        endDate,
        state,
        attributes.Notes,
      ]),
    ).toEqual([
      [2, '00123', 'Zoë', '2020-02-29', null, 'active', 'text id'],
      [3, '100012345678', 'Ana', '2020-12-31', null, 'active', '50.0%'],
      [6, 'D-5', 'Dana', '2020-02-29', null, 'active', '08:30:00'],
      [9, '8', 'Gus "G" \\ H', null, null, 'active', ''],
      [11, '9', 'Hana', '2020-02-29', null, 'terminated', '0.3'],
      [12, '10', 'Ivo', '2020-01-01', null, 'active', '-1.5'],
      [13, '11', 'Kim', '2020-02-29', null, 'active', ''],
    ]);
    expect(rejected.map(({ line, id, code, message }) => [line, id, code, message])).toEqual([
      // A text in a column of dates has to have the configured form.
      [
        4,
        '000123',
        'DATE_INVALID',
        'Row 4 (id 000123): Hired has the shape 9999-99-99 and is no date of the form dd.MM.yyyy (roster.dateFormat).',
      ],
      [5, null, 'ID_UNREADABLE', expect.stringContaining('was rounded by a spreadsheet')],
      [
        7,
        '6',
        'ERROR_WORD',
        expect.stringContaining("Row 7 (id 6): First name is a spreadsheet's error word"),
      ],
      [
        8,
        '7',
        'NOT_A_TEXT',
        expect.stringContaining('Department is a formula whose value is not in the file'),
      ],
    ]);
    expect(proof.notes).toEqual([
      'the workbook has another sheet, not read: "Leavers"; roster.sheet says which is',
      '1 row is hidden (a filter?), and read as all others',
      'hidden columns are read as all others: D',
      '1 merged cell is among the rows: only its first cell has the value, the others are empty',
    ]);
  });

  test('days are counted since 1904 where the workbook says so', async () => {
    const { people } = await readFrom(join(folder, '1904.xlsx'), config, {
      rules: { stateOf: () => 'terminated' },
    });
    expect(people).toMatchObject([
      { id: '1', startDate: '2020-02-29', endDate: '1904-01-02', state: 'terminated' },
    ]);
  });

  test('a title above the header, a total at the end, a hidden sheet before', async () => {
    const titled = join(folder, 'titled.xlsx');
    const skip = { above: 2, below: 0, end: 1 };
    const { people, proof } = await readFrom(titled, { ...config, skip });
    expect(people.map(({ id, line }) => [id, line])).toEqual([
      ['1', 5],
      ['2', 6],
    ]);
    expect(proof).toMatchObject({ sheet: 'Staff', complete: true, rows: 2 });
    expect(proof.notes).toEqual([
      'the workbook has another sheet, not read: "Cover"; roster.sheet says which is',
    ]);
    await expect(readFrom(titled, config)).rejects.toMatchObject({
      code: 'ROSTER_HEADER',
      message: 'row 1 is not the header: 8 of 8 configured columns are named on row 4.',
      hint: 'Set roster.skip.above: 2 (rows above the header that are not blank).',
    });
    const trailer = { match: '^Total,(?<count>\\d+)$' };
    expect((await readFrom(titled, { ...config, skip: { ...skip, end: 0 }, trailer })).proof).toMatchObject({
      complete: true,
      rows: 2,
    });
  });

  test('a sheet without a header before the one that is meant: the error names the others', async () => {
    await expect(readFrom(join(folder, 'covered.xlsx'), config)).rejects.toMatchObject({
      code: 'ROSTER_HEADER',
      hint: expect.stringContaining(
        'It is the sheet "Read me"; there is "Staff" too: roster.sheet says which is read.',
      ),
    });
    const { proof } = await readFrom(join(folder, 'covered.xlsx'), { ...config, sheet: 'Staff' });
    expect(proof).toMatchObject({ complete: true, rows: 40 });
  });

  test('a sheet by name or number, and one that is not there', async () => {
    const file = join(folder, 'titled.xlsx');
    const skip = { above: 2, below: 0, end: 1 };
    for (const sheet of ['staff', 2])
      expect((await readFrom(file, { ...config, skip, sheet })).proof).toMatchObject({
        sheet: 'Staff',
        notes: [],
      });
    for (const sheet of ['Employees', 3])
      await expect(readFrom(file, { ...config, sheet })).rejects.toMatchObject({
        code: 'ROSTER_FORMAT',
        message: `the workbook has no sheet ${sheet === 3 ? 3 : '"Employees"'}.`,
        hint: 'Its sheets are 1 "Cover", 2 "Staff".',
        place: { key: 'roster.sheet' },
      });
  });

  test('inline strings, and the same within gzip', async () => {
    const { people, proof } = await readFrom(join(folder, 'many.xlsx'), config);
    expect(people).toHaveLength(200);
    expect(people[7]).toMatchObject({ id: '00007', startDate: '2020-01-01' });
    expect(proof.complete).toBe(true);
    const again = await readText(gzipSync(readFileSync(join(folder, 'many.xlsx'))), config);
    expect(again.proof).toMatchObject({ fingerprint: proof.fingerprint, usable: 200, format: 'xlsx' });
  });

  test('cut anywhere, or with a bit turned, it is an error and never half a roster', async () => {
    const bytes = readFileSync(join(folder, 'many.xlsx'));
    for (let cut = 8; cut < bytes.length; cut += Math.ceil(bytes.length / 40))
      await expect(readText(bytes.subarray(0, cut), config), String(cut)).rejects.toMatchObject({
        code: 'ROSTER_UNREADABLE',
        message: expect.stringMatching(/^the roster is a workbook or a zip that is not whole: /),
      });
    let refused = 0;
    for (let at = 30; at < bytes.length; at += Math.ceil(bytes.length / 60)) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      const outcome = await readText(damaged, config).catch((error: unknown) => {
        expect(error).toMatchObject({ code: expect.stringMatching(/^ROSTER_(UNREADABLE|FORMAT)$/) });
        return null;
      });
      if (outcome === null) refused++;
      else {
        expect(outcome.proof, String(at)).toMatchObject({ usable: 200 });
        expect(codesOf(outcome.proof)).toEqual([]);
      }
    }
    // What is not read (a theme, a time in the archive) may be damaged.
    expect(refused).toBeGreaterThan(20);
  });
});
