import type { AccountFields, AccountRef } from './account.ts';

/** The six things a plan can do to a person on a platform. */
export type ChangeKind = 'create' | 'update' | 'reactivate' | 'deactivate' | 'enroll' | 'unenroll';

/** All kinds, in the order in which plans and reports list them. */
export const changeKinds = [
  'create',
  'update',
  'reactivate',
  'deactivate',
  'enroll',
  'unenroll',
] as const satisfies readonly ChangeKind[];

/** What a change is, planned or stored. `person` is the employee id, `target` the platform's id of the enrollment target. */
export type ChangeCore = {
  readonly kind: ChangeKind;
  readonly person: string;
  readonly target: string | null;
  /** The account as it is known now; for a create, what it will be known by. */
  readonly ref: AccountRef;
  /** Values there now of the fields that differ (update, reactivate) or of all that are read (deactivate). */
  readonly before: AccountFields | null;
  /** All fields that we want there; null where the change has none. */
  readonly after: AccountFields | null;
  /** Names of the fields that differ. */
  readonly changed: readonly string[];
  /** Why it is planned, as a code. */
  readonly reason: string;
  /** Identifies what was reviewed: kind, person, target and new values, and the account or the old email. */
  readonly fingerprint: string;
};

/** The kinds that take something away: what an incomplete side withholds. */
export const removalKinds: ReadonlySet<ChangeKind> = new Set<ChangeKind>(['deactivate', 'unenroll']);

/**
 * The stage in which a kind is applied: accounts first, then enrollments, removals last. A stage starts when the one
 * before is done.
 */
export const stageOf: Readonly<Record<ChangeKind, 1 | 2 | 3 | 4>> = {
  create: 1,
  update: 1,
  reactivate: 1,
  enroll: 2,
  unenroll: 3,
  deactivate: 4,
};

/** A number for each kind. */
export type ChangeCounts = Readonly<Record<ChangeKind, number>>;

/** Counts that are all zero, ready to be filled. */
export function noChanges(): Record<ChangeKind, number> {
  return { create: 0, update: 0, reactivate: 0, deactivate: 0, enroll: 0, unenroll: 0 };
}

/** All changes, whatever their kind. */
export function sumOf(counts: ChangeCounts): number {
  return changeKinds.reduce((sum, kind) => sum + counts[kind], 0);
}

/** Counts as words: `1,200 create, 3 update`; `no changes` when there are none. */
export function countsInWords(counts: ChangeCounts): string {
  const parts = changeKinds.flatMap((kind) =>
    counts[kind] > 0 ? [`${counts[kind].toLocaleString('en')} ${kind}`] : [],
  );
  return parts.length === 0 ? 'no changes' : parts.join(', ');
}

/** What a reviewer sees of a person's row, as the run read it. A null is an empty cell, or a column that there is not. */
export type SeenRow = {
  /** On which line of the export it begins, from 1. */
  readonly line: number;
  readonly name: string | null;
  readonly department: string | null;
  readonly site: string | null;
  /** An ISO 8601 date. */
  readonly lastDay: string | null;
  /** The part of the roster that the line is of; left out where there is one only. */
  readonly part?: string;
};

/**
 * Why a change came up: the columns behind it whose cell of this person is not what it was in the last good export, and the
 * person's department. `from` and `to` are null where the value is not one to name; '' is empty.
 */
export type Cause = {
  readonly moves: readonly {
    readonly column: string;
    readonly from: string | null;
    readonly to: string | null;
  }[];
  readonly department: string | null;
  /** Exports in a row without this person, where absence is the reason. */
  readonly exports: number | null;
  /** The rule behind it, where it is not the one of the last good run; `from` is null for one that is new. */
  readonly rule?: { readonly from: string | null; readonly to: string } | null;
  /** For a reviewer's screen alone; null for who is not on the roster. */
  readonly row?: SeenRow | null;
};
