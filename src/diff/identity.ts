import type { Account } from '../account.ts';
import { hash53 } from './hash-index.ts';
import { compareNames } from './names.ts';
import { type Population, separator } from './population.ts';

/** Who somebody is, as a hash: name and email. What `link` confirms. */
export function identityHash(people: Population, person: number): number {
  const values = people.values(person);
  return hash53(
    [values['firstName'], values['lastName'], values['displayName'], people.emailOf(person)]
      .map((part) => part ?? '')
      .join(separator),
  );
}

/** Whether name and email both changed under one id: it may be somebody else by now. `names`: fields that are read back. */
export function identityDiffers(
  people: Population,
  names: readonly string[],
  person: number,
  account: Account,
): boolean {
  const emailIsRead = names.includes('email');
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
