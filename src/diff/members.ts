import type { Account, AccountRef, Link, Membership } from '../account.ts';
import { type Addresses, createAddresses } from './addresses.ts';
import type { Adoption } from './change.ts';
import type { DiffPlatform } from './platform.ts';
import { absent, createTextIndex } from './hash-index.ts';
import type { Matches, OpenAccount } from './match.ts';
import { flag, type Population } from './population.ts';

const isMember = 1;
const isCompleted = 2;
/** Enrolled under what they are known by now. */
const isCurrent = 4;

/** Who is enrolled where, as read: one byte a person and target. */
export type Members = {
  readonly link: (link: Link) => void;
  readonly alias: (email: string, person: string) => void;
  /** Decides whose each email is, on a platform without accounts. */
  readonly settle: () => Matches;
  /** What the accounts have said of who is who, for memberships that name no account id. */
  readonly know: (accounts: ReadonlyMap<number, Account>, open: readonly OpenAccount[]) => void;
  /** An account that nobody explains. */
  readonly unmanaged: (accountId: string) => void;
  readonly take: (target: number, page: readonly Membership[]) => void;
  /** Forgets what was taken of a target, before it is read a second time. */
  readonly forget: (target: number) => void;
  readonly strangers: (target: number) => number;
  readonly has: (target: number, person: number) => boolean;
  readonly completed: (target: number, person: number) => boolean;
  /** True when a person is enrolled under an old email only. */
  readonly hasMoved: (target: number, person: number) => boolean;
  /** The old emails a person is enrolled under, sorted by email. */
  readonly oldRefs: (target: number, person: number) => readonly AccountRef[];
  /** People found enrolled on a platform without accounts, whom nobody is linked to yet, or under a new email by now. */
  readonly adoptions: () => Iterable<Adoption>;
};

/** Empty memberships. */
export function createMembers(
  people: Population,
  platform: Pick<DiffPlatform, 'accounts' | 'matchBy' | 'targets'>,
): Members {
  const columns: Uint8Array[] = [];
  const strangers: number[] = platform.targets.map(() => 0);
  const old = new Map<string, AccountRef[]>();
  const withOld = new Set<number>();
  /** The people found, with the target that they were found in first. */
  const found = new Map<number, number>();
  const byExternalId = new Map<string, number>();
  const byEmail = new Map<string, number>();
  const foreign = createTextIndex();
  const addresses: Addresses | undefined =
    platform.accounts === 'none' && platform.matchBy === 'email' ? createAddresses(people) : undefined;

  function personOf(member: Membership): number {
    if (addresses !== undefined) return member.email === null ? absent : addresses.ownerOf(member.email);
    if (member.id !== null && platform.accounts === 'write') {
      const byAccount = people.findAccount(member.id);
      if (byAccount !== absent) return byAccount;
      // An account that was read and is nobody's: its id or email says nothing about who may have it.
      if (foreign.get(member.id) !== absent) return absent;
    }
    if (member.externalId !== null) {
      const known =
        platform.accounts === 'none'
          ? people.findUnbound(member.externalId)
          : (byExternalId.get(member.externalId) ?? absent);
      return known === absent ? people.find(member.externalId) : known;
    }
    if (member.email === null) return absent;
    const byMail = byEmail.get(member.email) ?? people.findEmail(member.email);
    return byMail < 0 ? absent : byMail;
  }

  function takeOne(target: number, column: Uint8Array, member: Membership): void {
    const person = personOf(member);
    if (person === absent) {
      strangers[target] = (strangers[target] ?? 0) + 1;
      return;
    }
    if (people.has(person, flag.rejected | flag.ignored)) return;
    const isOld = addresses !== undefined && member.email !== people.emailOf(person);
    column[person] =
      (column[person] ?? 0) | isMember | (isOld ? 0 : isCurrent) | (member.completed ? isCompleted : 0);
    if (isOld) {
      const key = `${target}:${person}`;
      const refs = old.get(key) ?? [];
      if (!refs.some((ref) => ref.email === member.email))
        refs.push({ id: member.id, externalId: member.externalId, email: member.email });
      old.set(key, refs);
      withOld.add(person);
    }
    if (
      platform.accounts === 'none' &&
      people.has(person, flag.wants | flag.terminated) &&
      !people.has(person, flag.linked | flag.adopted | flag.review)
    ) {
      people.set(person, flag.adopted);
      found.set(person, target);
    }
  }

  return {
    link: (link) => addresses?.link(link),
    alias: (email, person) => addresses?.alias(email, person),
    settle: () =>
      addresses?.settle() ?? {
        accounts: new Map(),
        adoptions: [],
        reviews: [],
        frozen: new Set(),
        crossed: new Map(),
        strange: 0,
      },
    know: (accounts, open) => {
      for (const [person, account] of accounts) {
        if (account.externalId !== null && account.externalId !== people.idOf(person))
          byExternalId.set(account.externalId, person);
        if (account.email !== null && account.email !== people.emailOf(person))
          byEmail.set(account.email, person);
      }
      for (const { account } of open) {
        if (account.id !== null && people.findAccount(account.id) === absent) foreign.set(account.id, 0);
      }
    },
    unmanaged: (accountId) => foreign.set(accountId, 0),
    take: (target, page) => {
      let column = columns[target];
      if (column === undefined) {
        column = new Uint8Array(people.size());
        columns[target] = column;
      }
      for (const member of page) takeOne(target, column, member);
    },
    forget: (target) => {
      columns[target]?.fill(0);
      strangers[target] = 0;
      for (const key of old.keys()) if (key.startsWith(`${target}:`)) old.delete(key);
      withOld.clear();
      for (const key of old.keys()) withOld.add(Number(key.slice(key.indexOf(':') + 1)));
      for (const [person, first] of found) {
        if (first !== target) continue;
        people.clear(person, flag.adopted);
        found.delete(person);
      }
    },
    strangers: (target) => strangers[target] ?? 0,
    has: (target, person) => ((columns[target]?.[person] ?? 0) & isMember) !== 0,
    completed: (target, person) => ((columns[target]?.[person] ?? 0) & isCompleted) !== 0,
    hasMoved: (target, person) => ((columns[target]?.[person] ?? 0) & (isMember | isCurrent)) === isMember,
    oldRefs: (target, person) =>
      (withOld.has(person) ? (old.get(`${target}:${person}`) ?? []) : []).toSorted((a, b) =>
        (a.email ?? '') < (b.email ?? '') ? -1 : 1,
      ),
    *adoptions() {
      const ref = (person: number): AccountRef => ({
        id: null,
        externalId: people.idOf(person),
        email: people.emailOf(person),
      });
      for (const person of found.keys()) yield { person: people.idOf(person), ref: ref(person), from: null };
      // Once nothing is left under the old email, the new one is what they are known by.
      const unread = platform.targets.some((_, target) => columns[target] === undefined);
      if (unread || addresses === undefined) return;
      for (const person of addresses.moved()) {
        const email = people.emailOf(person);
        const isTheirs =
          people.has(person, flag.wants) &&
          !people.has(person, flag.rejected | flag.ignored | flag.review) &&
          !withOld.has(person) &&
          email !== null &&
          addresses.ownerOf(email) === person;
        if (isTheirs) yield { person: people.idOf(person), ref: ref(person), from: null };
      }
    },
  };
}
