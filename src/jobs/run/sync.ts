import type { Job } from 'bullmq';
import { LeaseLost } from '../../store/leases.ts';
import type { Run } from '../../store/run-lookups.ts';
import { clockToleranceMs } from '../../store/times.ts';
import { isOutOfReach } from '../../store/trouble.ts';
import { rosterArrival } from './arrivals.ts';
import type { Customer, Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { type Hold, holdPlatform } from '../lease/hold.ts';
import { beginRun, performRun } from './perform.ts';
import { Postponement, putBack, Refused } from '../queue/postpone.ts';
import { asSyncJob } from '../queue/resync.ts';
import { runIdOf, type SyncJobData, type SyncResult } from '../queue/sync-job.ts';
import type { Reason } from '../reasons.ts';

/** How soon a run that waits for another of the same platform looks again. */
const overlapDelayMs = 500;
/** How soon a run of a paused platform looks again. */
const pausedDelayMs = 5_000;
/** How soon a run goes on when the database or the queue was out of reach. */
const troubleDelayMs = 2_000;
/** A request by hand waits this long for the same request to come once more: people press twice, clients send twice. */
const twiceWithinMs = 50;

/** Performs one run: waits its turn, reads, plans, applies, finishes. Goes on where it was when it is started again. */
export async function processSync(deps: JobDeps, job: Job, data: SyncJobData): Promise<SyncResult> {
  try {
    return await takeTurn(deps, job, data);
  } catch (error) {
    if (error instanceof Refused) return { refused: error.refused };
    if (error instanceof Postponement) return await putBack(job, error.afterMs, deps.draining);
    if (isOutOfReach(error)) return await putBack(job, troubleDelayMs, deps.draining);
    throw error;
  }
}

/** Waits for whatever has to come first, then performs the run. Throws Postponement where its job has to come again. */
async function takeTurn(deps: JobDeps, job: Job, data: SyncJobData): Promise<SyncResult> {
  const { store } = deps;
  const customer = deps.customers.get(data.customer);
  const platform = customer?.platforms.get(data.platform);
  if (customer === undefined || platform === undefined) {
    return {
      refused: {
        code: 'PLATFORM_UNKNOWN',
        message: `no platform "${data.platform}" is configured for ${data.customer}`,
      },
    };
  }
  const state = await store.platforms.find(customer.name, platform.name);
  const id = data.run ?? runIdOf(job, platform.name);
  const known = await store.runs.find(id);
  if (known !== undefined && known.ended_ms !== null) return { run: id, status: known.status };
  const scheduled = data.trigger === 'schedule' || data.trigger === 'catch-up';
  if (state?.paused_ms != null && known?.status !== 'cancelled') {
    // Requests are turned down; what has begun, and what the schedule wants, goes on when the pause ends.
    if (scheduled && known === undefined && (await isReplaced(deps, job, data))) return { replaced: true };
    if (scheduled || known !== undefined) throw new Postponement(pausedDelayMs);
    return {
      refused: {
        code: 'PLATFORM_PAUSED',
        message: `${platform.name} is paused${state.pause_reason === null ? '' : `: ${state.pause_reason}`}`,
      },
    };
  }

  const notes: Reason[] =
    data.reason === null ? [] : [{ code: 'REASON', message: data.reason.slice(0, 500) }];
  if (data.trigger === 'resync' && known === undefined) {
    await new Promise((resolve) => setTimeout(resolve, twiceWithinMs));
    if (await isReplaced(deps, job, data)) return { replaced: true };
  }
  if (scheduled && (known === undefined || known.status === 'waiting')) {
    const replaced = await awaitRoster(deps, customer, job, { ...data, run: id }, notes, known);
    if (replaced) return { replaced: true };
  }

  const hold = await holdPlatform(deps, customer, platform, id);
  if (hold === null) {
    if (known === undefined && (await isReplaced(deps, job, data))) return { replaced: true };
    throw new Postponement(overlapDelayMs);
  }
  try {
    const signal = AbortSignal.any([deps.draining, hold.lost]);
    await settleEarlier(deps, customer, platform, { ...data, run: id }, hold, signal);
    const run = await performRun(deps, customer, platform, { ...data, run: id }, hold, signal, notes);
    return { run: id, status: run };
  } catch (error) {
    // While draining: the run goes on after the next start; its job waits in the queue.
    const isOver = deps.draining.aborted || hold.lost.aborted || error instanceof LeaseLost;
    throw isOver ? new Postponement(overlapDelayMs) : error;
  } finally {
    await hold.release();
  }
}

/**
 * Runs of this platform that a process left when it died. One that has a plan is brought to its end first: were it to go
 * on after a newer run, it would write what has been outdated since. One that was still reading is replaced by this one.
 */
async function settleEarlier(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  data: SyncJobData & { run: string },
  hold: Hold,
  signal: AbortSignal,
): Promise<void> {
  const { store, log } = deps;
  const open = await store.runs.open(customer.name);
  const ours = open.find((run) => run.id === data.run);
  for (const run of open) {
    if (run.platform !== platform.name || run.id === data.run) continue;
    // One that was asked for under another clock is none that came later.
    const isLater = (than: Run): boolean =>
      run.created_ms > than.created_ms && run.created_ms <= store.times.latestMs('created');
    if (ours !== undefined && (ours.planned_ms !== null || isLater(ours))) continue;
    if (run.planned_ms !== null) {
      log.info(
        { customer: customer.name, platform: platform.name, run: run.id },
        'an earlier run goes on first',
      );
      const { trigger, actor, slot_ms: slotMs, approval, person, undoes } = run;
      const again = { ...data, trigger, actor, slotMs, approval, person, undoes, run: run.id };
      await performRun(deps, customer, platform, again, hold, signal);
    } else if (
      run.status === 'reading' &&
      run.person === null &&
      run.approval === null &&
      run.undoes === null &&
      data.person === null &&
      data.undoes === null
    ) {
      const reasons = [
        { code: 'RUN_REPLACED', message: `it never came to a plan; ${data.run} took its place.` },
      ];
      await store.runs.end(run.id, { status: 'cancelled', reasons }, deps.now());
      deps.events.emit('runEnded', run.id);
    }
  }
}

/**
 * Waits for a fresh roster, where the customer expects one: throws Postponement while there is none. True when the run of
 * an earlier slot waits for it already.
 */
async function awaitRoster(
  deps: JobDeps,
  customer: Customer,
  job: Job,
  data: SyncJobData & { run: string },
  notes: Reason[],
  known: Run | undefined,
): Promise<boolean> {
  const arrival = await rosterArrival({
    customer,
    trigger: data.trigger,
    fromMs: data.slotMs ?? job.timestamp,
    nowMs: deps.now(),
  });
  notes.push(...arrival.notes);
  if (arrival.go) return false;
  if (await isAwaited(deps, data)) {
    if (known !== undefined) await deps.store.runs.discard(data.run);
    return true;
  }
  if (arrival.notes.length > 0) {
    await beginRun(deps, data);
    await deps.store.runs.wait(data.run, notes);
  }
  throw new Postponement(arrival.afterMs);
}

/**
 * True when the run of an earlier slot waits for the roster: the first keeps its deadline and does the work of all. Were it
 * replaced by the next, a schedule that is denser than `roster.waitFor` would wait for ever and alarm nobody.
 */
async function isAwaited(deps: JobDeps, data: SyncJobData & { run: string }): Promise<boolean> {
  const open = await deps.store.runs.open(data.customer);
  return open.some(
    (run) =>
      run.platform === data.platform &&
      run.id !== data.run &&
      run.status === 'waiting' &&
      run.slot_ms !== null &&
      run.slot_ms < (data.slotMs ?? Number.POSITIVE_INFINITY),
  );
}

/** True when a younger job asks for the same: it has read nothing that is older than this one's request. */
async function isReplaced(deps: JobDeps, job: Job, data: SyncJobData): Promise<boolean> {
  const others = await deps.queues.sync.getJobs(['waiting', 'delayed', 'prioritized', 'active'], 0, 500);
  return others.some((other) => {
    if (other?.id === undefined || other.id === job.id) return false;
    const asked = asSyncJob(deps, other);
    if ('refused' in asked || asked.run !== undefined) return false;
    const same =
      asked.customer === data.customer &&
      asked.platform === data.platform &&
      asked.person === data.person &&
      asked.approval === data.approval &&
      asked.undoes === data.undoes;
    // One of a time that has not come was asked for under another clock, and is none that came later.
    const isCredible = other.timestamp <= Date.now() + clockToleranceMs;
    const younger =
      isCredible &&
      (other.timestamp > job.timestamp ||
        (other.timestamp === job.timestamp && String(other.id) > String(job.id)));
    return same && younger;
  });
}
