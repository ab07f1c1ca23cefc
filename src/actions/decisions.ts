import { randomUUID } from 'node:crypto';
import type { Job } from 'bullmq';
import { changeKinds } from '../change.ts';
import { RollcallError } from '../errors.ts';
import { hashOf } from '../diff/change.ts';
import type { Approval, HeldChange, Suppression } from '../store/decisions.ts';
import type { StoredChange } from '../store/journal.ts';
import { legalSpansMs } from '../store/times.ts';
import type { Run } from '../store/run-lookups.ts';
import type { Customer } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import type { Engine } from '../jobs/service/engine.ts';
import { runIdOf } from '../jobs/queue/sync-job.ts';

/** People who are not held that an error names. */
const shownMissing = 10;

/** For how long a rejected change is not proposed again, unless a date is given. */
export const rejectedForMs = 30 * 24 * 3_600_000;

/** Where the hold of a run stands. `none`: nothing of it was held. */
export type HoldState = 'none' | 'open' | 'expired' | 'approved' | 'rejected' | 'replaced';

/** Where the hold of a run stands at this moment. */
export function holdStateOf(
  run: Pick<Run, 'hold_expires_ms' | 'decided' | 'planned_ms'>,
  nowMs: number,
): HoldState {
  if (run.hold_expires_ms === null) return 'none';
  if (run.decided === 'approved' || run.decided === 'rejected' || run.decided === 'replaced')
    return run.decided;
  // Planned under another clock, it would expire at a time that says nothing.
  const isCredible = run.planned_ms === null || run.planned_ms <= nowMs + legalSpansMs.created;
  return !isCredible || run.hold_expires_ms <= nowMs ? 'expired' : 'open';
}

/** Who decides, and from where: `command line of jo`, `control API`. Both are kept in the journal. */
export type Decider = { readonly actor: string; readonly via: string };

export type ApproveRequest = Decider & {
  readonly customer: Customer;
  /** The id of the held run. */
  readonly run: string;
  /** The hash of the held changes, as `show` gave it to whoever reviewed them. */
  readonly hash: string;
  /** Only these people's changes; all when left out. */
  readonly only?: readonly string[];
};

/** An approval that is stored, and the run that carries it out. */
export type Approved = {
  readonly approval: Omit<Approval, 'used_by'>;
  readonly run: string;
  readonly job: Job;
};

/**
 * Approves what a run holds, and asks for the run that reads both sides again and releases of it what is still needed.
 * The approval, the decision and that run are stored in one step: killed at any moment, nothing is lost, and nothing is
 * approved twice.
 *
 * @throws RollcallError RUN_UNKNOWN; RUN_NOT_HELD (nothing held, decided, or replaced: by which run); APPROVAL_EXPIRED;
 * HASH_MISMATCH; PERSON_UNKNOWN (`only` names somebody who is not held); RUN_ABORTED (the platform is paused)
 */
export async function approveRun(
  engine: Pick<Engine, 'deps' | 'request'>,
  request: ApproveRequest,
): Promise<Approved> {
  const { deps } = engine;
  const { customer } = request;
  const run = await heldRun(deps, customer, request.run, ['open']);
  if (run.hash !== request.hash) refuseHash(run.id, 'approved');
  await refuseUnlessRunnable(deps, customer, run);
  const only = request.only === undefined || request.only.length === 0 ? null : [...new Set(request.only)];
  if (only !== null) await refuseUnheld(deps, run, only);
  const nowMs = deps.now();
  const approval = {
    id: randomUUID(),
    customer: customer.name,
    platform: run.platform,
    run_id: run.id,
    hash: request.hash,
    people: only,
    actor: request.actor,
    via: request.via,
    created_ms: nowMs,
    expires_ms: run.hold_expires_ms ?? nowMs,
  };
  const next = {
    id: runIdOf({ id: approval.id, timestamp: nowMs }, run.platform),
    customer: customer.name,
    platform: run.platform,
    person: run.person,
    trigger: 'approval',
    actor: request.actor,
    slotMs: null,
    approval: approval.id,
    undoes: run.undoes,
  } as const;
  if (!(await deps.store.decisions.approveHold(approval, next, { by: byOf(request), atMs: nowMs })))
    await refuseDecided(deps, run);
  const job = await engine.request({
    customer: customer.name,
    platform: run.platform,
    trigger: 'approval',
    actor: request.actor,
    person: run.person,
    approval: approval.id,
    undoes: run.undoes,
    run: next.id,
    jobId: `approval-${approval.id}`,
  });
  deps.log.info(
    { customer: customer.name, platform: run.platform, run: run.id, actor: request.actor, next: next.id },
    'hold approved',
  );
  return { approval, run: next.id, job };
}

export type RejectRequest = Decider & {
  readonly customer: Customer;
  readonly run: string;
  /** When what was rejected may be proposed again, in ms; 30 days from now when left out. */
  readonly untilMs?: number;
  /** Why, in the decider's words: for the reviewer's screen and `show`, never for a log. */
  readonly reason?: string | null;
  /** Only these people's changes: the rest waits on, under a new hash. All when left out. */
  readonly only?: readonly string[];
  /** The hash of the held changes that were reviewed; not compared when left out. */
  readonly hash?: string;
};

/** What a rejection amounts to. */
export type Rejected = { readonly run: string; readonly changes: number; readonly untilMs: number };

/**
 * Rejects what a run holds: each of its held changes is not proposed again until the date, or until it is another change
 * (other values, another account). A rejected undo is only closed: it would not come again by itself.
 *
 * @throws RollcallError RUN_UNKNOWN, RUN_NOT_HELD, USAGE (a date that is past), HASH_MISMATCH, PERSON_UNKNOWN (`only`
 * names somebody who is not held)
 */
export async function rejectRun(deps: JobDeps, request: RejectRequest): Promise<Rejected> {
  const { customer } = request;
  const run = await heldRun(deps, customer, request.run, ['open', 'expired']);
  const nowMs = deps.now();
  const untilMs = request.untilMs ?? nowMs + rejectedForMs;
  if (untilMs <= nowMs)
    throw new RollcallError('USAGE', 'the date until which the changes are rejected is past.', {
      hint: 'Give a later one with --until, or none for 30 days.',
    });
  if (request.hash !== undefined && request.hash !== run.hash) refuseHash(run.id, 'rejected');
  const held: StoredChange[] = [];
  for await (const page of deps.store.journal.changes(run.id, { disposition: 'held' })) held.push(...page);
  const only = request.only === undefined || request.only.length === 0 ? null : new Set(request.only);
  if (only !== null) refuseMissing(run, held, only, 'rejected');
  const suppressionOf = (change: HeldChange): Suppression => ({
    id: randomUUID(),
    customer: customer.name,
    platform: run.platform,
    person: change.person,
    kind: change.kind,
    fingerprint: change.fingerprint,
    target: change.target,
    row_hash: null,
    until_ms: untilMs,
    cause: 'rejected',
    actor: byOf(request),
    created_ms: nowMs,
    run_id: run.id,
  });
  const rejection = {
    id: randomUUID(),
    customer: customer.name,
    platform: run.platform,
    run_id: run.id,
    actor: request.actor,
    via: request.via,
    reason: request.reason ?? null,
    until_ms: untilMs,
    created_ms: nowMs,
  };
  let changes = held.length;
  // Whoever names everybody who is held rejects all of it.
  if (only !== null && held.some(({ person }) => !only.has(person))) {
    const done = await deps.store.decisions.rejectSome(rejection, [...only], {
      hash: request.hash ?? null,
      suppressionOf: run.undoes === null ? suppressionOf : null,
      hashOf,
    });
    if (done === null) return refuseDecided(deps, run);
    changes = done;
  } else {
    const suppressions = run.undoes === null ? held.map(suppressionOf) : [];
    const decision = { by: byOf(request), atMs: nowMs };
    const whole = { ...rejection, changes };
    if (!(await deps.store.decisions.rejectHold(whole, suppressions, decision)))
      await refuseDecided(deps, run);
  }
  deps.log.info(
    {
      customer: customer.name,
      platform: run.platform,
      run: run.id,
      actor: request.actor,
      changes,
    },
    'hold rejected',
  );
  return { run: run.id, changes, untilMs };
}

/** What taking a rejection back amounts to. */
export type Withdrawn = {
  readonly run: string;
  /** Changes that may be proposed again. */
  readonly changes: number;
  /** The hold waits for a decision again, under the same hash; else the next run proposes what is still needed. */
  readonly waits: boolean;
};

/**
 * Takes the rejection of a run back. What it held waits again as it was reviewed; where that has expired or a newer plan
 * took its place, the next run judges anew.
 *
 * @throws RollcallError RUN_UNKNOWN, RUN_NOT_HELD (nothing that was rejected of it stands)
 */
export async function withdrawRejection(
  deps: JobDeps,
  request: Decider & { readonly customer: Customer; readonly run: string },
): Promise<Withdrawn> {
  const { customer } = request;
  const run = await deps.store.runs.find(request.run);
  if (run === undefined || run.customer !== customer.name)
    throw new RollcallError('RUN_UNKNOWN', `there is no run ${request.run}.`, { hint: 'See rollcall runs.' });
  const nowMs = deps.now();
  const decision = { by: byOf(request), atMs: nowMs };
  const withdrawn = await deps.store.decisions.withdrawRejection(run.id, decision, hashOf);
  if (withdrawn === null)
    throw new RollcallError('RUN_NOT_HELD', `nothing that was rejected of ${run.id} stands any more.`, {
      hint: `See rollcall show ${run.id}.`,
    });
  const { changes, reopened } = withdrawn;
  deps.log.info(
    { customer: customer.name, platform: run.platform, run: run.id, actor: request.actor, changes },
    'rejection withdrawn',
  );
  return { run: run.id, changes, waits: reopened && (run.hold_expires_ms ?? 0) > nowMs };
}

function byOf({ actor, via }: Decider): string {
  return `${actor}, ${via}`;
}

/** The run, if its hold stands as it should. */
async function heldRun(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  id: string,
  wanted: readonly HoldState[],
): Promise<Run> {
  const run = await deps.store.runs.find(id);
  if (run === undefined || run.customer !== customer.name)
    throw new RollcallError('RUN_UNKNOWN', `there is no run ${id}.`, { hint: 'See rollcall runs.' });
  if (!wanted.includes(holdStateOf(run, deps.now()))) await refuseDecided(deps, run);
  return run;
}

/** Says why a run cannot be decided (any more). */
async function refuseDecided(deps: Pick<JobDeps, 'store' | 'now'>, known: Run): Promise<never> {
  const run = (await deps.store.runs.find(known.id)) ?? known;
  const state = holdStateOf(run, deps.now());
  if (state === 'open' && run.hash !== known.hash) refuseHash(run.id, 'approved');
  if (state === 'expired' || state === 'open') {
    const at = new Date(run.hold_expires_ms ?? 0).toISOString();
    throw new RollcallError('APPROVAL_EXPIRED', `the hold of ${run.id} could be approved until ${at}.`, {
      hint: `Let a new run judge it anew: rollcall sync ${run.platform}.`,
    });
  }
  if (state === 'replaced') {
    const next = await deps.store.runs.replacing(run);
    throw new RollcallError(
      'RUN_NOT_HELD',
      next === undefined
        ? `${run.id} was replaced by a newer run.`
        : `${run.id} was replaced by ${next.id}, which judged everything anew.`,
      { hint: next === undefined ? 'See rollcall runs.' : `See rollcall show ${next.id}.` },
    );
  }
  const held = changeKinds.some((kind) => run.held[kind] > 0);
  throw new RollcallError(
    'RUN_NOT_HELD',
    state === 'none' || !held
      ? `${run.id} holds nothing: it ended ${run.status}.`
      : `${run.id} was ${state} already${run.decided_by === null ? '' : ` by ${run.decided_by}`}.`,
    { hint: `See rollcall show ${run.id}.` },
  );
}

/** An approval that could not be carried out now would only expire. */
async function refuseUnlessRunnable(deps: JobDeps, customer: Customer, run: Run): Promise<void> {
  if (!customer.platforms.has(run.platform))
    throw new RollcallError(
      'PLATFORM_UNKNOWN',
      `${run.platform}, which ${run.id} is of, is not configured any more.`,
    );
  if (customer.platforms.get(run.platform)?.config.mode === 'observe')
    throw new RollcallError('RUN_NOT_HELD', `${run.platform} is in mode observe: nothing is applied there.`, {
      hint: `Set platforms.${run.platform}.mode to full or additive first.`,
    });
  const state = await deps.store.platforms.find(customer.name, run.platform);
  if (state?.paused_ms != null)
    throw new RollcallError('RUN_ABORTED', `${run.platform} is paused: nothing was approved.`, {
      hint: `First: rollcall resume ${run.platform}.`,
    });
}

async function refuseUnheld(deps: JobDeps, run: Run, only: readonly string[]): Promise<void> {
  const held: StoredChange[] = [];
  for await (const page of deps.store.journal.changes(run.id, { disposition: 'held' })) held.push(...page);
  refuseMissing(run, held, new Set(only), 'approved');
}

function refuseMissing(
  run: Run,
  held: readonly Pick<StoredChange, 'person'>[],
  only: ReadonlySet<string>,
  what: 'approved' | 'rejected',
): void {
  const missing = new Set(only);
  for (const { person } of held) missing.delete(person);
  if (missing.size === 0) return;
  const named = [...missing].slice(0, shownMissing).join(', ');
  const more = missing.size > shownMissing ? ` and ${missing.size - shownMissing} more` : '';
  throw new RollcallError(
    'PERSON_UNKNOWN',
    `${run.id} holds nothing of ${named}${more}: nothing was ${what}.`,
    { hint: `See rollcall show ${run.id}.` },
  );
}

function refuseHash(run: string, what: 'approved' | 'rejected'): never {
  throw new RollcallError(
    'HASH_MISMATCH',
    `the hash given is not that of the changes which ${run} holds: nothing was ${what}.`,
    { hint: `See what it holds, and its hash, with rollcall show ${run}.` },
  );
}
