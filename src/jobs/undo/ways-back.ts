import type { AccountFields, AccountRef } from '../../account.ts';
import { type ChangeKind, changeKinds } from '../../change.ts';
import { type Change, fingerprintOf } from '../../diff/change.ts';
import type { StoredChange } from '../../store/journal.ts';
import type { Platform } from '../customer.ts';
import type { UndoSides } from './sides.ts';

/** Why a change of a run is not taken back. */
export const notUndoneCodes = {
  ALREADY_BACK: 'it is already as it was before',
  CHANGED_SINCE: 'what is there now is not what the run wrote',
  ACCOUNT_GONE: 'the account is not there any more',
  ACCOUNT_INACTIVE: 'the account is inactive',
  NOT_LINKED: 'the account is not linked to this person any more',
  VALUE_UNKNOWN: 'the platform does not say what the value was before',
  CANNOT_DEACTIVATE: 'the platform cannot deactivate accounts',
  PROTECTED: 'the person is protected from removals (protect)',
  IGNORED: 'the person is not touched (ignore)',
  COMPLETED: 'the training was completed',
  TARGET_UNMANAGED: 'no enrollment rule names the target any more',
  TARGET_CLOSED: 'nobody is enrolled or removed there now',
  MODE_ADDITIVE: 'nobody is removed in mode additive',
  OUTCOME_UNKNOWN: 'nobody knows whether it was applied',
} as const;
export type NotUndoneCode = keyof typeof notUndoneCodes;

/** A change of the run that stays, and why. `by`: the later run of ours that changed it again. */
export type NotUndone = {
  readonly kind: ChangeKind;
  readonly person: string;
  readonly target: string | null;
  readonly code: NotUndoneCode;
  readonly by: string | null;
};

/** A change and its way back. */
export type WayBack = { readonly undone: StoredChange; readonly change: Change };

/** What takes each kind back. */
const oppositeOf: Readonly<Record<ChangeKind, ChangeKind>> = {
  create: 'deactivate',
  update: 'update',
  reactivate: 'deactivate',
  deactivate: 'reactivate',
  enroll: 'unenroll',
  unenroll: 'enroll',
};

type Way = { readonly change: Change } | NotUndoneCode;

/** Works out the way back of each change that a run applied, as the platform is now. Sorted as every plan is. */
export function waysBack(
  platform: Platform,
  sides: UndoSides,
): { readonly ways: readonly WayBack[]; readonly notUndone: readonly NotUndone[] } {
  const ways: WayBack[] = [];
  const notUndone: NotUndone[] = [];
  const reactivated = new Set<string>();
  const judge = (undone: StoredChange, way: Way): void => {
    if (typeof way !== 'string') {
      ways.push({ undone, change: way.change });
      if (way.change.kind === 'reactivate') reactivated.add(undone.person);
      return;
    }
    const by = way === 'CHANGED_SINCE' ? (sides.laterRuns.get(undone.person) ?? null) : null;
    notUndone.push({ kind: undone.kind, person: undone.person, target: undone.target, code: way, by });
  };
  const accountsFirst = sides.changes.toSorted(
    (a, b) => Number(a.target !== null) - Number(b.target !== null),
  );
  for (const undone of accountsFirst) {
    const refusal = refusalOf(platform, sides, undone);
    if (refusal !== null) judge(undone, refusal);
    else if (undone.target === null) judge(undone, accountWay(platform, sides, undone));
    else judge(undone, memberWay(platform, sides, undone, reactivated));
  }
  const order = (change: Change): string =>
    `${changeKinds.indexOf(change.kind)}\n${change.target ?? ''}\n${change.person}\n${change.ref.email ?? ''}`;
  const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
  return {
    ways: ways.sort((a, b) => byText(order(a.change), order(b.change))),
    notUndone: notUndone.sort((a, b) => byText(a.person, b.person)),
  };
}

/** What speaks against taking a change back, whatever the platform says. */
function refusalOf(platform: Platform, sides: UndoSides, undone: StoredChange): NotUndoneCode | null {
  const person = sides.people.get(undone.person);
  const kind = oppositeOf[undone.kind];
  if (undone.outcome === 'unknown') return 'OUTCOME_UNKNOWN';
  if (person?.ignored === true) return 'IGNORED';
  const link = sides.links.get(undone.person);
  if (link === undefined) return 'NOT_LINKED';
  // The person has another account by now: the one that the run changed is not theirs any more.
  if (undone.ref.id !== null && link.account_id !== null && undone.ref.id !== link.account_id)
    return 'NOT_LINKED';
  if (kind !== 'deactivate' && kind !== 'unenroll') return null;
  if (platform.config.mode === 'additive') return 'MODE_ADDITIVE';
  const from = person?.protectedFrom ?? 'nothing';
  return from === 'both' || from === kind ? 'PROTECTED' : null;
}

function accountWay(platform: Platform, sides: UndoSides, undone: StoredChange): Way {
  const account = sides.accounts.get(undone.person);
  if (account === undefined) return 'ACCOUNT_GONE';
  const ref: AccountRef = { id: account.id, externalId: account.externalId, email: account.email };
  const hidden = hiddenFields(platform, undone.after);
  switch (undone.kind) {
    case 'create':
    case 'reactivate':
      if (!account.active) return 'ALREADY_BACK';
      if (platform.provider.capabilities.missing.deactivate !== undefined) return 'CANNOT_DEACTIVATE';
      return way(undone, { kind: 'deactivate', ref, before: account.fields, after: null, changed: [] });
    case 'deactivate':
      if (account.active) return 'ALREADY_BACK';
      return way(undone, {
        kind: 'reactivate',
        ref,
        before: {},
        // What somebody changed there meanwhile stays.
        after: { ...undone.before, ...account.fields },
        changed: [],
      });
    default: {
      const before = undone.before ?? {};
      const names = undone.changed.filter(
        (name) => before[name] !== undefined && account.fields[name] !== undefined,
      );
      if (names.length === 0) return 'VALUE_UNKNOWN';
      if (names.every((name) => account.fields[name] === before[name])) return 'ALREADY_BACK';
      if (names.some((name) => account.fields[name] !== undone.after?.[name])) return 'CHANGED_SINCE';
      const restored = Object.fromEntries(names.map((name) => [name, before[name] ?? '']));
      return way(undone, {
        kind: 'update',
        ref,
        before: Object.fromEntries(names.map((name) => [name, account.fields[name] ?? ''])),
        after: { ...hidden, ...account.fields, ...restored },
        changed: names,
      });
    }
  }
}

/** What was written and is not given back when read: it stays as it was written. */
function hiddenFields(platform: Platform, written: AccountFields | null): AccountFields {
  const { fields } = platform.provider.capabilities;
  return Object.fromEntries(
    Object.entries(written ?? {}).filter(([name]) => fields[name]?.readBack === false),
  );
}

function memberWay(
  platform: Platform,
  sides: UndoSides,
  undone: StoredChange,
  reactivated: ReadonlySet<string>,
): Way {
  const target = sides.targets.get(undone.target ?? '');
  if (target === undefined) return 'TARGET_UNMANAGED';
  if (target.closed !== undefined) return 'TARGET_CLOSED';
  const member = sides.memberOf(undone);
  const account = sides.accounts.get(undone.person);
  const ref: AccountRef =
    account === undefined
      ? undone.ref
      : { id: account.id, externalId: account.externalId, email: account.email };
  if (undone.kind === 'enroll') {
    if (member === undefined) return 'ALREADY_BACK';
    if (target.isTraining && target.keepCompleted && member.completed) return 'COMPLETED';
    return way(undone, { kind: 'unenroll', ref, before: null, after: null, changed: [] });
  }
  if (member !== undefined) return 'ALREADY_BACK';
  if (platform.provider.capabilities.accounts === 'write') {
    if (account === undefined) return 'ACCOUNT_GONE';
    if (!account.active && !reactivated.has(undone.person)) return 'ACCOUNT_INACTIVE';
  }
  return way(undone, { kind: 'enroll', ref, before: null, after: null, changed: [] });
}

function way(
  undone: StoredChange,
  to: Pick<Change, 'kind' | 'ref' | 'before' | 'after' | 'changed'>,
): { readonly change: Change } {
  const change = { ...to, person: undone.person, target: undone.target };
  // A move to another address is two changes of one person and target; their addresses tell them apart.
  const reason = undone.reason === 'EMAIL_MOVED' ? 'EMAIL_MOVED' : 'UNDO';
  return { change: { ...change, reason: 'UNDO', fingerprint: fingerprintOf({ ...change, reason }) } };
}
