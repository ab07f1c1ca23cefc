import { formatError } from '../errors.ts';
import { findRoster, isRemote } from '../roster/index.ts';
import type { PlatformRow } from '../store/platforms.ts';
import type { Run } from '../store/run-lookups.ts';
import type { RunReason, RunStatus } from '../store/schema.ts';
import type { Customer, Part, Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { askedToWait } from '../jobs/pace/asked.ts';
import { upcomingRuns } from '../jobs/service/upcoming.ts';

/** How a platform is. Times are ISO 8601. */
export type PlatformStatus = {
  readonly platform: string;
  readonly provider: string;
  readonly mode: string;
  readonly lastGood: { readonly run: string; readonly at: string } | null;
  /** The last run that ended, whatever its end. */
  readonly lastRun: {
    readonly id: string;
    readonly status: RunStatus;
    readonly ended: string;
    readonly reasons: readonly RunReason[];
    readonly notes: readonly RunReason[];
  } | null;
  /** Runs whose held changes wait for a decision. */
  readonly held: readonly {
    readonly id: string;
    readonly held: Run['held'];
    readonly expires: string | null;
  }[];
  /** What was rejected and still stands, by the run whose hold it was; times in ISO 8601. */
  readonly rejections: readonly {
    readonly run: string;
    readonly changes: number;
    readonly until: string | null;
    readonly by: string;
  }[];
  /** Removals were withheld by the last whole run. */
  readonly withheld: boolean;
  readonly underWay: readonly { readonly id: string; readonly status: RunStatus }[];
  readonly paused: {
    readonly since: string;
    readonly until: string | null;
    readonly reason: string | null;
    readonly by: string | null;
  } | null;
  /** The platform answered 429: nothing is sent to it before that. */
  readonly askedToWaitUntil: string | null;
  readonly schedule: string | null;
  readonly next: string | null;
};

/** How a delivery of the roster is: the file now, and what was last read of it; or why there is none. */
export type DeliveryStatus =
  | { readonly problem: string }
  | {
      readonly modified: string;
      readonly ageMs: number;
      readonly lastRead: {
        readonly at: string;
        readonly rows: number;
        readonly usable: number;
        readonly rejected: number;
        readonly complete: boolean;
        readonly reasons: readonly string[];
      } | null;
    };

/** How the roster is; where it has parts, how each of them is. */
export type RosterStatus =
  | DeliveryStatus
  | { readonly parts: readonly ({ readonly part: string } & DeliveryStatus)[] };

/** Runs of a platform that are looked through for the last one that ended. */
const lookedThrough = 20;

/** How one platform is, from the store and the schedule. */
export async function platformStatus(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
): Promise<PlatformStatus> {
  const { store } = deps;
  const row = await store.platforms.find(customer.name, platform.name);
  const runs = await store.runs.list({
    customer: customer.name,
    platform: platform.name,
    limit: lookedThrough,
  });
  const ended = runs.find((run) => run.ended_ms !== null);
  const whole = runs.find((run) => run.ended_ms !== null && run.planned_ms !== null && run.person === null);
  const held = await store.runs.held(customer.name, platform.name);
  const rejections = await store.overview.rejections([customer.name], deps.now());
  const paused = row?.paused_ms == null ? null : row;
  const asked = await askedToWait(store.pacers, [platform], deps.now());
  const [next] = upcomingRuns(customer, platform, paused, deps.now(), 1);
  return {
    platform: platform.name,
    provider: platform.config.provider,
    mode: platform.config.mode,
    lastGood: lastGoodOf(row),
    lastRun:
      ended === undefined
        ? null
        : {
            id: ended.id,
            status: ended.status,
            ended: iso(ended.ended_ms ?? 0),
            reasons: ended.reasons,
            notes: ended.notes,
          },
    held: held.map((run) => ({
      id: run.id,
      held: run.held,
      expires: run.hold_expires_ms === null ? null : iso(run.hold_expires_ms),
    })),
    rejections: rejections
      .filter((one) => one.platform === platform.name)
      .map(({ run_id, changes, until_ms, actor }) => ({
        run: run_id,
        changes: Number(changes),
        until: until_ms === null ? null : iso(until_ms),
        by: actor,
      })),
    withheld: whole?.reasons.some(({ code }) => code === 'REMOVALS_WITHHELD') ?? false,
    underWay: runs.filter((run) => run.ended_ms === null).map(({ id, status }) => ({ id, status })),
    paused: pauseOf(row),
    askedToWaitUntil: asked.has(platform.name) ? iso(asked.get(platform.name) ?? 0) : null,
    schedule: platform.config.schedule ?? null,
    next: next === undefined ? null : iso(next),
  };
}

/** The last good run of a platform, as every face tells it. */
export function lastGoodOf(row: PlatformRow | undefined): PlatformStatus['lastGood'] {
  return row?.last_good_run == null || row.last_good_ms === null
    ? null
    : { run: row.last_good_run, at: iso(row.last_good_ms) };
}

/** A platform's pause, as every face tells it. */
export function pauseOf(row: PlatformRow | undefined): PlatformStatus['paused'] {
  if (row === undefined || row.paused_ms === null) return null;
  return {
    since: iso(row.paused_ms),
    until: row.paused_until_ms === null ? null : iso(row.paused_until_ms),
    reason: row.pause_reason,
    by: row.paused_by,
  };
}

/** How the customer's roster is. */
export async function rosterStatus(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
): Promise<RosterStatus> {
  const [only] = customer.parts;
  if (only?.name === '') return await deliveryStatus(deps, customer, only);
  const parts = customer.parts.map(async (part) => ({
    part: part.name,
    ...(await deliveryStatus(deps, customer, part)),
  }));
  return { parts: await Promise.all(parts) };
}

async function deliveryStatus(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  part: Part,
): Promise<DeliveryStatus> {
  try {
    const { source, pick } = part.config;
    const read = await deps.store.roster.lastExport(customer.name, part.name);
    // Whoever asks how things are asks nobody else: of a roster from elsewhere, what was fetched last is told.
    if (isRemote(source) && read === undefined)
      return { problem: 'It has not been fetched yet: rollcall check fetches it.' };
    const modifiedAtMs = isRemote(source)
      ? (read?.modified_ms ?? 0)
      : (await findRoster({ source, pick })).modifiedAtMs;
    return {
      modified: iso(modifiedAtMs),
      ageMs: Math.max(0, Math.round(deps.now() - modifiedAtMs)),
      lastRead:
        read === undefined
          ? null
          : {
              at: iso(read.last_read_ms),
              rows: read.rows,
              usable: read.usable,
              rejected: read.rejected,
              complete: read.complete,
              reasons: read.reasons.map(({ code }) => code),
            },
    };
  } catch (error) {
    return { problem: formatError(error) };
  }
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
