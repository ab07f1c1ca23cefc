import { RollcallError } from '../errors.ts';
import type { Run } from '../store/run-lookups.ts';
import { type Customer, type Platform, platformOf } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { isGone } from '../jobs/lease/instance.ts';
import { cancelledReason } from '../jobs/reasons.ts';

/** Who pauses what, until when (null: until somebody resumes it), and why. */
export type PauseRequest = {
  readonly customer: Customer;
  /** One platform, or all of the customer's. */
  readonly platform: string | undefined;
  readonly untilMs: number | null;
  readonly reason: string | null;
  readonly actor: string;
};

function chosen(customer: Customer, platform: string | undefined): readonly Platform[] {
  return platform === undefined ? [...customer.platforms.values()] : [platformOf(customer, platform)];
}

/**
 * Pauses platforms: no run begins there, and one that is under way sends nothing more until it is resumed. Returns the
 * platforms' names. Throws PLATFORM_UNKNOWN.
 */
export async function pausePlatforms(
  deps: Pick<JobDeps, 'store' | 'now' | 'log'>,
  request: PauseRequest,
): Promise<readonly string[]> {
  const platforms = chosen(request.customer, request.platform);
  for (const platform of platforms) {
    await deps.store.platforms.pause(
      request.customer.name,
      platform.name,
      { untilMs: request.untilMs, reason: request.reason, by: request.actor },
      deps.now(),
    );
    deps.log.info(
      { customer: request.customer.name, platform: platform.name, untilMs: request.untilMs },
      'platform paused',
    );
  }
  return platforms.map(({ name }) => name);
}

/** Resumes platforms; returns the names of those that were paused. Throws PLATFORM_UNKNOWN. */
export async function resumePlatforms(
  deps: Pick<JobDeps, 'store' | 'log'>,
  request: Pick<PauseRequest, 'customer' | 'platform'>,
): Promise<readonly string[]> {
  const resumed: string[] = [];
  for (const platform of chosen(request.customer, request.platform)) {
    if (!(await deps.store.platforms.resume(request.customer.name, platform.name))) continue;
    resumed.push(platform.name);
    deps.log.info({ customer: request.customer.name, platform: platform.name }, 'platform resumed');
  }
  return resumed;
}

/** A pause as every face says it: who, since when, why, until when. */
export function describePause(pause: {
  readonly paused_ms: number | null;
  readonly paused_until_ms: number | null;
  readonly pause_reason: string | null;
  readonly paused_by: string | null;
}): string {
  const since = pause.paused_ms === null ? '' : ` since ${new Date(pause.paused_ms).toISOString()}`;
  const until =
    pause.paused_until_ms === null
      ? ' until it is resumed'
      : ` until ${new Date(pause.paused_until_ms).toISOString()}`;
  const by = pause.paused_by === null ? '' : ` by ${pause.paused_by}`;
  return `paused${by}${since}${until}${pause.pause_reason === null ? '' : `: ${pause.pause_reason}`}`;
}

/** How often a cancelled run is asked whether it has wound up. */
const cancelPollMs = 100;

/**
 * Cancels a run that has not ended: what no request was sent for is skipped, requests in flight end. Whoever performs the
 * run winds it up; if nobody does and nothing is in flight, it is ended here. Waits at most `waitMs` for that.
 *
 * Throws RUN_UNKNOWN, or RUN_ENDED when there is nothing left to cancel.
 */
export async function cancelRun(
  deps: Pick<JobDeps, 'store' | 'now' | 'log'>,
  request: {
    readonly customer: Customer;
    readonly run: string;
    readonly actor: string;
    readonly waitMs: number;
  },
): Promise<Run> {
  const { store } = deps;
  const find = async (): Promise<Run> => {
    const run = await store.runs.find(request.run);
    if (run === undefined || run.customer !== request.customer.name)
      throw new RollcallError('RUN_UNKNOWN', `there is no run ${request.run}.`, {
        hint: 'rollcall runs lists them.',
      });
    return run;
  };
  const before = await find();
  if (before.ended_ms !== null || !(await store.runs.cancel(before.id, request.actor))) {
    throw new RollcallError('RUN_ENDED', `the run ${before.id} has ended (${before.status}).`, {
      hint:
        before.status === 'held'
          ? `rollcall reject ${before.id} turns down what it holds.`
          : `rollcall undo ${before.id} shows the way back.`,
    });
  }
  deps.log.info({ customer: before.customer, platform: before.platform, run: before.id }, 'run cancelled');
  const deadlineMs = Date.now() + request.waitMs;
  for (;;) {
    const run = await find();
    if (run.ended_ms !== null) return run;
    const holder = await store.leases.holder(run.customer, run.platform);
    if (holder === null || isGone(holder)) {
      await store.batches.closePending(run.id, 'CANCELLED', 'the run was cancelled', deps.now());
      // With a request in flight somebody has to read its outcome first: the next start of the run does.
      if ((await store.batches.open(run.id, 1)).batches.length === 0) {
        const { applied, failed } = await store.runs.outcomes(run.id);
        await store.runs.end(
          run.id,
          { status: 'cancelled', reasons: [cancelledReason(run), ...run.reasons], applied, failed },
          deps.now(),
        );
        continue;
      }
    }
    if (Date.now() >= deadlineMs) return run;
    await new Promise((resolve) => setTimeout(resolve, cancelPollMs));
  }
}
