import { type Account, asWeLeftIt } from '../account.ts';
import type { DiffPlatform } from './platform.ts';
import { absent } from './hash-index.ts';
import type { OpenAccount } from './match.ts';
import { flag, type Population } from './population.ts';

/** A platform's accounts as they are read: those in step are put aside at once, few others have to be looked at. */
export type Intake = {
  readonly take: (account: Account) => void;
  /** Forgets the accounts read so far. */
  readonly restart: () => void;
  /** The platform's id of an account that was put aside; kept where targets or adoptions need it. */
  readonly accountIdOf: (person: number) => string | null;
  /** People whose account carries their id, is in step and was nobody's: in the order in which they were read. */
  readonly adopted: () => readonly number[];
  /** The accounts that have to be looked at; they are handed over once. */
  readonly handOver: () => readonly OpenAccount[];
  readonly counts: () => { readonly total: number; readonly active: number; readonly unmanaged: number };
};

/** An intake for the accounts of these people. `onUnmanaged` is told of each account that nobody explains. */
export function createIntake(
  people: Population,
  platform: Pick<DiffPlatform, 'fields' | 'matchBy' | 'targets'>,
  onUnmanaged: (account: Account) => void,
): Intake {
  const names = platform.fields.filter((field) => field.readBack).map((field) => field.name);
  /** One account's values, for each account again. */
  const read: string[] = names.map(() => '');
  const hasHidden = platform.fields.some((field) => !field.readBack);
  const keepAccountIds = platform.targets.length > 0;
  let accountIds: string[] = [];
  let open: OpenAccount[] = [];
  let adopted: number[] = [];
  let total = 0;
  let active = 0;
  let unmanaged = 0;

  function isAsWanted(account: Account, person: number): boolean {
    for (let at = 0; at < names.length; at++) read[at] = account.fields[names[at] ?? ''] ?? '';
    return people.isReadable(person, read);
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
      if (externalId !== null && !people.isKnownAs(owner, externalId)) return false;
      if (!isNobodyElse(byId, owner) || !isInStep(account, owner)) return false;
      people.set(owner, flag.inStep | flag.seen);
      if (keepAccountIds) accountIds[owner] = id;
      return true;
    }
    if (byId === absent || hasHidden) return false;
    const isBinding =
      people.has(byId, flag.unbound) && externalId !== null && people.isKnownAs(byId, externalId);
    if (people.has(byId, flag.linked) && !isBinding) return false;
    if (!isInStep(account, byId)) return false;
    people.set(byId, flag.inStep | flag.seen | flag.adopted);
    accountIds[byId] = id;
    adopted.push(byId);
    return true;
  }

  function take(read: Account): void {
    total++;
    let owner = read.id === null ? absent : people.findAccount(read.id);
    if (owner === absent) {
      // Nobody else binds a missing person's account; without an owner it could never be removed.
      const unbound = people.findUnbound(platform.matchBy === 'email' ? read.email : read.externalId);
      if (unbound !== absent && people.has(unbound, flag.missing)) owner = unbound;
    }
    const account = owner === absent ? read : asWeLeftIt(read, people.has(owner, flag.deactivated));
    if (account.active) active++;
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
      onUnmanaged(account);
    }
  }

  return {
    take,
    restart: () => {
      accountIds = [];
      open = [];
      adopted = [];
      total = 0;
      active = 0;
      unmanaged = 0;
    },
    accountIdOf: (person) => accountIds[person] ?? null,
    adopted: () => adopted,
    handOver: () => {
      const all = open;
      open = [];
      return all;
    },
    counts: () => ({ total, active, unmanaged }),
  };
}
