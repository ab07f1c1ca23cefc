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
