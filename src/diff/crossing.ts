import type { Account } from '../account.ts';
import { identityHash } from './identity.ts';
import { flag, type Population } from './population.ts';

/** People who have an account, and whose email on the roster is that of somebody else's account: which, and whose. */
export type Crossings = ReadonlyMap<number, { readonly account: Account; readonly owner: number }>;

/** Fewer people than this are never a sign that rows have slipped: a company has that many marriages. */
export const leastStrange = 5;
/** Of all whom we know there, in percent; what is more is no ordinary night. The same part as `limits.deactivate` has. */
export const mostStrangePercent = 5;

/** How many people have an account of ours and are to keep it. */
export function countServed(people: Population): number {
  let served = 0;
  for (let person = 0; person < people.size(); person++)
    if (people.has(person, flag.linked) && people.has(person, flag.wants)) served++;
  return served;
}

/** Whether so many people at once have another name and email, or one another's, that the rows themselves are in doubt. */
export function areTooMany(strange: number, served: number): boolean {
  return strange >= leastStrange && strange * 100 > served * mostStrangePercent;
}

/**
 * Of the crossings, those of whom nothing is changed until somebody looks, with the other account: the address is in
 * the hands of somebody who keeps it, or who would get it from a circle. A chain that ends in a free address is people who
 * got new ones in turn, and goes through; not where there are so many that a column has slipped.
 */
export function stopCrossings(
  people: Population,
  accounts: ReadonlyMap<number, Account>,
  crossings: Crossings,
  staysAsIs: (person: number, account: Account) => boolean,
): ReadonlyMap<number, Account> {
  const isStopped = new Map<number, boolean>();
  // Who has left keeps nothing: leavers who were given one address in their last rows are no slipped column.
  const staying = [...crossings.keys()].filter(
    (person) => people.has(person, flag.wants) && accounts.get(person)?.active === true,
  ).length;
  const all = areTooMany(staying, countServed(people));

  /** Whether the owner of an account will have it and its address when this plan is through; null: that depends on theirs. */
  function isKept({ owner, account }: { readonly account: Account; readonly owner: number }): boolean | null {
    if (!account.active) return false;
    if (people.has(owner, flag.rejected | flag.ignored)) return true;
    if (people.has(owner, flag.missing) || !people.has(owner, flag.wants)) return false;
    if (people.emailOf(owner) === account.email || staysAsIs(owner, account)) return true;
    return crossings.has(owner) ? null : false;
  }

  for (const person of crossings.keys()) {
    const path: number[] = [];
    let stopped: boolean | undefined;
    for (let at = person; stopped === undefined; ) {
      const known = isStopped.get(at);
      const crossing = crossings.get(at);
      if (known !== undefined || crossing === undefined) stopped = known ?? false;
      else {
        isStopped.set(at, true);
        path.push(at);
        stopped = isKept(crossing) ?? undefined;
        at = crossing.owner;
      }
    }
    for (const one of path) isStopped.set(one, stopped);
  }
  const found = new Map<number, Account>();
  for (const [person, { account }] of crossings)
    if ((all || isStopped.get(person) === true) && !isConfirmed(people, person)) found.set(person, account);
  return found;
}

/** Whether somebody has looked at this very name and email, and linked them. */
function isConfirmed(people: Population, person: number): boolean {
  const confirmed = people.linkOf(person)?.confirmedHash ?? null;
  return confirmed !== null && confirmed === identityHash(people, person);
}
