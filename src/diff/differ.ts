import type { Account, AccountRef, Link, Membership } from '../account.ts';
import { changeKinds, noChanges } from '../change.ts';
import type { Adoption, Review } from './change.ts';
import { countServed } from './crossing.ts';
import type { Desired } from './desired.ts';
import { createEmitter } from './emit.ts';
import { identityDiffers } from './identity.ts';
import { createIntake } from './intake.ts';
import { type Matches, matchAccounts } from './match.ts';
import { createMembers } from './members.ts';
import { compareNames, type NameMatch } from './names.ts';
import type { AccountsRead, Circumstances, Difference, DiffPlatform } from './platform.ts';
import { type PartsRead, type PartsSettled, settleParts } from './parts.ts';
import { createPopulation, flag, type Population } from './population.ts';
import { createReferences } from './references.ts';
import { findRenumbered } from './renumbered.ts';
import { knowFormerIds, setAsideReprefixed } from './reprefixed.ts';
import { type RespelledIds, setAsideRenumbered, setAsideRespelled } from './respelled.ts';

/**
 * Compares one platform with the roster. Feed it in this order: `person` and `reject`; `link` and `alias`; `accounts` page
 * by page (`restart` before a second try); `settleAccounts`; `members`; `finish`.
 */
export type Differ = {
  readonly person: (desired: Desired, part?: number) => void;
  readonly reject: (id: string, part?: number) => void;
  /** A part of the roster broke off: nobody was read of it. */
  readonly lose: (part: number) => void;
  /** A further row of somebody who has left by all of their rows. */
  readonly leftToo: (desired: Desired) => void;
  readonly link: (link: Link) => void;
  /** A further email that somebody was enrolled under, on platforms without accounts. */
  readonly alias: (email: string, person: string) => void;
  /** Holds people against the parts of the roster, once people and links are known. */
  readonly settleParts: (parts: PartsRead) => PartsSettled;
  /** Forgets the accounts read so far: the read is repeated. */
  readonly restart: () => void;
  readonly accounts: (page: readonly Account[]) => void;
  readonly settleAccounts: () => AccountsRead;
  readonly members: (target: number, page: readonly Membership[]) => void;
  /** Forgets the members of a target, before they are read a second time. */
  readonly forgetMembers: (target: number) => void;
  /** Members of a target whose accounts we manage, as read. */
  readonly managedMembers: (target: number) => number;
  /** Members of a target that no person on the roster explains. */
  readonly strangers: (target: number) => number;
  /** People who are enrolled in a target and have completed it, as read. */
  readonly completed: (target: number) => Iterable<string>;
  /** Of the people with an account: how many have another name and email than it, or somebody else's; and of how many. */
  readonly strangeness: () => { readonly strange: number; readonly served: number };
  readonly finish: (circumstances: Circumstances) => Difference;
  readonly people: Population;
};

/** Options of a diff that are about reporting only. */
export type DiffHooks = { readonly onUnmanaged?: (account: Account) => void };

/** Starts a diff. Pure: what it is fed is all it knows. */
export function createDiffer(platform: DiffPlatform, hooks: DiffHooks = {}): Differ {
  const people = createPopulation(
    platform.fields,
    platform.targets.length,
    platform.matchBy,
    platform.exempt,
  );
  const names = platform.fields.filter((field) => field.readBack).map((field) => field.name);
  const references = createReferences(people, platform);
  const keepAccountIds = platform.targets.length > 0;
  const members = createMembers(people, platform);
  const intake = createIntake(people, platform, (account) => {
    if (keepAccountIds && account.id !== null) members.unmanaged(account.id);
    hooks.onUnmanaged?.(account);
  });
  /** Adopted while they were read, in an order that does not depend on the platform's. */
  let adopted: readonly number[] = [];
  let matches: Matches | undefined;
  let respelled: RespelledIds | undefined;
  let prefixes: readonly string[] = [];

  const differs = (person: number, account: Account): boolean =>
    identityDiffers(people, names, person, account);
  const nameMatch = (person: number, account: Account): NameMatch =>
    compareNames(people, names, person, account);

  function* adoptions(platformShrunk: boolean): Generator<Adoption> {
    for (const person of adopted) {
      if (!people.has(person, flag.adopted)) continue;
      const id = people.idOf(person);
      yield {
        person: id,
        ref: { id: intake.accountIdOf(person), externalId: id, email: people.emailOf(person) },
        from: null,
      };
    }
    for (const adoption of matches?.adoptions ?? []) {
      if (platformShrunk && people.has(people.find(adoption.person), flag.relinked)) continue;
      yield adoption;
    }
    yield* members.adoptions();
  }

  function refOf(person: number): AccountRef {
    const account = matches?.accounts.get(person);
    if (account !== undefined)
      return {
        id: account.id,
        externalId: account.externalId,
        email: account.email ?? people.emailOf(person),
      };
    return {
      id: intake.accountIdOf(person),
      externalId: people.has(person, flag.created) ? people.idOf(person) : people.knownAs(person),
      email: people.emailOf(person),
    };
  }

  /** Where only emails tell accounts apart, two people of one email cannot both have one. */
  function sharedEmails(): readonly Review[] {
    const reviews: Review[] = [];
    for (const group of people.sharedEmails()) {
      const rivals = group.filter((person) => people.has(person, flag.wants));
      if (rivals.length < 2) continue;
      for (const person of rivals) {
        if (people.has(person, flag.linked | flag.adopted | flag.review)) continue;
        people.set(person, flag.review);
        reviews.push({ person: people.idOf(person), code: 'TWO_CLAIM', accounts: [] });
      }
    }
    return reviews;
  }

  /** Whether a review is still of somebody whom the plan concerns. */
  function isOpen({ person }: Review): boolean {
    return !people.has(people.find(person), flag.ignored);
  }

  /** Once all people and links are known, and before any account is anybody's. */
  function setAside(): RespelledIds {
    if (respelled !== undefined) return respelled;
    knowFormerIds(people, prefixes);
    const spelled = setAsideRespelled(people);
    const prefixed = setAsideReprefixed(people, prefixes);
    respelled = {
      pairs: [...spelled.pairs, ...prefixed.pairs],
      waiting: spelled.waiting + prefixed.waiting,
    };
    return respelled;
  }

  /** What is left of the matches once those are put aside whose id is another one by now. */
  function withoutRenumbered(known: Matches, isThere?: (person: number) => boolean): Matches {
    const renumbered = findRenumbered(people, known.accounts, names, isThere);
    respelled = setAsideRenumbered(people, setAside(), renumbered);
    return renumbered.length === 0 ? known : { ...known, reviews: known.reviews.filter(isOpen) };
  }

  const isEnrolled = (person: number): boolean =>
    platform.targets.some((_, target) => members.has(target, person));

  function settle(): Matches {
    if (matches !== undefined) return matches;
    setAside();
    // Two runs that read the same accounts in another order decide the same.
    adopted = intake.adopted().toSorted((a, b) => (people.idOf(a) < people.idOf(b) ? -1 : 1));
    const open = intake.handOver();
    matches =
      platform.accounts === 'none'
        ? members.settle()
        : matchAccounts({
            people,
            open,
            adoptedId: intake.accountIdOf,
            nameMatch,
            identityDiffers: differs,
            matchBy: platform.matchBy,
          });
    if (platform.accounts !== 'none') matches = withoutRenumbered(matches);
    if (platform.accounts === 'write') {
      const doubled = platform.matchBy === 'email' ? sharedEmails() : [];
      matches = { ...matches, reviews: [...matches.reviews, ...doubled] };
      if (keepAccountIds || references.any)
        for (const person of adopted) {
          const id = intake.accountIdOf(person);
          if (id !== null && people.has(person, flag.adopted)) people.claimAccount(id, person);
        }
      if (keepAccountIds) members.know(matches.accounts, open);
    }
    return matches;
  }

  return {
    people,
    person: people.add,
    reject: people.reject,
    lose: people.lose,
    settleParts: (parts) => {
      prefixes = parts.prefixes ?? [];
      return settleParts(people, parts);
    },
    leftToo: people.leftToo,
    link: (link) => {
      people.link(link);
      members.link(link);
    },
    alias: members.alias,
    restart: () => {
      for (let person = 0; person < people.size(); person++)
        people.clear(person, flag.inStep | flag.seen | flag.adopted | flag.review | flag.relinked);
      intake.restart();
    },
    accounts: (page) => {
      setAside();
      for (const account of page) intake.take(references.told(account));
    },
    settleAccounts: () => {
      settle();
      return intake.counts();
    },
    members: (target, page) => {
      settle();
      members.take(target, page);
    },
    forgetMembers: members.forget,
    managedMembers: (target) => {
      let count = 0;
      for (let person = 0; person < people.size(); person++)
        if (members.has(target, person) && people.has(person, flag.linked | flag.adopted)) count++;
      return count;
    },
    strangers: members.strangers,
    *completed(target) {
      for (let person = 0; person < people.size(); person++)
        if (members.completed(target, person)) yield people.idOf(person);
    },
    strangeness: () => {
      const { strange } = settle();
      return { strange, served: strange === 0 ? 0 : countServed(people) };
    },
    finish: (circumstances) => {
      const counts = noChanges();
      // Where there are no accounts, memberships tell who is still there: all who ever left have a link.
      if (platform.accounts === 'none') matches = withoutRenumbered(settle(), isEnrolled);
      const settled = settle();
      const emitter = createEmitter({
        people,
        platform,
        members,
        circumstances,
        matches: settled,
        refOf,
        nameMatch,
        identityDiffers: differs,
      });
      for (const kind of changeKinds) counts[kind] = emitter.count(kind);
      return {
        counts,
        changes: emitter.changes,
        adoptions: { [Symbol.iterator]: () => adoptions(circumstances.platformShrunk) },
        reviews: emitter.reviews,
        missing: emitter.missing,
        withheld: emitter.withheld,
        unreferred: emitter.unreferred,
        suppressed: emitter.suppressed,
        respelled: setAside(),
      };
    },
  };
}
