import type { Account } from '../account.ts';
import type { Population } from './population.ts';

/** Whether two names are one: `unknown` where a side has none to compare. */
export type NameMatch = 'same' | 'different' | 'unknown';

const nameFields = ['firstName', 'lastName', 'displayName'];

/** Compares the name a person should have with the one an account has; case does not count. */
export function compareNames(
  people: Population,
  readNames: readonly string[],
  person: number,
  account: Account,
): NameMatch {
  const wanted = people.values(person);
  const compared = nameFields.filter((name) => readNames.includes(name));
  const told = (fields: Readonly<Record<string, string>>): boolean =>
    compared.some((name) => (fields[name] ?? '') !== '');
  if (!told(wanted) || !told(account.fields)) return 'unknown';
  const same = compared.every(
    (name) => (wanted[name] ?? '').toLowerCase() === (account.fields[name] ?? '').toLowerCase(),
  );
  return same ? 'same' : 'different';
}

/** Compares the names of two people of the roster, where the platform gives no names back. */
export function compareRosterNames(people: Population, one: number, other: number): NameMatch {
  const [a, b] = [people.nameHash(one), people.nameHash(other)];
  if (a === null || b === null) return 'unknown';
  return a === b ? 'same' : 'different';
}
