import { describe, expect, it } from 'vitest';
import type { Membership } from '../../src/account.ts';
import type { Desired } from '../../src/diff/desired.ts';
import type { DiffPlatform } from '../../src/diff/platform.ts';
import type { Link } from '../../src/account.ts';
import {
  apply,
  desired,
  diff,
  emptyWorld,
  linkOf,
  modelPlatform,
  nobodyExempt,
  type World,
} from './model.ts';

// A platform that has no accounts and knows people by nothing but their email.
const platform: DiffPlatform = {
  ...modelPlatform,
  accounts: 'none',
  matchBy: 'email',
  canDeactivate: false,
  fields: [],
  targets: [{ id: 'g', closed: false, isTraining: true, keepCompleted: true }],
};
const due = { absenceIsDue: () => true };
const member = (email: string, completed = false): Membership => ({
  id: null,
  externalId: null,
  email,
  completed,
});
const known = (person: string, email: string): Link => linkOf(person, null, { email });

function world(people: readonly Desired[], links: readonly Link[], members: readonly Membership[]): World {
  return { ...emptyWorld, platform, people, links, members: [members] };
}
const coded = (one: World) => diff(one).reviews.map(({ person, code }) => `${person} ${code}`);
const refs = (one: World, circumstances = {}) =>
  diff(one, circumstances).changes.map(
    ({ kind, person, ref, reason }) => `${kind} ${person} ${ref.email} ${reason}`,
  );

describe('a platform that knows only emails', () => {
  it('enrolls by the rules, and then has nothing to do', () => {
    const one = world([desired('A'), desired('B', { targets: [false] })], [], [member('b@example.com')]);
    expect(refs(one)).toEqual([
      'enroll A a@example.com TARGET_RULE_TRUE',
      'unenroll B b@example.com TARGET_RULE_FALSE',
    ]);
    const after = apply(one, diff(one));
    expect(after.links).toMatchObject([
      { person: 'B', email: 'b@example.com' },
      { person: 'A', email: 'a@example.com' },
    ]);
    expect(diff(after)).toMatchObject({ lines: [], adoptions: [] });
  });

  it('takes leavers out, and missing people once their absence is due', () => {
    const leaver = desired('A', { terminated: true, email: null });
    expect(refs(world([leaver], [known('A', 'a@x.org')], [member('a@x.org')]))).toEqual([
      'unenroll A a@x.org TERMINATED',
    ]);
    const missing = world([], [known('A', 'a@x.org')], [member('a@x.org')]);
    expect([diff(missing).lines, diff(missing).difference.missing]).toEqual([[], ['A']]);
    expect(refs(missing, due)).toEqual(['unenroll A a@x.org ABSENT']);
    const done = world([], [known('A', 'a@x.org')], [member('a@x.org', true)]);
    expect(refs(done, due)).toEqual([]);
  });

  it('leaves members that no one of the roster explains, and people who are not ours, alone', () => {
    const excluded = desired('A', { wantsAccount: false });
    const one = world([excluded], [], [member('a@example.com'), member('who@x.org')]);
    expect(diff(one, due)).toMatchObject({ lines: [], adoptions: [], reviews: [] });
  });

  it('takes nobody out who is rejected, ignored, protected, or while a side is incomplete', () => {
    const links = [known('A', 'a@x.org')];
    const members = [member('a@x.org')];
    const missing = world([], links, members);
    const exempt = (over: Partial<typeof nobodyExempt>) => ({
      ...missing,
      platform: { ...platform, exempt: { ...nobodyExempt, ...over } },
    });
    expect(diff({ ...missing, rejected: ['A'] }, due).lines).toEqual([]);
    expect(diff(exempt({ ignored: new Set(['A']) }), due).lines).toEqual([]);
    expect(diff(exempt({ protected: new Set(['A']), from: new Set(['unenroll']) }), due).lines).toEqual([]);
    const withheld = diff(missing, { ...due, withholdRemovals: true });
    expect([withheld.lines, withheld.difference.withheld.unenroll]).toEqual([[], 1]);
  });

  it('puts who has no email in review', () => {
    expect(coded(world([desired('A', { email: null })], [], []))).toEqual(['A FIELD_MISSING']);
  });
});

describe('a changed email', () => {
  const moved = world(
    [desired('A', { email: 'new@x.org' })],
    [known('A', 'old@x.org')],
    [member('old@x.org')],
  );

  it('enrolls under the new one and takes the old one out, once', () => {
    expect(refs(moved)).toEqual(['enroll A new@x.org EMAIL_MOVED', 'unenroll A old@x.org EMAIL_MOVED']);
    const after = apply(moved, diff(moved));
    expect(after.links).toMatchObject([{ person: 'A', email: 'new@x.org' }]);
    expect(diff(after)).toMatchObject({ lines: [], adoptions: [], reviews: [] });
  });

  it('changes nothing for who completed under the old one', () => {
    expect(refs({ ...moved, members: [[member('old@x.org', true)]] })).toEqual([]);
  });

  it('takes the old one out also when that did not happen with the enrollment', () => {
    const half = apply(moved, diff(moved, { withholdRemovals: true }));
    expect(half.members[0]).toHaveLength(2);
    expect(refs(half)).toEqual(['unenroll A old@x.org EMAIL_MOVED']);
  });

  it('does not take the old one out when the enrollment under the new one must not come', () => {
    const suppressed = {
      mayBeSuppressed: () => true,
      isSuppressed: (change: { kind: string }) => change.kind === 'enroll',
    };
    expect(diff(moved, suppressed).lines).toEqual([]);
  });

  it('is what somebody is known by once nothing is left under the old one', () => {
    const none = {
      ...moved,
      people: [desired('A', { email: 'new@x.org', targets: [false] })],
      members: [[]],
    };
    expect(diff(none).adoptions).toMatchObject([{ person: 'A', ref: { email: 'new@x.org' }, from: null }]);
    expect(diff(apply(none, diff(none))).adoptions).toEqual([]);
  });
});

describe('an email with two claims', () => {
  const members = [member('z@x.org')];
  const zoe = { first: 'Zoe', email: 'z@x.org', last: 'O' };

  it('goes over from a leaver of the same name, and stays enrolled', () => {
    const one = world(
      [desired('C', { ...zoe, terminated: true }), desired('E', zoe)],
      [known('C', 'z@x.org')],
      members,
    );
    expect(diff(one)).toMatchObject({ lines: [], reviews: [], adoptions: [{ person: 'E', from: 'C' }] });
    expect(diff(apply(one, diff(one)))).toMatchObject({ lines: [], reviews: [], adoptions: [] });
  });

  it('is reviewed when a leaver had another name, and the leaver is taken out', () => {
    const one = world(
      [desired('C', { ...zoe, terminated: true }), desired('E', { ...zoe, first: 'Max' })],
      [known('C', 'z@x.org')],
      members,
    );
    expect([coded(one), diff(one).lines]).toEqual([['E EMAIL_REUSED'], ['unenroll C g']]);
  });

  it('is reviewed when the one before is missing, who then stays; previousId settles it', () => {
    const one = world([desired('E', zoe)], [known('C', 'z@x.org')], members);
    expect(coded(one)).toEqual(['E LINKED_TO_OTHER']);
    expect([diff(one, due).lines, diff(one, due).difference.missing]).toEqual([[], ['C']]);
    const told = { ...one, people: [desired('E', { ...zoe, previousId: 'C' })] };
    expect(diff(told, due)).toMatchObject({
      lines: [],
      reviews: [],
      adoptions: [{ person: 'E', from: 'C' }],
    });
  });

  it('of two active people is reviewed, but for the one who is known by it', () => {
    const both = [desired('A', zoe), desired('B', zoe)];
    expect(coded(world(both, [], members))).toEqual(['A TWO_CLAIM', 'B TWO_CLAIM']);
    expect(coded(world(both, [known('B', 'z@x.org')], members))).toEqual(['A TWO_CLAIM']);
    expect(diff(world(both, [], members), due).lines).toEqual([]);
  });
});

describe('an old email that somebody else has now', () => {
  const twoTargets: DiffPlatform = {
    ...platform,
    targets: [
      { id: 'g', closed: false, isTraining: true, keepCompleted: false },
      { id: 'h', closed: false, isTraining: false, keepCompleted: true },
    ],
  };
  /** C was `a@x.org`, which somebody else has now; C is enrolled in `h` under the new email first. */
  const handedOn = (holder: Desired, first: Membership, over: Partial<World> = {}): World => ({
    ...emptyWorld,
    platform: twoTargets,
    people: [holder, desired('C', { email: 'c@x.org' })],
    links: [known('C', 'a@x.org')],
    members: [[first], []],
    ...over,
  });
  const holder = (over = {}) =>
    desired('A', { email: 'a@x.org', wantsAccount: false, targets: [false, false], ...over });

  it('keeps what was completed under it: nobody is enrolled anew, and nobody else has completed it', () => {
    const one = handedOn(holder(), member('a@x.org', true));
    expect(diff(one).lines).toEqual(['enroll C h']);
    const after = apply(one, diff(one));
    expect(after.links).toMatchObject([{ person: 'C', email: 'c@x.org' }]);
    // Also when the completion was not kept by us.
    const next = diff({ ...after, completions: [] });
    expect([next.lines, next.completions]).toEqual([[], ['g C']]);
  });

  it('is of whom was enrolled under it also while the other leaves the platform', () => {
    const one = handedOn(holder(), member('a@x.org'), {
      platform: { ...twoTargets, targets: twoTargets.targets.map((of) => ({ ...of, keepCompleted: true })) },
      people: [holder(), desired('C', { email: 'c@x.org', targets: [false, true] })],
      links: [known('A', 'z@x.org'), known('C', 'a@x.org')],
      members: [[member('a@x.org'), member('c@x.org', true)], []],
    });
    expect(diff(one).lines).toEqual(['enroll C h']);
    expect(diff(apply(one, diff(one))).lines).toEqual([]);
  });

  it('is theirs once they want an account, and never touched when they are ignored', () => {
    const one = handedOn(holder(), member('a@x.org', true));
    const after = apply(one, diff(one));
    const wanting = diff({ ...after, people: [desired('A', { email: 'a@x.org' }), ...one.people.slice(1)] });
    expect([wanting.lines, wanting.reviews]).toEqual([['enroll A h'], []]);
    const ignored = { ...after, people: [holder({ ignored: true }), desired('C', { terminated: true })] };
    expect(diff(ignored).changes.map(({ kind, ref }) => `${kind} ${ref.email}`)).toEqual([
      'unenroll c@x.org',
    ]);
  });
});
