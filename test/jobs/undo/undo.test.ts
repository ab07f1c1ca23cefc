import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScimState } from '../../../sandbox/scim/state.ts';
import type { SparkwiseState } from '../../../sandbox/sparkwise/state.ts';
import type { RunReport } from '../../../src/actions/run-report.ts';
import { crowd, type House, openHouse, type World } from '../../actions/house.ts';

type Way = { kind: string; person: string; target?: string; fields?: string[] };
type Undone = {
  undoes: string;
  runs: RunReport[];
  changes: Way[];
  notUndone: (Way & { code: string; message: string })[];
  notes: { code: string; message: string }[];
};

let house: House;
let created: World & { readonly state: SparkwiseState };
let changed: World & { readonly state: SparkwiseState };
let removed: World & { readonly state: SparkwiseState };
let limited: World & { readonly state: SparkwiseState };
let torn: World & { readonly state: SparkwiseState };
let unsure: World & { readonly state: SparkwiseState };
let groups: World & { readonly state: ScimState };
let joint: World & { readonly state: ScimState };

beforeAll(async () => {
  house = await openHouse();
  const protect = { config: { protect: { people: ['1002'] }, ignore: { people: [] } } };
  created = await house.sparkwise('created', protect);
  changed = await house.sparkwise('changed');
  removed = await house.sparkwise('removed', {
    platform: { limits: { deactivate: { floor: 20 }, reactivate: { floor: 20 } } },
  });
  limited = await house.sparkwise('limited');
  torn = await house.sparkwise('torn');
  unsure = await house.sparkwise('unsure');
  joint = await house.scim('joint', {
    groups: ['Safety'],
    platform: {
      limits: { deactivate: { floor: 20 } },
      enrollments: [{ target: 'Safety', when: 'person.department == "Stores"' }],
    },
  });
  groups = await house.scim('groups', {
    groups: ['Safety', 'Office'],
    platform: {
      enrollments: [
        { target: 'Safety', when: 'person.department == "Stores"' },
        { target: 'Office', when: 'person.department == "Office"' },
      ],
    },
  });
});
afterAll(() => house.close());

const isActive = (world: { readonly state: SparkwiseState }, id: string): boolean | undefined =>
  world.state.byRemoteId.get(id)?.active;
const members = (group: string): readonly (string | undefined)[] =>
  [...(groups.state.groups.get(group)?.members ?? [])]
    .map((id) => groups.state.byId.get(id)?.externalId)
    .sort();

describe('undo', () => {
  it('of creates deactivates, but nobody who is protected, and stays until the row changes', async () => {
    await created.roster(crowd(4));
    const run = await created.sync();
    expect(run).toMatchObject({ applied: { create: 4 } });
    // Somebody there has taken one back already.
    const taken = created.state.byRemoteId.get('1004');
    if (taken !== undefined) taken.active = false;

    const plan = await created.json<Undone>('undo', run.id ?? '');
    expect(plan.runs).toMatchObject([{ id: null, status: 'planned', planned: { deactivate: 2 } }]);
    expect(plan.runs[0]?.hash).toMatch(/^[0-9a-f]{16}$/);
    expect(plan.changes.map((change) => [change.kind, change.person])).toEqual([
      ['deactivate', '1001'],
      ['deactivate', '1003'],
    ]);
    expect(plan.notUndone.map((not) => [not.person, not.code])).toEqual([
      ['1002', 'PROTECTED'],
      ['1004', 'ALREADY_BACK'],
    ]);
    expect(isActive(created, '1001')).toBe(true);

    const applied = await created.json<Undone>('undo', run.id ?? '', '--apply');
    expect(applied).toMatchObject({ exit: 0, runs: [{ status: 'applied', applied: { deactivate: 2 } }] });
    expect(applied.notes.filter((note) => note.code === 'NOT_UNDONE')).toHaveLength(2);
    expect([isActive(created, '1001'), isActive(created, '1002'), isActive(created, '1003')]).toEqual([
      false,
      true,
      false,
    ]);

    // What was undone stays undone; the one whom somebody else deactivated comes back.
    expect(await created.sync()).toMatchObject({ applied: { reactivate: 1 }, planned: { reactivate: 1 } });
    expect(isActive(created, '1004')).toBe(true);
    await created.roster(crowd(4).map((row) => (row.id === '1001' ? { ...row, department: 'Office' } : row)));
    expect(await created.sync()).toMatchObject({ applied: { reactivate: 1 } });
    expect([isActive(created, '1001'), isActive(created, '1003')]).toEqual([true, false]);
    expect(await created.sync()).toMatchObject({ status: 'unchanged' });
  });

  it('of updates writes back what was there, unless it was changed since', async () => {
    await changed.roster(crowd(3));
    await changed.sync();
    await changed.roster(crowd(3).map((row) => ({ ...row, last: `Wrong${row.id}` })));
    const run = await changed.sync();
    expect(run).toMatchObject({ applied: { update: 3 } });
    const edited = changed.state.byRemoteId.get('1002');
    if (edited !== undefined) edited.lastName = 'Edited';
    // And one is corrected by a later run of ours.
    await changed.roster(
      crowd(3).map((row) => ({ ...row, last: row.id === '1003' ? 'Right' : `Wrong${row.id}` })),
    );
    const { reasons: _reasons, ...later } = await changed.sync();
    expect(later).toMatchObject({ applied: { update: 2 } });
    if (edited !== undefined) edited.lastName = 'Edited again';

    const plan = await changed.json<Undone>('undo', run.id ?? '');
    expect(plan.changes).toEqual([{ kind: 'update', person: '1001', fields: ['lastName'] }]);
    expect(plan.notUndone.map((not) => [not.person, not.code])).toEqual([
      ['1002', 'CHANGED_SINCE'],
      ['1003', 'CHANGED_SINCE'],
    ]);
    expect(plan.notUndone[1]?.message).toContain(later.id ?? '?');
    const text = (await changed.run('undo', run.id ?? '')).out;
    expect(text).toContain('lastName: Wrong1001 → Last1001');

    expect(await changed.json<Undone>('undo', run.id ?? '', '--apply')).toMatchObject({ exit: 0 });
    const names = changed.state.users.map((user) => [user.firstName, user.lastName]);
    expect(names).toEqual([
      ['First1001', 'Last1001'],
      ['First1002', 'Edited again'],
      ['First1003', 'Right'],
    ]);
    // The row still says Wrong1001: it is not written again.
    expect(await changed.sync()).toMatchObject({ applied: { update: 1 } });
    expect(changed.state.byRemoteId.get('1001')?.lastName).toBe('Last1001');
    const explained = await changed.json<{
      platforms: { suppressions: { kind: string; cause: string }[] }[];
    }>('explain', '1001');
    expect(explained.platforms[0]?.suppressions).toMatchObject([{ kind: 'update', cause: 'undone' }]);
  });

  it('of a deactivation reactivates, of a reactivation deactivates, and an undo can be undone', async () => {
    await removed.roster(crowd(4));
    await removed.sync();
    await removed.roster(crowd(4, 2));
    const left = await removed.sync();
    expect(left).toMatchObject({ applied: { deactivate: 2 } });
    const undone = await removed.json<Undone>('undo', left.id ?? '', '--apply');
    expect(undone.runs).toMatchObject([{ status: 'applied', applied: { reactivate: 2 } }]);
    expect([isActive(removed, '1001'), isActive(removed, '1002')]).toEqual([true, true]);
    expect(removed.state.byRemoteId.get('1001')).toMatchObject({
      firstName: 'First1001',
      lastName: 'Last1001',
    });
    expect(await removed.sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });

    // Undone again, nothing keeps the leavers from going any more.
    const again = await removed.json<Undone>('undo', undone.runs[0]?.id ?? '', '--apply');
    expect(again.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 2 } }]);
    expect(await removed.sync()).toMatchObject({ status: 'unchanged' });
    expect(await house.store.decisions.suppressions('removed', 'academy', house.now())).toEqual([]);

    // Somebody comes back, and that is undone.
    await removed.roster(crowd(4, 1));
    const back = await removed.sync();
    expect(back).toMatchObject({ applied: { reactivate: 1 } });
    expect(await removed.json<Undone>('undo', back.id ?? '', '--apply')).toMatchObject({
      runs: [{ applied: { deactivate: 1 } }],
    });
    expect(isActive(removed, '1002')).toBe(false);
    expect(await removed.sync()).toMatchObject({ status: 'unchanged' });
  });

  it('of enrollments takes them back, either way', async () => {
    await groups.roster(crowd(3));
    const first = await groups.sync();
    expect(first).toMatchObject({ applied: { create: 3, enroll: 3 } });
    await groups.roster(crowd(3).map((row) => (row.id === '1001' ? { ...row, department: 'Office' } : row)));
    const moved = await groups.sync();
    expect(moved).toMatchObject({ applied: { update: 1, enroll: 1, unenroll: 1 } });
    expect([members('Safety'), members('Office')]).toEqual([['1002', '1003'], ['1001']]);

    const undone = await groups.json<Undone>('undo', moved.id ?? '', '--apply');
    expect(undone.runs).toMatchObject([
      { status: 'applied', applied: { update: 1, enroll: 1, unenroll: 1 } },
    ]);
    expect([members('Safety'), members('Office')]).toEqual([['1001', '1002', '1003'], []]);
    // It is back as it was: there is nothing to undo twice.
    const twice = await groups.json<Undone>('undo', moved.id ?? '');
    expect(twice).toMatchObject({ exit: 0, changes: [], runs: [{ status: 'unchanged', hash: null }] });
    expect(new Set(twice.notUndone.map((not) => not.code))).toEqual(new Set(['ALREADY_BACK']));
    expect(await groups.sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });

    // The first run is undone by what is still there of it.
    const all = await groups.json<Undone>('undo', first.id ?? '');
    expect(all.runs[0]?.planned).toMatchObject({ deactivate: 3, unenroll: 3 });
    const [target] = all.changes.filter((change) => change.kind === 'unenroll');
    expect(target?.target).toBe('Safety');
  });

  it('keeps to the limits: what passes them is held, and can be approved', async () => {
    await limited.roster(crowd(30));
    const run = await limited.sync();
    const plan = await limited.json<Undone>('undo', run.id ?? '');
    expect(plan).toMatchObject({ exit: 3, runs: [{ status: 'held', held: { deactivate: 30 } }] });
    const held = await limited.json<Undone>('undo', run.id ?? '', '--apply');
    expect(held).toMatchObject({ exit: 3, runs: [{ status: 'held', hash: plan.runs[0]?.hash }] });
    expect(isActive(limited, '1001')).toBe(true);
    // A sync in between neither replaces the undo nor is kept from its work by it.
    expect(await limited.sync()).toMatchObject({ status: 'unchanged' });
    const approved = await limited.json<{ runs: RunReport[] }>(
      'approve',
      held.runs[0]?.id ?? '',
      '--hash',
      held.runs[0]?.hash ?? '',
    );
    expect(approved.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 30 } }]);
    expect(await limited.sync()).toMatchObject({ status: 'unchanged' });
    expect(limited.state.users.every((user) => !user.active)).toBe(true);
  });

  it('counts what the day had, removals whose outcome nobody knows too', async () => {
    await unsure.roster(crowd(10));
    await unsure.sync();
    await unsure.roster(crowd(12));
    const joined = await unsure.sync();
    expect(joined).toMatchObject({ applied: { create: 2 } });
    expect(await unsure.json<Undone>('undo', joined.id ?? '')).toMatchObject({
      runs: [{ status: 'planned' }],
    });
    // Both leavers are gone, and the platform never said so.
    await unsure.roster(crowd(12, 2));
    unsure.sandbox.fail({
      kind: 'write',
      effect: { do: 'answer', response: { status: 200, text: 'thank you' }, applied: true },
    });
    expect(await unsure.sync()).toMatchObject({ status: 'partial', failed: { deactivate: 2 } });
    expect([isActive(unsure, '1001'), isActive(unsure, '1002')]).toEqual([false, false]);

    // Three a day may go: these two would make four.
    const plan = await unsure.json<Undone>('undo', joined.id ?? '');
    expect(plan).toMatchObject({ exit: 3, runs: [{ status: 'held', held: { deactivate: 2 } }] });
  });

  it('holds an enrollment together with the account that it needs', async () => {
    await joint.roster(crowd(5));
    const first = await joint.sync();
    const back = await joint.json<Undone>('undo', first.id ?? '', '--apply');
    expect(back.runs).toMatchObject([{ status: 'applied', applied: { deactivate: 5, unenroll: 5 } }]);
    // Three accounts a day may be activated again, and nobody is enrolled without one.
    const again = await joint.json<Undone>('undo', back.runs[0]?.id ?? '', '--apply');
    expect(again.runs).toMatchObject([
      { status: 'held', held: { reactivate: 5, enroll: 5 }, applied: { reactivate: 0, enroll: 0 } },
    ]);
    const [held] = again.runs;
    const approved = await joint.json<{ runs: RunReport[] }>(
      'approve',
      held?.id ?? '',
      '--hash',
      held?.hash ?? '',
    );
    expect(approved.runs).toMatchObject([{ status: 'applied', applied: { reactivate: 5, enroll: 5 } }]);
  });

  it('goes on where it was when its process died', async () => {
    await changed.roster(crowd(6));
    const run = await changed.sync();
    expect(run.applied.create).toBe(3);
    // It had begun, and nothing but the store knows of it.
    const { deps, request, result } = house.engine();
    const of = {
      customer: 'changed',
      platform: 'academy',
      trigger: 'undo',
      actor: 'test',
      undoes: run.id,
    } as const;
    await deps.store.runs.begin(
      { ...of, id: 'academy-begun', person: null, slotMs: null, approval: null },
      house.now(),
    );
    await deps.store.runs.setStatus('academy-begun', 'reading', house.now());
    const job = await request({ ...of, run: 'academy-begun' });
    const ended = await result(job, { signal: AbortSignal.timeout(20_000) });
    expect(ended).toMatchObject({
      run: { id: 'academy-begun', status: 'applied', applied: { deactivate: 3 } },
    });
    expect(await changed.sync()).toMatchObject({ applied: { deactivate: 0, reactivate: 0, create: 0 } });
  });

  it('removes nobody on a roster that is not complete, and refuses what cannot be undone', async () => {
    await torn.roster(crowd(20));
    const run = await torn.sync();
    await torn.roster(crowd(3));
    const plan = await torn.json<Undone>('undo', run.id ?? '');
    expect(plan).toMatchObject({ exit: 3, changes: [], runs: [{ status: 'withheld' }] });
    expect(plan.runs[0]?.reasons.map((reason) => reason.code)).toEqual([
      'ROSTER_SHRUNK',
      'REMOVALS_WITHHELD',
    ]);
    await torn.roster(crowd(20));
    const nothing = await torn.sync();
    expect(await torn.run('undo', nothing.id ?? '')).toMatchObject({ exit: 2, code: 'UNDO_REFUSED' });
    expect(await torn.run('undo', 'nothing-like-it')).toMatchObject({ exit: 2, code: 'RUN_UNKNOWN' });
    // Whose account is another one by now is left alone.
    expect(await torn.run('unlink', '1001', 'academy')).toMatchObject({ exit: 0 });
    const rest = await torn.json<Undone>('undo', run.id ?? '');
    expect(rest.notUndone).toMatchObject([{ person: '1001', code: 'NOT_LINKED' }]);
  });
});
