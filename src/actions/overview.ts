import type { Customer, Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { askedToWait } from '../jobs/pace/asked.ts';
import { upcomingRuns } from '../jobs/service/upcoming.ts';
import type { HoldGlance, RejectionGlance, RosterGlance, RunGlance } from '../store/overview.ts';
import type { PlatformRow } from '../store/platforms.ts';

/** Runs of a platform that are shown as a strip. */
const stripRuns = 30;
/** Beyond this many platforms there is no strip: a page of them is a table to find trouble in. */
const mostStrips = 40;

/** How long a run may take before the slot it was for counts as missed. */
const slotGraceMs = 3_600_000;

/** How a platform is, the most pressing first. */
export type Condition =
  | 'failed'
  | 'held'
  | 'withheld'
  | 'expired'
  | 'partial'
  | 'paused'
  | 'waiting'
  | 'late'
  | 'rejected'
  | 'underWay'
  | 'never'
  | 'inStep';

/** The order in which trouble comes first. */
export const byTrouble: readonly Condition[] = [
  'failed',
  'held',
  'expired',
  'withheld',
  'late',
  'partial',
  'waiting',
  'paused',
  'rejected',
  'underWay',
  'never',
  'inStep',
];

/** One platform at a glance. Times in ms. */
export type PlatformGlance = {
  readonly customer: string;
  readonly platform: string;
  readonly provider: string;
  readonly mode: string;
  readonly condition: Condition;
  /** Of `waiting` until when the platform asked to wait, of `paused` until when, of `rejected` the date; else null. */
  readonly untilMs: number | null;
  readonly row: PlatformRow | undefined;
  readonly newest: RunGlance | undefined;
  readonly strip: readonly RunGlance[];
  readonly holds: readonly HoldGlance[];
  readonly rejections: readonly RejectionGlance[];
  readonly review: number;
  readonly launches: { readonly unknown: number; readonly held: number };
  readonly nextMs: number | null;
};

/** One part of a roster at a glance. */
export type PartGlance = {
  /** Empty for the only one. */
  readonly part: string;
  /** Its last reading; undefined when there was none. */
  readonly read: RosterGlance | undefined;
  /** The last run that read the roster had to do without it. */
  readonly away: boolean;
};

/** One customer at a glance. */
export type CustomerGlance = {
  readonly customer: string;
  /** Each part of the roster; the only one of a roster without parts. */
  readonly rosters: readonly PartGlance[];
  readonly platforms: readonly PlatformGlance[];
};

/** How all platforms of some customers are: a handful of queries, however many there are. */
export async function overview(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customers: readonly Customer[],
  nextRunMs: (customer: string, platform: string) => number | null,
): Promise<readonly CustomerGlance[]> {
  const { overview: store, pacers } = deps.store;
  const nowMs = deps.now();
  const names = customers.map(({ name }) => name);
  const keys = customers.flatMap(({ name, platforms }) =>
    [...platforms.keys()].map((platform) => ({ customer: name, platform })),
  );
  const [rows, runs, holds, rejections, rosters, reviews, launches, asked] = await Promise.all([
    store.platforms(names),
    store.runs(keys, keys.length > mostStrips ? 2 : stripRuns),
    store.holds(names),
    store.rejections(names, nowMs),
    store.rosters(names),
    store.reviews(names),
    store.launches(names),
    askedToWait(
      pacers,
      customers.flatMap(({ name, platforms }) =>
        [...platforms.values()].map((platform) => ({
          name: `${name}\n${platform.name}`,
          rateGroup: platform.rateGroup,
        })),
      ),
      nowMs,
    ),
  ]);
  const by = <T extends { readonly customer: string; readonly platform: string }>(all: readonly T[]) =>
    Map.groupBy(all, ({ customer, platform }) => `${customer}\n${platform}`);
  const [rowsOf, runsOf, holdsOf, rejectionsOf, reviewsOf, launchesOf] = [
    by(rows),
    by(runs),
    by(holds),
    by(rejections),
    by(reviews),
    by(launches),
  ];
  const rosterOf = new Map(rosters.map((roster) => [`${roster.customer}\n${roster.part}`, roster]));
  const isAway = ({ name, platforms }: Customer, part: string): boolean =>
    [...platforms.keys()].some((platform) =>
      (runsOf.get(`${name}\n${platform}`) ?? [])
        .find(({ ended_ms }) => ended_ms !== null)
        ?.reasons.some((reason) => reason.code === 'ROSTER_PART_AWAY' && reason.part === part),
    );
  return customers.map((customer) => ({
    customer: customer.name,
    rosters: customer.parts.map(({ name: part }) => ({
      part,
      read: rosterOf.get(`${customer.name}\n${part}`),
      away: isAway(customer, part),
    })),
    platforms: [...customer.platforms.values()].map((platform): PlatformGlance => {
      const key = `${customer.name}\n${platform.name}`;
      const strip = runsOf.get(key) ?? [];
      const facts = {
        row: rowsOf.get(key)?.[0],
        newest: strip.find(({ ended_ms }) => ended_ms !== null) ?? strip[0],
        holds: holdsOf.get(key) ?? [],
        rejections: rejectionsOf.get(key) ?? [],
        askedMs: asked.get(key) ?? 0,
        isUnderWay: strip.some(({ ended_ms }) => ended_ms === null),
      };
      const of = launchesOf.get(key) ?? [];
      const launched = (state: string): number => of.find((one) => one.state === state)?.launches ?? 0;
      return {
        customer: customer.name,
        platform: platform.name,
        provider: platform.config.provider,
        mode: platform.config.mode,
        ...conditionOf(customer, platform, facts, nowMs),
        row: facts.row,
        newest: facts.newest,
        strip: keys.length > mostStrips ? [] : strip,
        holds: facts.holds,
        rejections: facts.rejections,
        review: reviewsOf.get(key)?.[0]?.people ?? 0,
        launches: { unknown: launched('unknown'), held: launched('held') },
        nextMs: nextRunMs(customer.name, platform.name),
      };
    }),
  }));
}

type Facts = Pick<PlatformGlance, 'row' | 'newest' | 'holds' | 'rejections'> & {
  readonly askedMs: number;
  readonly isUnderWay: boolean;
};

/** Nothing good for `staleAfter`, or two slots missed. */
function isLate(customer: Customer, platform: Platform, goodMs: number, nowMs: number): boolean {
  const { staleAfter } = platform.config;
  if (staleAfter !== undefined) return goodMs + staleAfter < nowMs;
  const second = upcomingRuns(customer, platform, null, goodMs, 2)[1];
  return second !== undefined && second + slotGraceMs < nowMs;
}

function conditionOf(
  customer: Customer,
  platform: Platform,
  { row, newest, holds, rejections, askedMs, isUnderWay }: Facts,
  nowMs: number,
): Pick<PlatformGlance, 'condition' | 'untilMs'> {
  if (row?.paused_ms != null) return { condition: 'paused', untilMs: row.paused_until_ms };
  if (newest?.status === 'failed') return { condition: 'failed', untilMs: null };
  const open = holds.find(({ hold_expires_ms }) => hold_expires_ms > nowMs);
  if (open !== undefined) return { condition: 'held', untilMs: open.hold_expires_ms };
  if (holds.length > 0) return { condition: 'expired', untilMs: null };
  if (newest?.reasons.some(({ code }) => code === 'REMOVALS_WITHHELD') === true)
    return { condition: 'withheld', untilMs: null };
  if (newest?.status === 'partial') return { condition: 'partial', untilMs: null };
  if (askedMs > nowMs) return { condition: 'waiting', untilMs: askedMs };
  if (row?.last_good_ms != null && isLate(customer, platform, row.last_good_ms, nowMs))
    return { condition: 'late', untilMs: null };
  const [rejection] = rejections;
  if (rejection !== undefined) return { condition: 'rejected', untilMs: rejection.until_ms };
  if (isUnderWay) return { condition: 'underWay', untilMs: null };
  return { condition: newest === undefined ? 'never' : 'inStep', untilMs: null };
}
