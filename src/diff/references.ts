import {
  type Account,
  type AccountFields,
  referenceToAccount,
  referenceToPerson,
  referredAccount,
  referredPerson,
} from '../account.ts';
import type { DiffPlatform } from './platform.ts';
import { flag, type Population } from './population.ts';

/**
 * Fields whose value is somebody's account there. People are compared, not accounts: the account of whoever is made in
 * this run has no id yet, and nobody reads one.
 */
export type References = {
  /** Whether there are any. */
  readonly any: boolean;
  /** An account as it came, with people in place of the accounts that are linked to them. */
  readonly told: (account: Account) => Account;
  /**
   * What is wanted, without those who have no account there. Where that is not sure, the field stays as the account that
   * is there (told) has it.
   */
  readonly wanted: (values: AccountFields, told?: Account) => AccountFields;
  /** Of values that are wanted: whose account has to be made first. */
  readonly awaited: (values: AccountFields) => string | undefined;
};

export function createReferences(
  people: Population,
  { fields }: Pick<DiffPlatform, 'fields'>,
  options: {
    /** Whether that person's account is made in this run. */
    readonly isNew: (person: number) => boolean;
    /** The platform gave fewer accounts than it has: who is linked there has one. */
    readonly platformShrunk: boolean;
    /** Not all of the roster was read: who is not on it may be in what did not come. */
    readonly isPartial: boolean;
  } = { isNew: () => false, platformShrunk: false, isPartial: false },
): References {
  const names = fields.filter(({ reference }) => reference === true).map(({ name }) => name);

  const changed = (
    values: AccountFields,
    change: (value: string, name: string) => string,
  ): AccountFields => ({
    ...values,
    ...Object.fromEntries(
      names.flatMap((name) => {
        const value = values[name];
        return value === undefined || value === '' ? [] : [[name, change(value, name)]];
      }),
    ),
  });

  function hasAccount(id: string): boolean {
    const person = people.find(id);
    if (person < 0) return false;
    if (options.isNew(person) || people.has(person, flag.adopted)) return true;
    // Of who is only linked nothing else is known: they are not on what was read of the roster.
    return (
      people.has(person, flag.linked) &&
      (options.platformShrunk || people.has(person, flag.seen | flag.inStep | flag.missing))
    );
  }

  /** Of whom nothing is decided tonight, it is not known either that they have none. */
  function isUnsure(id: string): boolean {
    const person = people.find(id);
    return person < 0 ? options.isPartial : people.has(person, flag.ignored | flag.rejected | flag.review);
  }

  function asPerson(value: string): string {
    const account = referredAccount(value);
    // It may have come before whoever has it was told by their own account.
    const id = account ?? (referredPerson(value) === null ? value : null);
    if (id === null) return value;
    const person = people.findAccount(id);
    return person < 0 ? referenceToAccount(id) : referenceToPerson(people.idOf(person));
  }

  return {
    any: names.length > 0,
    told: (account) =>
      names.length === 0 ? account : { ...account, fields: changed(account.fields, asPerson) },
    wanted: (values, account) =>
      names.length === 0
        ? values
        : changed(values, (value, name) => {
            const person = referredPerson(value);
            if (person === null || hasAccount(person)) return value;
            return account !== undefined && isUnsure(person) ? (account.fields[name] ?? '') : '';
          }),
    awaited: (values) => {
      for (const name of names) {
        const person = referredPerson(values[name] ?? '');
        if (person !== null && options.isNew(people.find(person))) return person;
      }
      return undefined;
    },
  };
}

/** How far somebody's account is from one that waits for no other: 0 for most. Ends also where people await each other. */
export function depthsOf(
  newcomers: readonly number[],
  awaits: (person: number) => number,
): ReadonlyMap<number, number> {
  const depths = new Map<number, number>();
  for (const newcomer of newcomers) {
    const way: number[] = [];
    const onWay = new Set<number>();
    let at = newcomer;
    while (at >= 0 && !depths.has(at) && !onWay.has(at)) {
      way.push(at);
      onWay.add(at);
      at = awaits(at);
    }
    let depth = depths.get(at) ?? -1;
    for (const person of way.reverse()) depths.set(person, ++depth);
  }
  return depths;
}
