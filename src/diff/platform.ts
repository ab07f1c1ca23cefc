import type { RespelledIds } from './respelled.ts';
import type { ChangeKind } from '../change.ts';
import type { Adoption, Change, Review } from './change.ts';
import type { DiffField, Exempt } from './desired.ts';

/** An enrollment target, in the order of the enrollment rules. */
export type DiffTarget = {
  readonly id: string;
  /** Set when nobody may be enrolled or removed now. */
  readonly closed: boolean;
  readonly isTraining: boolean;
  readonly keepCompleted: boolean;
};

/** What the diff has to know of a platform. */
export type DiffPlatform = {
  /** `none`: the platform has no accounts to read; everybody who wants one is taken to have one. */
  readonly accounts: 'write' | 'none';
  readonly matchBy: 'externalId' | 'email';
  readonly canDeactivate: boolean;
  readonly fields: readonly DiffField[];
  readonly targets: readonly DiffTarget[];
  readonly leavers: 'deactivate' | 'unenroll';
  /** Whom the configuration names in `protect` and `ignore` (`exemptOf`): it holds for missing people too. */
  readonly exempt: Exempt;
};

/**
 * What becomes of somebody who is to have no account any more: their account is deactivated, or they are taken out of their
 * targets. Whoever explains what a plan will do asks this too, so that both say the same.
 */
export function departureOf({ canDeactivate, leavers }: Pick<DiffPlatform, 'canDeactivate' | 'leavers'>): {
  readonly deactivates: boolean;
  readonly unenrolls: boolean;
} {
  return {
    deactivates: canDeactivate && leavers === 'deactivate',
    unenrolls: leavers === 'unenroll' || !canDeactivate,
  };
}

/** What is known only once both sides have been read. */
export type Circumstances = {
  /** A side was not complete, or the mode is additive: no deactivation and no unenrollment is planned. */
  readonly withholdRemovals: boolean;
  /** The platform gave fewer accounts than it should: people we know there are not created anew. */
  readonly platformShrunk: boolean;
  /** Whether somebody who is missing has been so for long enough. */
  readonly absenceIsDue: (person: string) => boolean;
  /** Whether the training behind a target is known to be completed, from results kept by us. */
  readonly hasCompleted: (target: string, person: string) => boolean;
  /** The people whom `isSuppressed` has to be asked about; nobody when left out. */
  readonly mayBeSuppressed?: (person: string) => boolean;
  /** Rejected or undone changes that must not come again. */
  readonly isSuppressed: (change: Change) => boolean;
};

/** What differs between the roster and one platform. `changes` can be walked once or more, always in the same order. */
export type Difference = {
  readonly counts: Readonly<Record<ChangeKind, number>>;
  readonly changes: () => Iterable<Change>;
  readonly adoptions: Iterable<Adoption>;
  readonly reviews: readonly Review[];
  /** Linked people who are not on the roster and still have an active account, sorted. */
  readonly missing: readonly string[];
  /** People who have an account, and whose field refers to somebody who has none there: it is empty. */
  readonly unreferred: number;
  /** Removals that a complete run would have made. */
  readonly withheld: { readonly deactivate: number; readonly unenroll: number };
  readonly suppressed: number;
  /** New ids that are absent ones in another spelling: nothing is planned for either. */
  readonly respelled: RespelledIds;
};

/** Numbers of the platform side, for its proof of completeness and for reports. */
export type AccountsRead = { readonly total: number; readonly active: number; readonly unmanaged: number };
