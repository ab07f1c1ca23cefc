import { readFileSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSparkwiseCompany } from '../support/harness.ts';
import { zipOf } from '../roster/content/zip.ts';

// Rosters in every format, by the command line: what is not all there removes nobody, with one clear reason.

const workbooks = new URL('../roster/formats/xlsx/workbooks/', import.meta.url).pathname;

type Staff = Readonly<Record<string, string>>;
const staff = (leavers: readonly number[]): readonly Staff[] =>
  Array.from({ length: 40 }, (_, n) => ({
    WorkerID: String(n).padStart(5, '0'),
    WorkEmail: `p${n}@example.com`,
    FirstName: 'Zo\u00eb',
    LastName: `Okafor ${n}`,
    Department: 'Warehouse',
    WorkerStatus: leavers.includes(n) ? 'Terminated' : 'Active',
    HireDate: '2020-01-02',
  }));
const lines = (rows: readonly Staff[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const csv = (rows: readonly Staff[]) =>
  [Object.keys(rows[0] ?? {}), ...rows.map((row) => Object.values(row))]
    .map((row) => `${row.join(',')}\n`)
    .join('');

type Format = {
  readonly everyone: Buffer;
  readonly leavers: Buffer;
  readonly roster: object;
  /** As `check` names it. */
  readonly named: string;
  /** What a file that was cut off is called, besides having no content at all. */
  readonly cut: readonly string[];
};

const both = (write: (rows: readonly Staff[]) => string | Buffer) => ({
  everyone: Buffer.from(write(staff([]))),
  leavers: Buffer.from(write(staff([3, 7]))),
});
const formats: Readonly<Record<string, Format>> = {
  xlsx: {
    everyone: readFileSync(join(workbooks, 'staff.xlsx')),
    leavers: readFileSync(join(workbooks, 'staff-leavers.xlsx')),
    roster: { sheet: 'Staff' },
    named: 'XLSX, sheet "Staff"\n  40 rows',
    cut: ['ROSTER_UNREADABLE'],
  },
  json: {
    ...both((rows) =>
      JSON.stringify({ meta: { created: 'today' }, data: { workers: rows }, total: rows.length }),
    ),
    roster: { records: 'data.workers' },
    named: 'JSON\n  40 records',
    cut: ['ROSTER_TORN'],
  },
  jsonl: {
    ...both(lines),
    roster: { format: 'jsonl' },
    named: 'JSON lines\n  40 records',
    cut: ['ROSTER_TORN'],
  },
  zip: {
    ...both((rows) => zipOf({ name: 'staff.csv', content: csv(rows) })),
    roster: {},
    named: 'CSV\n  40 rows',
    cut: ['ROSTER_UNREADABLE'],
  },
};

test.each(Object.entries(formats))(
  'a roster as %s, cut at every eighth, removes nobody; the next good one applies',
  async (name, { everyone, leavers, roster, named, cut }) => {
    const unset = { columns: undefined, attributes: undefined };
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: [],
      roster: {
        ...unset,
        source: './staff.bin',
        columns: {
          id: 'WorkerID',
          email: 'WorkEmail',
          firstName: 'FirstName',
          lastName: 'LastName',
          department: 'Department',
          status: 'WorkerStatus',
          startDate: 'HireDate',
        },
        ...roster,
      },
    });
    let written = 0;
    const put = async (bytes: Buffer): Promise<void> => {
      const file = join(company.folder, 'staff.bin');
      await writeFile(file, bytes);
      const at = new Date(Date.now() - 3_600_000 + ++written * 1_000);
      await utimes(file, at, at);
    };
    await put(everyone);
    const check = await company.rollcall('check', '--quick');
    expect(check, check.out + check.err).toMatchObject({ exit: 0 });
    expect(check.out).toContain(named);
    expect(check.out).toMatch(
      /note: nobody on it has left: .* after 3 different exports without them and 2 days/,
    );
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 40 } });

    for (const eighth of name === 'xlsx' || name === 'json' ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, 3, 7]) {
      company.sandbox.clearLog();
      await put(leavers.subarray(0, Math.floor((leavers.length * eighth) / 8)));
      const run = await company.sync('--yes');
      const codes = run.reasons.map(({ code }) => code).filter((code) => code !== 'ROSTER_SHRUNK');
      expect([1, 3], String(eighth)).toContain(run.exit);
      const named = eighth === 0 ? [...cut, 'ROSTER_HEADER', 'ROSTER_EMPTY'] : cut;
      expect(
        codes.filter((code) => named.includes(code)),
        String(eighth),
      ).toHaveLength(1);
      expect(run.applied.deactivate, String(eighth)).toBe(0);
      expect(company.sandbox.log.filter(({ kind }) => kind === 'write')).toEqual([]);
    }
    await put(leavers);
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 0, deactivate: 2 } });
    expect((await company.rollcall('check', '--quick')).out).not.toContain('nobody on it has left');
  },
);

test.each([
  ['xlsx', { sheet: 'Leavers' }, 'ROSTER_FORMAT', 'has no sheet "Leavers"'],
  ['xlsx', { sheet: undefined, format: 'csv' }, 'ROSTER_FORMAT', 'and roster.format says csv'],
  ['json', { records: 'data.people' }, 'ROSTER_FORMAT', 'has nothing at "data.people"'],
  ['json', { records: 'data' }, 'ROSTER_FORMAT', 'what it has at "data" is no list'],
  [
    'json',
    { columns: { id: 'Worker_ID', status: 'WorkerStatus' } },
    'ROSTER_HEADER',
    'no record has the field "Worker_ID"',
  ],
] as const)('%s, and %j: plan says what is wrong', async (name, roster, code, words) => {
  const format = formats[name];
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: [],
    roster: {
      source: './staff.bin',
      columns: { id: 'WorkerID', status: 'WorkerStatus' },
      attributes: [],
      ...format?.roster,
      ...roster,
    },
  });
  await writeFile(join(company.folder, 'staff.bin'), format?.everyone ?? '');
  const plan = await company.plan();
  expect(plan).toMatchObject({ exit: 1, status: 'failed', reasons: [{ code }] });
  expect(plan.reasons[0]?.message).toContain(words);
  expect((await company.rollcall('check', '--quick')).out).toContain(words);
});

test('keys that the format found has no use for are said, each with its place', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: [],
    roster: {
      source: './staff.bin',
      columns: { id: 'WorkerID', status: 'WorkerStatus' },
      attributes: [],
      sheet: 'Staff',
      records: 'data',
      delimiter: ',',
    },
  });
  await writeFile(join(company.folder, 'staff.bin'), csv(staff([])));
  const warned = async (): Promise<readonly string[]> =>
    (await company.rollcall('check', '--quick')).out
      .split('\n')
      .flatMap(
        (line) =>
          /^warning: roster\.(\S+): is for \S+, and does nothing: the roster is \S+/.exec(line)?.[0] ?? [],
      );
  const words = (key: string, of: string, found: string): string =>
    `warning: roster.${key}: is for ${of}, and does nothing: the roster is ${found}`;
  expect(await warned()).toEqual([words('sheet', 'XLSX', 'csv'), words('records', 'JSON', 'csv')]);
  await writeFile(join(company.folder, 'staff.bin'), lines(staff([])));
  expect(await warned()).toEqual([
    words('sheet', 'XLSX', 'jsonl'),
    words('records', 'JSON', 'jsonl'),
    words('delimiter', 'CSV', 'jsonl'),
  ]);
});
