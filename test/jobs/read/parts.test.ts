import { expect, test, vi } from 'vitest';
import { changed, people, person, type Row } from '../../support/company.ts';
import { openPartsCompany, partBlocks, type PartName, partText } from '../../support/parts.ts';

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

  // Missing for long enough, and then the part does not come: nobody is removed on the strength of what came before.
  await company.configure({ platform: { mode: 'additive' } });
  for (let count = 2; count <= 3; count++) {
    company.clock.advance(dayMs);
    await company.deliver('employees', people(45));
    await company.deliver('contractors', hands.slice(1));
    await company.sync('--yes');
  }
  await company.configure({ platform: { mode: 'full' } });
  await company.deliver('contractors', null);
  expect(await company.sync('--yes')).toMatchObject({ status: 'withheld', applied: { deactivate: 0 } });
  expect(company.actives()).toContain(`C-${hands[0]?.id}`);
  await company.deliver('contractors', hands.slice(1));
  expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { deactivate: 1 } });
});

test('people move between parts, parts come and go, and nobody is a leaver by that', async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    own: { contractors: { idPrefix: undefined } },
  });
  const night = async (deliveries: Partial<Record<PartName, readonly Row[] | null>>) => {
    company.clock.advance(dayMs);
    for (const [part, rows] of Object.entries(deliveries)) await company.deliver(part as PartName, rows);
    return await company.sync('--yes');
  };
  const codes = (run: { readonly reasons: readonly { readonly code: string }[] }): string[] =>
    run.reasons.map(({ code }) => code);
  expect(await night({ employees: staff, contractors: hands })).toMatchObject({ applied: { create: 70 } });
  const mover = staff[39] as Row;

  // The part that had somebody does not come: in the other one they may be twice, and terminated there says nothing.
  const withMover = [...hands, { ...mover, status: 'Terminated' }];
  expect(await night({ employees: null, contractors: withMover })).toMatchObject({
    status: 'withheld',
    applied: { update: 0, deactivate: 0 },
  });
  expect(company.actives()).toContain(mover.id);

  // It comes without them: they have moved, and what the other part says counts.
  expect(
    await night({ employees: staff.slice(0, 39), contractors: [...hands, { ...mover, lastName: 'Moved' }] }),
  ).toMatchObject({ exit: 0, status: 'applied', applied: { update: 1, deactivate: 0 } });

  // From now on it is the other part that they are missing from.
  expect(await night({ employees: null, contractors: hands })).toMatchObject({ status: 'withheld' });
  const { store } = await company.opened();
  expect(await store.roster.absentPeople('harbour')).toMatchObject([{ person: mover.id, exports: 1 }]);

  // One id in both: nobody knows which row is right, unless the parts have an order.
  const both = [...hands, { ...(staff[0] as Row), status: 'Terminated' }, mover];
  const twice = await night({ employees: staff.slice(0, 39), contractors: both });
  expect(twice).toMatchObject({ exit: 0, rejected: 1, applied: { deactivate: 0 } });
  expect((await company.rollcall('check', '--json')).json).toMatchObject({
    roster: { people: 69, rejectedRows: [{ code: 'IN_TWO_PARTS', part: 'contractors', id: staff[0]?.id }] },
  });
  await company.configure({ roster: { onBoth: 'first' } });
  const ordered = await company.rollcall('check', '--json');
  expect(ordered.json).toMatchObject({ roster: { people: 70, rejectedRows: [] } });
  expect(await night({ employees: left(staff.slice(0, 39), staff[0]?.id), contractors: both })).toMatchObject(
    {
      applied: { deactivate: 1 },
    },
  );

  // A new part: its people are joiners, and the others stay as they are.
  await company.configure({
    roster: {
      parts: partBlocks(['employees', 'contractors', 'subsidiary'], { contractors: { idPrefix: undefined } }),
    },
  });
  const again = { employees: left(staff.slice(0, 39), staff[0]?.id), contractors: [...hands, mover] };
  expect(await night({ ...again, subsidiary: sister })).toMatchObject({
    exit: 0,
    applied: { create: 30, deactivate: 0 },
  });

  // A part that is configured no more: its people are missing, they are counted, and that is said.
  await company.configure({
    roster: { parts: partBlocks(['employees', 'contractors'], { contractors: { idPrefix: undefined } }) },
  });
  for (let count = 1; count <= 2; count++) {
    expect(await night(again)).toMatchObject({ exit: 0, applied: { deactivate: 0 } });
    const shown = await company.rollcall('show', 'last', '--json');
    expect(JSON.stringify(shown.json)).toContain(
      '30 people with an account were last in the part \\"subsidiary\\"',
    );
  }
  // After absence.exports they are too many at once for the limit: somebody decides.
  const third = await night(again);
  expect(third).toMatchObject({
    exit: 3,
    status: 'held',
    held: { deactivate: 30 },
    applied: { deactivate: 0 },
  });
  expect(codes(third)).toContain('HELD_DEACTIVATE');

  // A part that is called otherwise: everybody is where they were, by its new name.
  await company.configure({
    roster: {
      parts: partBlocks(['employees', 'contractors'], {
        contractors: { idPrefix: undefined, name: 'hands' },
      }),
    },
  });
  expect(await night(again)).toMatchObject({ applied: { create: 0, update: 0, deactivate: 0 } });
  const explained = await company.rollcall('explain', hands[0]?.id ?? '');
  expect(explained.out).toContain('hands, line 2: ');

  // None comes: as where there is one roster.
  const none = await night({ employees: null, contractors: null });
  expect(none).toMatchObject({ exit: 1, status: 'failed', reasons: [{ code: 'ROSTER_NOT_FOUND' }] });
  expect(none.reasons[0]?.message).toMatch(/^employees: .* hands \(ROSTER_NOT_FOUND\)/);
});
