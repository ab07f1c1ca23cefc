import type { Change } from './change.ts';

/** The columns, by their names in the export, that decide over what comes of a person on one platform. */
export type Dependence = {
  /** Of a field of the account. */
  readonly fields: ReadonlyMap<string, ReadonlySet<string>>;
  /** Of being terminated, and of having an account (the state included). */
  readonly terminated: ReadonlySet<string>;
  readonly accounts: ReadonlySet<string>;
  /** Of being enrolled in a target, by its id. */
  readonly targets: ReadonlyMap<string, ReadonlySet<string>>;
  /** Of being ignored, or of which of several rows counts: they decide over whatever happens to a person. */
  readonly gates: ReadonlySet<string>;
  readonly protect: ReadonlySet<string>;
  readonly protectFrom: ReadonlySet<string>;
  /** Of the address that somebody is enrolled under, where there are no accounts. */
  readonly address: ReadonlySet<string>;
  /** Of whose account is whose, where no id tells. */
  readonly identity: ReadonlySet<string>;
  /** A platform without accounts: enrolling is all that having one means there. */
  readonly enrollsOnly: boolean;
};

const none: ReadonlySet<string> = new Set();

/** All of these sets in one. */
export function union(...sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

/** The columns that a change follows from. What follows from gates and protection depends on the person: see `gatesOf`. */
export function columnsBehind(change: Change, of: Dependence): ReadonlySet<string> {
  const fields = (): readonly ReadonlySet<string>[] =>
    change.changed.map((field) => of.fields.get(field) ?? none);
  switch (change.kind) {
    case 'create':
    case 'reactivate':
      return union(of.accounts, ...fields());
    case 'update':
      return union(...fields());
    case 'deactivate':
      return behindRemoval(change, of);
    case 'enroll':
      if (change.reason === 'EMAIL_MOVED') return of.address;
      return of.enrollsOnly
        ? union(targetColumns(change, of), of.accounts, of.address)
        : targetColumns(change, of);
    case 'unenroll':
      return behindRemoval(change, of);
  }
}

function behindRemoval(change: Change, of: Dependence): ReadonlySet<string> {
  if (change.reason === 'TERMINATED') return of.terminated;
  if (change.reason === 'ACCOUNT_RULE_FALSE') return of.accounts;
  if (change.reason === 'TARGET_RULE_FALSE') return targetColumns(change, of);
  return change.reason === 'EMAIL_MOVED' ? of.address : none;
}

function targetColumns(change: Change, of: Dependence): ReadonlySet<string> {
  return of.targets.get(change.target ?? '') ?? none;
}

/**
 * The columns that let a change through: were their cells of this person otherwise, the person would be ignored, or
 * protected from it. They stand behind it only where the person's own cell is not what it was.
 */
export function gatesOf(change: Change, of: Dependence): ReadonlySet<string> {
  return of.protectFrom.has(change.kind) && of.protect.size > 0 ? union(of.gates, of.protect) : of.gates;
}
