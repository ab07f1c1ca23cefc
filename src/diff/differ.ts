import type { Account, AccountRef, Membership } from '../account.ts';
import { type ChangeKind, changeKinds, noChanges } from '../change.ts';
import type { Adoption, Change, Review } from './change.ts';
import type { Desired, DiffField, Exempt } from './desired.ts';
import { createEmitter } from './emit.ts';
import { absent, hash53 } from './hash-index.ts';
import { type Matches, matchAccounts, type OpenAccount } from './match.ts';
import { createMembers } from './members.ts';
import { compareNames } from './names.ts';
import { createPopulation, flag, type Link, type Population, separator } from './population.ts';

/** An enrollment target, in the order of the enrollment rules. */
export type DiffTarget = {
  readonly id: string;
  /** Set when nobody may be enrolled or removed now. */
  readonly closed: boolean;
  readonly isTraining: boolean;
  readonly keepCompleted: boolean;
};

/** What the diff has to know of a platform. */
export type DiffPlatform = {
  /** `none`: the platform has no accounts to read; everybody who wants one is taken to have one. */
  readonly accounts: 'write' | 'none';
  readonly matchBy: 'externalId' | 'email';
  readonly canDeactivate: boolean;
  readonly fields: readonly DiffField[];
  readonly targets: readonly DiffTarget[];
  readonly leavers: 'deactivate' | 'unenroll';
  /** Whom the configuration names in `protect` and `ignore` (`exemptOf`): it holds for missing people too. */
  readonly exempt: Exempt;
};

/** What is known only once both sides have been read. */
export type Circumstances = {
  /** A side was not complete, or the mode is additive: no deactivation and no unenrollment is planned. */
  readonly withholdRemovals: boolean;
  /** The platform gave fewer accounts than it should: people we know there are not created anew. */
  readonly platformShrunk: boolean;
  /** Whether somebody who is missing has been so for long enough. */
  readonly absenceIsDue: (person: string) => boolean;
  /** Whether the training behind a target is known to be completed, from results kept by us. */
  readonly hasCompleted: (target: string, person: string) => boolean;
  /** The people whom `isSuppressed` has to be asked about; nobody when left out. */
  readonly mayBeSuppressed?: (person: string) => boolean;
  /** Rejected or undone changes that must not come again. */
  readonly isSuppressed: (change: Change) => boolean;
};

/** What differs between the roster and one platform. `changes` can be walked once or more, always in the same order. */
export type Difference = {
  readonly counts: Readonly<Record<ChangeKind, number>>;
  readonly changes: () => Iterable<Change>;
  readonly adoptions: Iterable<Adoption>;
  readonly reviews: readonly Review[];
  /** Linked people who are not on the roster and still have an active account, sorted. */
  readonly missing: readonly string[];
  /** Removals that a complete run would have made. */
  readonly withheld: { readonly deactivate: number; readonly unenroll: number };
  readonly suppressed: number;
};

/** Numbers of the platform side, for its proof of completeness and for reports. */
export type AccountsRead = { readonly total: number; readonly active: number; readonly unmanaged: number };

/**
 * Compares one platform with the roster. Feed it in this order: `person` and `reject`; `link` and `alias`; `accounts` page
 * by page (`restart` before a second try); `settleAccounts`; `members`; `finish`.
 */
export type Differ = {
  readonly person: (desired: Desired) => void;
  readonly reject: (id: string) => void;
  readonly link: (link: Link) => void;
  /** A further email that somebody was enrolled under, on platforms without accounts. */
  readonly alias: (email: string, person: string) => void;
  /** Forgets the accounts read so far: the read is repeated. */
  readonly restart: () => void;
  readonly accounts: (page: readonly Account[]) => void;
  readonly settleAccounts: () => AccountsRead;
  readonly members: (target: number, page: readonly Membership[]) => void;
  /** Members of a target that no person on the roster explains. */
  readonly strangers: (target: number) => number;
  /** People who are enrolled in a target and have completed it, as read. */
  readonly completed: (target: number) => Iterable<string>;
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
  const [onlyName] = names.length === 1 ? names : [];
  const hasHidden = platform.fields.some((field) => !field.readBack);
  const emailIsRead = names.includes('email');
  const keepAccountIds = platform.targets.length > 0;
  const members = createMembers(people, platform);
  let accountIds: string[] = [];
  let open: OpenAccount[] = [];
  let fastAdopted: number[] = [];
  let total = 0;
  let active = 0;
  let unmanaged = 0;
  let matches: Matches | undefined;

  function isAsWanted(account: Account, person: number): boolean {
    if (onlyName !== undefined) return (account.fields[onlyName] ?? '') === people.readable(person);
    let packed = '';
    for (let at = 0; at < names.length; at++) {
      if (at > 0) packed += separator;
      packed += account.fields[names[at] ?? ''] ?? '';
    }
    return packed === people.readable(person);
  }

  /** True when the account needs nothing: the way that almost all accounts of almost all runs take. */
  function isInStep(account: Account, person: number): boolean {
    if (
      !account.active ||
      !people.has(person, flag.wants) ||
      people.has(person, flag.rejected | flag.ignored | flag.seen)
    )
      return false;
    if (!isAsWanted(account, person) || !people.isWritten(person)) return false;
    return account.email === null || isNobodyElse(people.findEmail(account.email), person);
  }

  function isNobodyElse(found: number, person: number): boolean {
    return found === absent || found === person;
  }

  /** Puts an account that needs nothing aside at once; false when more has to be looked at. */
  function takeFast(account: Account, owner: number, byId: number): boolean {
    const { id, externalId } = account;
    if (id === null) return false;
    if (externalId !== null && people.findPrevious(externalId) !== absent) {
      if (owner === absent || !isNobodyElse(people.findPrevious(externalId), owner)) return false;
    }
    if (owner !== absent) {
      if (externalId !== null && externalId !== people.knownAs(owner)) return false;
      if (!isNobodyElse(byId, owner) || !isInStep(account, owner)) return false;
      people.set(owner, flag.inStep | flag.seen);
      if (keepAccountIds) accountIds[owner] = id;
      return true;
    }
    if (byId === absent || hasHidden) return false;
    const isBinding = people.has(byId, flag.unbound) && people.knownAs(byId) === externalId;
    if (people.has(byId, flag.linked) && !isBinding) return false;
    if (!isInStep(account, byId)) return false;
    people.set(byId, flag.inStep | flag.seen | flag.adopted);
    accountIds[byId] = id;
    fastAdopted.push(byId);
    return true;
  }

  function take(account: Account): void {
    total++;
    if (account.active) active++;
    let owner = account.id === null ? absent : people.findAccount(account.id);
    if (owner === absent) {
      // Nobody else binds a missing person's account; without an owner it could never be removed.
      const unbound = people.findUnbound(platform.matchBy === 'email' ? account.email : account.externalId);
      if (unbound !== absent && people.has(unbound, flag.missing)) owner = unbound;
    }
    const byId = account.externalId === null ? absent : people.find(account.externalId);
    if (takeFast(account, owner, byId)) return;
    const explained =
      owner !== absent ||
      byId !== absent ||
      (account.externalId !== null && people.findPrevious(account.externalId) !== absent) ||
      (account.email !== null && people.findEmail(account.email) !== absent) ||
      people.findUnbound(platform.matchBy === 'email' ? account.email : account.externalId) !== absent;
    if (explained) open.push({ account, owner });
    else {
      unmanaged++;
      if (keepAccountIds && account.id !== null) members.unmanaged(account.id);
      hooks.onUnmanaged?.(account);
    }
  }

  /** Whether name and email both changed under one id: it may be somebody else by now. */
  function identityDiffers(person: number, account: Account): boolean {
    const link = people.linkOf(person);
    const emailHash = people.emailHash(person);
    if (emailHash === null) return false;
    const confirmed = link?.confirmedHash ?? null;
    if (confirmed !== null && confirmed === identityHash(people, person)) return false;
    const there = emailIsRead ? (account.fields['email'] ?? '') : (account.email ?? '');
    const emailChanged =
      there !== ''
        ? there !== people.emailOf(person)
        : !emailIsRead && (link?.emailHash ?? null) !== null && link?.emailHash !== emailHash;
    return emailChanged && compareNames(people, names, person, account) === 'different';
  }

  function* adoptions(platformShrunk: boolean): Generator<Adoption> {
    for (const person of fastAdopted) {
      if (!people.has(person, flag.adopted)) continue;
      const id = people.idOf(person);
      yield {
        person: id,
        ref: { id: accountIds[person] ?? null, externalId: id, email: people.emailOf(person) },
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
      id: accountIds[person] ?? null,
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

  function settle(): Matches {
    if (matches !== undefined) return matches;
    // Two runs that read the same accounts in another order decide the same.
    fastAdopted.sort((a, b) => (people.idOf(a) < people.idOf(b) ? -1 : 1));
    matches =
      platform.accounts === 'none'
        ? members.settle()
        : matchAccounts({
            people,
            open,
            adoptedId: (person) => accountIds[person] ?? null,
            nameMatch: (person, account) => compareNames(people, names, person, account),
            identityDiffers,
            matchBy: platform.matchBy,
          });
    if (platform.accounts === 'write') {
      const doubled = platform.matchBy === 'email' ? sharedEmails() : [];
      matches = { ...matches, reviews: [...matches.reviews, ...doubled] };
      if (keepAccountIds) {
        for (const person of fastAdopted) {
          const id = accountIds[person];
          if (id !== undefined && people.has(person, flag.adopted)) people.claimAccount(id, person);
        }
        members.know(matches.accounts, open);
      }
    }
    open = [];
    return matches;
  }

  return {
    people,
    person: people.add,
    reject: people.reject,
    link: (link) => {
      people.link(link);
      members.link(link);
    },
    alias: members.alias,
    restart: () => {
      for (let person = 0; person < people.size(); person++)
        people.clear(person, flag.inStep | flag.seen | flag.adopted | flag.review | flag.relinked);
      accountIds = [];
      open = [];
      fastAdopted = [];
      total = 0;
      active = 0;
      unmanaged = 0;
    },
    accounts: (page) => {
      for (const account of page) take(account);
    },
    settleAccounts: () => {
      settle();
      return { total, active, unmanaged };
    },
    members: (target, page) => {
      settle();
      members.take(target, page);
    },
    strangers: members.strangers,
    *completed(target) {
      for (let person = 0; person < people.size(); person++)
        if (members.completed(target, person)) yield people.idOf(person);
    },
    finish: (circumstances) => {
      const counts = noChanges();
      const settled = settle();
      const emitter = createEmitter({
        people,
        platform,
        members,
        circumstances,
        matches: settled,
        refOf,
        identityDiffers,
      });
      for (const kind of changeKinds) counts[kind] = emitter.count(kind);
      return {
        counts,
        changes: emitter.changes,
        adoptions: { [Symbol.iterator]: () => adoptions(circumstances.platformShrunk) },
        reviews: emitter.reviews,
        missing: emitter.missing,
        withheld: emitter.withheld,
        suppressed: emitter.suppressed,
      };
    },
  };
}

/** Who somebody is, as a hash: name and email. What `link` confirms. */
export function identityHash(people: Population, person: number): number {
  const values = people.values(person);
  return hash53(
    [values['firstName'], values['lastName'], values['displayName'], people.emailOf(person)]
      .map((part) => part ?? '')
      .join(separator),
  );
}
