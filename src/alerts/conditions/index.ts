import type { AlertKind } from '../kinds.ts';
import type { Condition, Scope } from '../state.ts';
import { platformConditions } from './platform.ts';
import { rosterConditions } from './roster.ts';
import type { CustomerFacts } from './facts.ts';

/** Kinds that end only with a run that came through: another kind of failure does not say that they are over. */
const failureKinds = ['RUN_FAILED', 'SIGN_IN_REFUSED'] as const satisfies readonly AlertKind[];
const platformKinds = [
  'RUN_HELD',
  'REMOVALS_WITHHELD',
  'PLATFORM_STALE',
  'ITEMS_FAILING',
  'PEOPLE_IN_REVIEW',
  'REJECTION_STANDS',
  'CHANGES_UNDONE',
  'PAUSE_OUTLIVED',
  'LAUNCH_UNKNOWN',
] as const satisfies readonly AlertKind[];
const rosterKinds = [
  'ROSTER_LATE',
  'ROSTER_UNCHANGED',
  'ROSTER_PART_AWAY',
  'ROSTER_KEY_ENDS',
  'REMOVALS_WITHHELD',
  'PEOPLE_REJECTED',
] as const satisfies readonly AlertKind[];

/** What on-call has to know of a customer at this moment. Pure. No names, no emails: employee ids at most. */
export function conditionsOf(facts: CustomerFacts): readonly Condition[] {
  return [
    ...facts.platforms.flatMap((platform) => platformConditions(facts, platform)),
    ...rosterConditions(facts),
  ];
}

/**
 * What an evaluation of these facts may end. A failed run says nothing of what a run that comes through would find; so
 * the failures of a platform stay open until one does.
 */
export function scopeOf(facts: CustomerFacts, openPlatforms: readonly (string | null)[]): readonly Scope[] {
  const { customer } = facts;
  const known = facts.platforms.map(({ name }) => name);
  const gone = openPlatforms.filter((name) => name !== null && !known.includes(name));
  const through = facts.platforms.filter(({ last }) => last !== undefined && last.status !== 'failed');
  return [
    { customer, platforms: known, kinds: platformKinds },
    { customer, platforms: through.map(({ name }) => name), kinds: failureKinds },
    { customer, platforms: [null], kinds: rosterKinds },
    { customer, platforms: through.length > 0 ? [null] : [], kinds: ['ROSTER_UNREADABLE'] },
    // A platform that is no longer configured has no state any more.
    { customer, platforms: gone, kinds: 'all' },
  ];
}
