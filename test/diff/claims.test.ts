import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/account.ts';
import type { Desired } from '../../src/diff/desired.ts';
import { createDiffer } from '../../src/diff/differ.ts';
import { hash53 } from '../../src/diff/hash-index.ts';
import type { Link } from '../../src/account.ts';
import { accountOf, apply, desired, diff, emptyWorld, linkOf, modelPlatform, type World } from './model.ts';

const platform = { ...modelPlatform, fields: modelPlatform.fields.filter(({ readBack }) => readBack) };
const due = { absenceIsDue: () => true };

function world(people: readonly Desired[], links: readonly Link[], accounts: readonly Account[]): World {
  return { ...emptyWorld, platform, people, links, accounts };
}
function strangeness(one: World) {
  const differ = createDiffer(one.platform);
  for (const person of one.people) differ.person(person);
  for (const link of one.links) differ.link(link);
  differ.accounts(one.accounts);
  differ.settleAccounts();
  return differ.strangeness();
}
const coded = (one: World, circumstances = {}) =>
  diff(one, circumstances).reviews.map(({ person, code, accounts }) =>
    `${person} ${code} ${accounts.join(',')}`.trim(),
  );

const same = { first: 'Zoe', last: 'Okafor', email: 'zoe@example.com' };

describe('a contractor hired under a new id', () => {
  const old = desired('C1', { ...same, terminated: true });
  const links = [linkOf('C1', 'u1')];
  const accounts = [accountOf('u1', 'C1', same)];

  it('keeps the account: same email and name', () => {
    const result = diff(world([old, desired('E1', same)], links, accounts));
    expect(result.lines).toEqual([]);
    expect(result.adoptions).toEqual([
      { person: 'E1', ref: { id: 'u1', externalId: 'C1', email: 'zoe@example.com' }, from: 'C1' },
    ]);
    expect(result.reviews).toEqual([]);
  });

  it('keeps it under another email and name, where previousId says so', () => {
    const other = desired('E1', {
      first: 'Zoe',
      last: 'Okafor',
      email: 'zoe.okafor@example.com',
      previousId: 'C1',
    });
    const result = diff(world([old, other], links, accounts));
    expect(result.lines).toEqual(['update E1']);
    expect(result.adoptions).toMatchObject([{ person: 'E1', from: 'C1' }]);
  });

  it('keeps it when the old id is only missing, where previousId says so', () => {
    const result = diff(world([desired('E1', { ...same, previousId: 'C1' })], links, accounts), due);
    expect(result.lines).toEqual([]);
    expect(result.adoptions).toMatchObject([{ person: 'E1', from: 'C1' }]);
  });

  it('gets it reactivated when it was deactivated meanwhile', () => {
    const inactive = accounts.map((account) => ({ ...account, active: false }));
    const result = diff(world([old, desired('E1', same)], links, inactive));
    expect(result.changes).toMatchObject([{ kind: 'reactivate', person: 'E1', ref: { id: 'u1' } }]);
  });

  it('keeps it on the next run, and gives it back when the old id is rehired', () => {
    const before = world([old, desired('E1', same)], links, accounts);
    const after = apply(before, diff(before));
    expect(diff(after)).toMatchObject({ lines: [], adoptions: [], reviews: [] });
    const back = {
      ...after,
      people: [desired('C1', same), desired('E1', { ...same, terminated: true })],
    };
    expect(diff(back).adoptions).toMatchObject([{ person: 'C1', from: 'E1' }]);
  });

  it('does not get it when id and email changed the human too: the leaver is deactivated', () => {
    const other = desired('E1', { first: 'Max', last: 'Muster', email: 'm@example.com', previousId: 'C1' });
    const one = world([old, other], links, accounts);
    expect(diff(one).lines).toEqual(['deactivate C1']);
    expect(coded(one)).toEqual(['E1 IDENTITY_CHANGED u1']);
  });

  it('is created when the account is known by neither, and the old one goes', () => {
    const other = desired('E1', { first: 'Zoe', last: 'Okafor', email: 'zo@example.com' });
    expect(diff(world([old, other], links, accounts)).lines).toEqual(['create E1', 'deactivate C1']);
  });
});

describe('an email given to a new person after the old one left', () => {
  it('is reviewed, and the deactivation of the old one goes on', () => {
    const one = world(
      [desired('O', { ...same, terminated: true }), desired('N', { ...same, first: 'Zack' })],
      [linkOf('O', 'u1')],
      [accountOf('u1', 'O', same)],
    );
    expect(diff(one).lines).toEqual(['deactivate O']);
    expect(coded(one)).toEqual(['N EMAIL_REUSED u1']);
  });

  it('is reviewed where nobody is linked to the account yet', () => {
    const one = world(
      [desired('O', { ...same, terminated: true }), desired('N', { ...same, first: 'Zack' })],
      [],
      [accountOf('u1', 'O', same)],
    );
    expect(diff(one).lines).toEqual(['deactivate O']);
    expect(diff(one).adoptions).toMatchObject([{ person: 'O', from: null }]);
    expect(coded(one)).toEqual(['N EMAIL_REUSED u1']);
  });

  it('is reviewed where the account carries an id that nobody has', () => {
    const one = world([desired('N', { ...same, first: 'Zack' })], [], [accountOf('u1', 'gone', same)]);
    expect([coded(one), diff(one).lines]).toEqual([['N EMAIL_REUSED u1'], []]);
  });
});

describe('what goes to review', () => {
  it.each<[string, World, string[], string[]]>([
    [
      'the owner is only missing: nobody loses the account while two may have a right to it',
      world([desired('N', same)], [linkOf('O', 'u1')], [accountOf('u1', 'O', same)]),
      ['N LINKED_TO_OTHER u1'],
      [],
    ],
    [
      'the owner is rejected',
      { ...world([desired('N', same)], [linkOf('O', 'u1')], [accountOf('u1', 'O', same)]), rejected: ['O'] },
      ['N LINKED_TO_OTHER u1'],
      [],
    ],
    [
      "an ignored person's account, by an email they share",
      world([desired('O', { ...same, ignored: true }), desired('N', same)], [], [accountOf('u1', 'O', same)]),
      ['N LINKED_TO_OTHER u1'],
      [],
    ],
    [
      "a rejected person's account, by its email",
      { ...world([desired('N', same)], [], [accountOf('u1', 'O', same)]), rejected: ['O'] },
      ['N LINKED_TO_OTHER u1'],
      [],
    ],
    [
      'two active people of one email, one of whom has the account',
      world([desired('O', same), desired('N', same)], [linkOf('O', 'u1')], [accountOf('u1', 'O', same)]),
      ['N TWO_CLAIM u1'],
      [],
    ],
    [
      'two active people claim a free account by email',
      world(
        [desired('A', same), desired('B', same)],
        [],
        [accountOf('u1', 'A', { ...same, externalId: null })],
      ),
      ['A TWO_CLAIM u1', 'B TWO_CLAIM u1'],
      [],
    ],
    [
      'one claims it by id, one by email: the id wins',
      world([desired('A', same), desired('B', same)], [], [accountOf('u1', 'A', same)]),
      ['B TWO_CLAIM u1'],
      [],
    ],
    [
      'an active person whom the rule excludes has the id',
      world(
        [desired('A', { ...same, wantsAccount: false }), desired('B', same)],
        [],
        [accountOf('u1', 'A', same)],
      ),
      ['B TWO_CLAIM u1'],
      [],
    ],
    [
      "two active people claim a leaver's account: it stays as it is",
      world(
        [desired('O', { ...same, terminated: true }), desired('A', same), desired('B', same)],
        [linkOf('O', 'u1')],
        [accountOf('u1', 'O', same)],
      ),
      ['A TWO_CLAIM u1', 'B TWO_CLAIM u1'],
      [],
    ],
    [
      "somebody in review for two accounts may have a right to a missing person's: it stays as it is",
      world(
        [desired('A', { ...same, previousId: 'B' }), desired('B', { email: 'b@example.com' })],
        [linkOf('E', 'u0'), linkOf('B', 'u1')],
        [
          accountOf('u0', 'E', { ...same, externalId: null }),
          accountOf('u1', 'B', { email: 'b@example.com' }),
        ],
      ),
      ['A ID_AND_EMAIL_DIFFER u0,u1'],
      [],
    ],
    [
      "an excluded person shares the email of who asks for a missing person's account: it stays as it is",
      world(
        [desired('A', same), desired('B', { ...same, wantsAccount: false })],
        [linkOf('E', 'u0')],
        [accountOf('u0', 'E', same)],
      ),
      ['A TWO_CLAIM u0'],
      [],
    ],
    [
      "two active people share the email of a leaver's account that nobody is linked to: it stays as it is",
      world(
        [desired('E', { ...same, terminated: true }), desired('A', same), desired('C', same)],
        [],
        [accountOf('u0', 'E', same)],
      ),
      ['A TWO_CLAIM u0', 'C TWO_CLAIM u0'],
      [],
    ],
    [
      'so it does when one of the two is in review for another account as well',
      world(
        [
          desired('E', { ...same, terminated: true }),
          desired('A', { ...same, previousId: 'B' }),
          desired('C', same),
          desired('B', { email: 'b@example.com' }),
        ],
        [linkOf('B', 'u1')],
        [accountOf('u0', 'E', same), accountOf('u1', 'B', { email: 'b@example.com' })],
      ),
      ['A ID_AND_EMAIL_DIFFER u0,u1', 'C TWO_CLAIM u0'],
      [],
    ],
    [
      'two people of other names share that email: the account goes with its leaver',
      world(
        [
          desired('E', { ...same, terminated: true }),
          desired('A', { ...same, first: 'Max' }),
          desired('C', { ...same, first: 'Moritz' }),
        ],
        [],
        [accountOf('u0', 'E', same)],
      ),
      ['A TWO_CLAIM u0', 'C TWO_CLAIM u0'],
      ['deactivate E'],
    ],
    [
      'id and email point to two accounts',
      world(
        [desired('A', same)],
        [],
        [
          accountOf('u1', 'A', { ...same, email: 'x@example.com' }),
          accountOf('u2', 'A', { ...same, externalId: null }),
        ],
      ),
      ['A ID_AND_EMAIL_DIFFER u1,u2'],
      [],
    ],
    [
      'id and email point to two accounts, of which one is in step',
      world(
        [desired('A', same)],
        [],
        [accountOf('u1', 'A', same), accountOf('u2', 'A', { ...same, externalId: null })],
      ),
      ['A ID_AND_EMAIL_DIFFER u1,u2'],
      [],
    ],
    [
      'several accounts carry the id',
      world([desired('A', same)], [], [accountOf('u1', 'A', same), accountOf('u2', 'A', { email: null })]),
      ['A SEVERAL_ACCOUNTS u1,u2'],
      [],
    ],
    [
      'an account that was never ours is inactive',
      world([desired('A', same)], [], [accountOf('u1', 'A', { ...same, active: false })]),
      ['A INACTIVE_NOT_OURS u1'],
      [],
    ],
    [
      'name and email changed at once under an id that is linked',
      world(
        [desired('A', same)],
        [linkOf('A', 'u1')],
        [accountOf('u1', 'A', { first: 'Max', email: 'm@example.com' })],
      ),
      ['A IDENTITY_CHANGED u1'],
      [],
    ],
    [
      'name and email changed at once under an id that is not linked yet',
      world([desired('A', same)], [], [accountOf('u1', 'A', { first: 'Max', email: 'm@example.com' })]),
      ['A IDENTITY_CHANGED u1'],
      [],
    ],
    [
      'a field that the platform requires is empty',
      world([desired('A', { first: '' })], [], []),
      ['A FIELD_MISSING'],
      [],
    ],
  ])('%s', (_, one, reviews, lines) => {
    const result = diff(one, due);
    expect(coded(one, due)).toEqual(reviews);
    expect(result.lines).toEqual(lines);
    const reviewed = new Set(result.reviews.map(({ person }) => person));
    expect(result.adoptions.filter(({ person }) => reviewed.has(person))).toEqual([]);
  });

  it('does not enroll who is in review', () => {
    const targets = [{ id: 't', closed: false, isTraining: false, keepCompleted: true }];
    const one = world(
      [desired('A', same)],
      [linkOf('A', 'u1')],
      [accountOf('u1', 'A', { first: 'Max', email: 'm@example.com' })],
    );
    expect(diff({ ...one, platform: { ...platform, targets } }).lines).toEqual([]);
  });
});

describe('a changed name or email', () => {
  it.each([
    ['email', { ...same, email: 'okafor@example.com' }, ['email']],
    ['name', { ...same, last: 'Muster' }, ['lastName']],
  ])('alone is an update: %s', (_, row, changed) => {
    const one = world([desired('A', row)], [linkOf('A', 'u1')], [accountOf('u1', 'A', same)]);
    expect(diff(one).changes).toMatchObject([{ kind: 'update', changed }]);
  });

  it('and both at once is one too, once somebody confirmed who it is', () => {
    const row = desired('A', { first: 'Max', last: 'Muster', email: 'max@example.com' });
    const confirmedHash = hash53(['Max', 'Muster', '', 'max@example.com'].join('\u001f'));
    const accounts = [accountOf('u1', 'A', same)];
    expect(diff(world([row], [linkOf('A', 'u1')], accounts)).lines).toEqual([]);
    expect(diff(world([row], [linkOf('A', 'u1', { confirmedHash })], accounts)).lines).toEqual(['update A']);
    expect(diff(world([row], [linkOf('A', 'u1', { confirmedHash: 1 })], accounts)).lines).toEqual([]);
  });
});

describe('links', () => {
  it('bind an account whose id was not known when it was created', () => {
    const result = diff(world([desired('A', same)], [linkOf('A', null)], [accountOf('u1', 'A', same)]));
    expect(result.lines).toEqual([]);
    expect(result.adoptions).toMatchObject([{ person: 'A', ref: { id: 'u1' } }]);
  });

  it('without an account id reactivate and remove like others', () => {
    const inactive = [accountOf('u1', 'A', { ...same, active: false })];
    expect(diff(world([desired('A', same)], [linkOf('A', null)], inactive)).lines).toEqual(['reactivate A']);
    const active = [accountOf('u1', 'A', same)];
    expect(diff(world([], [linkOf('A', null)], active), due).lines).toEqual(['deactivate A']);
  });

  it('of two people who swap their emails stay', () => {
    const one = world(
      [desired('A', { email: 'b@example.com' }), desired('B', { email: 'a@example.com' })],
      [linkOf('A', 'u1'), linkOf('B', 'u2')],
      [accountOf('u1', 'A'), accountOf('u2', 'B')],
    );
    expect(diff(one)).toMatchObject({ lines: [], adoptions: [] });
    expect(coded(one)).toEqual(['A ID_AND_EMAIL_DIFFER u1,u2', 'B ID_AND_EMAIL_DIFFER u1,u2']);
  });
});

describe('an email that is to become one that somebody else has', () => {
  const letters = ['A', 'B', 'C', 'D', 'E', 'F'];
  const linked = (ids: readonly string[]) => ids.map((id) => linkOf(id, `u-${id}`));
  const there = (ids: readonly string[]) => ids.map((id) => accountOf(`u-${id}`, id));
  const mail = (id: string): string => `${id.toLowerCase()}@example.com`;
  const slipped = (ids: readonly string[], last: string): Desired[] =>
    ids.map((id, at) => desired(id, { email: mail(ids[at + 1] ?? last) }));

  it('goes through along a chain that ends in a free address', () => {
    const ids = letters.slice(0, 3);
    const one = world(slipped(ids, 'free'), linked(ids), there(ids));
    expect(diff(one)).toMatchObject({ lines: ['update A', 'update B', 'update C'], reviews: [] });
    const after = apply(one, diff(one));
    expect(diff(after)).toMatchObject({ lines: [], reviews: [] });
  });

  it('is reviewed along a chain that ends in an address that somebody keeps', () => {
    const ids = letters.slice(0, 3);
    const one = world([...slipped(ids, 'K'), desired('K')], linked([...ids, 'K']), there([...ids, 'K']));
    expect(diff(one).lines).toEqual([]);
    expect(coded(one)).toEqual([
      'A ID_AND_EMAIL_DIFFER u-A,u-B',
      'B ID_AND_EMAIL_DIFFER u-B,u-C',
      'C ID_AND_EMAIL_DIFFER u-C,u-K',
    ]);
  });

  it('is reviewed whatever its end where so many move: a column has slipped by a row', () => {
    const one = world(slipped(letters, 'free'), linked(letters), there(letters));
    expect(diff(one).lines).toEqual(['update F']);
    expect(diff(one).reviews.map(({ code }) => code)).toEqual(Array(5).fill('ID_AND_EMAIL_DIFFER'));
  });

  it('is no slipped column on the rows of leavers, nor where the platform made their closed accounts nameless', () => {
    const given = letters.map((id) =>
      desired(id, { email: mail('M'), last: 'Gone', terminated: true, wantsAccount: false }),
    );
    const staying = { people: [desired('M')], links: linked(['M']), accounts: there(['M']) };
    const all = world(
      [...given, ...staying.people],
      [...linked(letters), ...staying.links],
      [...there(letters), ...staying.accounts],
    );
    expect(strangeness(all).strange).toBe(0);
    expect(diff(all).lines).toEqual(letters.map((id) => `deactivate ${id}`));
    const nameless = letters.map((id) =>
      accountOf(`u-${id}`, id, {
        active: false,
        first: 'Deleted',
        last: 'User',
        email: `${id}@deleted.invalid`,
      }),
    );
    for (const terminated of [true, false]) {
      const people = letters.map((id) => desired(id, { terminated }));
      expect(strangeness(world(people, linked(letters), nameless)).strange).toBe(0);
    }
    // Of those who stay, it is one.
    const moved = letters.map((id) => desired(id, { email: mail('M'), last: 'Other' }));
    expect(strangeness({ ...all, people: [...moved, ...staying.people] })).toEqual({ strange: 6, served: 7 });
  });

  it('is theirs where leavers beside them were given one address: they do not make it a slipped column', () => {
    const [first, second, ...others] = letters;
    const ids = [...letters, 'M'];
    const people = [
      ...slipped([first ?? '', second ?? ''], 'free'),
      ...others.map((id) => desired(id, { email: mail('M'), terminated: true })),
      desired('M'),
    ];
    expect(diff(world(people, linked(ids), there(ids))).lines).toEqual([
      'update A',
      'update B',
      ...others.map((id) => `deactivate ${id}`),
    ]);
  });

  it('is theirs once somebody has looked and linked them, and when its owner has left', () => {
    const owners = (terminated: boolean): World =>
      world(
        [desired('A', { email: mail('B') }), desired('B', { terminated })],
        linked(['A', 'B']),
        there(['A', 'B']),
      );
    expect(diff(owners(false)).lines).toEqual([]);
    expect(diff(owners(true)).lines).toEqual(['update A', 'deactivate B']);
    const { people, links, accounts } = owners(false);
    const confirmedHash = hash53(['FirstA', 'LastA', '', mail('B')].join('\u001f'));
    const confirmed = links.map((link) => (link.person === 'A' ? { ...link, confirmedHash } : link));
    expect(diff(world(people, confirmed, accounts)).lines).toEqual(['update A']);
  });

  it('on the row of a leaver, under another name too: nobody knows which of the two has left', () => {
    const of = (over: object): World =>
      world(
        [desired('A', { terminated: true, ...over }), desired('B')],
        linked(['A', 'B']),
        there(['A', 'B']),
      );
    expect(diff(of({})).lines).toEqual(['deactivate A']);
    expect(diff(of({ email: 'former@example.com', first: 'Former', last: 'Employee' })).lines).toEqual([
      'deactivate A',
    ]);
    // A mailbox that a manager looks after is no sign of another human.
    expect(diff(of({ email: mail('B'), first: 'FirstA', last: 'Married' })).lines).toEqual(['deactivate A']);
    const one = of({ email: mail('B'), first: 'FirstB', last: 'LastB' });
    expect(diff(one).lines).toEqual([]);
    expect(coded(one)).toEqual(['A ID_AND_EMAIL_DIFFER u-A,u-B']);
  });
});

describe('ids that are other ones by now', () => {
  const letters = ['A', 'B', 'C', 'D', 'E', 'F'];
  const renumbered = (ids: readonly string[], over: (id: string) => object = () => ({})): World =>
    world(
      ids.map((id) =>
        desired(`N-${id}`, {
          email: `${id.toLowerCase()}@example.com`,
          first: `First${id}`,
          last: `Last${id}`,
          ...over(id),
        }),
      ),
      ids.map((id) => linkOf(id, `u-${id}`)),
      ids.map((id) => accountOf(`u-${id}`, id)),
    );

  it.each([
    ['by email and name', (one: World) => one],
    [
      'by name, where the platform tells no email',
      (one: World): World => ({
        ...one,
        platform: { ...platform, fields: platform.fields.filter(({ name }) => name !== 'email') },
        people: one.people.map((person) => ({ ...person, values: person.values.slice(0, 2) })),
        accounts: one.accounts.map((account) => ({ ...account, email: null })),
      }),
    ],
  ])('make nobody twice and remove nobody: %s', (_, seen) => {
    const joiner = desired('N-J');
    const one = seen(renumbered(letters));
    const result = diff({ ...one, people: [...one.people, joiner] }, due);
    expect(result).toMatchObject({ lines: [], reviews: [] });
    expect(result.difference.respelled.pairs).toEqual(letters.map((id) => ({ id: `N-${id}`, was: id })));
    // A joiner of that day has an id of the new form too.
    expect(result.difference.respelled.waiting).toBe(1);
  });

  it('keep no joiner whose id has a form that people who stay have', () => {
    const moved = ['C1001', 'C1002', 'C1003', 'C1004', 'C1005'];
    const same = (id: string): object => ({
      email: `${id.toLowerCase()}@example.com`,
      first: `First${id}`,
      last: `Last${id}`,
    });
    const one = world(
      [desired('10001'), ...moved.map((id, at) => desired(`2000${at + 1}`, same(id))), desired('20006')],
      [linkOf('10001', 'u-1'), ...moved.map((id) => linkOf(id, `u-${id}`))],
      [accountOf('u-1', '10001'), ...moved.map((id) => accountOf(`u-${id}`, id))],
    );
    const result = diff(one, due);
    expect(result.lines).toEqual(['create 20006']);
    expect(result.difference.respelled).toMatchObject({ pairs: { length: 5 }, waiting: 0 });
  });

  it('are nobody’s who is enrolled nowhere any more, on a platform of emails alone', () => {
    const target = { id: 't', isTraining: false, keepCompleted: false, closed: false };
    const byMail = { ...platform, accounts: 'none', matchBy: 'email', targets: [target] } as const;
    const mail = (id: string): string => `${id.toLowerCase()}@example.com`;
    const one: World = {
      ...renumbered(letters),
      platform: byMail,
      links: letters.map((id) => linkOf(id, null, { email: mail(id) })),
      accounts: [],
    };
    const joined = { ...one, people: [...one.people, desired('N-J')] };
    const members = [
      letters.map((id) => ({ id: null, externalId: null, email: mail(id), completed: false })),
    ];
    const gone = diff(joined, due);
    expect(gone.difference.respelled.pairs).toEqual([]);
    expect(gone.lines).toEqual(['enroll N-J t']);
    expect(gone.reviews.map(({ code }) => code)).toEqual(Array(6).fill('LINKED_TO_OTHER'));
    const enrolled = diff({ ...joined, members }, due);
    expect(enrolled).toMatchObject({ lines: [], reviews: [] });
    expect(enrolled.difference.respelled).toMatchObject({ pairs: { length: 6 }, waiting: 1 });
  });

  it('are people hired anew where they are few, or have another name', () => {
    const few = diff(renumbered(letters.slice(0, 4)), due);
    expect(few.difference.respelled.pairs).toEqual([]);
    expect(few.reviews.map(({ code }) => code)).toEqual(Array(4).fill('LINKED_TO_OTHER'));
    const others = diff(
      renumbered(letters, () => ({ first: 'Some', last: 'Body' })),
      due,
    );
    expect(others.difference.respelled.pairs).toEqual([]);
  });
});

describe('a platform that matches by email', () => {
  const byEmail = { ...platform, matchBy: 'email' } as const;
  const account = (id: string, person: string, over = {}) =>
    accountOf(id, person, { externalId: null, ...over });

  it('adopts by email, and keeps the account when the email changes', () => {
    const first = { ...world([desired('A')], [], [account('u1', 'A')]), platform: byEmail };
    const after = apply(first, diff(first));
    expect(after.links).toMatchObject([{ person: 'A', accountId: 'u1' }]);
    const moved = { ...after, people: [desired('A', { email: 'new@example.com' })] };
    expect(diff(moved).changes).toMatchObject([{ kind: 'update', ref: { id: 'u1' }, changed: ['email'] }]);
  });

  it('does not create two accounts of one email, nor one without', () => {
    const one = {
      ...world([desired('A', same), desired('B', same), desired('C', { email: null })], [], []),
      platform: byEmail,
    };
    expect([diff(one).lines, coded(one)]).toEqual([[], ['A TWO_CLAIM', 'B TWO_CLAIM', 'C FIELD_MISSING']]);
  });
});

describe('an id column swapped by mistake', () => {
  const numbers = Array.from({ length: 10 }, (_, at) => `P${at}`);
  const links = numbers.map((id, at) => linkOf(id, `u${at}`));
  const accounts = numbers.map((id, at) => accountOf(`u${at}`, id));

  it('removes nobody before their absence is due, where emails are not known', () => {
    const strangers = numbers.map((id) => desired(`X${id}`, { email: null }));
    const one = world(strangers, links, accounts);
    const { difference } = diff(one);
    expect(difference.counts).toMatchObject({ create: 10, deactivate: 0, update: 0 });
    expect(difference.missing).toHaveLength(10);
  });

  it('does nothing at all where the emails are known, even once absence is due', () => {
    const strangers = numbers.map((id) => desired(`X${id}`, { email: `${id.toLowerCase()}@example.com` }));
    const one = world(strangers, links, accounts);
    expect(diff(one, due).lines).toEqual([]);
    expect(diff(one, due).reviews.map(({ code }) => code)).toEqual(numbers.map(() => 'LINKED_TO_OTHER'));
  });
});

it('does nothing to the people of a country whose status was renamed: their rows are rejected', () => {
  const people = ['D1', 'D2', 'F1'];
  const one = world(
    [desired('F1', { last: 'Other' })],
    people.map((id, at) => linkOf(id, `u${at}`)),
    people.map((id, at) => accountOf(`u${at}`, id)),
  );
  const result = diff({ ...one, rejected: ['D1', 'D2'] }, due);
  expect([result.lines, result.difference.missing]).toEqual([['update F1'], []]);
});
