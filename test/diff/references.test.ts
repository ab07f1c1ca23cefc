import { describe, expect, it } from 'vitest';
import { referenceToPerson } from '../../src/account.ts';
import type { Change } from '../../src/diff/change.ts';
import type { Desired } from '../../src/diff/desired.ts';
import {
  accountOf,
  desired,
  diff,
  emptyWorld,
  linkOf,
  modelFields,
  modelPlatform,
  type World,
} from './model.ts';

const platform = {
  ...modelPlatform,
  fields: [
    ...modelFields.filter(({ readBack }) => readBack),
    {
      name: 'manager',
      from: 'manager' as const,
      readBack: true,
      required: false,
      maxLength: null,
      reference: true as const,
    },
  ],
};

/** Somebody of the roster, and whom the row names as their manager. */
function managed(id: string, manager: string, over: Parameters<typeof desired>[1] = {}): Desired {
  const { values, ...rest } = desired(id, over);
  return { ...rest, values: [...values.slice(0, 3), manager === '' ? '' : referenceToPerson(manager)] };
}

function account(id: string, person: string, manager = '', active = true) {
  const one = accountOf(id, person);
  return { ...one, active, fields: { ...one.fields, manager } };
}

const world = (over: Partial<World>): World => ({ ...emptyWorld, platform, ...over });

/** What is proposed the next night, once all of a plan was rejected. */
function afterRejecting(first: World, next: World) {
  const rejected = new Set(diff(first).changes.map(({ fingerprint }) => fingerprint));
  const matched = new Set<string>();
  const { lines } = diff(next, {
    mayBeSuppressed: () => true,
    isSuppressed: ({ fingerprint }: Change) => {
      if (!rejected.has(fingerprint)) return false;
      matched.add(fingerprint);
      return true;
    },
  });
  return { lines, forgotten: rejected.size - matched.size };
}

describe('what was rejected together with the manager it refers to', () => {
  const nothing = { lines: [], forgotten: 0 };

  it('does not come again: two joiners', () => {
    const joiners = world({ people: [managed('M', ''), managed('R', 'M')] });
    expect(diff(joiners).lines).toEqual(['create M', 'create R']);
    expect(afterRejecting(joiners, joiners)).toEqual(nothing);
  });

  it('does not come again: somebody who is back', () => {
    const back = world({
      people: [managed('M', ''), managed('R', 'M')],
      links: [linkOf('R', 'u1', { deactivated: true })],
      accounts: [account('u1', 'R', '', false)],
    });
    expect(diff(back).lines).toEqual(['create M', 'reactivate R']);
    expect(afterRejecting(back, back)).toEqual(nothing);
  });

  it('does not come again: an update, also while the manager is in review', () => {
    const moved = world({
      people: [managed('M', ''), managed('A', ''), managed('R', 'M')],
      links: [linkOf('R', 'u1'), linkOf('A', 'u2')],
      accounts: [account('u1', 'R', 'u2'), account('u2', 'A')],
    });
    expect(diff(moved).lines).toEqual(['create M', 'update R']);
    expect(afterRejecting(moved, moved)).toEqual(nothing);
    const inReview = {
      ...moved,
      people: [managed('M', '', { first: '' }), managed('A', ''), managed('R', 'M')],
    };
    expect(diff(inReview).reviews).toMatchObject([{ person: 'M', code: 'FIELD_MISSING' }]);
    // M's own is not needed any more; R's is.
    expect(afterRejecting(moved, inReview)).toEqual({ lines: [], forgotten: 1 });
  });
});

describe('of whom nothing is decided', () => {
  const there = {
    links: [linkOf('R', 'u1'), linkOf('A', 'u2')],
    accounts: [account('u1', 'R', 'u2'), account('u2', 'A')],
  };
  const others = [managed('A', ''), managed('R', 'M')];

  it.each([
    ['ignored', { people: [...others, managed('M', '', { ignored: true })] }],
    ['rejected', { people: others, rejected: ['M'] }],
    ['in review', { people: [...others, managed('M', '', { first: '' })] }],
    [
      'set aside, for their id is an absent one in another spelling',
      {
        people: [managed('A', ''), managed('R', '0077'), managed('0077', '')],
        links: [...there.links, linkOf('77', 'u3')],
      },
    ],
  ])('it is not known that they have no account: %s', (_, over) => {
    expect(diff(world({ ...there, ...over })).lines).toEqual([]);
  });

  it('an account that only we do not know stays where it is', () => {
    const people = [managed('R', 'M', { first: 'New' }), managed('M', '', { ignored: true })];
    const { changes } = diff(
      world({ people, links: [linkOf('R', 'u1')], accounts: [account('u1', 'R', 'x9')] }),
    );
    expect(changes).toMatchObject([
      { kind: 'update', changed: ['firstName'], after: { manager: 'account:x9' } },
    ]);
  });

  it('who is on no row is nobody, unless not all rows came', () => {
    expect(diff(world({ ...there, people: others })).changes).toMatchObject([
      { kind: 'update', person: 'R', after: { manager: '' } },
    ]);
    expect(diff(world({ ...there, people: others }), { withholdRemovals: true }).lines).toEqual([]);
  });

  it('who has surely none leaves the field empty', () => {
    const people = [...others, managed('M', '', { wantsAccount: false })];
    expect(diff(world({ ...there, people })).changes).toMatchObject([
      { kind: 'update', person: 'R', after: { manager: '' } },
    ]);
  });
});
