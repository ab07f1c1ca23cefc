import type { Account } from '../account.ts';
import { leastStrange } from './crossing.ts';
import { flag, type Population } from './population.ts';
import type { Respelled } from './spelling.ts';

/** Stands for a key that several have. */
const several = -2;

/**
 * New ids whose people are, by email or (where no email is told) by name, those of absent ids: the id column has changed in
 * a way that no spelling tells (a prefix, a row number, another key). Fewer than a handful are people who were hired anew.
 * `accounts`: those of the absent, by ordinal; `isThere`: whether somebody is on the platform at all, where no account says it.
 */
export function findRenumbered(
  people: Population,
  accounts: ReadonlyMap<number, Account>,
  readNames: readonly string[],
  isThere: (person: number) => boolean = () => true,
): readonly (Respelled & { readonly person: number; readonly other: number })[] {
  const nameFields = ['firstName', 'lastName', 'displayName'].filter((name) => readNames.includes(name));
  const nameOf = (fields: Readonly<Record<string, string>>): string =>
    nameFields
      .map((name) => (fields[name] ?? '').toLowerCase())
      .join('\n')
      .trim();
  const byEmail = new Map<string, number>();
  const byName = new Map<string, number>();
  const put = (map: Map<string, number>, key: string | null, person: number): void => {
    if (key !== null && key !== '') map.set(key, map.has(key) ? several : person);
  };
  let absent = 0;
  for (let person = 0; person < people.size(); person++) {
    if (!people.has(person, flag.missing) || people.has(person, flag.away | flag.ignored)) continue;
    const account = accounts.get(person);
    if (account?.active === false || !isThere(person)) continue;
    absent++;
    const email = account?.email ?? people.linkOf(person)?.email ?? null;
    put(byEmail, email, person);
    if (email === null && account !== undefined) put(byName, nameOf(account.fields), person);
  }
  if (absent < leastStrange) return [];
  const found: (Respelled & { readonly person: number; readonly other: number })[] = [];
  const taken = new Set<number>();
  for (let person = 0; person < people.size(); person++) {
    if (!people.has(person, flag.wants)) continue;
    if (people.has(person, flag.linked | flag.adopted | flag.missing | flag.ignored | flag.rejected))
      continue;
    const id = people.idOf(person);
    const email = people.emailOf(person);
    const wanted = nameOf(people.values(person));
    const byAddress = email === null ? undefined : byEmail.get(email);
    const other = byAddress ?? byName.get(wanted);
    if (other === undefined || other === several || taken.has(other)) continue;
    // An address alone is given on; with another name it is somebody else's by now.
    const there = nameOf(accounts.get(other)?.fields ?? {});
    if (byAddress !== undefined && there !== '' && wanted !== '' && there !== wanted) continue;
    if (people.previous(people.idOf(other)).length > 0) continue;
    taken.add(other);
    found.push({ id, was: people.idOf(other), person, other });
  }
  return found.length < leastStrange ? [] : found;
}
