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
import { type AskedRun, runOfJob, type SyncResult } from '../queue/sync-job.ts';
import type { Reason } from '../reasons.ts';

/** How soon a run that waits for another of the same platform looks again. */
const overlapDelayMs = 500;
/** How often a slot looks before it is put back: ten seconds, for its worker serves other platforms too. */
const slotLooks = 20;
/** How seldom one looks that has many before it. */
const longestOverlapDelayMs = 30_000;
/** Requests of a platform that wait, beyond which another one is turned down: one run of the whole platform does them all. */
const mostWaiting = 200;
/** How soon a run of a paused platform looks again. */
const pausedDelayMs = 5_000;
/** How soon a run goes on when the database or the queue was out of reach. */
const troubleDelayMs = 2_000;
/** A request by hand waits this long for the same request to come once more: people press twice, clients send twice. */
const twiceWithinMs = 50;

/** Performs one run: waits its turn, reads, plans, applies, finishes. Goes on where it was when it is started again. */
export async function processSync(deps: JobDeps, job: Job, data: AskedRun): Promise<SyncResult> {
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
async function takeTurn(deps: JobDeps, job: Job, data: AskedRun): Promise<SyncResult> {
  const { store } = deps;
  const customer = deps.begunWith.get(data.run) ?? deps.customers.get(data.customer);
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
  const { run: id } = data;
  let known = await store.runs.find(id);
  if (known !== undefined && known.ended_ms !== null) return { run: id, status: known.status };
  const scheduled = isScheduled(data);
  const isNew = known === undefined || isWaitingRequest(known);
  if (state?.paused_ms != null && known?.status !== 'cancelled') {
    // Requests are turned down; what has begun, and what the schedule wants, goes on when the pause ends.
    if (scheduled && isNew) {
      known ??= await beginRun(deps, data);
      if (await giveWay(deps, job, known)) return { replaced: true };
    }
    if (scheduled || !isNew) throw new Postponement(pausedDelayMs);
    await store.runs.discard(id);
    return {
      refused: {
        code: 'PLATFORM_PAUSED',
        message: `${platform.name} is paused${state.pause_reason === null ? '' : `: ${state.pause_reason}`}`,
      },
    };
  }

  const notes: Reason[] =
    data.reason === null ? [] : [{ code: 'REASON', message: data.reason.slice(0, 500) }];
  if (!scheduled && known === undefined) {
    const waiting = await store.runs.waiting(customer.name, platform.name);
    if (waiting.length >= mostWaiting)
      return {
        refused: {
          code: 'TOO_MANY_REQUESTS',
          message: `${mostWaiting} requests of ${platform.name} wait already; ask for one run of the whole platform`,
        },
      };
    known = await beginRun(deps, data, Math.min(job.timestamp, deps.now()));
    if (notes.length > 0) await store.runs.wait(id, notes);
  }
  if (data.trigger === 'resync' && isNew && known !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, twiceWithinMs));
    if (await giveWay(deps, job, known)) return { replaced: true };
  }
  if (scheduled && (known === undefined || known.status === 'waiting')) {
    const replaced = await awaitRoster(deps, customer, job, data, notes, known);
    if (replaced) return { replaced: true };
    known ??= await beginRun(deps, data);
  }

  const before = isNew ? await aheadOf(deps, data) : { slots: 0, others: 0 };
  // The schedule comes first; whoever is further back looks less often.
  const overlap = new Postponement(
    Math.min(overlapDelayMs * (1 + before.slots + before.others), longestOverlapDelayMs),
  );
  let hold = before.slots > 0 ? null : await holdPlatform(deps, customer, platform, id);
  // A slot waits here for a while: put back, it would stand behind whatever was asked for by hand meanwhile.
  for (let look = 0; scheduled && hold === null && look < slotLooks && !deps.draining.aborted; look++) {
    await new Promise((resolve) => setTimeout(resolve, overlapDelayMs));
    if (isNew && known !== undefined && (await giveWay(deps, job, known))) return { replaced: true };
    hold = await holdPlatform(deps, customer, platform, id);
  }
  if (hold === null) {
    if (isNew && known !== undefined && (await giveWay(deps, job, known))) return { replaced: true };
    throw overlap;
  }
  try {
    // Whoever had the platform until now may have done the work of this one too.
    const settled = await store.runs.find(id);
    if (settled !== undefined && settled.ended_ms !== null) return { run: id, status: settled.status };
    const signal = AbortSignal.any([deps.draining, hold.lost]);
    await settleEarlier(deps, customer, platform, data, hold, signal);
    deps.begunWith.set(id, customer);
    const run = await performRun(deps, customer, platform, data, hold, signal, notes);
    deps.begunWith.delete(id);
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
 * on after a newer run, it would write what has been outdated since. One that was still reading is replaced by this one, and
 * so is a slot that never began: this run does its work, and its job may be lost or put off under another clock. A slot
 * that waits for the roster goes on: it has a deadline, and on-call hears of it.
 */
async function settleEarlier(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  data: AskedRun,
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
      const then = deps.begunWith.get(run.id) ?? customer;
      await performRun(deps, then, then.platforms.get(platform.name) ?? platform, again, hold, signal);
    } else if (
      (run.status === 'reading' || (isScheduled(run) && isWaitingRequest(run))) &&
      run.person === null &&
      run.approval === null &&
      run.undoes === null &&
      data.person === null &&
      data.undoes === null
    ) {
      const what = run.status === 'reading' ? 'it never came to a plan' : 'it never began';
      const reasons = [{ code: 'RUN_REPLACED', message: `${what}; ${data.run} took its place.` }];
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
  data: AskedRun,
  notes: Reason[],
  known: Run | undefined,
): Promise<boolean> {
  const arrival = await rosterArrival({
    customer,
    trigger: data.trigger,
    fromMs: data.slotMs ?? job.timestamp,
    nowMs: deps.now(),
    signal: deps.draining,
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
async function isAwaited(deps: JobDeps, data: AskedRun): Promise<boolean> {
  const open = await deps.store.runs.open(data.customer);
  return open.some(
    (run) =>
      run.platform === data.platform &&
      run.id !== data.run &&
      run.status === 'waiting' &&
      run.notes.some(({ code }) => code === 'ROSTER_AWAITED') &&
      run.slot_ms !== null &&
      run.slot_ms < (data.slotMs ?? Number.POSITIVE_INFINITY),
  );
}

function isScheduled({ trigger }: Pick<AskedRun, 'trigger'>): boolean {
  return trigger === 'schedule' || trigger === 'catch-up';
}

/** Whether a run was asked for and nothing has begun of it. What was approved is never turned down or replaced. */
function isWaitingRequest(run: Run): boolean {
  return (
    run.status === 'waiting' &&
    run.started_ms === null &&
    run.approval === null &&
    !run.notes.some(({ code }) => code === 'ROSTER_AWAITED')
  );
}

/**
 * A slot of the schedule goes first for so long after it came while nobody has the platform: whoever was to perform it may be
 * gone, its job lost or put off under another clock, and a command would wait for it for ever.
 */
const slotsFirstMs = 60_000;

/**
 * The requests of a platform that wait, before this one: slots of the schedule, which come before whatever was asked for by
 * hand, and older requests.
 */
async function aheadOf(
  deps: JobDeps,
  asked: AskedRun,
): Promise<{ readonly slots: number; readonly others: number }> {
  const waiting = await deps.store.runs.waiting(asked.customer, asked.platform);
  const isSlot = isScheduled(asked);
  const { store } = deps;
  const isFree = (await store.leases.holder(asked.customer, asked.platform)) === null;
  const oldestMs = deps.now() - slotsFirstMs;
  // A slot of a time that has not come was stored under another clock.
  const latestMs = store.times.latestMs('created');
  const slots = isSlot
    ? 0
    : waiting.filter(
        (run) => isScheduled(run) && run.created_ms <= latestMs && (!isFree || run.created_ms >= oldestMs),
      ).length;
  // They come in the order in which they were asked for.
  const at = waiting.filter((run) => isScheduled(run) === isSlot).findIndex((run) => run.id === asked.run);
  return { slots, others: Math.max(0, at) };
}

/**
 * Drops a request when a younger one asks for the same: that has read nothing which is older than this one's. One that is
 * put off until later is not there yet, and takes nobody's place.
 */
async function giveWay({ store, queues }: JobDeps, job: Job, own: Run): Promise<boolean> {
  const waiting = await store.runs.waiting(own.customer, own.platform);
  // One of a time that has not come was asked for under another clock, and is none that came later.
  const latestMs = store.times.latestMs('created');
  const stored = waiting.some(
    (run) =>
      run.id !== own.id &&
      run.person === own.person &&
      run.undoes === own.undoes &&
      run.created_ms <= latestMs &&
      isYounger([run.created_ms, run.id], [own.created_ms, own.id]),
  );
  const younger = stored || (job.name === 'resync' && (await isAskedAgain(queues, job)));
  if (younger) await store.runs.discard(own.id);
  return younger;
}

/** Of two requests of one moment either may count, as long as everybody says the same one. */
function isYounger([atMs, run]: readonly [number, string], [ownMs, own]: readonly [number, string]): boolean {
  return atMs > ownMs || (atMs === ownMs && run > own);
}

/** Whether the same request came once more in the same moment, or has not been looked at yet: of such the last one counts. */
async function isAskedAgain(queues: JobDeps['queues'], job: Job): Promise<boolean> {
  const others = await listed(queues);
  const own = JSON.stringify(resyncKey(job.data));
  return others.some(
    (other) =>
      other?.name === 'resync' &&
      other.id !== job.id &&
      other.timestamp <= Date.now() + clockToleranceMs &&
      isYounger([other.timestamp, runOfJob(other) ?? ''], [job.timestamp, runOfJob(job) ?? '']) &&
      JSON.stringify(resyncKey(other.data)) === own,
  );
}

/** The listing that runs, and the one that begins when it ends. */
type Listings = { running: Promise<readonly Job[]>; next: Promise<readonly Job[]> | undefined };
const listings = new WeakMap<object, Listings>();

/**
 * The jobs first in line, as they were no earlier than now. Whoever asks while a listing runs gets the next one, together:
 * of thousands of requests each would list hundreds of jobs.
 */
function listed(queues: JobDeps['queues']): Promise<readonly Job[]> {
  const list = async (): Promise<readonly Job[]> =>
    queues.sync.getJobs(['waiting', 'prioritized', 'active'], 0, mostWaiting);
  const known = listings.get(queues);
  if (known === undefined) {
    const own: Listings = { running: list(), next: undefined };
    const forget = (): void => {
      if (own.next === undefined) listings.delete(queues);
    };
    listings.set(queues, own);
    own.running.then(forget, forget);
    return own.running;
  }
  if (known.next !== undefined) return known.next;
  const begin = (): Promise<readonly Job[]> => {
    listings.delete(queues);
    return listed(queues);
  };
  known.next = known.running.then(begin, begin);
  return known.next;
}

/** What makes two requests of the queue the same. */
function resyncKey(data: unknown): readonly unknown[] {
  const { platform, person, customer } = (data ?? {}) as Readonly<Record<string, unknown>>;
  return [platform, person ?? null, customer ?? null];
}
