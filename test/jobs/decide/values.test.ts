import { describe, expect, it } from 'vitest';
import {
  type CostCompany,
  type CostRow,
  costCsv,
  costPeople,
  costPerson,
  fraud,
  openCostCompany,
  safety,
} from '../../support/cost.ts';
import type { RunEnded } from '../../support/harness.ts';

const timeoutMs = 120_000;
const nothing = { create: 0, update: 0, reactivate: 0, deactivate: 0, enroll: 0, unenroll: 0 };

function reasonsOf(run: RunEnded, code: string): readonly string[] {
  return run.reasons.filter((reason) => reason.code === code).map(({ message }) => message);
}

/** A run of one person, asked for through the queue. */
async function resync(company: CostCompany, person: string): Promise<RunEnded> {
  const { engine } = await company.opened();
  await engine.start();
  company.clock.advance(60_000);
  const job = await engine.request({
    customer: 'harbour',
    platform: 'academy',
    trigger: 'resync',
    actor: 'jo',
    person,
    reason: null,
  });
  await engine.result(job, { signal: AbortSignal.timeout(30_000) });
  const shown = await company.rollcall('show', 'last', '--json');
  return { ...(shown.json as RunEnded), exit: shown.exit };
}

async function expectOrdinary(company: CostCompany, rows: readonly CostRow[] | string): Promise<RunEnded> {
  const run = await company.night(rows);
  expect(run.reasons).toEqual([]);
  expect(run).toMatchObject({ exit: 0, held: nothing });
  return run;
}

describe('a column that comes empty', () => {
  it('unenrolls nobody: what follows from it is held, named with what it was, and all else flows', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(120);
    await using company = await openCostCompany(rows);
    const members = company.members(fraud);
    expect(members).toHaveLength(12);
    const joiner = costPerson(501, { site: 'Cork', cost: '' });
    const emptied = [
      ...rows.map((row) => ({ ...row, cost: '', status: row.id === '010003' ? 'Terminated' : row.status })),
      joiner,
    ];

    const plan = await company.night(emptied).then(async (run) => ({ run, plan: await company.plan() }));
    const { run } = plan;

    expect(run).toMatchObject({
      exit: 3,
      status: 'held',
      held: { ...nothing, unenroll: 12 },
      applied: { ...nothing, create: 1, enroll: 1, deactivate: 1 },
    });
    expect(plan.plan).toMatchObject({ exit: 3, status: 'held', held: { ...nothing, unenroll: 12 } });
    expect(company.members(fraud)).toEqual(members);
    expect(company.members(safety)).toContain(joiner.id);
    const [message] = reasonsOf(run, 'HELD_VALUES');
    expect(message).toContain('Cost: 120 of 120 filled → 0');
    expect(message).toContain('12 of 12 of Payment fraud; all of them: Cost changed from FIN to empty');
    expect(await company.shown(run.id)).toMatch(
      /unenroll +010010 .*Payment fraud.*Cost changed from FIN to empty/,
    );
    // On-call hears of counts and columns.
    const { store } = await company.opened();
    const stored = await store.runs.find(run.id ?? '');
    expect(stored?.reasons[0]?.brief).toContain('12 of 12 of Payment fraud; all of them: Cost changed.');
    expect(stored?.reasons[0]?.brief).not.toMatch(/FIN|Sales/);
    expect(company.logged()).not.toContain('FIN');

    // The next export is held against the last good one again; a column that is whole again raises nothing.
    expect(await company.night(emptied)).toMatchObject({ exit: 3, held: { ...nothing, unenroll: 12 } });
    await expectOrdinary(company, [...rows, { ...joiner, cost: 'OPS' }]);
    expect(company.members(fraud)).toEqual(members);
  });

  it('is held as well where JSON leaves the field out of every record, which the run says', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(60);
    await using company = await openCostCompany(rows);
    const members = company.members(fraud);
    const records = (lack: readonly string[]): string => {
      const [header = [], ...lines] = costCsv(rows)
        .trimEnd()
        .split('\r\n')
        .map((line) => line.split(','));
      const filled = lines.map((cells) =>
        cells.flatMap((cell, at) =>
          cell === '' || lack.includes(header[at] ?? '') ? [] : [[header[at] ?? '', cell] as const],
        ),
      );
      return JSON.stringify(filled.map((cells) => Object.fromEntries(cells)));
    };
    // Nobody has a former id: that the field is nowhere is no reason for anything.
    expect(await company.night(records([]))).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
    const noted = await company.rollcall('show', 'last');
    expect(noted.out).toContain('no record has the field "FormerID" (roster.columns.previousId)');

    const run = await company.night(records(['Cost']));
    expect(run).toMatchObject({
      exit: 3,
      status: 'held',
      held: { ...nothing, unenroll: 6 },
      applied: nothing,
    });
    expect(reasonsOf(run, 'HELD_VALUES')[0]).toContain('Cost: 60 of 60 filled → 0');
    expect(company.members(fraud)).toEqual(members);
    expect(await company.shown(run.id)).toContain('no record has the field "Cost" (roster.attributes)');
    const check = await company.rollcall('check', '--quick', '--json');
    expect(check.json).toMatchObject({
      roster: {
        warnings: expect.arrayContaining([
          expect.stringMatching(
            /^roster\.attributes: no record has the field "Cost": .*The fields there are: /,
          ),
        ]),
      },
    });
    expect(await company.night(records([]))).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
  });

  it('is what it looks like from now on once it is approved, and no sooner', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(60);
    await using company = await openCostCompany(rows);
    const emptied = rows.map((row) => ({ ...row, cost: '' }));
    const first = await company.night(emptied);
    expect(first).toMatchObject({ exit: 3, held: { ...nothing, unenroll: 6 } });

    // Who approves one of them has said nothing of the others.
    const some = await company.approve(first, '010010');
    expect(some).toMatchObject({
      exit: 3,
      applied: { ...nothing, unenroll: 1 },
      held: { ...nothing, unenroll: 5 },
    });
    const again = await company.night(emptied);
    expect(again).toMatchObject({ exit: 3, held: { ...nothing, unenroll: 5 } });

    const rejected = await company.rollcall('reject', again.id ?? '');
    expect(rejected.exit).toBe(0);
    // Rejected changes do not come again; what is new is held as before.
    const moved = emptied.map((row) => (row.id === '010010' ? { ...row, cost: 'FIN' } : row));
    const third = await company.night(moved);
    expect(third).toMatchObject({ exit: 3, held: { ...nothing, enroll: 1 } });
    expect(reasonsOf(third, 'HELD_VALUES')[0]).toContain('Cost: 60 of 60 filled → 1');
    await company.rollcall('reject', third.id ?? '', '--withdraw');

    expect(await company.approve(third)).toMatchObject({ exit: 0, applied: { ...nothing, enroll: 1 } });
    await expectOrdinary(company, moved);
    // The empty column is the measure: a full one is what is odd now.
    const filled = rows.map((row) => (row.id === '010001' ? { ...row, cost: 'FIN' } : row));
    const odd = await company.night(filled);
    expect(odd).toMatchObject({ exit: 3, held: { ...nothing, enroll: 1 } });
    expect(reasonsOf(odd, 'HELD_VALUES')[0]).toContain('Cost: 59 of 60 have another value, 1 filled → 60');
  });
});

describe('a column with other values than last night', () => {
  const swapped = (rows: readonly CostRow[]): CostRow[] =>
    rows.map((row) => ({ ...row, cost: row.site, site: row.cost }));
  const damages: readonly {
    readonly name: string;
    readonly damage: (rows: readonly CostRow[]) => readonly CostRow[];
    readonly held: Partial<RunEnded['held']>;
    readonly columns: readonly string[];
  }[] = [
    {
      name: 'recoded',
      damage: (rows) => rows.map((row) => ({ ...row, cost: `C-${row.cost}` })),
      held: { unenroll: 8 },
      columns: ['Cost'],
    },
    {
      name: 'in lower case',
      damage: (rows) => rows.map((row) => ({ ...row, cost: row.cost.toLowerCase() })),
      held: { unenroll: 8 },
      columns: ['Cost'],
    },
    { name: 'swapped with another', damage: swapped, held: { unenroll: 24 }, columns: ['Cost', 'Site'] },
    {
      name: 'one constant',
      damage: (rows) => rows.map((row) => ({ ...row, cost: 'FIN' })),
      held: { enroll: 72 },
      columns: ['Cost'],
    },
    {
      name: 'shifted by a row',
      damage: (rows) => rows.map((row, at) => ({ ...row, cost: rows[(at + 1) % rows.length]?.cost ?? '' })),
      held: { enroll: 8, unenroll: 8 },
      columns: ['Cost'],
    },
    {
      name: 'first names and last names swapped',
      damage: (rows) => rows.map((row) => ({ ...row, firstName: row.lastName, lastName: row.firstName })),
      held: { update: 80 },
      columns: ['FirstName', 'LastName'],
    },
    {
      name: 'the email domain changed',
      damage: (rows) =>
        rows.map((row) => ({ ...row, email: row.email.replace('example.com', 'example.org') })),
      held: { update: 80 },
      columns: ['WorkEmail'],
    },
    {
      name: 'every department has a new name',
      damage: (rows) => rows.map((row) => ({ ...row, department: `D-${row.department}` })),
      held: { update: 80 },
      columns: ['Department'],
    },
    {
      name: 'a third terminated in a status column that slipped',
      damage: (rows) => rows.map((row, at) => ({ ...row, status: at % 3 === 0 ? 'Terminated' : 'Active' })),
      held: { deactivate: 27 },
      columns: ['WorkerStatus'],
    },
  ];

  it('holds what follows from it, names it, and is forgotten when the column is right again', {
    timeout: timeoutMs * 2,
  }, async () => {
    const rows = costPeople(80);
    await using company = await openCostCompany(rows, {
      platform: {
        limits: {
          unenroll: { floor: 500 },
          enroll: { floor: 500 },
          update: { floor: 500 },
          deactivate: { floor: 500 },
          unenrollPerTarget: { floor: 500 },
        },
      },
    });
    const before = [company.members(fraud), company.members(safety)];
    for (const { name, damage, held, columns } of damages) {
      const run = await company.night(damage(rows));
      expect({ name, exit: run.exit, held: run.held, applied: run.applied }).toEqual({
        name,
        exit: 3,
        held: { ...nothing, ...held },
        applied: nothing,
      });
      const said = reasonsOf(run, 'HELD_VALUES');
      expect(said.map((message) => message.split(':')[0])).toEqual(columns);
      // People's own values are named nowhere, not even on the reviewer's screen of reasons.
      for (const message of said) expect(message).not.toMatch(/Okafor|@example|person\./);
      await expectOrdinary(company, rows);
      expect([company.members(fraud), company.members(safety)]).toEqual(before);
    }
  });
});

describe('a file in another encoding', () => {
  it('holds what follows from any of its columns until somebody has looked', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(30);
    await using company = await openCostCompany(rows);
    const moved = rows.map((row) =>
      row.id === '010001' ? { ...row, department: 'Board', cost: 'FIN' } : row,
    );
    const { writeFile, utimes } = await import('node:fs/promises');
    company.clock.advance(86_400_000);
    const file = `${company.folder}/roster.csv`;
    await writeFile(file, Buffer.from(`\ufeff${costCsv(moved)}`, 'utf16le'));
    await utimes(file, new Date(company.clock.now()), new Date(company.clock.now()));
    const run = await company.sync();
    expect(run).toMatchObject({ exit: 3, held: { ...nothing, update: 1, enroll: 1 }, applied: nothing });
    expect(reasonsOf(run, 'HELD_VALUES').join()).toContain('the file is utf-16le and was utf-8');
    expect(await company.approve(run)).toMatchObject({
      exit: 0,
      applied: { ...nothing, update: 1, enroll: 1 },
    });
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
  });
});

describe('a date column that is written another way round', () => {
  it('deactivates nobody for a start that seems to lie ahead', { timeout: timeoutMs }, async () => {
    const rows = costPeople(40).map((row, at) => ({
      ...row,
      hired: `2026-01-${String((at % 12) + 1).padStart(2, '0')}`,
    }));
    await using company = await openCostCompany(rows, {
      roster: {
        columns: {
          id: 'WorkerID',
          email: 'WorkEmail',
          firstName: 'FirstName',
          lastName: 'LastName',
          department: 'Department',
          status: 'WorkerStatus',
          startDate: 'HireDate',
        },
      },
      platform: { limits: { deactivate: { floor: 100 } } },
    });
    const turned = rows.map((row) => ({ ...row, hired: row.hired.replace(/-(\d\d)-(\d\d)$/, '-$2-$1') }));
    const run = await company.night(turned);
    expect(run).toMatchObject({ exit: 3, applied: nothing });
    expect(run.held.deactivate).toBeGreaterThan(20);
    expect(reasonsOf(run, 'HELD_VALUES')[0]).toContain('HireDate: ');
    expect(reasonsOf(run, 'HELD_VALUES')[0]).not.toContain('2026-01');
  });
});

describe('columns that ignore, protect and prefer read', () => {
  it('an emptied one lets nobody through who was spared, and everybody else goes on', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(40).map((row, at) => ({
      ...row,
      cost: at < 8 ? 'EXT' : at < 16 ? 'BOARD' : 'OPS',
    }));
    await using company = await openCostCompany(rows, {
      platform: {
        enrollments: [],
        accounts: 'person.state == "active" && person.attributes.Site != "Closed"',
      },
      config: {
        ignore: { when: 'person.attributes.Cost == "EXT"' },
        protect: { when: 'person.attributes.Cost == "BOARD"' },
      },
    });
    expect(company.scim.users).toHaveLength(32);
    // Eight to be created who were ignored, and two of the board whose site closes.
    const next = rows.map((row, at) => ({
      ...row,
      cost: at < 16 ? '' : row.cost,
      site: at === 9 || at === 10 || at === 20 ? 'Closed' : row.site,
    }));
    const run = await company.night(next);
    expect(run).toMatchObject({
      exit: 3,
      held: { ...nothing, create: 8, deactivate: 2 },
      applied: { ...nothing, deactivate: 1 },
    });
    expect(company.scim.users).toHaveLength(32);
  });
});

describe('nothing to compare with', () => {
  it('is said by a first run, a column read for the first time and a run of one person', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(30);
    await using company = await openCostCompany(rows, {
      platform: { enrollments: [{ target: safety, when: 'person.attributes.Site == "Cork"' }] },
    });
    expect(await company.shown('last')).toContain(
      'nothing to be compared with yet: this is the first export',
    );
    await company.configure({
      platform: {
        enrollments: [
          { target: safety, when: 'person.attributes.Site == "Cork"' },
          { target: fraud, when: 'person.attributes.Cost == "FIN"' },
        ],
      },
    });
    const run = await company.night(rows);
    expect(run).toMatchObject({ exit: 0, applied: { ...nothing, enroll: 3 } });
    expect(await company.shown('last')).toContain('Cost: read for the first time');
    expect(await company.shown('last')).not.toContain('Site: read');
    await expectOrdinary(company, rows);
    expect(await company.shown('last')).not.toContain('compared');

    await company.export(costCsv(rows.map((row) => (row.id === '010001' ? { ...row, cost: 'FIN' } : row))));
    expect(await resync(company, '010001')).toMatchObject({
      status: 'applied',
      applied: { ...nothing, enroll: 1 },
    });
    expect(await company.shown('last')).toContain('a run of one person has nothing to compare');
  });
});

describe('a run of one person while a column is in doubt', () => {
  it('is no way around the hold', { timeout: timeoutMs }, async () => {
    const rows = costPeople(40);
    await using company = await openCostCompany(rows);
    const swapped = rows.map((row) => ({ ...row, firstName: row.lastName, lastName: row.firstName }));
    const run = await company.night(swapped);
    expect(run).toMatchObject({ exit: 3, held: { ...nothing, update: 40 } });
    const one = await resync(company, '010007');
    expect(one).toMatchObject({ status: 'held', held: { ...nothing, update: 1 }, applied: nothing });
    expect(reasonsOf(one, 'HELD_VALUES')[0]).toContain(`its values are in doubt since ${run.id}`);
  });
});

describe('check', () => {
  it('says how the file is encoded and how many cells of each used column are filled', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(30).map((row, at) => ({ ...row, cost: at < 7 ? '' : row.cost }));
    await using company = await openCostCompany(rows);
    const text = (await company.rollcall('check', '--quick')).out;
    expect(text).toContain('utf-8');
    expect(text).toMatch(/filled of 30: .*WorkEmail 30, .*Cost 23, Site 30/);
    // Read by nothing: not compared.
    expect(text).not.toMatch(/filled of .*Location/);
    const { json } = await company.rollcall('check', '--quick', '--json');
    expect(json).toMatchObject({
      roster: { encoding: 'utf-8', columns: expect.arrayContaining([{ column: 'Cost', filled: 23 }]) },
    });
  });
});

describe('two weeks of ordinary nights', () => {
  it('raise nothing but the one reorganisation, which goes through when it is approved', {
    timeout: timeoutMs * 2,
  }, async () => {
    let rows = costPeople(150);
    await using company = await openCostCompany(rows, { platform: { limits: {} } });
    const departments = ['Warehouse', 'Finance', 'Sales', 'Board', 'IT', 'Stores'];
    let next = 1_000;
    for (let night = 0; night < 14; night++) {
      // One joins, one leaves, two move, and one marries.
      rows = rows.map((row, at) => {
        const turn = at - night * 7;
        if (turn === 0) return { ...row, status: 'Terminated' };
        if (turn === 1) return { ...row, department: departments[night % 6] ?? '', site: 'Kiel' };
        if (turn === 2) return { ...row, cost: night % 2 === 0 ? 'OPS' : 'FIN' };
        return turn === 3 ? { ...row, lastName: `Nova ${night}`, cost: '' } : row;
      });
      rows = [...rows, costPerson(next++)];
      await expectOrdinary(company, rows);
      if (night !== 7) continue;
      const before = rows;
      rows = before.map((row) =>
        row.cost === 'FIN' ? { ...row, cost: 'FIN-2', department: 'Treasury' } : row,
      );
      const held = await company.night(rows);
      expect(held).toMatchObject({ exit: 3, status: 'held' });
      expect(new Set(held.reasons.map(({ code }) => code))).toEqual(new Set(['HELD_UNENROLL']));
      expect(await company.approve(held)).toMatchObject({ exit: 0 });
    }
  });
});
