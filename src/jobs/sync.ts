import { createHash, randomUUID } from 'node:crypto';
import { DelayedError, type Job } from 'bullmq';
import { z } from 'zod';
import { RollcallError } from '../errors.ts';
import type { Run } from '../store/runs.ts';
import type { RunReason, RunStatus } from '../store/schema.ts';
import { isOutOfReach } from '../store/trouble.ts';
import { applyRun } from './apply.ts';
import { changingDeadlineMs, rosterArrival, sameRoster, settleEveryMs } from './arrivals.ts';
import { type Customer, countingContext, type Platform } from './customer.ts';
import { decide, hashRow } from './decide.ts';
import type { JobDeps } from './deps.ts';
import { failureOf } from './failure.ts';
import { finishRun } from './finish.ts';
import { runLaunches } from './launch.ts';
import { readOnePerson } from './one-person.ts';
import { Postponement, type Refusal, Refused } from './postpone.ts';
import { readSides, type Sides } from './read-sides.ts';
import { planRecord } from './record.ts';
import { asSyncJob } from './resync.ts';
import { planUndoRun } from './undo.ts';

/** How long a platform stays ours without a sign of life from the process that runs it. */
export const leaseMs = 15_000;
const leaseRenewMs = 5_000;
/** How soon a run that waits for another of the same platform looks again. */
const overlapDelayMs = 500;
/** How soon a run of a paused platform looks again. */
const pausedDelayMs = 5_000;
/** How soon a run goes on when the database or the queue was out of reach. */
const troubleDelayMs = 2_000;
/** A request by hand waits this long for the same request to come once more: people press twice, clients send twice. */
const twiceWithinMs = 50;

const trigger = z.enum(['schedule', 'command', 'resync', 'approval', 'undo', 'catch-up']);

/** A run asked for by Rollcall itself: references only. */
export const syncJobData = z.object({
  customer: z.string(),
  platform: z.string(),
  run: z.string().optional(),
  trigger,
  actor: z.string().nullable().default(null),
  slotMs: z.number().nullable().default(null),
  approval: z.string().nullable().default(null),
  person: z.string().nullable().default(null),
  undoes: z.string().nullable().default(null),
  reason: z.string().nullable().default(null),
});
export type SyncJobInput = z.input<typeof syncJobData>;
export type SyncJobData = z.infer<typeof syncJobData>;

/** What a sync job leaves as its result. */
export type SyncResult =
  | { readonly run: string; readonly status: RunStatus }
  | { readonly refused: Refusal }
  | { readonly replaced: true };

/** The id of the run that a job performs: the same however often the job starts again. */
export function runIdOf(
  job: Pick<Job, 'id' | 'timestamp'> & { readonly data?: unknown },
  platform: string,
): string {
  const slotMs = (job.data as Partial<SyncJobData> | undefined)?.slotMs;
  // A slot has one run, even if its job was lost and enqueued again.
  const atMs = typeof slotMs === 'number' ? slotMs : job.timestamp;
  const at = new Date(atMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const suffix = createHash('sha256').update(`${job.id}@${atMs}`).digest('hex').slice(0, 5);
  return `${platform}-${at}-${suffix}`;
}

/** Performs one run: waits its turn, reads, plans, applies, finishes. Goes on where it was when it is started again. */
export async function processSync(deps: JobDeps, job: Job, data: SyncJobData): Promise<SyncResult> {
  try {
    return await takeTurn(deps, job, data);
  } catch (error) {
    if (error instanceof Refused) return { refused: error.refused };
    if (error instanceof Postponement) return await delay(job, error.afterMs);
    if (isOutOfReach(error)) return await delay(job, troubleDelayMs);
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

  const notes: RunReason[] =
    data.reason === null ? [] : [{ code: 'REASON', message: data.reason.slice(0, 500) }];
  if (data.trigger === 'resync' && known === undefined) {
    await new Promise((resolve) => setTimeout(resolve, twiceWithinMs));
    if (await isReplaced(deps, job, data)) return { replaced: true };
  }
  if (scheduled && (known === undefined || known.status === 'waiting')) {
    const replaced = await awaitRoster(deps, customer, job, { ...data, run: id }, notes, known);
    if (replaced) return { replaced: true };
  }

  // Each execution has a name of its own: a job that the queue hands out twice must not share the platform with itself.
  const owner = `${deps.instance}/${id}/${randomUUID().slice(0, 8)}`;
  if (!(await store.platforms.lease(customer.name, platform.name, owner, deps.now(), leaseMs))) {
    if (known === undefined && (await isReplaced(deps, job, data))) return { replaced: true };
    throw new Postponement(overlapDelayMs);
  }
  const lost = new AbortController();
  const renewal = setInterval(() => {
    store.platforms
      .lease(customer.name, platform.name, owner, deps.now(), leaseMs)
      .then((mine) => {
        if (!mine) lost.abort(new RollcallError('RUN_OVERLAP', 'another process took the platform over'));
      })
      .catch(() => undefined);
  }, leaseRenewMs);
  try {
    const signal = AbortSignal.any([deps.draining, lost.signal]);
    await settleEarlier(deps, customer, platform, { ...data, run: id }, signal);
    const run = await performRun(deps, customer, platform, { ...data, run: id }, signal, notes);
    return { run: id, status: run };
  } catch (error) {
    // While draining: the run goes on after the next start; its job waits in the queue.
    throw deps.draining.aborted || lost.signal.aborted ? new Postponement(overlapDelayMs) : error;
  } finally {
    clearInterval(renewal);
    await store.platforms.release(customer.name, platform.name, owner).catch(() => undefined);
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
  signal: AbortSignal,
): Promise<void> {
  const { store, log } = deps;
  const open = await store.runs.open(customer.name);
  const ours = open.find((run) => run.id === data.run);
  for (const run of open) {
    if (run.platform !== platform.name || run.id === data.run) continue;
    if (ours !== undefined && (ours.planned_ms !== null || run.created_ms > ours.created_ms)) continue;
    if (run.planned_ms !== null) {
      log.info(
        { customer: customer.name, platform: platform.name, run: run.id },
        'an earlier run goes on first',
      );
      const { trigger, actor, slot_ms: slotMs, approval, person, undoes } = run;
      const again = { ...data, trigger, actor, slotMs, approval, person, undoes, run: run.id };
      await performRun(deps, customer, platform, again, signal);
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

async function delay(job: Job, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, job.token);
  throw new DelayedError();
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
  notes: RunReason[],
  known: Run | undefined,
): Promise<boolean> {
  const arrival = await rosterArrival({
    customer,
    trigger: data.trigger,
    fromMs: data.slotMs ?? job.timestamp,
    nowMs: deps.now(),
    lastExpectedMs: deps.lastExpectedMs?.(customer),
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
    const younger =
      other.timestamp > job.timestamp ||
      (other.timestamp === job.timestamp && String(other.id) > String(job.id));
    return same && younger;
  });
}

async function performRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  data: Omit<SyncJobData, 'reason'> & { run: string },
  signal: AbortSignal,
  notes: readonly RunReason[] = [],
): Promise<RunStatus> {
  const { store, log } = deps;
  let run = await beginRun(deps, data);
  const runLog = log.child({ customer: customer.name, platform: platform.name, run: run.id });
  try {
    if (run.status === 'waiting' || run.status === 'reading') {
      await store.runs.setStatus(run.id, 'reading', deps.now());
      runLog.info({ trigger: run.trigger }, 'run started');
      await planRun(deps, customer, platform, run, signal, notes);
      run = await reload(deps, run.id);
      runLog.info(
        {
          status: run.status,
          planned: run.planned,
          held: run.held,
          reasons: run.reasons.map((reason) => reason.code),
        },
        'run planned',
      );
    } else runLog.info({ status: run.status }, 'run goes on');
    if (run.status === 'applying' || run.status === 'cancelled')
      await applyRun(deps, customer.config, platform, run, signal);
    await runLaunches(deps, customer, platform, await reload(deps, run.id), signal);
    return await finishRun(deps, customer, platform, await reload(deps, run.id), signal);
  } catch (error) {
    if (signal.aborted || isOutOfReach(error)) throw error;
    if (error instanceof RollcallError) await refuseOrWait(deps, customer, run, error);
    return await failRun(deps, customer, platform, run, error);
  }
}

function beginRun(deps: JobDeps, data: Omit<SyncJobData, 'reason'> & { run: string }): Promise<Run> {
  const { run: id, customer, platform, person, trigger, actor, slotMs, approval, undoes } = data;
  return deps.store.runs.begin(
    { id, customer, platform, person, trigger, actor, slotMs, approval, undoes },
    deps.now(),
  );
}

/** Errors that are no failure of the run: a person whom nobody knows was asked for, or the roster is being written. */
async function refuseOrWait(
  deps: JobDeps,
  customer: Customer,
  run: Run,
  error: RollcallError,
): Promise<void> {
  if (error.code === 'PERSON_UNKNOWN' && run.person !== null) {
    if (run.approval !== null) await deps.store.decisions.reopenHold(run.approval, run.id);
    await deps.store.runs.discard(run.id);
    throw new Refused({ code: error.code, message: error.message });
  }
  if (error.code !== 'ROSTER_CHANGING') return;
  const fromMs = run.slot_ms ?? run.created_ms;
  if (deps.now() >= changingDeadlineMs({ customer, trigger: run.trigger, fromMs })) return;
  const message = 'the roster is being written; the run waits for that to end';
  await deps.store.runs.wait(run.id, [{ code: error.code, message }]);
  throw new Postponement(settleEveryMs);
}

async function reload(deps: JobDeps, id: string): Promise<Run> {
  const run = await deps.store.runs.find(id);
  if (run === undefined) throw new RollcallError('RUN_UNKNOWN', `no run ${id}.`);
  return run;
}

/** A run that could not go on: what was planned but not sent is closed, the reason is kept. */
async function failRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  error: unknown,
): Promise<RunStatus> {
  const reason = failureOf(error);
  deps.log.error(
    { customer: customer.name, platform: platform.name, run: run.id, code: reason.code, err: error },
    'run failed',
  );
  await deps.store.batches.closeRun(run.id, 'skipped', reason.code, reason.message, deps.now());
  const counts = await deps.store.runs.outcomes(run.id);
  await deps.store.runs.end(
    run.id,
    { status: 'failed', reasons: [reason], applied: counts.applied, failed: counts.failed },
    deps.now(),
  );
  // It failed before it planned: what was approved still waits, and can be approved again.
  if (run.approval !== null) await deps.store.decisions.reopenHold(run.approval, run.id);
  deps.events.emit('runEnded', run.id);
  return 'failed';
}

/** The fingerprints that a run's approval releases: none once another run has used it, or it has expired. */
export async function approvedFingerprints(
  deps: Pick<JobDeps, 'store' | 'now'>,
  run: Pick<Run, 'id' | 'approval'>,
): Promise<ReadonlySet<string>> {
  if (run.approval === null) return new Set();
  const approval = await deps.store.decisions.approval(run.approval);
  if (approval === undefined || approval.expires_ms <= deps.now()) return new Set();
  if (approval.used_by !== null && approval.used_by !== run.id) return new Set();
  const people = approval.people === null ? null : new Set(approval.people);
  const fingerprints = new Set<string>();
  for await (const page of deps.store.journal.changes(approval.run_id, { disposition: 'held' })) {
    for (const change of page)
      if (people === null || people.has(change.person)) fingerprints.add(change.fingerprint);
  }
  return fingerprints;
}

async function planRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  signal: AbortSignal,
  notes: readonly RunReason[],
): Promise<void> {
  const { store } = deps;
  const ctx = countingContext(signal);
  const nowMs = deps.now();
  const approved = await approvedFingerprints(deps, run);
  if (run.undoes !== null) {
    await planUndoRun(deps, customer, platform, run, approved, ctx);
    return;
  }
  const suppressions = await store.decisions.suppressions(customer.name, platform.name, nowMs);
  const lastExpectedMs = deps.lastExpectedMs?.(customer);
  const options = {
    customer,
    platform,
    store,
    ctx,
    nowMs,
    ...(lastExpectedMs === undefined ? {} : { lastExpectedMs }),
    onProgress: (progress: Parameters<Parameters<typeof readSides>[0]['onProgress']>[0]) =>
      deps.events.emit('progress', run.id, progress),
    hashRowsOf: new Set(suppressions.map((suppression) => suppression.person)),
    hashRow,
  };
  let sides: Sides;
  try {
    sides =
      run.person === null
        ? await readSides(options)
        : await readOnePerson({ ...options, person: run.person });
  } finally {
    await store.runs.addRequests(run.id, ctx.count.reads, ctx.count.writes);
  }
  deps.events.emit('progress', run.id, { phase: 'plan', done: 0, total: null });
  const decision = await decide({
    customer,
    platform,
    store,
    sides,
    nowMs,
    approved,
    suppressions,
    onePerson: run.person !== null,
  });
  await store.decisions.dropSuppressions(decision.usedSuppressions);
  await store.plans.save(
    planRecord({
      customer,
      platform,
      run,
      sides,
      decision,
      nowMs,
      approved: approved.size,
      notes: [...notes, ...(await rosterNotes(deps, customer, run, sides, nowMs))],
    }),
    nowMs,
  );
}

/** That the roster is the file of the last run, where a run by schedule might have expected another. */
async function rosterNotes(
  deps: JobDeps,
  customer: Customer,
  run: Run,
  sides: Sides,
  nowMs: number,
): Promise<readonly RunReason[]> {
  if (run.trigger !== 'schedule' && run.trigger !== 'catch-up') return [];
  const earlier = await deps.store.runs.list({ customer: run.customer, platform: run.platform, limit: 10 });
  const last = earlier.find(
    (other) =>
      other.id !== run.id && other.person === null && other.undoes === null && other.planned_ms !== null,
  );
  const note = sameRoster(
    {
      fingerprint: sides.roster.proof.fingerprint,
      modifiedMs: Math.floor(sides.roster.proof.modifiedAtMs),
    },
    await deps.store.roster.lastExport(customer.name),
    last?.planned_ms ?? null,
    newerExpectedMs(deps, customer, nowMs),
  );
  return note === null ? [] : [note];
}

/** A roster of this time or later is one that was expected; null when nothing is said of it. */
function newerExpectedMs(deps: JobDeps, customer: Customer, nowMs: number): number | null {
  const { expected } = customer.config.roster;
  if (expected === undefined) return null;
  return 'maxAge' in expected ? nowMs - expected.maxAge : (deps.lastExpectedMs?.(customer)?.(nowMs) ?? null);
}
