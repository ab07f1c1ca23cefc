import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Account, Membership } from '../../src/account.ts';
import { removalKinds } from '../../src/change.ts';
import type { Desired } from '../../src/diff/desired.ts';
import type { DiffPlatform } from '../../src/diff/platform.ts';
import type { Link } from '../../src/account.ts';
import { apply, desired, diff, emptyWorld, linkOf, memberOf, modelPlatform, type World } from './model.ts';

// Few ids, emails and names, so that they meet: what matters happens where two people point at one account.
const ids = ['A', 'B', 'C', 'D', 'E'];
const emails = ['a@x.org', 'b@x.org', 'c@x.org', null];
const names = ['Ann', 'Bob'];
const id = fc.constantFrom(...ids);
const email = fc.constantFrom(...emails);
const name = fc.constantFrom(...names);
const rarely = fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true));

const person: fc.Arbitrary<Desired> = fc
  .record({
    id,
    email,
    first: name,
    last: name,
    phone: fc.constantFrom('', '1'),
    previousId: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, id),
    state: fc.constantFrom('active', 'active', 'active', 'excluded', 'terminated'),
    ignored: rarely,
    protectedFrom: fc.constantFrom('nothing', 'nothing', 'nothing', 'deactivate', 'unenroll', 'both'),
    targets: fc.tuple(fc.boolean(), fc.boolean()),
  })
  .map(({ state, targets, ...rest }) => {
    const wantsAccount = state === 'active' && !rest.ignored;
    return desired(rest.id, {
      ...rest,
      terminated: state === 'terminated',
      wantsAccount,
      targets: targets.map((wanted) => wanted && wantsAccount),
    });
  });

const platform: fc.Arbitrary<DiffPlatform> = fc
  .record({
    kind: fc.constantFrom('id', 'email', 'none'),
    canDeactivate: fc.boolean(),
    leavers: fc.constantFrom('deactivate', 'unenroll'),
    keepCompleted: fc.boolean(),
    closed: rarely,
    ignored: fc.uniqueArray(id, { maxLength: 1 }),
    protected: fc.uniqueArray(id, { maxLength: 1 }),
  })
  .map((choice) => ({
    ...modelPlatform,
    accounts: choice.kind === 'none' ? 'none' : 'write',
    matchBy: choice.kind === 'id' ? 'externalId' : 'email',
    canDeactivate: choice.kind !== 'none' && choice.canDeactivate,
    leavers: choice.leavers,
    fields: choice.kind === 'none' ? [] : modelPlatform.fields,
    targets: [
      { id: 't1', closed: false, isTraining: true, keepCompleted: choice.keepCompleted },
      { id: 't2', closed: choice.closed, isTraining: false, keepCompleted: true },
    ],
    exempt: {
      ignored: new Set(choice.ignored),
      protected: new Set(choice.protected),
      from: new Set(['deactivate', 'unenroll']),
    },
  }));

const account: fc.Arbitrary<Omit<Account, 'id'>> = fc
  .record({ externalId: fc.option(id), email, first: name, last: name, active: fc.boolean() })
  .map(({ first, last, ...rest }) => ({
    ...rest,
    fields: { firstName: first, lastName: last, email: rest.email ?? '' },
  }));

const world: fc.Arbitrary<World> = platform.chain((chosen) =>
  fc
    .record({
      people: fc.uniqueArray(person, { selector: (one) => one.id, maxLength: 5 }),
      rejected: fc.uniqueArray(id, { maxLength: 1 }),
      accounts: fc.array(account, { maxLength: 5 }),
      linked: fc.uniqueArray(fc.record({ person: id, account: fc.nat(4), email, bound: fc.boolean() }), {
        selector: (one) => one.person,
        maxLength: 4,
      }),
      members: fc.array(fc.record({ target: fc.nat(1), at: fc.nat(4), email, completed: fc.boolean() }), {
        maxLength: 6,
      }),
    })
    .map((raw): World => {
      // Where emails are all there is, two accounts have never the same one; ids of accounts are the platform's own.
      const seen = new Set<string>();
      const accounts =
        chosen.accounts === 'none'
          ? []
          : raw.accounts
              .map((one, at) => ({
                ...one,
                id: `u${at}`,
                externalId: chosen.matchBy === 'email' ? null : one.externalId,
              }))
              .filter((one) => {
                if (chosen.matchBy !== 'email') return true;
                if (one.email === null || seen.has(one.email)) return false;
                seen.add(one.email);
                return true;
              });
      const taken = new Set<string>();
      const links: Link[] = [];
      for (const link of raw.linked) {
        if (chosen.accounts === 'none') {
          if (link.email === null || taken.has(link.email)) continue;
          taken.add(link.email);
          links.push(linkOf(link.person, null, { email: link.email }));
          continue;
        }
        const own = accounts[link.account];
        if (own === undefined || taken.has(own.id)) continue;
        taken.add(own.id);
        const known = own.externalId === link.person ? null : own.externalId;
        links.push(linkOf(link.person, own.id, { externalId: known }));
      }
      const members: Membership[][] = [[], []];
      for (const { target, at, email: under, completed } of raw.members) {
        const own = accounts[at];
        const ref =
          chosen.accounts === 'none' ? { id: null, externalId: null, email: under } : own && memberOf(own);
        if (ref === undefined || (chosen.accounts === 'none' && under === null)) continue;
        const rows = members[target] ?? [];
        if (!rows.some((row) => row.id === ref.id && row.email === ref.email))
          rows.push({ ...ref, completed });
      }
      return { ...emptyWorld, platform: chosen, ...raw, accounts, links, members };
    }),
);

const due = { absenceIsDue: () => true };
// More by hand: what is rare among 300 is found among 20,000.
const runs = { numRuns: Number(process.env['ROLLCALL_PROPERTY_RUNS'] ?? 300) };

describe('a plan', () => {
  it('leaves nothing to do once it was applied, but for those in review', () => {
    fc.assert(
      fc.property(world, fc.boolean(), (before, isDue) => {
        const circumstances = isDue ? due : {};
        const first = diff(before, circumstances);
        const second = diff(apply(before, first), circumstances);
        // A change may settle what made somebody wait, and whoever had their email before them waited too.
        const waiting = new Set(first.reviews.map((review) => review.person));
        // Whose account went over to another may have a second one, which is theirs from then on.
        for (const { from } of first.adoptions) if (from !== null) waiting.add(from);
        const held = new Set(before.people.filter((one) => waiting.has(one.id)).map((one) => one.email));
        for (const link of before.links)
          if (link.email !== null && held.has(link.email)) waiting.add(link.person);
        expect(second.lines.filter((line) => !waiting.has(line.split(' ')[1] ?? ''))).toEqual([]);
      }),
      runs,
    );
  });

  it('comes to an end', () => {
    fc.assert(
      fc.property(world, (before) => {
        let now = before;
        for (let round = 0; round < 8; round++) now = apply(now, diff(now, due));
        const last = diff(now, due);
        expect(last.lines).toEqual([]);
        expect(apply(now, last)).toEqual(now);
      }),
      runs,
    );
  });

  it('does not depend on the order or the pages in which either side was read', () => {
    const shuffled = world.chain((one) =>
      fc.record({
        one: fc.constant(one),
        people: fc.shuffledSubarray([...one.people], { minLength: one.people.length }),
        links: fc.shuffledSubarray([...one.links], { minLength: one.links.length }),
        accounts: fc.shuffledSubarray([...one.accounts], { minLength: one.accounts.length }),
        members: fc.tuple(
          fc.shuffledSubarray([...(one.members[0] ?? [])], { minLength: one.members[0]?.length ?? 0 }),
          fc.shuffledSubarray([...(one.members[1] ?? [])], { minLength: one.members[1]?.length ?? 0 }),
        ),
        pageSize: fc.integer({ min: 1, max: 4 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ one, pageSize, ...order }) => {
        const a = diff(one, due);
        const b = diff({ ...one, ...order }, due, pageSize);
        expect(b.changes).toEqual(a.changes);
        expect(b.hash).toBe(a.hash);
        expect(b.reviews).toEqual(a.reviews);
        const sorted = (of: typeof a) => of.adoptions.toSorted((x, y) => (x.person < y.person ? -1 : 1));
        expect(sorted(b)).toEqual(sorted(a));
        expect(b.difference.missing).toEqual(a.difference.missing);
        expect(b.difference.withheld).toEqual(a.difference.withheld);
      }),
      runs,
    );
  });

  it('does not depend on what a rejected row said', () => {
    fc.assert(
      fc.property(world, person, (one, other) => {
        const gone = one.rejected[0] ?? 'A';
        const people = one.people.filter(({ id: has }) => has !== gone);
        const without = diff({ ...one, people, rejected: [gone] }, due);
        const delivered = diff(
          { ...one, people: [...people, { ...other, id: gone }], rejected: [gone] },
          due,
        );
        expect(delivered.changes).toEqual(without.changes);
        expect(delivered.reviews).toEqual(without.reviews);
      }),
      runs,
    );
  });

  it('removes nobody who is rejected, ignored, protected from it, or missing for too short a time', () => {
    fc.assert(
      fc.property(world, fc.boolean(), (one, isDue) => {
        const { changes, reviews } = diff(one, isDue ? due : {});
        const rows = new Map(one.people.map((row) => [row.id, row]));
        const { exempt } = one.platform;
        for (const { kind, person: whose } of changes) {
          const row = rows.get(whose);
          expect(one.rejected).not.toContain(whose);
          expect(row?.ignored ?? exempt.ignored.has(whose)).toBe(false);
          expect(reviews.map((review) => review.person)).not.toContain(whose);
          if (!removalKinds.has(kind)) {
            expect(row?.wantsAccount).toBe(true);
            continue;
          }
          if (row === undefined) {
            expect(isDue).toBe(true);
            expect(exempt.protected.has(whose)).toBe(false);
          } else
            expect(['nothing', kind === 'deactivate' ? 'unenroll' : 'deactivate']).toContain(
              row.protectedFrom,
            );
        }
      }),
      runs,
    );
  });

  it('links no account to two people, and touches none that is not linked to the person it names', () => {
    fc.assert(
      fc.property(world, (one) => {
        const result = diff(one, due);
        const after = apply(one, result);
        const bound = after.links.flatMap((link) => (link.accountId === null ? [] : [link.accountId]));
        expect(new Set(bound).size).toBe(bound.length);
        const owner = new Map(after.links.map((link) => [link.accountId, link.person]));
        const addresses = after.links.flatMap((link) => (link.email === null ? [] : [link.email]));
        if (one.platform.accounts === 'none') expect(new Set(addresses).size).toBe(addresses.length);
        for (const { kind, person: whose, ref } of result.changes) {
          if (ref.id === null) continue;
          expect([kind, owner.get(ref.id)]).toEqual([kind, whose]);
        }
        const touched = new Set(result.changes.map(({ ref }) => ref.id));
        for (const account of one.accounts) {
          if (!owner.has(account.id)) expect(touched.has(account.id)).toBe(false);
        }
      }),
      runs,
    );
  });

  it('has no removal when a side was not complete, and says how many there would have been', () => {
    fc.assert(
      fc.property(world, (one) => {
        const whole = diff(one, due);
        const { changes, difference } = diff(one, { ...due, withholdRemovals: true, platformShrunk: true });
        expect(changes.filter(({ kind }) => removalKinds.has(kind))).toEqual([]);
        const linked = new Set(one.links.map((link) => link.person));
        const seen = new Set(one.accounts.map((account) => account.id));
        const unseen = one.links.filter((link) => link.accountId !== null && !seen.has(link.accountId));
        if (unseen.length === 0) {
          expect(difference.withheld.deactivate).toBe(whole.difference.counts.deactivate);
          expect(difference.withheld.unenroll).toBe(whole.difference.counts.unenroll);
        }
        for (const change of changes) {
          if (change.kind !== 'create') continue;
          expect(linked.has(change.person) && unseen.some((link) => link.person === change.person)).toBe(
            false,
          );
        }
      }),
      runs,
    );
  });
});
