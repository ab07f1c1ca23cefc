import { describe, expect, it } from 'vitest';
import {
  accountOf,
  desired,
  diff,
  emptyWorld,
  linkOf,
  modelPlatform,
  nobodyExempt,
  type World,
} from './model.ts';

const targets = [
  { id: 'safety', closed: false, isTraining: true, keepCompleted: true },
  { id: 'fire', closed: false, isTraining: false, keepCompleted: true },
];
const withTargets = { ...modelPlatform, targets };
const written = { ...modelPlatform, fields: modelPlatform.fields.filter(({ readBack }) => readBack) };
const due = { absenceIsDue: () => true };

/** A world with one linked person, P, whose account u1 is in step. */
function linkedWorld(over: Partial<World> = {}): World {
  return {
    ...emptyWorld,
    platform: written,
    people: [desired('P')],
    links: [linkOf('P', 'u1')],
    accounts: [accountOf('u1', 'P')],
    ...over,
  };
}

describe('what a row means', () => {
  it('creates who wants an account and has none, then enrolls by the rules', () => {
    const world = {
      ...emptyWorld,
      platform: withTargets,
      people: [desired('P', { targets: [true, false] })],
    };
    const { lines, changes } = diff(world);
    expect(lines).toEqual(['create P', 'enroll P safety']);
    expect(changes[0]).toMatchObject({
      ref: { id: null, externalId: 'P', email: 'p@example.com' },
      after: { firstName: 'FirstP', lastName: 'LastP', email: 'p@example.com', phone: '' },
      before: null,
      reason: 'NEW_PERSON',
    });
  });

  it('does nothing to an account of ours that is in step', () => {
    const result = diff(linkedWorld());
    expect(result.lines).toEqual([]);
    expect(result.adoptions).toEqual([]);
  });

  it('updates an account of ours in the fields that differ', () => {
    const { changes } = diff(linkedWorld({ people: [desired('P', { last: 'Other' })] }));
    expect(changes).toMatchObject([
      {
        kind: 'update',
        ref: { id: 'u1' },
        changed: ['lastName'],
        before: { lastName: 'LastP' },
        after: { firstName: 'FirstP', lastName: 'Other', email: 'p@example.com' },
      },
    ]);
  });

  it('enrolls and unenrolls an account of ours by the rules', () => {
    const world = linkedWorld({
      platform: { ...written, targets },
      people: [desired('P', { targets: [true, false] })],
      members: [[], [{ id: 'u1', externalId: 'P', email: null, completed: false }]],
    });
    const { lines, changes } = diff(world);
    expect(lines).toEqual(['enroll P safety', 'unenroll P fire']);
    expect(changes[1]?.reason).toBe('TARGET_RULE_FALSE');
  });

  it('reactivates an inactive account of ours: a rehire or a return from leave gets the same one', () => {
    const { changes } = diff(linkedWorld({ accounts: [accountOf('u1', 'P', { active: false })] }));
    expect(changes).toMatchObject([{ kind: 'reactivate', ref: { id: 'u1' }, reason: 'BACK_ON_ROSTER' }]);
  });

  it.each([
    ['in step', {}, []],
    ['with another name', { first: 'Petra' }, ['update P']],
  ])("adopts an active account that is nobody's, %s", (_, over, lines) => {
    const result = diff(linkedWorld({ links: [], accounts: [accountOf('u1', 'P', over)] }));
    expect(result.adoptions).toEqual([
      { person: 'P', ref: { id: 'u1', externalId: 'P', email: 'p@example.com' }, from: null },
    ]);
    expect(result.lines).toEqual(lines);
  });

  it('adopts by email where the account carries no id', () => {
    const account = accountOf('u1', 'P', { externalId: null, first: 'Petra' });
    const result = diff(linkedWorld({ links: [], accounts: [account] }));
    expect(result.adoptions.map(({ person }) => person)).toEqual(['P']);
    expect(result.lines).toEqual(['update P']);
  });

  it("reviews an inactive account that was never ours, and someone else's", () => {
    const inactive = diff(linkedWorld({ links: [], accounts: [accountOf('u1', 'P', { active: false })] }));
    expect(inactive.reviews).toEqual([{ person: 'P', code: 'INACTIVE_NOT_OURS', accounts: ['u1'] }]);
    const others = diff(
      linkedWorld({
        people: [desired('P'), desired('Q', { email: null, wantsAccount: false })],
        links: [linkOf('Q', 'u1')],
      }),
    );
    expect(others.reviews).toEqual([{ person: 'P', code: 'LINKED_TO_OTHER', accounts: ['u1'] }]);
    expect([...inactive.lines, ...others.lines]).toEqual(['deactivate Q']);
    expect([...inactive.adoptions, ...others.adoptions]).toEqual([]);
  });

  it('deactivates an account of ours when the rule says no, and does not look at one that is not ours', () => {
    const people = [desired('P', { wantsAccount: false })];
    const { changes } = diff(linkedWorld({ people }));
    expect(changes).toMatchObject([{ kind: 'deactivate', reason: 'ACCOUNT_RULE_FALSE' }]);
    const notOurs = diff(linkedWorld({ people, links: [] }));
    expect([notOurs.lines, notOurs.adoptions, notOurs.reviews]).toEqual([[], [], []]);
  });

  it.each([
    ['ours', [linkOf('P', 'u1')], {}, 0],
    ['adoptable by its id', [], {}, 1],
    ['adoptable by its email', [], { externalId: null }, 1],
  ])('deactivates a terminated person at once: %s', (_, links, over, adopted) => {
    const people = [desired('P', { terminated: true })];
    const result = diff(linkedWorld({ people, links, accounts: [accountOf('u1', 'P', over)] }));
    expect(result.changes).toMatchObject([{ kind: 'deactivate', reason: 'TERMINATED', ref: { id: 'u1' } }]);
    expect(result.changes[0]?.before).toMatchObject({ firstName: 'FirstP' });
    expect(result.adoptions).toHaveLength(adopted);
  });

  it('leaves a terminated person without an account, or with an inactive one, alone', () => {
    const people = [desired('P', { terminated: true })];
    for (const accounts of [[], [accountOf('u1', 'P', { active: false })]]) {
      for (const links of [[], [linkOf('P', 'u1')]]) {
        const result = diff(linkedWorld({ people, links, accounts }));
        expect([result.lines, result.reviews, result.adoptions]).toEqual([[], [], []]);
      }
    }
  });

  it('counts a missing person, and deactivates them only when their absence is due', () => {
    const world = linkedWorld({ people: [] });
    const early = diff(world);
    expect([early.lines, early.difference.missing]).toEqual([[], ['P']]);
    const late = diff(world, { absenceIsDue: (person) => person === 'P' });
    expect(late.changes).toMatchObject([{ kind: 'deactivate', reason: 'ABSENT' }]);
    expect(late.difference.missing).toEqual(['P']);
  });

  it('does not count a missing person whose account is inactive or gone', () => {
    for (const accounts of [[], [accountOf('u1', 'P', { active: false })]]) {
      const result = diff(linkedWorld({ people: [], accounts }), due);
      expect([result.lines, result.difference.missing]).toEqual([[], []]);
    }
  });

  it.each([
    ['on the roster and wanting', desired('P', { last: 'Other' })],
    ['terminated', desired('P', { terminated: true })],
  ])('does nothing to a rejected person, %s', (_, row) => {
    for (const links of [[], [linkOf('P', 'u1')]]) {
      const world = linkedWorld({ people: [row], rejected: ['P'], links, platform: { ...written, targets } });
      const result = diff(world, due);
      expect([result.lines, result.reviews, result.adoptions]).toEqual([[], [], []]);
      expect(result.difference.missing).toEqual([]);
    }
  });

  it('does nothing to an ignored person, also one who is missing', () => {
    const row = desired('P', { terminated: true, ignored: true });
    expect(diff(linkedWorld({ people: [row] }), due).lines).toEqual([]);
    const exempt = { ...nobodyExempt, ignored: new Set(['P']) };
    const missing = diff(linkedWorld({ people: [], platform: { ...written, exempt } }), due);
    expect([missing.lines, missing.difference.missing]).toEqual([[], []]);
  });

  it('never touches an unmanaged account', () => {
    const result = diff(linkedWorld({ accounts: [accountOf('u1', 'P'), accountOf('u9', 'stranger')] }), due);
    expect([result.lines, result.adoptions, result.reviews]).toEqual([[], [], []]);
  });

  it('compares what a platform does not give back with what was last written', () => {
    const world = { ...linkedWorld(), platform: modelPlatform, people: [desired('P', { phone: '1' })] };
    const first = diff(world);
    expect(first.changes).toMatchObject([{ kind: 'update', changed: ['phone'], before: {} }]);
    const writtenHash = first.facts.get('P')?.writtenHash ?? null;
    expect(diff({ ...world, links: [linkOf('P', 'u1', { writtenHash })] }).lines).toEqual([]);
  });

  it('never empties a field that the platform requires', () => {
    const people = [desired('P', { first: '', last: 'Other' })];
    const { changes } = diff(linkedWorld({ people }));
    expect(changes).toMatchObject([
      { changed: ['lastName'], after: { firstName: 'FirstP', lastName: 'Other' } },
    ]);
  });
});

describe('both sides complete, or nobody is removed (contract, item 1)', () => {
  const world: World = {
    ...emptyWorld,
    platform: { ...withTargets, leavers: 'unenroll' },
    people: [desired('L', { terminated: true }), desired('M', { targets: [false, true] }), desired('N')],
    links: [linkOf('L', 'u1'), linkOf('M', 'u2')],
    accounts: [accountOf('u1', 'L'), accountOf('u2', 'M')],
    members: [
      [
        { id: 'u1', externalId: 'L', email: null, completed: false },
        { id: 'u2', externalId: 'M', email: null, completed: false },
      ],
      [],
    ],
  };

  it('plans no removal and counts what a complete run would have made', () => {
    expect(diff(world).lines).toContain('unenroll L safety');
    const { lines, difference } = diff(world, { withholdRemovals: true });
    expect(lines).toEqual(['create N', 'update M', 'enroll N safety', 'enroll M fire', 'enroll N fire']);
    expect(difference.withheld).toEqual({ deactivate: 0, unenroll: 2 });
    const deactivating = { ...world, platform: { ...withTargets } };
    expect(diff(deactivating, { withholdRemovals: true }).difference.withheld).toEqual({
      deactivate: 1,
      unenroll: 1,
    });
  });

  it('does not create anew whom it is linked to when the platform gave too few accounts', () => {
    const unseen = { ...world, accounts: [] };
    expect(diff(unseen).lines).toContain('create M');
    const { lines } = diff(unseen, { withholdRemovals: true, platformShrunk: true });
    expect(lines).toEqual(['create N', 'enroll N safety', 'enroll N fire']);
  });

  it('does not bind somebody to a second account then either', () => {
    const twin = { ...linkedWorld(), accounts: [accountOf('u2', 'P', { first: 'Petra' })] };
    expect(diff(twin).adoptions).toHaveLength(1);
    const shrunk = diff(twin, { withholdRemovals: true, platformShrunk: true });
    expect([shrunk.adoptions, shrunk.lines]).toEqual([[], []]);
  });
});

describe('leavers, targets and history (contract, item 9)', () => {
  const member = { id: 'u1', externalId: 'P', email: null, completed: false };
  const leaver = (over: Partial<World['platform']>): World =>
    linkedWorld({
      platform: { ...written, targets, ...over },
      people: [desired('P', { terminated: true })],
      members: [[member], [member]],
    });

  it('keeps the enrollments of whom it deactivates', () => {
    expect(diff(leaver({})).lines).toEqual(['deactivate P']);
  });

  it('unenrolls leavers where the configuration says so, or the platform cannot deactivate', () => {
    const out = ['unenroll P safety', 'unenroll P fire'];
    expect(diff(leaver({ leavers: 'unenroll' })).lines).toEqual(out);
    expect(diff(leaver({ canDeactivate: false })).lines).toEqual(out);
    const absent = { ...leaver({ canDeactivate: false }), people: [] };
    expect(diff(absent).lines).toEqual([]);
    expect(diff(absent, due).changes).toMatchObject([{ reason: 'ABSENT' }, { reason: 'ABSENT' }]);
  });

  it('says why somebody who is not terminated loses their enrollments', () => {
    const world = { ...leaver({ canDeactivate: false }), people: [desired('P', { wantsAccount: false })] };
    expect(diff(world).changes.map(({ reason }) => reason)).toEqual([
      'ACCOUNT_RULE_FALSE',
      'ACCOUNT_RULE_FALSE',
    ]);
  });

  it.each([
    [true, ['unenroll P fire']],
    [false, ['unenroll P safety', 'unenroll P fire']],
  ])('unenrolls who completed a training only without keepCompleted (%s)', (keepCompleted, lines) => {
    const done = { ...member, completed: true };
    const world = linkedWorld({
      platform: { ...written, targets: targets.map((target) => ({ ...target, keepCompleted })) },
      people: [desired('P', { targets: [false, false] })],
      // The second target is a mere group: "completed" says nothing of it.
      members: [[done], [done]],
    });
    expect(diff(world).lines).toEqual(lines);
  });

  it('does not enroll anew who completed, as the platform or our own results say', () => {
    const world = linkedWorld({ platform: { ...written, targets } });
    expect(diff(world).lines).toEqual(['enroll P safety', 'enroll P fire']);
    const known = { hasCompleted: (target: string, person: string) => target === 'safety' && person === 'P' };
    expect(diff(world, known).lines).toEqual(['enroll P fire']);
  });

  it('reactivates a rehire without a second training', () => {
    const world = linkedWorld({
      platform: { ...written, targets },
      accounts: [accountOf('u1', 'P', { active: false })],
      members: [[{ ...member, completed: true }], [member]],
    });
    expect(diff(world).lines).toEqual(['reactivate P']);
  });

  it('leaves a closed target alone', () => {
    const closed = targets.map((target) => ({ ...target, closed: true }));
    const world = linkedWorld({
      platform: { ...written, targets: closed },
      people: [desired('P', { targets: [true, false] })],
      members: [[], [member]],
    });
    expect(diff(world).lines).toEqual([]);
  });

  it('takes a membership of an unmanaged account for nobody of the roster', () => {
    const world = linkedWorld({
      platform: { ...written, targets },
      accounts: [accountOf('u1', 'P'), accountOf('u9', 'X', { email: null })],
      members: [[{ id: 'u9', externalId: null, email: 'p@example.com', completed: false }], []],
    });
    expect(diff(world).lines).toEqual(['enroll P safety', 'enroll P fire']);
  });

  it('knows a membership by the id in HR where its id is of another kind', () => {
    const world = linkedWorld({
      platform: { ...written, targets },
      members: [[{ id: 'rest-77', externalId: 'P', email: null, completed: false }], []],
    });
    expect(diff(world).lines).toEqual(['enroll P fire']);
  });
});

describe('protected people', () => {
  const member = { id: 'u1', externalId: 'P', email: null, completed: false };

  it.each([
    ['deactivate', 'deactivate', []],
    ['unenroll', 'deactivate', ['deactivate P']],
    ['both', 'unenroll', []],
    ['unenroll', 'unenroll', []],
    ['deactivate', 'unenroll', ['unenroll P safety']],
    ['nothing', 'deactivate', ['deactivate P']],
  ] as const)('protected from %s, where leavers: %s', (protectedFrom, leavers, lines) => {
    const world = linkedWorld({
      platform: { ...written, targets, leavers },
      people: [desired('P', { terminated: true, protectedFrom })],
      members: [[member], []],
    });
    expect(diff(world).lines).toEqual(lines);
  });

  it('are protected when they are missing, too', () => {
    const exempt = { ...nobodyExempt, protected: new Set(['P']), from: new Set(['deactivate', 'unenroll']) };
    const world = linkedWorld({ people: [], platform: { ...written, exempt } });
    expect(diff(world, due).lines).toEqual([]);
    expect(diff(world, due).difference.missing).toEqual(['P']);
  });
});

describe('suppressed changes', () => {
  const world = { ...emptyWorld, platform: withTargets, people: [desired('P'), desired('Q')] };
  const suppress = (kind: string) => ({
    mayBeSuppressed: (person: string) => person === 'P',
    isSuppressed: (change: { kind: string }) => change.kind === kind,
  });

  it('do not come again, and a suppressed create brings no enrollment', () => {
    const { lines, difference } = diff(world, suppress('create'));
    expect(lines).toEqual(['create Q', 'enroll Q safety', 'enroll Q fire']);
    expect(difference.suppressed).toBe(1);
  });

  it('of reactivation bring no enrollment either', () => {
    const inactive = linkedWorld({
      platform: { ...written, targets },
      accounts: [accountOf('u1', 'P', { active: false })],
    });
    expect(diff(inactive, suppress('reactivate')).lines).toEqual([]);
  });
});
