import { type ChangeCounts, type ChangeKind, changeKinds } from '../change.ts';

/** A limit on one kind of change over 24 hours: max(`floor`, min(`count`, `percent` of managed accounts)). */
export type Limit = { readonly count: number; readonly percent: number; readonly floor: number };

const unlimited = Number.POSITIVE_INFINITY;

/**
 * The limits where the configuration sets none. Removals are the dearest mistake and have the tightest; an everyday
 * churn of a few people must pass in a company of twelve, hence the floors.
 */
export const defaultLimits: Readonly<Record<ChangeKind, Limit>> = {
  create: { count: unlimited, percent: 20, floor: 50 },
  update: { count: unlimited, percent: 50, floor: 20 },
  reactivate: { count: 50, percent: 5, floor: 3 },
  deactivate: { count: 50, percent: 5, floor: 3 },
  enroll: { count: unlimited, percent: 50, floor: 100 },
  unenroll: { count: 200, percent: 10, floor: 5 },
};

/** The window over which changes are counted, so that many small runs are no way around the limits. */
export const guardWindowMs = 24 * 3_600_000;

/** What the guard decides on. */
export type GuardInput = {
  readonly planned: ChangeCounts;
  /** Of the planned, those released by an approval: they do not count. */
  readonly approved: ChangeCounts;
  /** Applied in the last 24 hours without an approval. */
  readonly recent: ChangeCounts;
  /** Accounts that we manage on the platform now. */
  readonly managed: number;
  readonly limits: Readonly<Partial<Record<ChangeKind, Partial<Limit>>>>;
};

/** A kind that would pass its limit: all its unapproved changes are held. */
export type Hold = {
  readonly kind: ChangeKind;
  readonly planned: number;
  readonly recent: number;
  readonly limit: number;
  readonly managed: number;
};

/** The number of changes of a kind that 24 hours may have. */
export function limitOf(kind: ChangeKind, managed: number, configured: Partial<Limit> = {}): number {
  // Where nothing is managed yet there is no percentage to speak of; a first sync creates everyone.
  if (managed === 0 && (kind === 'create' || kind === 'enroll')) return unlimited;
  const usual = defaultLimits[kind];
  const { count = usual.count, percent = usual.percent, floor = usual.floor } = configured;
  return Math.max(floor, Math.min(count, Math.floor((percent * managed) / 100)));
}

/** The kinds to hold: pure arithmetic on counts. Nobody is picked: a kind goes out whole or waits whole. */
export function guard(input: GuardInput): readonly Hold[] {
  const holds: Hold[] = [];
  for (const kind of changeKinds) {
    const planned = input.planned[kind] - input.approved[kind];
    const limit = limitOf(kind, input.managed, input.limits[kind]);
    if (planned > 0 && input.recent[kind] + planned > limit) {
      holds.push({ kind, planned, recent: input.recent[kind], limit, managed: input.managed });
    }
  }
  return holds;
}

/** A hold as a sentence with its numbers. */
export function describeHold(hold: Hold): string {
  const recent = hold.recent === 0 ? '' : ` after ${hold.recent} in the last 24 h`;
  return `${hold.planned} ${hold.kind}${recent} would pass the limit of ${hold.limit} (${hold.managed} managed accounts); all ${hold.planned} are held.`;
}
