import { describe, expect, test } from 'vitest';
import { type ScimOptions, startScim } from '../../sandbox/scim/index.ts';
import { type ScimState, workEmail } from '../../sandbox/scim/state.ts';
import { changed, columns, people, person, type Row } from '../support/company.ts';
import { type Company, type CompanyOptions, openCompany, openSparkwiseCompany } from '../support/harness.ts';
import { codes, differences, expectEndsInStep, inactive } from '../support/in-step.ts';

// The cases of the safety contract that names make easy and life makes hard, through `sync --json`.

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const morning = '2026-03-02T06:00:00Z';

/** A company whose platform knows emails. */
async function openScimCompany(
  rows: readonly Row[],
  options: Partial<CompanyOptions> & { readonly sandbox?: ScimOptions } = {},
): Promise<Company & { readonly state: ScimState }> {
  const { sandbox, state, token, baseUrl } = await startScim(options.sandbox ?? {});
  const block = { provider: 'scim', baseUrl, token };
  const company = await openCompany(
    { backend: 'embedded', rows, clock: morning, ...options },
    { sandbox, block },
  );
  const first = await company.sync();
  expect(first).toMatchObject({ exit: 0, status: 'applied', applied: { create: rows.length } });
  return Object.assign(company, { state });
}

async function openInStep(rows: readonly Row[], options: Partial<CompanyOptions> = {}) {
  const company = await openSparkwiseCompany({ backend: 'embedded', rows, clock: morning, ...options });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  return company;
}

function accountOf(state: ScimState, email: string) {
  const [user] = state.users.filter((candidate) => workEmail(candidate) === email);
  if (user === undefined) throw new Error(`no account ${email}`);
  return user;
}

function withStatus(rows: readonly Row[], which: (row: Row) => boolean, status: string): Row[] {
  return rows.map((row) => (which(row) ? { ...row, status } : row));
}

describe('a contractor hired under a new id with the same email', { timeout: 90_000 }, () => {
  const contractor = person(7);
  const cases = [
    { name: 'HR gives the id before', previousId: contractor.id },
    { name: 'only the email and the name tell', previousId: '' },
  ];

  test.for(cases)('$name: the account goes over, nobody is removed or doubled', async ({ previousId }) => {
    const rows = people(40);
    await using company = await openScimCompany(rows);
    const account = accountOf(company.state, contractor.email);
    const hired = { ...contractor, id: 'C900', previousId };
    const next = [...withStatus(rows, ({ id }) => id === contractor.id, 'Terminated'), hired];
    await company.export(next);

    const run = await company.sync();

    expect(run).toMatchObject({ exit: 0, planned: { create: 0, deactivate: 0 }, review: 0 });
    expect(company.state.users.length).toBe(rows.length);
    expect(company.state.byId.get(account.id)).toMatchObject({ active: true });
    expect(await company.sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
    // The account is the new person's: it follows their row, and the old row has no say any more.
    await company.export(next.map((row) => (row.id === 'C900' ? { ...row, department: 'Sales' } : row)));
    expect(await company.sync()).toMatchObject({ exit: 0, applied: { update: 1, deactivate: 0 } });
    expect(company.state.byId.get(account.id)).toMatchObject({ active: true });
  });
});

describe('an email given to a new person after the old one left', { timeout: 90_000 }, () => {
  test('the leaver keeps account and history; the new person is for somebody to look at', async () => {
    const rows = people(40);
    await using company = await openScimCompany(rows);
    const left = person(5);
    const account = accountOf(company.state, left.email);
    const gone = withStatus(rows, ({ id }) => id === left.id, 'Terminated');
    await company.export(gone);
    expect(await company.sync()).toMatchObject({ exit: 0, applied: { deactivate: 1 } });
    company.clock.advance(30 * dayMs);
    const hired = { ...person(900), email: left.email, firstName: 'Quite', lastName: 'Different' };
    await company.export([...gone, hired]);
    const before = structuredClone(company.state.byId.get(account.id));

    const run = await company.sync();

    expect(run).toMatchObject({ exit: 0, review: 1, planned: { create: 0, update: 0, reactivate: 0 } });
    expect(company.state.byId.get(account.id)).toEqual(before);
    expect(before).toMatchObject({ active: false });
  });
});

describe('an id column swapped by mistake', { timeout: 90_000 }, () => {
  /** Everybody under the id of the next one. */
  const rotated = (rows: readonly Row[]): Row[] =>
    rows.map((row, at) => ({ ...row, id: rows[(at + 1) % rows.length]?.id ?? row.id }));

  test('where there are emails: everybody goes to review, nobody is written to', async () => {
    const rows = people(60);
    await using company = await openScimCompany(rows);
    await company.export(rotated(rows));
    const before = structuredClone(company.state.users);
    company.sandbox.clearLog();
    const run = await company.sync();
    expect(run).toMatchObject({ review: rows.length, requests: { writes: 0 } });
    expect(company.state.users).toEqual(before);
    await company.export(rows);
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', review: 0 });
  });

  test('where the platform knows names only: what we know of the emails tells, and everybody goes to review', async () => {
    const rows = people(60);
    await using company = await openInStep(rows);
    await company.export(rotated(rows));
    company.sandbox.clearLog();
    expect(await company.sync()).toMatchObject({ review: rows.length, requests: { writes: 0 } });
    expect(differences(company.state, rows)).toEqual([]);
    await expectEndsInStep(company, rows);
  });

  test('where the roster has no emails either: the updates of everybody are held', async () => {
    const rows = people(60);
    const { id, firstName, lastName, status } = columns;
    const withoutEmail = { roster: { columns: { id, firstName, lastName, status } } };
    await using company = await openInStep(rows, withoutEmail);
    await company.export(rotated(rows));
    const run = await company.sync();
    expect(run).toMatchObject({ exit: 3, status: 'held', held: { update: rows.length } });
    expect(new Set(codes(run))).toEqual(new Set(['HELD_VALUES']));
    expect(differences(company.state, rows)).toEqual([]);
    await expectEndsInStep(company, rows);
  });

  test('another column in its place: nobody is removed, and nobody made twice; that is said', async () => {
    const rows = people(300);
    await using company = await openInStep(rows, { config: { absence: { exports: 1, days: 0 } } });
    for (const night of [1, 2, 3]) {
      company.clock.advance(dayMs);
      await company.export(rows.map((row) => ({ ...row, id: `EMP${row.id}`, department: `Night ${night}` })));
      const run = await company.sync();
      expect(run).toMatchObject({
        exit: 3,
        status: 'withheld',
        planned: { create: 0, deactivate: 0 },
        requests: { writes: 0 },
      });
      expect(codes(run)).toContain('ROSTER_IDS_RESPELLED');
      expect(inactive(company.state)).toEqual([]);
    }
    expect(company.state.users.length).toBe(rows.length);
    await expectEndsInStep(company, rows);
  });
});

describe("one country's status renamed", { timeout: 90_000 }, () => {
  test('a large country: removals are withheld, and nobody of it is touched', async () => {
    const rows = people(300);
    await using company = await openInStep(rows);
    const [leaver] = rows.filter((row) => row.location === 'Spain');
    const renamed = withStatus(rows, (row) => row.location === 'Japan', 'Aktiv');
    await company.export(withStatus(renamed, (row) => row.id === leaver?.id, 'Terminated'));
    const japan = rows.filter((row) => row.location === 'Japan').length;
    const run = await company.sync();
    expect(run).toMatchObject({ exit: 3, status: 'withheld', rejected: japan, requests: { writes: 0 } });
    expect(codes(run)).toEqual(['ROSTER_REJECTED', 'REMOVALS_WITHHELD']);
    expect(inactive(company.state)).toEqual([]);
    await expectEndsInStep(company, rows);
  });

  test('a small one: its people are left as they are, the others go on', async () => {
    const rows = people(300).map((row, at) => (at < 3 ? { ...row, location: 'Malta' } : row));
    await using company = await openInStep(rows);
    const leaver = rows[100]?.id ?? '';
    const renamed = withStatus(rows, (row) => row.location === 'Malta', 'Attiv');
    for (let night = 0; night < 5; night++) {
      company.clock.advance(dayMs);
      await company.export(withStatus(renamed, (row) => row.id === leaver, 'Terminated'));
      expect(await company.sync()).toMatchObject({ exit: 0, rejected: 3 });
    }
    expect(inactive(company.state)).toEqual([leaver]);
  });
});

// 5 % of 1,000 people are the 50 that the limit counts to.
describe('many leavers', { timeout: 120_000 }, () => {
  test('49 an hour: the second hour is held, and the day after the next 49 go', async () => {
    const rows = people(1_000);
    await using company = await openInStep(rows);
    const goneBy = (hours: number): Row[] =>
      rows.map((row, at) => (at < 49 * hours ? { ...row, status: 'Terminated' } : row));
    for (const hour of [1, 2, 3, 4]) {
      company.clock.advance(hourMs);
      await company.export(goneBy(hour));
      const run = await company.sync();
      if (hour === 1) expect(run).toMatchObject({ exit: 0, status: 'applied', applied: { deactivate: 49 } });
      else {
        expect(run).toMatchObject({ exit: 3, status: 'held', held: { deactivate: 49 * (hour - 1) } });
        expect(codes(run)).toEqual(['HELD_DEACTIVATE']);
      }
      expect(inactive(company.state).length).toBe(49);
    }
    company.clock.advance(dayMs);
    await company.export(goneBy(2));
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied', applied: { deactivate: 49 } });
    expect(inactive(company.state).length).toBe(98);
  });

  test('49 an hour whose outcome nobody knows count too', async () => {
    const rows = people(1_000);
    await using company = await openInStep(rows, { platform: { timeout: '1s' } });
    const { store } = await company.opened();
    const goneBy = (hours: number): Row[] =>
      rows.map((row, at) => (at < 49 * hours ? { ...row, status: 'Terminated' } : row));
    await company.export(goneBy(1));
    expect(await company.sync()).toMatchObject({ applied: { deactivate: 49 } });
    // As after a platform that applied everything and answered nothing, six times over.
    const { db } = store.database;
    await db
      .insertInto('outcomes')
      .columns(['run_id', 'seq', 'outcome', 'done_ms'])
      .expression((eb) =>
        eb
          .selectFrom('journal')
          .select(['run_id', 'seq', eb.val('unknown' as const).as('outcome'), 'done_ms'])
          .where('outcome', '=', 'done'),
      )
      .execute();
    company.clock.advance(hourMs);
    await company.export(goneBy(2));
    expect(await company.sync()).toMatchObject({ exit: 3, status: 'held', held: { deactivate: 49 } });
  });
});

describe('people who are merely missing', { timeout: 120_000 }, () => {
  test('three syncs of one bad file within an hour are one export', async () => {
    const rows = people(300);
    await using company = await openInStep(rows, { config: { absence: { exports: 3, days: 0 } } });
    const short = rows.slice(3);
    company.clock.advance(dayMs);
    await company.export(short);
    for (let time = 0; time < 3; time++) {
      company.clock.advance(20 * 60_000);
      expect(await company.sync()).toMatchObject({
        exit: 0,
        status: 'unchanged',
        planned: { deactivate: 0 },
      });
    }
    expect(inactive(company.state)).toEqual([]);
    // Two more exports without them make three: so it was the counting that kept them.
    for (const expected of [0, 3]) {
      company.clock.advance(dayMs);
      await company.export(short);
      expect(await company.sync()).toMatchObject({ exit: 0, planned: { deactivate: expected } });
    }
    expect(inactive(company.state)).toEqual(rows.slice(0, 3).map(({ id }) => id));
  });

  test('both are needed: exports and days', async () => {
    const rows = people(100);
    await using company = await openInStep(rows, { config: { absence: { exports: 3, days: 2 } } });
    for (let hour = 0; hour < 5; hour++) {
      company.clock.advance(hourMs);
      await company.export(rows.slice(1));
      expect(await company.sync()).toMatchObject({ planned: { deactivate: 0 } });
    }
    company.clock.advance(2 * dayMs);
    await company.export(rows.slice(1));
    expect(await company.sync()).toMatchObject({ exit: 0, applied: { deactivate: 1 } });
  });

  test('a row whose id cannot be read may be theirs: they are not counted', async () => {
    const rows = people(300);
    const options = { config: { absence: { exports: 2, days: 0 } }, roster: { maxRejected: '5%' } };
    await using company = await openInStep(rows, options);
    for (let night = 0; night < 4; night++) {
      company.clock.advance(dayMs);
      await company.export(rows.map((row, at) => (at === 0 ? { ...row, id: '' } : row)));
      const run = await company.sync();
      expect(run).toMatchObject({ exit: 3, status: 'withheld' });
      expect(codes(run)).toContain('ROSTER_ID_UNREADABLE');
    }
    // The next export is clean but for them: the first that counts.
    company.clock.advance(dayMs);
    await company.export(rows.slice(1));
    expect(await company.sync()).toMatchObject({ exit: 0, planned: { deactivate: 0 } });
    expect(inactive(company.state)).toEqual([]);
  });

  test('9 % fewer rows every night: the second night is compared with the month, not with the night before', async () => {
    const rows = people(400);
    await using company = await openInStep(rows, { config: { absence: { exports: 2, days: 1 } } });
    let count = rows.length;
    for (let night = 1; night <= 6; night++) {
      company.clock.advance(dayMs);
      count = Math.ceil(count * 0.91);
      await company.export(rows.slice(0, count));
      const run = await company.sync();
      if (night === 1) expect(run).toMatchObject({ exit: 0, status: 'unchanged' });
      else {
        expect(run).toMatchObject({ exit: 3, status: 'withheld' });
        expect(codes(run)).toContain('ROSTER_SHRUNK');
      }
      expect(inactive(company.state)).toEqual([]);
    }
    await expectEndsInStep(company, rows);
  });
});

describe('a company of twelve', { timeout: 90_000 }, () => {
  const twelve = people(12);

  test('whose status column says that everybody left: all are held', async () => {
    await using company = await openInStep(twelve);
    for (let night = 0; night < 3; night++) {
      company.clock.advance(dayMs);
      await company.export(withStatus(twelve, () => true, 'Terminated'));
      const run = await company.sync();
      expect(run).toMatchObject({ exit: 3, status: 'held', held: { deactivate: 12 } });
      expect(codes(run)).toEqual(['HELD_VALUES']);
    }
    expect(inactive(company.state)).toEqual([]);
    await expectEndsInStep(company, twelve);
  });

  test('whose status column is empty, or says what no rule knows: nobody is touched', async () => {
    await using company = await openInStep(twelve);
    for (const status of ['', '1', 'ACTIVE']) {
      company.clock.advance(dayMs);
      await company.export(withStatus(twelve, () => true, status));
      const run = await company.sync();
      expect(run).toMatchObject({ exit: 3, status: 'withheld', rejected: 12, requests: { writes: 0 } });
    }
    expect(inactive(company.state)).toEqual([]);
    await expectEndsInStep(company, twelve);
  });

  test('whose everyday passes: three leavers in a day go without anybody being asked', async () => {
    await using company = await openInStep(twelve);
    const gone = changed(
      twelve,
      Object.fromEntries([1, 2, 3].map((n) => [person(n).id, { status: 'Terminated' }])),
    );
    await company.export(gone);
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied', applied: { deactivate: 3 } });
    expect(differences(company.state, gone)).toEqual([]);
  });
});
