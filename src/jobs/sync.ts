import { createHash } from 'node:crypto';
import { DelayedError, type Job } from 'bullmq';
import { z } from 'zod';
import { noChanges } from '../change.ts';
import { RollcallError } from '../errors.ts';
import type { Run } from '../store/runs.ts';
import type { RunReason, RunStatus } from '../store/schema.ts';
import { applyRun } from './apply.ts';
import { type Customer, countingContext, type Platform } from './customer.ts';
import { decide, hashRow } from './decide.ts';
import type { JobDeps } from './deps.ts';
import { finishRun } from './finish.ts';
import { readOnePerson } from './one-person.ts';
import { readSides, type Sides } from './read-sides.ts';
import { planRecord } from './record.ts';

/** How long a platform stays ours without a sign of life from the process that runs it. */
export const leaseMs = 15_000;
const leaseRenewMs = 5_000;
/** How soon a run that waits for another of the same platform looks again. */
const overlapDelayMs = 500;

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
});
export type SyncJobData = z.infer<typeof syncJobData>;

/** What a sync job leaves as its result. */
export type SyncResult =
  | { readonly run: string; readonly status: RunStatus }
  | { readonly refused: { readonly code: string; readonly message: string } }
  | { readonly replaced: true };

/** The id of the run that a job performs: the same however often the job starts again. */
export function runIdOf(job: Pick<Job, 'id' | 'timestamp'>, platform: string): string {
  const at = new Date(job.timestamp).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const suffix = createHash('sha256').update(`${job.id}@${job.timestamp}`).digest('hex').slice(0, 5);
  return `${platform}-${at}-${suffix}`;
}

/** Performs one run: waits its turn, reads, plans, applies, finishes. Goes on where it was when it is started again. */
export async function processSync(deps: JobDeps, job: Job, data: SyncJobData): Promise<SyncResult> {
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
  if (state?.paused_ms != null) {
    return {
      refused: {
        code: 'PLATFORM_PAUSED',
        message: `${platform.name} is paused${state.pause_reason === null ? '' : `: ${state.pause_reason}`}`,
      },
    };
  }
  const id = data.run ?? runIdOf(job, platform.name);
  const known = await store.runs.find(id);
  if (known !== undefined && known.ended_ms !== null) return { run: id, status: known.status };

  const owner = `${deps.instance}/${id}`;
  if (!(await store.platforms.lease(customer.name, platform.name, owner, deps.now(), leaseMs))) {
    if (known === undefined && (await isReplaced(deps, job, data))) return { replaced: true };
    await job.moveToDelayed(Date.now() + overlapDelayMs, job.token);
    throw new DelayedError();
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
    const run = await performRun(deps, customer, platform, { ...data, run: id }, signal);
    return { run: id, status: run };
  } catch (error) {
    if (!deps.draining.aborted) throw error;
    // The run goes on after the next start; its job waits in the queue.
    await job.moveToDelayed(Date.now() + overlapDelayMs, job.token);
    throw new DelayedError();
  } finally {
    clearInterval(renewal);
    await store.platforms.release(customer.name, platform.name, owner).catch(() => undefined);
  }
}

/** True when a younger job asks for the same: it will read newer sides anyway. */
async function isReplaced(deps: JobDeps, job: Job, data: SyncJobData): Promise<boolean> {
  const waiting = await deps.queues.sync.getJobs(['waiting', 'delayed', 'prioritized'], 0, 500);
  return waiting.some((other) => {
    if (other?.id === undefined || other.id === job.id) return false;
    const asked = syncJobData.safeParse(other.data);
    if (!asked.success) return false;
    const same =
      asked.data.customer === data.customer &&
      asked.data.platform === data.platform &&
      asked.data.person === data.person &&
      asked.data.approval === data.approval;
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
  data: SyncJobData & { run: string },
  signal: AbortSignal,
): Promise<RunStatus> {
  const { store, log } = deps;
  let run = await store.runs.begin(
    {
      id: data.run,
      customer: customer.name,
      platform: platform.name,
      person: data.person,
      trigger: data.trigger,
      actor: data.actor,
      slotMs: data.slotMs,
      approval: data.approval,
    },
    deps.now(),
  );
  const runLog = log.child({ customer: customer.name, platform: platform.name, run: run.id });
  try {
    if (run.status === 'waiting' || run.status === 'reading') {
      await store.runs.setStatus(run.id, 'reading', deps.now());
      runLog.info({ trigger: run.trigger }, 'run started');
      await planRun(deps, customer, platform, run, signal);
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
    if (run.status === 'applying') await applyRun(deps, customer.config, platform, run, signal);
    return await finishRun(deps, customer, platform, await reload(deps, run.id), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return await failRun(deps, customer, platform, run, error);
  }
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
  await deps.store.journal.closeRun(run.id, 'skipped', reason.code, reason.message, deps.now());
  const counts = await deps.store.runs.outcomes(run.id);
  await deps.store.runs.end(
    run.id,
    { status: 'failed', reasons: [reason], applied: counts.applied, failed: counts.failed },
    deps.now(),
  );
  deps.events.emit('runEnded', run.id);
  return 'failed';
}

/** The reason of a failure, without anything that a foreign message might quote. */
export function failureOf(error: unknown): RunReason {
  if (error instanceof RollcallError) {
    return {
      code: error.code,
      message: `${error.message}${error.hint === undefined ? '' : ` ${error.hint}`}`,
    };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return {
    code: 'INTERNAL',
    message: `an unexpected ${name}${code}; the log has the place. Please report it.`,
  };
}

/** The fingerprints that an approval releases. */
export async function approvedFingerprints(
  deps: Pick<JobDeps, 'store'>,
  approvalId: string | null,
): Promise<ReadonlySet<string>> {
  if (approvalId === null) return new Set();
  const approval = await deps.store.decisions.approval(approvalId);
  if (approval === undefined) return new Set();
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
): Promise<void> {
  const { store } = deps;
  const ctx = countingContext(signal);
  const nowMs = deps.now();
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
    approved: await approvedFingerprints(deps, run.approval),
    suppressions,
    onePerson: run.person !== null,
  });
  await store.decisions.dropSuppressions(decision.usedSuppressions);
  await store.journal.savePlan(planRecord({ customer, platform, run, sides, decision, nowMs }), nowMs);
}

/** Counts of nothing, for runs that never came to a plan. */
export const nothing = noChanges();
