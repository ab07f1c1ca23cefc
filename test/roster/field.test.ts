import { existsSync, readFileSync } from 'node:fs';
import { copyFile, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import type { RosterCheck } from '../../src/actions/check-roster.ts';
import { type Company, openSparkwiseCompany, type RunEnded } from '../support/harness.ts';
import { plainRules, readFrom } from './reading.ts';

// Exports as the field writes them, each through the command line: what `check` says, and what a run would do.

const folder = resolve(import.meta.dirname, '../../../shared/rosters/field');
const isThere = existsSync(folder);
if (!isThere) console.info(`skipped: the exports of the field are not in ${folder}.`);

const columns = {
  id: 'WorkerID',
  email: 'WorkEmail',
  firstName: 'FirstName',
  lastName: 'LastName',
  department: 'Department',
  status: 'Status',
};
const dated = { columns: { ...columns, startDate: 'HireDate', endDate: 'TermDate' } };
const ended = { columns: { ...columns, endDate: 'TermDate' } };
const rules = [
  { is: 'terminated', when: 'person.status in ["Inactive", "Terminated"]' },
  { is: 'active', when: 'person.status == "Active"' },
];

type Roster = Readonly<Record<string, unknown>>;
type Seen = { readonly roster: RosterCheck; readonly plan: RunEnded | undefined; readonly said: string };

/** What is said of a file; `people` are those who are read, by state. */
type Expected = {
  readonly error?: string;
  readonly active?: number;
  readonly terminated?: number;
  /** Of rejected rows: `id code`, or `line code` where there is no id. */
  readonly rejected?: readonly string[];
  readonly reasons?: readonly string[];
  /** Words that have to be said. */
  readonly says?: readonly (string | RegExp)[];
};

const few = ['ROSTER_REJECTED'];
const table: readonly (readonly [file: string, roster: Roster, expected: Expected])[] = [
  ['a02-excel-text-formula', {}, { active: 2 }],
  [
    'a04-scientific',
    {},
    {
      rejected: ['2 ID_UNREADABLE', '3 ID_UNREADABLE', '4 ID_UNREADABLE'],
      reasons: few,
      says: ['was rounded by a spreadsheet'],
    },
  ],
  ['a05-pandas-float', {}, { active: 4 }],
  ['a06-na-errors', {}, { active: 4, rejected: ['6 ID_UNREADABLE'], reasons: few, says: ['error word'] }],
  ['a08-preamble', { skip: { above: 2 } }, { active: 4 }],
  ['a08-preamble', {}, { error: 'ROSTER_HEADER', says: ['on line 4', 'roster.skip.above: 2'] }],
  ['a09-two-headers', { skip: { below: 1 } }, { active: 4 }],
  ['a09-two-headers', {}, { active: 4, rejected: ['2 NOT_A_PERSON'], says: ['roster.skip.below: 1'] }],
  ['a11-repeated-header', {}, { active: 7, rejected: ['6 NOT_A_PERSON'], says: ['the header once more'] }],
  ['a13-footer-end', { skip: { end: 1 } }, { active: 4 }],
  [
    'a13-footer-end',
    {},
    {
      active: 4,
      rejected: ['6 COLUMN_COUNT'],
      reasons: few,
      says: ['roster.skip.end: 1', '1 cell, the header 6'],
    },
  ],
  ['a15-trailing-comma-rows', {}, { active: 4 }],
  ['a18-ragged-last-empty', dated, { active: 3 }],
  [
    'a19-shift-jis',
    {},
    { error: 'ROSTER_ENCODING', says: ['on line 2 (byte 79', 'shift_jis', 'roster.encoding'] },
  ],
  ['a19-shift-jis', { encoding: 'Shift_JIS' }, { active: 2 }],
  [
    'a21-cp1250',
    {},
    { error: 'ROSTER_ENCODING', says: ['on line 2 (byte 79', 'windows-1250', 'roster.encoding'] },
  ],
  ['a21-cp1250', { encoding: 'windows-1250' }, { active: 2 }],
  ['a24-cp850', {}, { error: 'ROSTER_ENCODING', says: ['on line 2 (byte 82', 'ibm850', 'roster.encoding'] }],
  ['a24-cp850', { encoding: 'cp850' }, { active: 2 }],
  [
    'a28-backslash-quotes',
    {},
    {
      active: 1,
      rejected: ['10001 QUOTES', '10003 QUOTES', '10002 COLUMN_COUNT'],
      reasons: few,
      says: ['doubled'],
    },
  ],
  [
    'b02-mixed-dmy-mdy',
    { ...dated, dateFormat: 'dd/MM/yyyy' },
    { active: 2, rejected: ['2 DATE_INVALID'], reasons: few, says: ['99/99/9999', 'roster.dateFormat'] },
  ],
  ['b03-two-digit-year', { ...dated, dateFormat: 'MM/dd/yy' }, { active: 1 }],
  [
    'b03-two-digit-year',
    { ...dated, dateFormat: { startDate: 'MM/dd/yy', endDate: 'yyyy-MM-dd' } },
    { active: 1 },
  ],
  [
    'b03-two-digit-year',
    dated,
    { rejected: ['1 DATE_INVALID'], reasons: few, says: ['99/99/99 ', 'roster.dateFormat'] },
  ],
  [
    'b05-sap-empty-date',
    { ...dated, dateFormat: 'dd.MM.yyyy', noDate: ['00.00.0000', '9999-12-31'] },
    { active: 2 },
  ],
  [
    'b05-sap-empty-date',
    { ...dated, dateFormat: 'dd.MM.yyyy' },
    { active: 1, rejected: ['1 DATE_INVALID'], reasons: few, says: ['99.99.9999', 'roster.noDate'] },
  ],
  ['b06-workday-tz-dates', dated, { active: 1, terminated: 1 }],
  [
    'b08-null-date-words',
    { ...dated, empty: ['NULL', 'N/A', '-'], noDate: ['0000-00-00', '9999-12-31'] },
    { active: 5 },
  ],
  [
    'b08-null-date-words',
    dated,
    {
      active: 1,
      rejected: ['1 DATE_INVALID', '2 DATE_INVALID', '3 DATE_INVALID', '4 DATE_INVALID'],
      reasons: few,
      says: ['roster.empty', 'roster.noDate'],
    },
  ],
  ['b11-leaver-bad-email', {}, { active: 4, terminated: 3 }],
  ['b12-leaver-bad-date', dated, { active: 1, terminated: 1 }],
  ['b14-zip', {}, { active: 4 }],
  ['b15-html-xls', {}, { error: 'ROSTER_FORMAT', says: ['an HTML page'] }],
  [
    'b16-json',
    {},
    {
      active: 0,
      rejected: ['10001 STATUS_UNKNOWN'],
      reasons: few,
      says: ['roster.columns.status: no record', 'The fields there are: WorkerID, WorkEmail, FirstName'],
    },
  ],
  [
    'b18-lone-cr-mixed',
    {},
    {
      active: 2,
      rejected: ['10003 ROW_SWALLOWS'],
      reasons: [...few, 'ROSTER_TORN'],
      says: ['lone carriage return (CR)', 'line 4'],
    },
  ],
  ['b35-renamed-col', {}, { error: 'ROSTER_HEADER', says: ['"WorkEmail"', 'Did you mean "Email - Work"?'] }],
  ['b37-no-header', {}, { error: 'ROSTER_HEADER', says: ['6 cells', 'roster.skip.above'] }],
  [
    'c03-backslash-swallow',
    {},
    { active: 1, rejected: ['10001 ROW_SWALLOWS'], reasons: [...few, 'ROSTER_TORN'], says: ['line 2'] },
  ],
  [
    'c12-two-terminated-rows',
    ended,
    { terminated: 1, rejected: ['10002 DUPLICATE_CONTRADICTS', '10002 DUPLICATE_CONTRADICTS'], reasons: few },
  ],
  [
    'c12-two-terminated-rows',
    { ...ended, duplicates: { prefer: 'person.status == "Active"' } },
    { terminated: 1, active: 1 },
  ],
  [
    'd01-inch-swallow-complete',
    {},
    { active: 2, rejected: ['10002 ROW_SWALLOWS'], reasons: [...few, 'ROSTER_TORN'], says: ['line 3'] },
  ],
  [
    'd03-stray-open',
    {},
    { active: 1, rejected: ['10001 ROW_SWALLOWS'], reasons: [...few, 'ROSTER_TORN'], says: ['line 2'] },
  ],
];

describe.skipIf(!isThere)('exports of the field', { timeout: 60_000 }, () => {
  let company: Company & { readonly state: SparkwiseState };

  beforeAll(async () => {
    const roster = { attributes: [], state: rules };
    company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: [],
      clock: '2026-11-25T06:00:00Z',
      roster,
    });
  }, 60_000);
  afterAll(async () => {
    await company[Symbol.asyncDispose]();
  });

  async function look(file: string, roster: Roster): Promise<Seen> {
    const target = join(company.folder, 'roster.csv');
    await copyFile(join(folder, `${file}.csv`), target);
    const at = new Date(company.clock.now() - 1_000);
    await utimes(target, at, at);
    const none = { encoding: undefined, skip: undefined, empty: undefined, noDate: undefined };
    await company.configure({
      roster: { columns, ...none, dateFormat: undefined, duplicates: undefined, ...roster },
    });
    const before = company.logged().length;
    const check = await company.rollcall('check', '--json', '--quick');
    const plan = await company.rollcall('plan', '--json');
    return {
      roster: (check.json as { roster: RosterCheck }).roster,
      plan: (plan.json as { runs?: readonly RunEnded[] }).runs?.[0],
      said: [check.out, check.err, plan.out, plan.err, company.logged().slice(before)].join('\n'),
    };
  }

  /** Addresses and names of a file, as far as they are nobody's words. */
  function cellsOf(file: string): readonly string[] {
    const text = readFileSync(join(folder, `${file}.csv`), 'latin1');
    const people = /[\w.]+@example\.com?|\b(?:Byrne|Cole|Doyle|Egan|Addie|Muoz|Foy|Hale|Gill)\b/g;
    return [...new Set(text.match(people) ?? [])];
  }

  test.each(table)('%s, %j', async (file, roster, expected) => {
    const seen = await look(file, roster);
    for (const cell of cellsOf(file)) expect(seen.said).not.toContain(cell);
    for (const words of expected.says ?? [])
      expect(seen.said).toMatch(words instanceof RegExp ? words : quoted(words));
    if (expected.error !== undefined || seen.roster.error !== null) {
      expect(seen.roster.error?.code).toBe(expected.error);
      expect(seen.plan).toMatchObject({ status: 'failed', reasons: [{ code: expected.error }] });
      return;
    }
    const { states, rejectedRows, reasons } = seen.roster;
    expect({
      active: states.active,
      terminated: states.terminated,
      rejected: rejectedRows.map(({ id, line, code }) => `${id ?? line} ${code}`),
      reasons: reasons.map(({ code }) => code),
    }).toEqual({ active: 0, terminated: 0, rejected: [], reasons: [], ...without(expected) });
    expect(seen.plan).toMatchObject({ planned: { create: states.active } });
  });

  test('who is read is who HR wrote', async () => {
    const names = async (file: string, config: Parameters<typeof readFrom>[1] = {}) => {
      const { people } = await readFrom(
        join(folder, `${file}.csv`),
        { columns, ...config },
        { rules: plainRules },
      );
      return people.map(({ id, firstName, lastName, department }) =>
        [id, firstName, lastName, department].join(' '),
      );
    };
    expect(await names('a02-excel-text-formula')).toEqual(['00123 Ada Byrne Sales', '00124 Ben Cole Legal']);
    expect((await names('a05-pandas-float')).map((name) => name.slice(0, 6))).toEqual([
      '10001 ',
      '10002 ',
      '10003 ',
      '10004 ',
    ]);
    expect(await names('a19-shift-jis', { encoding: 'shift_jis' })).toEqual([
      '10001 太郎 山田 営業部',
      '10002 花子 佐藤 総務部',
    ]);
    expect(await names('a21-cp1250', { encoding: 'windows-1250' })).toEqual([
      '10001 Łukasz Wiśniewski Sprzedaż',
      '10002 Jiří Dvořák Účetní',
    ]);
    for (const encoding of ['cp850', 'ibm850', 'IBM850'])
      expect(await names('a24-cp850', { encoding })).toEqual([
        '10001 José Muñoz Café',
        '10002 Zoë Müller Büro',
      ]);
    expect(await names('a28-backslash-quotes')).toEqual(['10004 Dan Egan Stores']);
  });

  test('c08: a last line that lost its end and its line break is torn, once an export had one', async () => {
    const target = join(company.folder, 'roster.csv');
    const cut = readFileSync(join(folder, 'c08-cut-email-last.csv'), 'utf8');
    await company.configure({ roster: { columns } });
    await company.export(`${cut}m\n`);
    expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: 3 } });
    company.clock.advance(24 * 3_600_000);
    await company.export(cut);
    expect(readFileSync(target, 'utf8')).toBe(cut);
    const run = await company.sync();
    expect(run.reasons.map(({ code }) => code)).toContain('ROSTER_TORN');
    const { rejectedRows } = (
      (await company.rollcall('check', '--json', '--quick')).json as { roster: RosterCheck & { error: null } }
    ).roster;
    expect(rejectedRows).toMatchObject([{ id: '10003', line: 4, code: 'ROW_TORN' }]);
  });
});

function without({ says: _, ...expected }: Expected): Omit<Expected, 'says'> {
  return expected;
}

function quoted(words: string): RegExp {
  return new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll('"', '\\\\?"'));
}
