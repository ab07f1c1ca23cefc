import type { Account } from '../account.ts';
import type { Adoption, Review, ReviewCode } from './change.ts';
import { stopCrossings } from './crossing.ts';
import { absent } from './hash-index.ts';
import { compareRosterNames, type NameMatch } from './names.ts';
import { flag, type Population } from './population.ts';

/** Why a person claims an account, the stronger first. */
type Way = 'id' | 'previousId' | 'email';
const strength: Readonly<Record<Way, number>> = { id: 0, previousId: 1, email: 2 };

type Claimant = { readonly person: number; readonly way: Way };

/** An account that was neither in step nor unmanaged, with the person it is linked to (or -1). */
export type OpenAccount = { readonly account: Account; readonly owner: number };

/** An open account and everybody who could have a right to it, its owner left out. */
type Disputed = OpenAccount & {
  /** Want an account and have none, and chose this one. */
  readonly wanting: Claimant[];
  /** Terminated, without an account of their own. */
  readonly leavers: Claimant[];
  /** Cannot have it and may be whose it is: ignored, rejected, missing, or active with no wish for it. */
  readonly bystanders: Claimant[];
};

/** Who has which account, decided. */
export type Matches = {
  /** Accounts of people whose account has to be looked at, by ordinal. */
  readonly accounts: ReadonlyMap<number, Account>;
  readonly adoptions: readonly Adoption[];
  readonly reviews: readonly Review[];
  /** Ids of accounts that no one may change: somebody has to look first. */
  readonly frozen: ReadonlySet<string>;
  /** People with an account whose email points to somebody else's, by ordinal. Nothing is changed of them. */
  readonly crossed: ReadonlyMap<number, Account>;
  /**
   * People who are to keep their account and have another name and email than it, or the email of somebody else's. Those who
   * have left, and accounts that are closed (a platform may make them nameless), tell nothing about the rows.
   */
  readonly strange: number;
};

export type MatchInput = {
  readonly people: Population;
  readonly open: readonly OpenAccount[];
  /** The account that was adopted while reading, for people who have `flag.adopted`. */
  readonly adoptedId: (person: number) => string | null;
  readonly nameMatch: (person: number, account: Account) => NameMatch;
  /** Whether name and email both are not what the account has. */
  readonly identityDiffers: (person: number, account: Account) => boolean;
  readonly matchBy: 'externalId' | 'email';
};

/** What an account is called in reviews. */
export function keyOf(account: Account): string {
  return account.id ?? account.externalId ?? account.email ?? '';
}

/**
 * Decides which person each open account belongs to: one account, one person (safety contract, item 5). Links win;
 * then the id, the previous id, and the email. What is not certain goes to review and is left as it is.
 *
 * The result does not depend on the order of people or accounts.
 */
export function matchAccounts(input: MatchInput): Matches {
  const { people, open, nameMatch } = input;
  const accounts = new Map<number, Account>();
  const adoptions: Adoption[] = [];
  const reviews = new Map<number, { code: ReviewCode; accounts: Set<string> }>();
  const frozen = new Set<string>();

  const review = (person: number, code: ReviewCode, keys: readonly string[]): void => {
    const known = reviews.get(person) ?? { code, accounts: new Set<string>() };
    for (const key of keys) known.accounts.add(key);
    reviews.set(person, known);
    people.set(person, flag.review);
  };

  for (const { account, owner } of open) {
    if (owner === absent) continue;
    if (!accounts.has(owner)) accounts.set(owner, account);
    people.set(owner, flag.seen);
  }

  const disputes: Disputed[] = [];
  const seekers = new Map<number, Record<Way, Disputed[]>>();
  const crossings = new Map<number, OpenAccount>();
  for (const one of open) {
    const disputed: Disputed = { ...one, wanting: [], leavers: [], bystanders: [] };
    disputes.push(disputed);
    for (const claimant of claimantsOf(people, one, input.matchBy)) sortIn(claimant, disputed);
  }

  function sortIn(claimant: Claimant, disputed: Disputed): void {
    const { person, way } = claimant;
    const settled =
      people.has(person, flag.linked) &&
      people.has(person, flag.seen | flag.inStep) &&
      !people.has(person, flag.unbound);
    const terminated = people.has(person, flag.terminated);
    const out = people.has(person, flag.rejected | flag.ignored | flag.missing);
    if (!out && settled && way === 'email' && disputed.owner !== absent && hasAnotherEmail(person))
      crossings.set(person, disputed);
    if (!out && !settled && (terminated || people.has(person, flag.wants))) {
      const found = seekers.get(person) ?? { id: [], previousId: [], email: [] };
      found[way].push(disputed);
      seekers.set(person, found);
    } else if (out || !terminated) disputed.bystanders.push(claimant);
  }

  /** Whether what their own account has is not the email of the roster. */
  function hasAnotherEmail(person: number): boolean {
    const own = accounts.get(person);
    return own !== undefined && own.email !== null && own.email !== people.emailOf(person);
  }

  for (const [person, found] of seekers) {
    const wants = people.has(person, flag.wants);
    const keys = (of: readonly Disputed[]): string[] => of.map(({ account }) => keyOf(account));
    /** Somebody who cannot be matched may still be the one whom an account belongs to. */
    const unclear = (code: ReviewCode, of: readonly string[]): void => {
      review(person, code, of);
      for (const way of ['id', 'previousId', 'email'] as const)
        for (const disputed of found[way]) disputed.bystanders.push({ person, way });
    };
    const own = people.has(person, flag.adopted) ? input.adoptedId(person) : null;
    if (own !== null) {
      // One account was adopted while reading, and here is a second one of the same id or email.
      const second = [...found.id, ...found.email];
      if (second.length === 0) continue;
      people.clear(person, flag.adopted | flag.inStep | flag.seen);
      unclear(found.id.length > 0 ? 'SEVERAL_ACCOUNTS' : 'ID_AND_EMAIL_DIFFER', [own, ...keys(second)]);
      continue;
    }
    const chosen = (['id', 'previousId', 'email'] as const).find((way) => found[way].length > 0);
    if (chosen === undefined) continue;
    const [claimed, ...more] = found[chosen];
    if (claimed === undefined) continue;
    if (more.length > 0) {
      // A leaver has no claim by an email that several accounts have.
      if (wants || chosen === 'id') unclear('SEVERAL_ACCOUNTS', keys(found[chosen]));
      continue;
    }
    if (!wants) {
      claimed.leavers.push({ person, way: chosen });
      continue;
    }
    const others = found.email.filter((other) => other !== claimed);
    if (others.length > 0) unclear('ID_AND_EMAIL_DIFFER', keys([claimed, ...others]));
    else claimed.wanting.push({ person, way: chosen });
  }

  const give = (person: number, account: Account, from: number): void => {
    accounts.set(person, account);
    if (from !== absent) {
      accounts.delete(from);
      people.clear(from, flag.linked | flag.seen | flag.inStep);
    }
    if (people.has(person, flag.linked) && !people.has(person, flag.unbound))
      people.set(person, flag.relinked);
    people.set(person, flag.adopted | flag.seen);
    if (account.id !== null) people.claimAccount(account.id, person);
    adoptions.push({
      person: people.idOf(person),
      ref: { id: account.id, externalId: account.externalId, email: account.email },
      from: from === absent ? null : people.idOf(from),
    });
  };

  for (const disputed of disputes) {
    const { account, owner } = disputed;
    const wanting = disputed.wanting.length === 0 ? [] : withoutBystanders(disputed);
    if (owner !== absent) {
      if (wanting.length > 0) claimFromOwner(wanting, owner, account);
      freezeIfDoubtful(disputed);
      continue;
    }
    if (wanting.length > 0) settleFree(wanting, disputed);
    else giveToLeaver(disputed);
  }

  /** Those who want the account, unless it may be that of somebody who is not to be touched or has as good a right. */
  function withoutBystanders({ account, wanting, bystanders }: Disputed): readonly Claimant[] {
    return wanting.filter(({ person, way }) => {
      const before = bystanders.filter(
        (other) =>
          strength[other.way] <= strength[way] &&
          // Someone who is only missing is the same human under the id before.
          !(way === 'previousId' && people.has(other.person, flag.missing)),
      );
      if (before.length === 0) return true;
      const untouchable = before.some((other) =>
        people.has(other.person, flag.rejected | flag.ignored | flag.missing),
      );
      review(person, untouchable ? 'LINKED_TO_OTHER' : 'TWO_CLAIM', [keyOf(account)]);
      return false;
    });
  }

  /** The one with the best claim; the others, and all when there are several, go to review. */
  function strongest(claimants: readonly Claimant[], account: Account): Claimant | undefined {
    const best = Math.min(...claimants.map(({ way }) => strength[way]));
    const [winner, ...equals] = claimants.filter(({ way }) => strength[way] === best);
    const only = equals.length === 0 ? winner : undefined;
    for (const claimant of claimants)
      if (claimant !== only) review(claimant.person, 'TWO_CLAIM', [keyOf(account)]);
    return only;
  }

  function settleFree(wanting: readonly Claimant[], disputed: Disputed): void {
    const { account } = disputed;
    const winner = strongest(wanting, account);
    if (winner === undefined) {
      giveToLeaver(disputed);
      return;
    }
    const { person, way } = winner;
    if (isRefuted(winner, account)) {
      review(person, 'EMAIL_REUSED', [keyOf(account)]);
      giveToLeaver(disputed);
      return;
    }
    const wasOurs = people.has(person, flag.unbound);
    if (!account.active && !wasOurs) review(person, 'INACTIVE_NOT_OURS', [keyOf(account)]);
    else if (way !== 'email' && !wasOurs && input.identityDiffers(person, account))
      review(person, 'IDENTITY_CHANGED', [keyOf(account)]);
    else give(person, account, absent);
  }

  /** An account that carries another id than theirs is not theirs by its email alone. */
  function isRefuted({ person, way }: Claimant, account: Account): boolean {
    return way === 'email' && account.externalId !== null && nameMatch(person, account) !== 'same';
  }

  /**
   * A leaver's account that nobody is linked to, nor has as good a right to, becomes theirs: to be deactivated. Not while
   * it may be the account of somebody in review, who could be the leaver under a new id.
   */
  function giveToLeaver({ account, leavers, wanting, bystanders }: Disputed): void {
    if (!account.active) return;
    const isDoubtful = [...wanting, ...bystanders].some(
      (one) =>
        people.has(one.person, flag.wants) && people.has(one.person, flag.review) && !isRefuted(one, account),
    );
    if (isDoubtful) return;
    const [rightful] = leavers
      .filter(
        ({ person, way }) =>
          (way !== 'email' || (account.externalId === null && nameMatch(person, account) !== 'different')) &&
          !bystanders.some((other) => strength[other.way] <= strength[way]),
      )
      .sort(
        (a, b) =>
          strength[a.way] - strength[b.way] || (people.idOf(a.person) < people.idOf(b.person) ? -1 : 1),
      );
    if (rightful !== undefined) give(rightful.person, account, absent);
  }

  /** A missing owner may merely be absent: nobody loses the account while somebody in review may have a right to it. */
  function freezeIfDoubtful({ account, owner, wanting, bystanders }: Disputed): void {
    if (!people.has(owner, flag.missing) || !people.has(owner, flag.linked)) return;
    if ([...wanting, ...bystanders].some(({ person }) => people.has(person, flag.review)))
      frozen.add(keyOf(account));
  }

  /** The account is someone else's by link: only a leaver's goes over, and by email only under the same name. */
  function claimFromOwner(wanting: readonly Claimant[], owner: number, account: Account): void {
    const reviewAll = (code: ReviewCode, who: readonly Claimant[] = wanting): void => {
      for (const { person } of who) review(person, code, [keyOf(account)]);
    };
    if (people.has(owner, flag.rejected | flag.ignored)) {
      reviewAll('LINKED_TO_OTHER');
      return;
    }
    if (people.has(owner, flag.missing)) {
      const [successor, ...rest] = wanting.filter(({ way }) => way === 'previousId');
      if (successor !== undefined && rest.length === 0 && !input.identityDiffers(successor.person, account)) {
        reviewAll(
          'LINKED_TO_OTHER',
          wanting.filter((one) => one !== successor),
        );
        give(successor.person, account, owner);
        return;
      }
      reviewAll('LINKED_TO_OTHER');
      return;
    }
    if (!people.has(owner, flag.terminated)) {
      reviewAll(people.has(owner, flag.wants) ? 'TWO_CLAIM' : 'LINKED_TO_OTHER');
      return;
    }
    const isSame = (person: number): boolean => {
      const match = nameMatch(person, account);
      return (match === 'unknown' ? compareRosterNames(people, person, owner) : match) === 'same';
    };
    const rightful = wanting.filter(({ person, way }) => way !== 'email' || isSame(person));
    reviewAll(
      'EMAIL_REUSED',
      wanting.filter((one) => !rightful.includes(one)),
    );
    if (rightful.length === 0) return;
    const winner = strongest(rightful, account);
    if (winner === undefined) frozen.add(keyOf(account));
    else if (input.identityDiffers(winner.person, account)) reviewAll('IDENTITY_CHANGED', [winner]);
    else give(winner.person, account, owner);
  }

  let strange = 0;
  for (const [person, account] of accounts)
    if (
      account.active &&
      people.has(person, flag.wants) &&
      people.has(person, flag.linked) &&
      !people.has(person, flag.rejected | flag.ignored | flag.missing) &&
      (crossings.has(person) || input.identityDiffers(person, account))
    )
      strange++;

  return {
    accounts,
    crossed: stopCrossings(people, accounts, crossings, input.identityDiffers),
    strange,
    adoptions: adoptions.sort((a, b) => (a.person < b.person ? -1 : 1)),
    reviews: [...reviews].map(([person, { code, accounts: of }]) => ({
      person: people.idOf(person),
      code,
      accounts: [...of].sort(),
    })),
    frozen,
  };
}

/** Everybody to whom the account's id or email points, by the strongest way, without its owner. */
function claimantsOf(
  people: Population,
  { account, owner }: OpenAccount,
  matchBy: 'externalId' | 'email',
): readonly Claimant[] {
  const ways = new Map<number, Way>();
  const claim = (person: number, way: Way): void => {
    if (person !== absent && person !== owner && !ways.has(person)) ways.set(person, way);
  };
  if (account.externalId !== null) claim(people.find(account.externalId), 'id');
  claim(people.findUnbound(matchBy === 'email' ? account.email : account.externalId), 'id');
  if (account.externalId !== null)
    for (const person of people.previous(account.externalId)) claim(person, 'previousId');
  if (account.email !== null) for (const person of people.emails(account.email)) claim(person, 'email');
  return [...ways].map(([person, way]) => ({ person, way }));
}
