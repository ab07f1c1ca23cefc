import type { Link } from '../account.ts';
import type { Adoption, Review, ReviewCode } from './change.ts';
import { absent, several } from './hash-index.ts';
import type { Matches } from './match.ts';
import { compareRosterNames } from './names.ts';
import { flag, type Population } from './population.ts';

/** Whose each email is, on a platform that knows nothing but emails: there the address is the account. */
export type Addresses = {
  readonly link: (link: Link) => void;
  /** A further email that somebody was known by. */
  readonly alias: (email: string, person: string) => void;
  /** Settles addresses that two people have a claim to (safety contract, item 5). */
  readonly settle: () => Matches;
  /** The person whose memberships those under an email are, or `absent`. */
  readonly ownerOf: (email: string) => number;
  /** Linked people whose email is another one now. */
  readonly moved: () => Iterable<number>;
};

export function createAddresses(people: Population): Addresses {
  const movedPeople: number[] = [];
  const aliases: { readonly email: string; readonly person: string }[] = [];
  /** Where the link does not say it: an alias, or a claim that was settled. `absent`: nobody's for now. */
  const decided = new Map<string, number>();
  const adoptions: Adoption[] = [];
  const reviews: Review[] = [];
  const frozen = new Set<string>();

  const linkedTo = (email: string): number => decided.get(email) ?? people.findUnbound(email);

  function review(person: number, code: ReviewCode): void {
    people.set(person, flag.review);
    reviews.push({ person: people.idOf(person), code, accounts: [] });
  }

  /** Why a person may not take over the address that another is linked to; null when they may. */
  function objection(person: number, owner: number): ReviewCode | null {
    if (people.has(owner, flag.rejected | flag.ignored)) return 'LINKED_TO_OTHER';
    const isSuccessor = people.previous(people.idOf(owner)).includes(person);
    if (people.has(owner, flag.missing)) return isSuccessor ? null : 'LINKED_TO_OTHER';
    if (!people.has(owner, flag.terminated))
      return people.has(owner, flag.wants) ? 'TWO_CLAIM' : 'LINKED_TO_OTHER';
    return isSuccessor || compareRosterNames(people, person, owner) === 'same' ? null : 'EMAIL_REUSED';
  }

  function settleOne(email: string, holders: readonly number[]): void {
    const owner = linkedTo(email);
    const present = holders.filter((one) => !people.has(one, flag.terminated));
    const wanting = present.filter((one) => people.has(one, flag.wants));
    const others = wanting.filter((one) => one !== owner);
    if (present.some((one) => people.has(one, flag.ignored))) {
      for (const one of others) review(one, 'LINKED_TO_OTHER');
      if (owner === absent) decided.set(email, absent);
      return;
    }
    if (present.length > 1) {
      for (const one of others) review(one, 'TWO_CLAIM');
      if (owner === absent || !present.includes(owner)) decided.set(email, absent);
      return;
    }
    const [claimant] = others;
    if (claimant === undefined || owner === absent) return;
    const code = objection(claimant, owner);
    if (code === null) {
      decided.set(email, claimant);
      people.set(claimant, flag.adopted);
      people.clear(owner, flag.linked);
      adoptions.push({
        person: people.idOf(claimant),
        ref: { id: null, externalId: people.idOf(claimant), email },
        from: people.idOf(owner),
      });
      return;
    }
    review(claimant, code);
    // The owner may merely be absent: nobody is taken out while two people may have a right to the address.
    if (people.has(owner, flag.missing)) frozen.add(email);
  }

  return {
    link: (link) => {
      const person = people.find(link.person);
      if (link.email !== null && !people.has(person, flag.missing) && link.email !== people.emailOf(person))
        movedPeople.push(person);
    },
    alias: (email, person) => aliases.push({ email, person }),
    settle: () => {
      const taken = new Set<string>();
      for (const { email, person } of aliases) {
        const ordinal = people.find(person);
        if (ordinal === absent || people.findUnbound(email) !== absent) continue;
        // It is theirs by now who want an account under it. Who merely has it says nothing of the memberships there:
        // those are still of whom we enrolled.
        const isGivenOn = people
          .emails(email)
          .some((holder) => holder !== ordinal && people.has(holder, flag.wants | flag.ignored));
        if (isGivenOn) continue;
        // An address that two people had is nobody's.
        decided.set(email, taken.has(email) && decided.get(email) !== ordinal ? absent : ordinal);
        taken.add(email);
      }
      for (let person = 0; person < people.size(); person++) {
        const email = people.emailOf(person);
        if (email === null || !people.has(person, flag.wants)) continue;
        const holder = people.findEmail(email);
        const owner = linkedTo(email);
        if (holder === several) {
          const holders = people.emails(email);
          if (Math.min(...holders.filter((one) => people.has(one, flag.wants))) === person)
            settleOne(email, holders);
        } else if (owner !== absent && owner !== person) settleOne(email, [person]);
      }
      adoptions.sort((a, b) => (a.person < b.person ? -1 : 1));
      return { accounts: new Map(), adoptions, reviews, frozen, crossed: new Map(), strange: 0 };
    },
    ownerOf: (email) => {
      const owner = linkedTo(email);
      if (owner !== absent || decided.has(email)) return owner;
      const holder = people.findEmail(email);
      if (holder !== several) return holder;
      const holders = people.emails(email);
      const present = holders.filter((one) => !people.has(one, flag.terminated));
      if (present.length > 0) return present.length === 1 ? (present[0] ?? absent) : absent;
      return holders.reduce((a, b) => (people.idOf(a) < people.idOf(b) ? a : b));
    },
    moved: () => movedPeople,
  };
}
