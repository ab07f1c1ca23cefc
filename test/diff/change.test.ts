import { describe, expect, it } from 'vitest';
import { type Change, fingerprintOf, hashOf } from '../../src/diff/change.ts';
import { createDiffer } from '../../src/diff/differ.ts';
import { planTable } from '../../src/diff/summary.ts';
import { accountOf, complete, desired, linkOf, modelPlatform } from './model.ts';

const update: Omit<Change, 'fingerprint'> = {
  kind: 'update',
  person: '7',
  target: null,
  ref: { id: 'u1', externalId: '7', email: 'a@x.org' },
  before: { lastName: 'Old' },
  after: { firstName: 'Ann', lastName: 'New' },
  changed: ['lastName'],
  reason: 'FIELDS_DIFFER',
};
const enroll: Omit<Change, 'fingerprint'> = {
  ...update,
  kind: 'enroll',
  target: 't',
  before: null,
  after: null,
  changed: [],
  reason: 'TARGET_RULE_TRUE',
};
const signed = (change: Omit<Change, 'fingerprint'>): Change => ({
  ...change,
  fingerprint: fingerprintOf(change),
});

describe('a fingerprint', () => {
  it.each<[string, Partial<Change>]>([
    ['kind', { kind: 'reactivate' }],
    ['person', { person: '8' }],
    ['account', { ref: { id: 'u2', externalId: '7', email: 'a@x.org' } }],
    ['new value', { after: { firstName: 'Ann', lastName: 'Newer' } }],
    ['fields', { changed: ['firstName', 'lastName'] }],
  ])('changes with the %s', (_, over) => {
    expect(fingerprintOf({ ...update, ...over })).not.toBe(fingerprintOf(update));
  });

  it.each<[string, Partial<Change>]>([
    ['what was there before', { before: { lastName: 'Older' } }],
    ['values that do not differ', { after: { firstName: 'Anna', lastName: 'New' } }],
    ['the reason', { reason: 'BACK_ON_ROSTER' }],
  ])('does not change with %s', (_, over) => {
    expect(fingerprintOf({ ...update, ...over })).toBe(fingerprintOf(update));
  });

  it('of an enrollment stays when the account is created meanwhile: what was approved is still what goes out', () => {
    const before = fingerprintOf({ ...enroll, ref: { id: null, externalId: '7', email: 'a@x.org' } });
    expect(before).toBe(fingerprintOf(enroll));
    expect(before).not.toBe(fingerprintOf({ ...enroll, target: 'other' }));
  });

  it('of a moved email names the email', () => {
    const moved = (email: string) =>
      fingerprintOf({
        ...enroll,
        kind: 'unenroll',
        reason: 'EMAIL_MOVED',
        ref: { id: null, externalId: null, email },
      });
    expect(moved('a@x.org')).not.toBe(moved('b@x.org'));
  });

  it('makes a hash that does not depend on the order', () => {
    const prints = [update, enroll].map(fingerprintOf);
    expect(hashOf(prints)).toBe(hashOf(prints.toReversed()));
    expect(hashOf(prints)).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf(prints)).not.toBe(hashOf(prints.slice(1)));
  });
});

describe('a plan for people', () => {
  it('is a table', () => {
    const leaves = signed({
      ...update,
      kind: 'deactivate',
      person: '10442',
      changed: [],
      reason: 'TERMINATED',
    });
    const names = (person: string) => (person === '7' ? 'Ann New' : null);
    expect(planTable([signed(update), leaves, signed(enroll)], names, 2).split('\n')).toEqual([
      '  update      7      Ann New  lastName: Old → New',
      '  deactivate  10442           left',
      '  … and 1 more',
    ]);
    expect(planTable([], names, 5)).toBe('');
  });
});

describe('a differ', () => {
  it('forgets a read that is repeated', () => {
    const differ = createDiffer(modelPlatform);
    differ.person(desired('A'));
    differ.person(desired('B'));
    differ.link(linkOf('A', 'u1'));
    differ.accounts([accountOf('u1', 'A'), accountOf('u2', 'B'), accountOf('u9', 'stranger')]);
    differ.restart();
    differ.accounts([accountOf('u1', 'A', { active: false }), accountOf('u9', 'stranger')]);
    expect(differ.settleAccounts()).toEqual({ total: 2, active: 1, unmanaged: 1 });
    const { changes, adoptions } = differ.finish(complete);
    expect([...changes()].map(({ kind, person }) => [kind, person])).toEqual([
      ['create', 'B'],
      ['reactivate', 'A'],
    ]);
    expect([...adoptions]).toEqual([]);
  });

  it('forgets the members of one target that is read again, and of no other', () => {
    const target = (id: string) => ({ id, closed: false, isTraining: true, keepCompleted: true });
    const member = (email: string, completed = false) => ({ id: null, externalId: null, email, completed });
    const differ = createDiffer({
      ...modelPlatform,
      accounts: 'none',
      matchBy: 'email',
      fields: [],
      targets: [target('t'), target('u')],
    });
    for (const id of ['A', 'B', 'C']) differ.person(desired(id));
    differ.link({ ...linkOf('C', ''), accountId: null, email: 'old@example.com' });
    differ.members(0, [member('a@example.com')]);
    differ.members(1, [
      member('b@example.com', true),
      member('old@example.com'),
      member('stranger@example.com'),
    ]);
    differ.forgetMembers(1);
    expect(differ.strangers(1)).toBe(0);
    expect([...differ.completed(1)]).toEqual([]);
    differ.members(1, [member('c@example.com')]);
    const { changes, adoptions } = differ.finish(complete);
    expect([...adoptions].map(({ person }) => person)).toEqual(['A', 'C']);
    expect(
      [...changes()].map(({ kind, person, target: at }) => `${kind} ${person} ${at}`).toSorted(),
    ).toEqual(['enroll A u', 'enroll B t', 'enroll B u', 'enroll C t']);
  });

  it('tells who is unmanaged and who is a stranger in a target', () => {
    const unmanaged: (string | null)[] = [];
    const targets = [{ id: 't', closed: false, isTraining: false, keepCompleted: true }];
    const differ = createDiffer(
      { ...modelPlatform, targets },
      { onUnmanaged: (account) => unmanaged.push(account.id) },
    );
    differ.person(desired('A'));
    differ.accounts([accountOf('u1', 'A'), accountOf('u9', 'stranger')]);
    differ.members(0, [
      { id: 'u1', externalId: null, email: null, completed: false },
      { id: 'u9', externalId: null, email: null, completed: false },
    ]);
    expect([unmanaged, differ.strangers(0)]).toEqual([['u9'], 1]);
  });
});
