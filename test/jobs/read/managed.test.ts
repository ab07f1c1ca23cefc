import { describe, expect, it, test, vi } from 'vitest';
import type { Customer } from '../../../src/jobs/customer.ts';
import { createManagedPeople } from '../../../src/jobs/read/managed.ts';
import type { Person } from '../../../src/person.ts';
import { openSparkwiseCompany } from '../../support/harness.ts';

vi.setConfig({ testTimeout: 120_000 });

const dayMs = 24 * 3_600_000;
type Row = readonly [id: string, email: string, first: string, status: string, boss: string];
const csv = (rows: readonly Row[]): string =>
  `${[['No', 'Mail', 'First', 'State', 'Boss'], ...rows].map((cells) => cells.join(',')).join('\r\n')}\r\n`;

const staff: readonly Row[] = [
  // The manager's row comes after those of the people.
  ['E02', 'bo@example.com', 'Bo', 'Active', 'E09'],
  ['E03', 'cy@example.com', 'Cy', 'Active', 'ANA@example.com'],
  ['E04', 'di@example.com', 'Di', 'Active', 'E99'],
  ['E05', 'ed@example.com', 'Ed', 'Active', 'E08'],
  ['E06', 'fa@example.com', 'Fa', 'Active', 'E07'],
  ['E07', 'gu@example.com', 'Gu', 'Active', 'E06'],
  ['E08', 'hu@example.com', 'Hu', 'Terminated', 'E09'],
  ['E09', 'ana@example.com', 'Ana', 'Active', ''],
];
const withBoss = (boss: Partial<Record<string, string>>, rows = staff): Row[] =>
  rows.map(([id, email, first, status, was]) => [
    id,
    boss[`${id} mail`] ?? email,
    first,
    status,
    boss[id] ?? was,
  ]);

const roster = {
  columns: { id: 'No', email: 'Mail', firstName: 'First', status: 'State', manager: 'Boss' },
  attributes: [],
  maxRecoded: '100%',
};

test('a manager is known to fields and rules, whoever comes first; what changes of them reaches their people', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    clock: '2026-11-20T12:00:00Z',
    roster,
    platform: {
      fields: {
        lastName:
          'person.manager.email == "" ? "none" : person.manager.firstName + " " + person.manager.email',
      },
    },
  });
  const night = async (rows: readonly Row[]) => {
    company.clock.advance(dayMs);
    await company.export(csv(rows));
    return await company.sync('--yes');
  };
  const told = () =>
    Object.fromEntries(company.state.users.map(({ remoteId, lastName }) => [remoteId ?? '', lastName]));
  expect(await night(staff)).toMatchObject({ exit: 0, applied: { create: 7 } });
  expect(told()).toEqual({
    E02: 'Ana ana@example.com',
    E03: 'Ana ana@example.com',
    E04: 'none',
    E05: 'none',
    E06: 'none',
    E07: 'none',
    E09: 'none',
  });
  const shown = await company.rollcall('show', 'last', '--json');
  expect(JSON.stringify(shown.json)).toContain(
    'person.manager is empty for people: 1 whose manager is not on the roster, 1 whose manager has left, 2 who manage each other in a circle',
  );
  // Both sides agree: no update every night because of it.
  expect(await night(staff)).toMatchObject({ exit: 0, status: 'unchanged' });
  // The manager has another address: their people's accounts say so.
  const moved = withBoss({ 'E09 mail': 'ana.b@example.com', E03: 'ana.b@example.com' });
  expect(await night(moved)).toMatchObject({ exit: 0, applied: { update: 2 } });
  expect(told()).toMatchObject({ E02: 'Ana ana.b@example.com', E03: 'Ana ana.b@example.com' });

  // One person by themselves is told the same.
  const explained = await company.rollcall('explain', 'E02', '--json');
  expect(explained.json).toMatchObject({
    roster: { row: { manager: 'E09', managedBy: { email: 'ana.b@example.com' } } },
  });

  // Of a roster that is cut off before the manager's row, nothing follows for their people.
  company.clock.advance(dayMs);
  await company.export(csv(moved.slice(0, 4)));
  const cut = await company.sync('--yes');
  expect(cut).toMatchObject({ status: 'withheld', applied: { update: 0, deactivate: 0 } });
  expect(told()).toMatchObject({ E02: 'Ana ana.b@example.com' });
});

test('rules of state cannot read the manager, and without a column nobody can', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', roster });
  await company.configure({
    roster: { state: [{ is: 'active', when: 'person.manager.id != ""' }] },
  });
  expect(await company.rollcall('check')).toMatchObject({
    exit: 2,
    err: expect.stringMatching(/RULE_INVALID.*reads person\.manager, which is not known yet/),
  });
  const { manager: _, ...columns } = roster.columns;
  await company.configure({
    roster: { columns, state: undefined },
    platform: { accounts: 'person.manager.id != ""' },
  });
  expect(await company.rollcall('check')).toMatchObject({
    exit: 2,
    err: expect.stringContaining('RULE_INVALID'),
  });
});

test('of a manager whose row is rejected nothing follows for their people, and leavers leave all the same', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    clock: '2026-11-20T12:00:00Z',
    roster: { ...roster, maxRejected: '50%' },
    platform: { fields: { lastName: 'person.manager.email == "" ? "none" : person.manager.email' } },
  });
  const night = async (rows: readonly Row[]) => {
    company.clock.advance(dayMs);
    await company.export(csv(rows));
    return await company.sync('--yes');
  };
  expect(await night(staff)).toMatchObject({ exit: 0, applied: { create: 7 } });
  const changed = withBoss({ 'E09 mail': 'no address' }).map(
    (row): Row => (row[0] === 'E02' ? [row[0], row[1], row[2], 'Terminated', row[4]] : row),
  );
  // E03's manager is known by an address that nobody has tonight: as on any night, that is nobody.
  const byId = changed.map((row): Row => (row[0] === 'E03' ? [row[0], row[1], row[2], row[3], 'E09'] : row));
  expect(await night(byId)).toMatchObject({ exit: 0, applied: { update: 0, deactivate: 1 } });
  expect(company.state.users.find(({ remoteId }) => remoteId === 'E03')).toMatchObject({
    lastName: 'ana@example.com',
  });
  const shown = await company.rollcall('show', 'last', '--json');
  expect(JSON.stringify(shown.json)).toContain('MANAGERS_AWAITED');
  // One person by themselves is left alone as well.
  const one = await company.rollcall('explain', 'E03', '--json');
  expect(one.json).toMatchObject({ roster: { is: 'present' } });
});

describe('the cell of a manager where ids have a prefix', () => {
  const parts = [
    { name: 'hq', config: { idPrefix: '' } },
    { name: 'de', config: { idPrefix: 'DE-' } },
  ] as unknown as Customer['parts'];
  const config = { roster: { attributes: [] } } as unknown as Customer['config'];
  const rowOf = (id: string, manager: string | null, line: number): Person => ({
    id,
    email: `${id.toLowerCase()}@example.com`,
    firstName: 'Zoe',
    lastName: 'Okafor',
    department: null,
    status: null,
    startDate: null,
    endDate: null,
    previousId: null,
    manager,
    attributes: {},
    state: 'active',
    line,
  });
  /** Who is delivered, with whom they are managed by, when of the German rows only those of reports came. */
  const delivered = (isWhole: boolean, cell: string, hq: readonly string[] = []) => {
    const people = createManagedPeople({ parts, config });
    for (const [at, id] of hq.entries()) people.add(rowOf(id, null, at + 2), 0);
    people.add(rowOf('DE-20', cell, 2), 1);
    const waiting: string[] = [];
    const onWaiting = (id: string) => void waiting.push(id);
    const all = [...people.all({ isWhole, reads: new Set(['id']), onWaiting })];
    const { waiting: count, unknown } = people.counts();
    expect(count).toBe(waiting.length);
    const reports = all.flatMap(({ person }) =>
      person.id === 'DE-20' ? [person.managedBy?.id ?? 'nobody'] : [],
    );
    return { reports, waiting, unknown };
  };

  it.each<
    [what: string, isWhole: boolean, cell: string, hq: readonly string[], reports: string[], unknown: number]
  >([
    // It may be 17 or DE-17.
    ['not all came: they wait', false, '17', [], [], 0],
    ['not all came, and there is another of that number: they wait', false, '17', ['17'], [], 0],
    ['not all came, and the cell is whole', false, 'DE-17', [], ['DE-17'], 0],
    ['all came: nobody', true, '17', [], ['nobody'], 1],
    ['all came: the one of that number', true, '17', ['17'], ['17'], 0],
  ])('%s', (_, isWhole, cell, hq, reports, unknown) => {
    const waiting = reports.length === 0 ? ['DE-20'] : [];
    expect(delivered(isWhole, cell, hq)).toEqual({ reports, waiting, unknown });
  });
});
