import { expect, test, vi } from 'vitest';
import { reportUser, startReports } from '../../../sandbox/deliveries/https.ts';
import { conditionsOf } from '../../../src/alerts/conditions/index.ts';
import { createFactsReader } from '../../../src/alerts/watch/read-facts.ts';
import { changed, people, person, type Row } from '../../support/company.ts';
import { openPartsCompany, partBlocks, type PartsCompany, partText } from '../../support/parts.ts';

// Parts from one end to the other: what is wrong with one is told by its name, and what is changed in the configuration
// makes nobody a leaver.

vi.setConfig({ testTimeout: 120_000 });

const dayMs = 24 * 3_600_000;
const staff = people(40);
const hands = people(30, 101);
const left = (rows: readonly Row[], ...ids: readonly (string | undefined)[]): Row[] =>
  changed(rows, Object.fromEntries(ids.map((id) => [id ?? '', { status: 'Terminated' }])));
const idsOf = (rows: readonly Row[], prefix = ''): string[] => rows.map(({ id }) => `${prefix}${id}`);

/** What on-call is told at this moment. */
async function alertsOf(company: PartsCompany) {
  const { store, customer } = await company.opened();
  const nowMs = company.clock.now();
  const { facts } = await createFactsReader(store)(customer, nowMs, nowMs);
  return conditionsOf(facts);
}

async function night(
  company: PartsCompany,
  rows: { employees?: readonly Row[]; contractors?: readonly Row[] },
) {
  company.clock.advance(dayMs);
  for (const [part, delivered] of Object.entries(rows))
    await company.deliver(part as 'employees' | 'contractors', delivered);
  return await company.sync('--yes');
}

test('a late part is named in the alert, in status and in explain; when it comes, that ends', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    own: { contractors: { expected: { maxAge: '26h' } } },
  });
  expect(await night(company, { employees: staff, contractors: hands })).toMatchObject({ exit: 0 });
  expect(await alertsOf(company)).toEqual([]);

  company.clock.advance(2 * dayMs);
  await company.deliver('employees', left(staff, staff[0]?.id));
  const run = await company.sync('--yes');
  expect(run).toMatchObject({ exit: 3, status: 'withheld', applied: { deactivate: 1 } });
  const [late, ...others] = await alertsOf(company);
  expect(others).toEqual([]);
  expect(late).toMatchObject({ kind: 'ROSTER_LATE', subject: 'contractors', platform: null });
  expect(late?.summary).toMatch(/^contractors: The roster is 2d old/);

  const status = await company.rollcall('status', '--json');
  expect(status.json).toMatchObject({
    roster: {
      parts: [
        { part: 'employees', lastRead: { complete: true } },
        { part: 'contractors', lastRead: { complete: false, reasons: ['ROSTER_STALE'] } },
      ],
    },
  });
  const explained = await company.rollcall('explain', `C-${hands[0]?.id}`);
  expect(explained.out).toContain('contractors, line 2: ');

  // Which of two runs of one millisecond is the newer one, nobody can tell.
  company.clock.advance(60_000);
  await company.deliver('contractors', hands);
  expect(await company.sync('--yes')).toMatchObject({ exit: 0 });
  expect(await alertsOf(company)).toEqual([]);
});

test('a part that breaks off while it is fetched leaves its people as they are, by its name; the others flow', async () => {
  const reports = await startReports();
  try {
    await using company = await openPartsCompany({
      parts: ['employees', 'contractors'],
      own: { contractors: { source: { type: 'https', url: `${reports.url}/report.csv`, auth: reportUser } } },
    });
    reports.put(partText('contractors', hands));
    expect(await night(company, { employees: staff })).toMatchObject({ exit: 0, applied: { create: 70 } });

    reports.put(partText('contractors', left(hands, hands[0]?.id)));
    reports.fail({ kind: 'cut', after: 0.5, times: Number.POSITIVE_INFINITY });
    const run = await night(company, { employees: left(staff, staff[0]?.id) });
    expect(run).toMatchObject({
      exit: 3,
      status: 'withheld',
      applied: { create: 0, deactivate: 1 },
      reasons: [{ code: 'ROSTER_PART_AWAY', message: expect.stringMatching(/^contractors: /) }],
    });
    expect(company.actives()).toContain(`C-${hands[0]?.id}`);
    expect(await alertsOf(company)).toMatchObject([
      {
        kind: 'ROSTER_PART_AWAY',
        subject: 'contractors',
        notDone: expect.stringContaining('Nothing happened to the people of contractors'),
      },
    ]);

    reports.heal();
    expect(await night(company, { employees: left(staff, staff[0]?.id) })).toMatchObject({
      exit: 0,
      applied: { deactivate: 1 },
    });
    expect(await alertsOf(company)).toEqual([]);
  } finally {
    await reports.close();
  }
});

test('values that are held are those of one part: it is named, and the people of the others change', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    platform: { limits: { update: { percent: 100 } } },
  });
  await night(company, { employees: staff, contractors: hands });
  const renamed = (rows: readonly Row[], count: number): Row[] =>
    rows.map((row, at) => (at < count ? { ...row, lastName: `${row.lastName} New` } : row));
  const run = await night(company, { employees: renamed(staff, 2), contractors: renamed(hands, 30) });
  expect(run).toMatchObject({ exit: 3, status: 'held', applied: { update: 2 }, held: { update: 30 } });
  expect(run.reasons.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(/^HELD_VALUES contractors: Family: 30 of 30 have another value/),
  ]);
  expect(company.state.users.filter(({ lastName }) => lastName?.endsWith(' New'))).toHaveLength(2);
});

test('check names what rules and fields read and a part does not map', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    platform: {
      accounts: 'person.state == "active" && person.department != "Board"',
      fields: { lastName: 'person.lastName + person.attributes.Location' },
    },
  });
  await company.deliver('employees', staff);
  await company.deliver('contractors', hands);
  const check = await company.rollcall('check', '--quick', '--json');
  const { warnings } = (check.json as { roster: { warnings: readonly string[] } }).roster;
  expect(warnings).toEqual([
    'roster.parts[1] (contractors) does not map department, which platforms.academy.accounts reads: it is empty for its people.',
    'roster.parts[1] (contractors) does not map attributes.Location, which platforms.academy.fields.lastName reads: it is empty for its people.',
  ]);
});

test.each([
  ['another one', 'X-'],
  ['none', undefined],
])('a part whose ids come under %s is neither created nor removed, and that is said', async (_, idPrefix) => {
  await using company = await openPartsCompany({ parts: ['employees', 'contractors'] });
  await night(company, { employees: staff, contractors: hands });
  const blocks = partBlocks(['employees', 'contractors'], { contractors: { idPrefix } });
  await company.configure({ roster: { parts: blocks } });
  for (let again = 0; again < 4; again++) {
    // One leaves and one joins, in either part.
    const run = await night(company, {
      employees: [...left(staff, staff[0]?.id), ...people(1, 41)],
      contractors: [...left(hands, hands[0]?.id), ...people(1, 131)],
    });
    expect(run).toMatchObject({
      exit: 3,
      applied: again === 0 ? { create: 1, deactivate: 1 } : { create: 0 },
    });
    expect(run.reasons.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(
        /^ROSTER_IDS_RESPELLED 30 new ids are 30 absent ones under another prefix \(C-010101 is now (X-)?010101\): none of these people is created or removed, and 1 more .* Put idPrefix of their part back/,
      ),
    ]);
  }
  expect(company.actives()).toEqual(
    [...idsOf([...staff.slice(1), person(41)]), ...idsOf(hands, 'C-')].sort(),
  );

  // With the old prefix all is as it was, and what waited is made.
  await company.configure({ roster: { parts: partBlocks(['employees', 'contractors']) } });
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 1, deactivate: 1 } });
});

test('a part that is called otherwise is judged by what it was; what was kept of the old name goes with it', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    own: { contractors: { maxRejected: '50%' } },
  });
  await night(company, { employees: staff, contractors: hands });
  const blocks = partBlocks(['employees', 'contractors'], {
    contractors: { name: 'hands', maxRejected: '50%' },
  });
  await company.configure({ roster: { parts: blocks } });
  // A third of them is there. Twice: the first one is no measure for the second.
  for (let again = 0; again < 2; again++) {
    const cut = await night(company, {
      employees: staff,
      contractors: left(hands.slice(0, 10), hands[0]?.id),
    });
    expect(cut).toMatchObject({ exit: 3, status: 'withheld', applied: { deactivate: 0 } });
    expect(cut.reasons.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(
        /^ROSTER_SHRUNK hands: The roster has 10 people; the most in the last 30 days were 30/,
      ),
      expect.stringMatching(/^REMOVALS_WITHHELD 1 deactivate/),
    ]);
    if (again === 0)
      expect((await company.rollcall('show', 'last')).out).toContain(
        'the part "hands" has the people of the part "contractors", which is not configured any more',
      );
  }
  expect(await night(company, { employees: staff, contractors: left(hands, hands[0]?.id) })).toMatchObject({
    exit: 0,
    applied: { deactivate: 1 },
  });
  const { store } = await company.opened();
  expect((await store.roster.members('harbour')).map(({ part }) => part)).toEqual(['employees', 'hands']);
  expect(await store.roster.lastExport('harbour', 'contractors')).toBeUndefined();
});

test('a part that is split is no measure for what came of it', async () => {
  await using company = await openPartsCompany({ parts: ['employees', 'contractors'] });
  await night(company, { employees: staff, contractors: hands });
  const [first, second] = partBlocks(['contractors', 'contractors'], {});
  await company.configure({
    roster: {
      parts: [
        ...partBlocks(['employees']),
        { ...first, name: 'north' },
        { ...second, name: 'south', source: './subsidiary.csv' },
      ],
    },
  });
  company.clock.advance(dayMs);
  await company.deliver('employees', staff);
  await company.deliver('contractors', hands.slice(0, 15));
  await company.deliver('subsidiary', partText('contractors', hands.slice(15)));
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
});

test('what is kept of a part that is configured no more is swept: its rejected rows are nobody’s business', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    own: { contractors: { maxRejected: '50%' } },
  });
  const broken = hands.map((row, at) => (at === 0 ? { ...row, email: 'no address' } : row));
  await night(company, { employees: staff, contractors: hands });
  for (let count = 0; count < 3; count++)
    await night(company, {
      employees: [...staff, ...people(count + 1, 41)],
      contractors: [...broken, ...people(count + 1, 131)],
    });
  expect(await alertsOf(company)).toMatchObject([{ kind: 'PEOPLE_REJECTED' }]);

  await company.configure({ roster: { parts: partBlocks(['employees']) } });
  await night(company, { employees: [...staff, ...people(4, 41)] });
  expect((await alertsOf(company)).map(({ kind }) => kind)).toEqual([]);
  const { store } = await company.opened();
  expect(await store.roster.rejectedRows('harbour', 10)).toEqual([]);
  expect((await store.roster.members('harbour')).map(({ part }) => part)).toEqual([
    'contractors',
    'employees',
  ]);

  // A month later nothing is left of it.
  company.clock.advance(31 * dayMs);
  await night(company, { employees: [...staff, ...people(5, 41)] });
  expect((await store.roster.members('harbour')).map(({ part }) => part)).toEqual(['employees']);
  expect(await store.roster.lastExport('harbour', 'contractors')).toBeUndefined();
});
