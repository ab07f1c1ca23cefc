import type { AccountRef } from '../account.ts';
import type { Cause, ChangeCore, ChangeCounts } from '../change.ts';
import type { Suppression } from './decisions.ts';
import type { PartMembers } from './roster-parts.ts';
import type { ExportRead, Missing, RejectedRowRecord } from './roster-state.ts';
import type { LookRecord } from './looks.ts';
import type { Disposition, LinkFacts, RunReason, RunStatus } from './schema.ts';

/** A planned change with what the guard decided and the batch it goes into. */
export type PlannedChange = ChangeCore & {
  readonly disposition: Disposition;
  readonly approved: boolean;
  readonly batch: number | null;
  readonly rowHash: string | null;
  readonly link: LinkFacts | null;
  /** Why it came up, for one that is held. */
  readonly cause?: Cause | null;
};

export type PlannedBatch = {
  readonly batch: number;
  readonly stage: number;
  readonly operation: string;
  readonly target: string | null;
  readonly size: number;
};

export type PlannedReview = {
  readonly person: string;
  readonly code: string;
  readonly accounts: readonly string[];
};

/** Somebody seen to have completed what a target trains. */
export type Completion = { readonly target: string; readonly course: string; readonly person: string };

/** A link to be stored with the plan: an account that becomes ours without a write. */
export type AdoptedLink = {
  readonly person: string;
  readonly ref: AccountRef;
  readonly from: string | null;
  readonly link: LinkFacts | null;
  readonly confirmedHash: number | null;
};

/** Everything a plan leaves behind, stored in one transaction: all of it or nothing. */
export type PlanRecord = {
  readonly run: string;
  readonly customer: string;
  readonly platform: string;
  /** Null for a resync of one person, which says nothing of the roster as a whole. */
  readonly roster: {
    /** A reading of each part that came. */
    readonly reads: readonly {
      readonly read: ExportRead;
      readonly rejectedRows: readonly RejectedRowRecord[];
    }[];
    /** Who is missing from exports that prove that they are whole. */
    readonly missing: readonly Missing[];
    /** Whether somebody has a row in such an export. */
    readonly present: (person: string) => boolean;
    /** Whom each part that came has; null for a roster without parts. */
    readonly members: readonly PartMembers[] | null;
    /** The parts that are configured; what is kept of others is swept. */
    readonly parts: readonly string[];
    /** Parts that are called otherwise now: their past goes with them. */
    readonly renamed: readonly { readonly from: string; readonly to: string }[];
  } | null;
  readonly adoptions: Iterable<AdoptedLink>;
  /** Completions that were not known before. */
  readonly completions?: readonly Completion[];
  /** Null leaves the reviews as they are (a resync of one person). */
  readonly reviews: readonly PlannedReview[] | null;
  readonly changes: Iterable<PlannedChange>;
  /** Filled while `changes` is walked. */
  readonly batches: () => readonly PlannedBatch[];
  readonly summary: () => {
    readonly hash: string | null;
    readonly planned: ChangeCounts;
    readonly held: ChangeCounts;
    readonly reasons: readonly RunReason[];
    readonly notes: readonly RunReason[];
    readonly rejected: number;
    readonly review: number;
    readonly managed: number;
    readonly accounts: number;
    readonly members: Readonly<Record<string, number>>;
    readonly targetNames: Readonly<Record<string, string>>;
    readonly holdExpiresMs: number | null;
  };
  readonly status: RunStatus;
  /** The approval that this plan uses up. */
  readonly approval: string | null;
  /** What the export looked like, where the run compared it. */
  readonly looks?: readonly LookRecord[];
  /** What must not be proposed again once this plan is stored: changes that it takes back. */
  readonly suppress?: readonly Suppression[];
  /** Suppressions that end with this plan. */
  readonly unsuppress?: readonly string[];
};
