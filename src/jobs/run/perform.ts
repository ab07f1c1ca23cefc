import { formatDuration } from '../../config/units.ts';
import { RollcallError } from '../../errors.ts';
import { DeliveryError } from '../../roster/index.ts';
import { LeaseLost } from '../../store/leases.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { RunStatus } from '../../store/schema.ts';
import { isOutOfReach } from '../../store/trouble.ts';
import { applyRun } from '../apply/apply.ts';
import { changingDeadlineMs, fetchAgainMs, sameRoster, settleEveryMs } from './arrivals.ts';
import { type Customer, countingContext, type Part, type Platform } from '../customer.ts';
import { decide } from '../decide/decide.ts';
import type { JobDeps } from '../deps.ts';
import { failureOf } from '../failure.ts';
import type { Hold } from '../lease/hold.ts';
import { finishRun } from './finish.ts';
import { runLaunches } from '../launch/launch.ts';
import { readOnePerson } from '../read/one-person.ts';
import { Postponement, Refused } from '../queue/postpone.ts';
import { readSides, type Sides } from '../read/sides.ts';
import { planRecord } from '../decide/record.ts';
import type { AskedRun } from '../queue/sync-job.ts';
import { planUndoRun } from '../undo/undo.ts';
import type { Reason } from '../reasons.ts';

/** Reads, plans, applies and finishes a run, from wherever it stands. Throws Postponement while its roster is being written. */
export async function performRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  data: Omit<AskedRun, 'reason'>,
  hold: Hold,
  signal: AbortSignal,
  notes: readonly Reason[] = [],
): Promise<RunStatus> {
  const { store, log } = deps;
  let run = await beginRun(deps, data);
  if (!(await store.runs.perform(run.id, hold.number))) throw new LeaseLost();
  const runLog = log.child({ customer: customer.name, platform: platform.name, run: run.id });
  try {
    if (run.status === 'waiting' || run.status === 'reading') {
      await store.runs.setStatus(run.id, 'reading', deps.now());
      runLog.info({ trigger: run.trigger }, 'run started');
      await planRun(deps, customer, platform, run, hold, signal, notes);
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
      await applyRun(deps, platform, run, hold.number, signal);
    await runLaunches(deps, customer, platform, await reload(deps, run.id), signal, hold.permit);
    await hold.prove();
    return await finishRun(deps, customer, platform, await reload(deps, run.id), hold.number);
  } catch (error) {
    if (signal.aborted || isOutOfReach(error)) throw error;
    // A run that somebody else performs now is not ours to fail.
    await hold.prove();
    if (error instanceof RollcallError) await refuseOrWait(deps, customer, run, error);
    return await failRun(deps, customer, platform, run, hold.number, error);
  }
}

/** The run as stored; a new one where there is none of that id. */
export function beginRun(deps: JobDeps, data: Omit<AskedRun, 'reason'>, askedMs = deps.now()): Promise<Run> {
  const { run: id, customer, platform, person, trigger, actor, slotMs, approval, undoes } = data;
  return deps.store.runs.begin(
    { id, customer, platform, person, trigger, actor, slotMs, approval, undoes },
    askedMs,
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
  const waitMs = waitMsFor(deps, customer, run, error);
  if (waitMs === undefined) return;
  if (error instanceof DeliveryError) {
    await deps.store.runs.wait(run.id, [
      {
        code: error.code,
        message: `${error.message} The run tries again in ${formatDuration(waitMs)}, and gives up at roster.waitFor.`,
      },
    ]);
    throw new Postponement(waitMs);
  }
  const message = 'the roster is being written; the run waits for that to end';
  await deps.store.runs.wait(run.id, [{ code: error.code, message }]);
  throw new Postponement(waitMs);
}

/** How long a run waits before it tries to read the roster, or that part of it, again; undefined when it does not wait. */
function waitMsFor(
  deps: Pick<JobDeps, 'now'>,
  customer: Customer,
  run: Pick<Run, 'trigger' | 'slot_ms' | 'created_ms'>,
  error: RollcallError,
  part?: Part,
): number | undefined {
  const of = {
    customer,
    trigger: run.trigger,
    fromMs: run.slot_ms ?? run.created_ms,
    nowMs: deps.now(),
    ...(part === undefined ? {} : { part }),
  };
  if (error instanceof DeliveryError) return fetchAgainMs(error, of);
  return error.code === 'ROSTER_CHANGING' && of.nowMs < changingDeadlineMs(of) ? settleEveryMs : undefined;
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
  lease: number,
  error: unknown,
): Promise<RunStatus> {
  const reason = failureOf(error);
  deps.log.error(
    { customer: customer.name, platform: platform.name, run: run.id, code: reason.code, err: error },
    'run failed',
  );
  const performed = { run_id: run.id, lease };
  await deps.store.batches.closeRun(performed, 'skipped', reason.code, reason.message, deps.now());
  const counts = await deps.store.runs.outcomes(run.id);
  await deps.store.runs.end(
    run.id,
    { status: 'failed', reasons: [reason], applied: counts.applied, failed: counts.failed, lease },
    deps.now(),
  );
  // It failed before it planned: what was approved still waits, and can be approved again.
  if (run.approval !== null) await deps.store.decisions.reopenHold(run.approval, run.id);
  deps.events.emit('runEnded', run.id);
  return 'failed';
}

/** What a run's approval releases: nothing once another run has used it, or it has expired. */
async function approvedBy(
  deps: Pick<JobDeps, 'store' | 'now'>,
  run: Pick<Run, 'id' | 'approval'>,
): Promise<{
  readonly fingerprints: ReadonlySet<string>;
  /** The run whose hold was approved as a whole: its view of the roster counts from now on. */
  readonly accepted: string | null;
}> {
  const nothing = { fingerprints: new Set<string>(), accepted: null };
  if (run.approval === null) return nothing;
  const approval = await deps.store.decisions.approval(run.approval);
  if (approval === undefined || approval.expires_ms <= deps.now()) return nothing;
  if (approval.used_by !== null && approval.used_by !== run.id) return nothing;
  const people = approval.people === null ? null : new Set(approval.people);
  const fingerprints = new Set<string>();
  for await (const page of deps.store.journal.changes(approval.run_id, { disposition: 'held' })) {
    for (const change of page)
      if (people === null || people.has(change.person)) fingerprints.add(change.fingerprint);
  }
  // Who approves some of it, or rejected some of it before, has not said that the rest is right.
  const rejections = await deps.store.decisions.rejectionsOf(approval.run_id);
  const isWhole = people === null && rejections.every(({ withdrawn_ms }) => withdrawn_ms !== null);
  return { fingerprints, accepted: isWhole ? approval.run_id : null };
}

async function planRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  hold: Hold,
  signal: AbortSignal,
  notes: readonly Reason[],
): Promise<void> {
  const { store } = deps;
  const ctx = countingContext(signal);
  const nowMs = deps.now();
  const { fingerprints: approved, accepted } = await approvedBy(deps, run);
  if (run.undoes !== null) {
    await planUndoRun(deps, customer, platform, run, hold.number, approved, ctx);
    return;
  }
  const suppressions = await store.decisions.suppressions(customer.name, platform.name, nowMs);
  const options = {
    customer,
    platform,
    store,
    ctx,
    nowMs,
    onProgress: (progress: Parameters<Parameters<typeof readSides>[0]['onProgress']>[0]) =>
      deps.events.emit('progress', run.id, progress),
    hashRowsOf: new Set(suppressions.map((suppression) => suppression.person)),
    accepted,
    // While a part may still come, the run waits for it as for a whole roster.
    mayMiss: (failure: RollcallError, part: Part) =>
      waitMsFor(deps, customer, run, failure, part) === undefined,
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
    hold.number,
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
): Promise<readonly Reason[]> {
  if (run.trigger !== 'schedule' && run.trigger !== 'catch-up') return [];
  const earlier = await deps.store.runs.list({ customer: run.customer, platform: run.platform, limit: 10 });
  const last = earlier.find(
    (other) =>
      other.id !== run.id && other.person === null && other.undoes === null && other.planned_ms !== null,
  );
  const notes: Reason[] = [];
  for (const { part, proof } of sides.roster.parts) {
    if (proof === null) continue;
    const note = sameRoster(
      { fingerprint: proof.fingerprint, modifiedMs: Math.floor(proof.modifiedAtMs) },
      await deps.store.roster.lastExport(customer.name, part.name),
      last?.planned_ms ?? null,
      newerExpectedMs(part, nowMs),
      part.name,
    );
    if (note !== null) notes.push(note);
  }
  return notes;
}

/** A roster of this time or later is one that was expected; null when nothing is said of it. */
function newerExpectedMs(part: Part, nowMs: number): number | null {
  const { expected } = part.config;
  if (expected === undefined) return null;
  return 'maxAge' in expected ? nowMs - expected.maxAge : part.dueMs(nowMs);
}
