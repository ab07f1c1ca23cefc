import { expect, test, vi } from 'vitest';
import { changed, people, person, type Row } from '../../support/company.ts';
import { openPartsCompany, partText } from '../../support/parts.ts';

// Each test opens a company: seconds by itself, and much longer on a machine with other work.
vi.setConfig({ testTimeout: 120_000 });

const dayMs = 24 * 3_600_000;
const staff = people(40);
const hands = people(30, 101);
const sister = people(30, 201);
const idsOf = (rows: readonly Row[], prefix = ''): string[] => rows.map(({ id }) => `${prefix}${id}`);
const left = (rows: readonly Row[], ...ids: readonly (string | undefined)[]): Row[] =>
  changed(rows, Object.fromEntries(ids.map((id) => [id ?? '', { status: 'Terminated' }])));

test('two parts are one roster: each by its own mapping, ids with their prefix', async () => {
  await using company = await openPartsCompany({ parts: ['employees', 'contractors'] });
  await company.deliver('employees', staff);
  await company.deliver('contractors', hands);

  const check = await company.rollcall('check', '--json');
  expect(check).toMatchObject({
    exit: 0,
    json: {
      ok: true,
      roster: {
        people: 70,
        rows: 70,
        complete: true,
        states: { active: 70 },
        parts: [
          { part: 'employees', error: null, people: 40, complete: true },
          { part: 'contractors', error: null, people: 30, complete: true },
        ],
      },
    },
  });
  const plan = await company.rollcall('plan', '--json', '--changes');
  expect(plan).toMatchObject({ exit: 0, json: { runs: [{ status: 'planned', planned: { create: 70 } }] } });
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, status: 'applied', applied: { create: 70 } });
  expect(company.actives()).toEqual([...idsOf(staff), ...idsOf(hands, 'C-')].sort());

  // Both sides agree.
  company.clock.advance(dayMs);
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, status: 'unchanged' });
});

test('of three parts one late, one torn, one whole: its people flow, the leavers of the others wait, by name', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors', 'subsidiary'],
    own: { contractors: { expected: { maxAge: '26h' } }, subsidiary: { maxRejected: '10%' } },
    clock: '2026-11-20T12:00:00Z',
  });
  await company.deliver('employees', staff);
  await company.deliver('contractors', hands);
  await company.deliver('subsidiary', sister);
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 100 } });

  company.clock.advance(dayMs);
  // Whole: one leaves, one joins, one changes.
  const joiner = person(41);
  const now = [...left(staff, staff[0]?.id), joiner].map((row) =>
    row.id === staff[1]?.id ? { ...row, lastName: 'Newname' } : row,
  );
  await company.deliver('employees', now);
  // Late: what it says of a leaver is two days old.
  await company.deliver('contractors', left(hands, hands[0]?.id), { ageMs: 2 * dayMs });
  // Torn: it ends in the middle of a row.
  const text = partText('subsidiary', left(sister, sister[0]?.id));
  await company.deliver('subsidiary', text.slice(0, -12));

  const check = await company.rollcall('check', '--json');
  expect(check).toMatchObject({
    exit: 1,
    json: {
      roster: {
        complete: false,
        parts: [
          { part: 'employees', complete: true },
          { part: 'contractors', complete: false, reasons: [{ code: 'ROSTER_STALE' }] },
          { part: 'subsidiary', complete: false, reasons: [{ code: 'ROSTER_TORN' }] },
        ],
      },
    },
  });
  const run = await company.sync('--yes');
  expect(run).toMatchObject({
    exit: 3,
    status: 'withheld',
    applied: { create: 1, update: 1, deactivate: 1, reactivate: 0, enroll: 0, unenroll: 0 },
  });
  const said = run.reasons.map(({ code, message }) => `${code} ${message}`);
  expect(said).toEqual([
    expect.stringMatching(/^ROSTER_STALE contractors: The roster is 2d old/),
    expect.stringMatching(/^ROSTER_TORN subsidiary: The roster is torn/),
    expect.stringMatching(/^REMOVALS_WITHHELD 2 deactivate and 0 unenroll were withheld/),
  ]);
  expect(company.actives()).toContain(`C-${hands[0]?.id}`);
  expect(company.actives()).toContain(sister[0]?.id);
  expect(company.actives()).not.toContain(staff[0]?.id);

  // When they come whole, what waited is made.
  company.clock.advance(dayMs);
  await company.deliver('employees', now);
  await company.deliver('contractors', left(hands, hands[0]?.id));
  await company.deliver('subsidiary', left(sister, sister[0]?.id));
  expect(await company.sync('--yes')).toMatchObject({
    exit: 0,
    status: 'applied',
    applied: { deactivate: 2 },
  });
});

test('a part that does not come: nothing happens to its people, and the others flow', async () => {
  await using company = await openPartsCompany({ parts: ['employees', 'contractors'] });
  await company.deliver('employees', staff);
  await company.deliver('contractors', hands);
  await company.sync('--yes');

  for (let night = 0; night < 5; night++) {
    company.clock.advance(dayMs);
    await company.deliver('employees', [...staff, ...people(night + 1, 41)]);
    await company.deliver('contractors', null);
    expect(await company.sync('--yes')).toMatchObject({
      exit: 3,
      status: 'withheld',
      applied: { create: 1, deactivate: 0 },
      reasons: [
        { code: 'ROSTER_PART_AWAY', message: expect.stringContaining('contractors: no file matches') },
      ],
    });
  }
  expect(company.actives()).toEqual([...idsOf(people(45)), ...idsOf(hands, 'C-')].sort());

  // Nobody was absent meanwhile: the first export without somebody is the first that counts.
  company.clock.advance(dayMs);
  await company.deliver('employees', people(45));
  await company.deliver('contractors', hands.slice(1));
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, status: 'unchanged' });
  const { store } = await company.opened();
  expect(await store.roster.absentPeople('harbour')).toMatchObject([
    { person: `C-${hands[0]?.id}`, exports: 1 },
  ]);
});
