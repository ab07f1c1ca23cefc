import { describe, expect, it } from 'vitest';
import { type Hold, readHold } from '../../src/actions/hold-groups.ts';
import { siteColumn } from '../../src/diff/seen-rows.ts';
import {
  type CostCompany,
  type CostRow,
  costCsv,
  costPeople,
  costPerson,
  openCostCompany,
} from '../support/cost.ts';
import type { RunEnded } from '../support/harness.ts';

const timeoutMs = 120_000;
const columns = {
  id: 'WorkerID',
  email: 'WorkEmail',
  firstName: 'FirstName',
  lastName: 'LastName',
  department: 'Department',
  status: 'WorkerStatus',
  endDate: 'LastDay',
};

/** The export with a column of last days. */
function withLastDays(rows: readonly CostRow[], lastDays: ReadonlyMap<string, string>): string {
  return costCsv(rows)
    .split('\r\n')
    .map((line, at) => {
      if (line === '') return line;
      return `${line},${at === 0 ? 'LastDay' : (lastDays.get(line.split(',')[0] ?? '') ?? '')}`;
    })
    .join('\r\n');
}

async function holdOf(company: CostCompany, run: RunEnded): Promise<Hold> {
  const { engine } = await company.opened();
  return readHold(engine.deps, { id: run.id ?? '' });
}

const rows = costPeople(120);
const open = () =>
  openCostCompany([], { roster: { columns, dateFormat: 'yyyy-MM-dd', attributes: ['Cost', 'Site'] } });

describe('what a run holds', () => {
  it('names site, last day and line of each, and groups by cause, site and department', {
    timeout: timeoutMs,
  }, async () => {
    await using company = await open();
    await company.night(withLastDays(rows, new Map()));
    const gone = rows.slice(0, 20);
    const run = await company.night(withLastDays(rows, new Map(gone.map(({ id }) => [id, '2026-03-01']))));
    expect(run.held.deactivate).toBe(20);
    const { groups, people } = await holdOf(company, run);
    expect(people.size).toBe(20);
    expect(groups.map(({ why, people: of }) => [why, of.length])).toEqual([['left, LastDay changed', 20]]);
    const [group] = groups;
    expect(group?.people[4]).toMatchObject({
      person: rows[4]?.id,
      name: `${rows[4]?.firstName} ${rows[4]?.lastName}`,
      department: rows[4]?.department,
      site: 'Cork',
      lastDay: '2026-03-01',
      line: 6,
    });
    expect(group?.places.map(({ site, count }) => [site, count])).toEqual([
      ['Kiel', 16],
      ['Cork', 4],
    ]);
    expect(group?.places[1]?.departments.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    // At a terminal the same causes.
    const line = /20 +deactivate +17 % +(?:\d+ +)?left, LastDay changed +Kiel 16, Cork 4$/m;
    expect(await company.shown(run.id)).toMatch(line);
    expect((await company.rollcall('plan')).out).toMatch(line);
  });

  it('has targets by name at a terminal', { timeout: timeoutMs }, async () => {
    await using company = await open();
    await company.night(withLastDays(rows, new Map()));
    company.clock.advance(24 * 3_600_000);
    await company.export(withLastDays([...rows, costPerson(130)], new Map()));
    const { out } = await company.rollcall('plan');
    expect(out).toMatch(/1 +enroll +Payment fraud .*the rule of the target holds for them/);
    expect(out).not.toContain('group-fraud');
  });

  it('says that a rule changed, from what to what, until a run by it was good', {
    timeout: timeoutMs,
  }, async () => {
    await using company = await open();
    await company.night(withLastDays(rows, new Map()));
    const rule = 'person.state == "active" && person.department != "Warehouse"';
    await company.configure({ platform: { accounts: rule } });
    for (const night of [1, 2]) {
      const run = await company.night(withLastDays(rows, new Map()));
      expect(run.held.deactivate, `night ${night}`).toBe(20);
      const { groups } = await holdOf(company, run);
      expect(groups.map(({ why }) => why)).toEqual([
        `the rule changed from "person.state in ["active", "leave"]" to "${rule}"`,
      ]);
      if (night === 2) expect((await company.approve(run)).applied.deactivate).toBe(20);
    }
    const { store } = (await company.opened()).engine.deps;
    expect((await store.platforms.find('harbour', 'academy'))?.rules['accounts']).toBe(rule);
  });
});

describe('rejecting some of a hold', () => {
  it('lets the rest be decided under a hash of its own, keeps the rejected back, and can be taken back', {
    timeout: timeoutMs,
  }, async () => {
    await using company = await open();
    await company.night(withLastDays(rows, new Map()));
    const gone = rows.slice(0, 20).map((row) => ({ ...row, status: 'Terminated' }));
    const run = await company.night(withLastDays([...gone, ...rows.slice(20)], new Map()));
    const id = run.id ?? '';
    const [first, second] = [gone[0]?.id ?? '', gone[1]?.id ?? ''];
    const reject = (...args: readonly string[]) => company.rollcall('reject', id, ...args, '--json');
    const story = async () =>
      (await company.rollcall('show', id, '--json')).json as { hash: string; held: { deactivate: number } };

    expect((await reject('--only', 'nobody')).exit).toBe(2);
    expect(
      (await reject('--only', first, '--only', second, '--reason', 'HR says they stay')).json,
    ).toMatchObject({ rejected: 2 });
    const left = await story();
    expect(left.held.deactivate).toBe(18);
    expect(left.hash).not.toBe(run.hash);
    // Who looked before that has seen something else.
    expect((await company.rollcall('approve', id, '--hash', run.hash ?? '')).exit).toBe(2);
    expect(await company.shown(id)).toContain('HR says they stay');

    // Taken back, it is as it was.
    expect((await company.rollcall('reject', id, '--withdraw', '--json')).json).toEqual({
      run: id,
      withdrawn: 2,
      waits: true,
    });
    expect(await story()).toMatchObject({ hash: run.hash, held: { deactivate: 20 } });

    await reject('--only', first, '--only', second);
    const { hash } = await story();
    const approved = await company.approve({ ...run, hash });
    expect(approved).toMatchObject({
      status: 'applied',
      applied: { deactivate: 18 },
      held: { deactivate: 0 },
    });
    expect(await company.plan()).toMatchObject({ planned: { deactivate: 0 } });
    expect((await company.rollcall('reject', id, '--withdraw', '--json')).json).toMatchObject({
      withdrawn: 2,
      waits: false,
    });
    expect(await company.plan()).toMatchObject({ planned: { deactivate: 2 } });
  });

  it('of everybody who is held is a rejection of all', { timeout: timeoutMs }, async () => {
    await using company = await open();
    await company.night(withLastDays(rows, new Map()));
    const gone = rows.slice(0, 20).map((row) => ({ ...row, status: 'Terminated' }));
    const run = await company.night(withLastDays([...gone, ...rows.slice(20)], new Map()));
    const only = gone.flatMap(({ id }) => ['--only', id]);
    expect((await company.rollcall('reject', run.id ?? '', ...only)).exit).toBe(0);
    const { store } = (await company.opened()).engine.deps;
    expect(await store.runs.find(run.id ?? '')).toMatchObject({ decided: 'rejected', hash: run.hash });
  });
});

it.each([
  [['JobTitle', 'Work Location'], undefined, 'Work Location'],
  [['JobTitle', 'SiteCode'], undefined, 'SiteCode'],
  [['Location', 'Subsidiary'], 'Subsidiary', 'Subsidiary'],
  [['JobTitle', 'OnLeave', 'Composite'], undefined, null],
] as const)('the site among %j, with shrinkBy %s, is %s', (attributes, shrinkBy, site) => {
  expect(siteColumn(attributes, shrinkBy)).toBe(site);
});
