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

/** The limit on unenrolling from one target: of the members that we manage there, instead of all managed accounts. */
const defaultTargetLimit: Limit = { count: unlimited, percent: 25, floor: 5 };

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
  readonly limits: Limits;
  /** What is planned to leave each target. */
  readonly targets?: readonly TargetPlan[];
};

/** The configured limits, by kind, and the one on unenrolling from one target. */
export type Limits = Readonly<Partial<Record<ChangeKind | 'unenrollPerTarget', Partial<Limit>>>>;

/** What would leave one enrollment target. */
export type TargetPlan = {
  readonly id: string;
  readonly name: string;
  /** Members there now whose accounts we manage. */
  readonly members: number;
  /** Without those that an approval released. */
  readonly planned: number;
  readonly recent: number;
};

/** A kind that would pass its limit: all its unapproved changes are held. */
export type Hold = {
  readonly kind: ChangeKind;
  readonly planned: number;
  readonly recent: number;
  readonly limit: number;
  readonly managed: number;
  /** Set when it is the limit on one target: only what leaves that target is held. */
  readonly target?: Pick<TargetPlan, 'id' | 'name' | 'members'>;
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
  for (const target of input.targets ?? []) {
    const { planned } = target;
    // Those who left today were members this morning.
    const limit = targetLimitOf(target.members + target.recent, input.limits.unenrollPerTarget);
    if (planned > 0 && target.recent + planned > limit) {
      const { id, name, members, recent } = target;
      holds.push({
        kind: 'unenroll',
        planned,
        recent,
        limit,
        managed: input.managed,
        target: { id, name, members },
      });
    }
  }
  return holds;
}

/** The number of members that may leave one target in 24 hours. */
function targetLimitOf(members: number, configured: Partial<Limit> = {}): number {
  const usual = defaultTargetLimit;
  const { count = usual.count, percent = usual.percent, floor = usual.floor } = configured;
  return Math.max(floor, Math.min(count, Math.floor((percent * members) / 100)));
}

/** Whether a hold keeps a change back. */
export function isHeldBy(
  hold: Hold,
  change: { readonly kind: ChangeKind; readonly target: string | null },
): boolean {
  return hold.kind === change.kind && (hold.target === undefined || hold.target.id === change.target);
}

/** A hold as a sentence with its numbers. */
export function describeHold(hold: Hold): string {
  const recent = hold.recent === 0 ? '' : ` after ${hold.recent} in the last 24 h`;
  if (hold.target !== undefined) {
    const { name, members } = hold.target;
    return `${hold.planned} of ${members} would leave ${name}${recent}, and the limit of one target is ${hold.limit} (limits.unenrollPerTarget); all ${hold.planned} are held.`;
  }
  return `${hold.planned} ${hold.kind}${recent} would pass the limit of ${hold.limit} (${hold.managed} managed accounts); all ${hold.planned} are held.`;
}
