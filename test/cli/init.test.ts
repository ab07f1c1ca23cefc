import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sparkwiseApiKey } from '../../sandbox/sparkwise/index.ts';
import { windows1252 } from '../roster/reading.ts';
import { type Company, openSparkwiseCompany } from '../support/harness.ts';

vi.setConfig({ testTimeout: 120_000 });

const count = 60;
const people = Array.from({ length: count }, (_, at) => ({
  n: String(4_001 + at).padStart(6, '0'),
  first: ['Zoë', 'Jürgen', 'Ana', 'Björn'][at % 4] ?? '',
  last: ['Okafor', 'Müller', 'Kowalska', 'Haddad'][at % 4] ?? '',
  mail: `person.${at}@harbour.example`,
  team: ['Finance', 'Warehouse'][at % 2] ?? '',
  hired: {
    y: 2010 + (at % 12),
    m: String(1 + (at % 12)).padStart(2, '0'),
    d: String(1 + (at % 28)).padStart(2, '0'),
  },
  isGone: at % 10 === 9,
}));

const german = windows1252(
  `Personalnummer;Vorname;Nachname;E-Mail-Adresse;Abteilung;Status;Eintrittsdatum\r\n${people
    .map(
      ({ n, first, last, mail, team, hired, isGone }) =>
        `${n};${first};${last};${mail};${team};${isGone ? 'Ausgeschieden' : 'Aktiv'};${hired.d}.${hired.m}.${hired.y}`,
    )
    .join('\r\n')}\r\n`,
);
const bamboo = JSON.stringify({
  fields: [{ id: 'firstName', type: 'text', name: 'First Name' }],
  employees: people.map(({ n, first, last, mail, team, hired, isGone }, at) => ({
    id: String(at + 1),
    employeeNumber: n,
    firstName: first,
    lastName: last,
    workEmail: mail,
    department: team,
    status: isGone ? 'Inactive' : 'Active',
    hireDate: `${hired.y}-${hired.m}-${hired.d}`,
    terminationDate: '0000-00-00',
  })),
});
const labelled = `Employee ID,First Name,Last Name,Work Email,Status\nUnique number,Legal given name,Legal family name,Company address,A=active T=terminated\n${people
  .map(({ n, first, last, mail, isGone }) => `${n},${first},${last},${mail},${isGone ? 'T' : 'A'}`)
  .join('\n')}\n`;
const fullName = `Report of the human resources department\n\nStaff No,Employee Name,Email,Employment Status\n${people
  .map(
    ({ n, first, last, mail, isGone }) =>
      `${n},"${last}, ${first}",${mail},${isGone ? 'Seconded abroad' : 'Active'}`,
  )
  .join('\n')}\nTotal,${count},,\n`;

let company: Company;
beforeAll(async () => {
  company = await openSparkwiseCompany({ backend: 'embedded' });
});
afterAll(() => company?.close());

/** Writes the file, has a configuration written from it, and checks it after the edit. */
async function walk(name: string, content: string | Buffer, edit: (text: string) => string = (text) => text) {
  writeFileSync(join(company.folder, name), content);
  const init = await company.rollcall(
    'init',
    join(company.folder, name),
    ...[
      '--platform',
      'academy=sparkwise',
      '--base-url',
      company.sandbox.url,
      '--out',
      company.configFile,
      '--force',
      '--json',
    ],
  );
  expect(init.exit, init.err).toBe(0);
  const text = readFileSync(company.configFile, 'utf8');
  // The environment of the tests is empty.
  writeFileSync(company.configFile, edit(text).replace(`\${SPARKWISE_API_KEY}`, sparkwiseApiKey));
  await company.close();
  const check = await company.rollcall('check', '--quick');
  return {
    text,
    check,
    said: init.json as {
      readonly columns: Readonly<Record<string, string>>;
      readonly edits: readonly string[];
    },
  };
}

describe('init writes what check passes', () => {
  test('semicolons, Windows-1252, German words', async () => {
    const { text, check, said } = await walk('personal-2026-03-02.csv', german);
    expect(said.columns).toEqual({
      id: 'Personalnummer',
      email: 'E-Mail-Adresse',
      firstName: 'Vorname',
      lastName: 'Nachname',
      department: 'Abteilung',
      status: 'Status',
      startDate: 'Eintrittsdatum',
    });
    expect(said.edits).toEqual([]);
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toContain('54 active, 0 leave, 6 terminated');
    expect(text).toMatch(/^ {2}encoding: windows-1252 # likely by its text/m);
    expect(text).toMatch(/^ {2}dateFormat: "?dd\.MM\.yyyy"? #/m);
    expect(text).toContain('# or "./personal-*.csv"');
    expect(text).toMatch(/mode: observe/);
    // Of people, nothing but status values.
    expect(text).not.toMatch(/harbour\.example|Okafor|Jürgen|00400\d/);
  });

  test('JSON as BambooHR gives it', async () => {
    const { text, check, said } = await walk('bamboo.json', bamboo);
    expect(said.columns).toMatchObject({
      id: 'employeeNumber',
      email: 'workEmail',
      endDate: 'terminationDate',
    });
    expect(text).toMatch(/^ {2}records: employees/m);
    expect(text).toMatch(/noDate: \["0000-00-00"\]/);
    expect(said.edits).toEqual([]);
    expect(check.exit, check.out).toBe(0);
  });

  test('a row of labels under the header', async () => {
    const { text, check, said } = await walk('labels.csv', labelled);
    expect(text).toMatch(/skip: \{ above: 0, below: 1, end: 0 \}/);
    expect(said.edits).toEqual([]);
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toContain('60 rows');
  });

  test('a title above, a total at the end, the whole name in one cell, and a status that could be anything: one edit', async () => {
    const open = await walk('full.csv', fullName);
    expect(open.check.exit).toBe(1);
    expect(open.said.edits).toEqual([
      expect.stringMatching(/^state: say what "Seconded abroad" \(6\) means/),
    ]);
    expect(open.text).toMatch(/skip: \{ above: 1, below: 0, end: 1 \}/);
    expect(open.text).toMatch(/"Employee Name" has the whole name in one cell/);
    const { check } = await walk('full.csv', fullName, (text) =>
      text.replace(
        /# (- \{ is: )active \| leave \| preHire \| terminated(, when: 'person\.status == "Seconded abroad"')/,
        '$1leave$2',
      ),
    );
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toContain('54 active, 6 leave');
  });

  test('a workbook', async () => {
    const workbook = readFileSync(new URL('../roster/formats/xlsx/workbooks/many.xlsx', import.meta.url));
    const { check, said } = await walk('many.xlsx', workbook);
    expect(said.columns).toMatchObject({ id: 'Worker ID', email: 'Work email', startDate: 'Hired' });
    expect(said.edits).toEqual([]);
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toContain('200 rows');
  });

  test('a workbook whose first sheet has no header', async () => {
    const workbook = readFileSync(new URL('../roster/formats/xlsx/workbooks/covered.xlsx', import.meta.url));
    const { check, said } = await walk('covered.xlsx', workbook);
    expect(said.edits).toEqual([]);
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toContain('sheet "Staff"');
  });

  test('ids whose rows contradict each other: one edit', async () => {
    const twice = `${labelled.replace(/\n.*\n/, '\n')}${people
      .slice(0, 20)
      .map(({ n, mail, last }) => `${n},Another,${last},${mail},A`)
      .join('\n')}\n`;
    const open = await walk('twice.csv', twice);
    expect(open.check.exit).toBe(1);
    expect(open.said.edits).toEqual([
      expect.stringMatching(
        /^maxRejected: of 60 people, 20 \(34%\) cannot be used.*uncomment maxRejected: 34%/,
      ),
    ]);
    const { check } = await walk('twice.csv', twice, (text) => text.replace('# maxRejected', 'maxRejected'));
    expect(check.exit, check.out).toBe(0);
  });
});

describe('init', () => {
  test('writes over nothing without being told', async () => {
    writeFileSync(join(company.folder, 'labels.csv'), labelled);
    const ended = await company.rollcall(
      'init',
      join(company.folder, 'labels.csv'),
      '--platform',
      'sparkwise',
      '--out',
      company.configFile,
    );
    expect(ended).toMatchObject({ exit: 2, err: expect.stringMatching(/is there, and is not written over/) });
  });

  test.each([
    [['--platform', 'sparkwize'], /there is no provider "sparkwize"/],
    [[], /no platform was named/],
    [
      ['--platform', 'scim', '--platform', 'keepnet', '--base-url', 'https://a.example'],
      /--base-url is for one platform/,
    ],
    [['--platform', 'scim', '--above', 'three'], /--above takes a number/],
  ])('%s', async (args, said) => {
    writeFileSync(join(company.folder, 'labels.csv'), labelled);
    const ended = await company.rollcall(
      'init',
      join(company.folder, 'labels.csv'),
      '--out',
      join(company.folder, 'new.yaml'),
      ...args,
    );
    expect(ended).toMatchObject({ exit: 2, err: expect.stringMatching(said) });
  });

  test('a file without a header: nothing of it is shown or written', async () => {
    writeFileSync(join(company.folder, 'bare.csv'), labelled.split('\n').slice(2).join('\n'));
    const ended = await company.rollcall(
      'init',
      join(company.folder, 'bare.csv'),
      '--platform',
      'scim',
      '--out',
      join(company.folder, 'bare.yaml'),
    );
    expect(ended).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/none of the first lines reads like a header/),
    });
    expect(ended.err + ended.out).not.toMatch(/harbour|Okafor/);
  });

  test('every provider gets what it cannot do without, secrets as names', async () => {
    writeFileSync(join(company.folder, 'labels.csv'), labelled);
    const out = join(company.folder, 'all.yaml');
    const all = ['sparkwise', 'outthink', 'keepnet', 'mimecast', 'library=scim'].flatMap((one) => [
      '--platform',
      one,
    ]);
    const ended = await company.rollcall(
      'init',
      join(company.folder, 'labels.csv'),
      ...all,
      '--out',
      out,
      '--json',
    );
    expect(ended.exit, ended.err).toBe(0);
    const text = readFileSync(out, 'utf8');
    for (const reference of [
      'SPARKWISE_API_KEY',
      'OUTTHINK_CUSTOMER_ID',
      'KEEPNET_CLIENT_SECRET',
      'MIMECAST_CLIENT_ID',
      'SCIM_TOKEN',
    ])
      expect(text).toContain(`\${${reference}}`);
    expect(text.match(/mode: observe/g)).toHaveLength(5);
  });
});
