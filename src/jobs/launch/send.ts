import { noChanges } from '../../change.ts';
import type { CallContext, Launch, Launcher, WantedLaunch } from '../../providers/contract.ts';
import { ProviderError } from '../../providers/error.ts';
import { LeaseLost } from '../../store/leases.ts';
import type { LaunchRow } from '../../store/results.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { Customer, Platform } from '../customer.ts';
import { holdsOf } from '../decide/judge.ts';
import type { JobDeps } from '../deps.ts';
import type { Reason } from '../reasons.ts';

/** What a run's launches have in common. */
export type Circumstances = {
  readonly deps: Pick<JobDeps, 'store' | 'now' | 'log'>;
  readonly customer: Customer;
  readonly platform: Platform;
  readonly launcher: Launcher;
  readonly run: Run;
  readonly ctx: CallContext;
};

/** Whether the row is of that launch. */
export function isOf(row: LaunchRow, launch: Launch): boolean {
  return row.target === launch.target && row.name === launch.name && row.training === launch.training;
}

/** Whether nothing is left to do for a launch, so that a run need not ask the platform about it. */
export function launchSettled(rows: readonly LaunchRow[], { name, rule, send }: WantedLaunch): boolean {
  return rows.some(
    (row) =>
      row.name === name &&
      row.rule === rule &&
      (row.state === 'sent' || row.state === 'unknown' || (row.state === 'created' && !send)),
  );
}

/** Why a launch waits for a person: nobody knows what became of its send. */
export function unknownReason(platform: string, row: LaunchRow): Reason {
  return {
    code: 'LAUNCH_UNKNOWN',
    message:
      `nobody knows whether "${row.name}" was sent (enrollment ${row.enrollment_id ?? 'unknown'}, ${row.reach} people); it is not sent again. ` +
      `Look it up on the platform, then: rollcall targets ${platform} --settle "${row.name}" sent, or unsent.`,
  };
}

/** The enrollment, created now, earlier, or by somebody else. */
export async function create(
  of: Circumstances,
  launch: Launch,
  known: LaunchRow | undefined,
  notes: Reason[],
): Promise<LaunchRow> {
  const { deps, customer, platform, launcher, run, ctx } = of;
  const put = async (row: LaunchRow): Promise<LaunchRow> => {
    const next = { ...row, changed_ms: deps.now() };
    await deps.store.launches.put(next);
    return next;
  };
  const rule = launcher.wanted.find(({ name }) => name === launch.name)?.rule ?? '';
  const base: LaunchRow = {
    customer: customer.name,
    platform: platform.name,
    target: launch.target,
    name: launch.name,
    training: launch.training,
    state: 'creating',
    enrollment_id: null,
    reach: launch.reach,
    run_id: run.id,
    changed_ms: deps.now(),
    rule,
    held: false,
    sent_ms: null,
    approved_reach: known?.approved_reach ?? null,
    approved_by: known?.approved_by ?? null,
    approved_ms: known?.approved_ms ?? null,
  };
  if (known !== undefined && known.state !== 'creating') {
    // Somebody may have sent it by hand meanwhile.
    const state = known.state === 'created' && launch.existing?.sent === true ? 'sent' : known.state;
    return put({ ...known, state, rule, reach: launch.reach, run_id: run.id });
  }
  const { existing } = launch;
  if (existing !== null) {
    notes.push({ code: 'LAUNCH_FOUND', message: `"${launch.name}" is there already (${existing.id})` });
    // One that we were about to create is ours, and was not sent: there was no row that said `sending`.
    const isOurs = known !== undefined;
    const state = existing.sent === true ? 'sent' : existing.sent === false || isOurs ? 'created' : 'unknown';
    return put({ ...base, state, enrollment_id: existing.id });
  }
  await ctx.permit?.(platform.config.timeout);
  await put(base);
  const id = await launcher.create(launch, ctx);
  notes.push({ code: 'LAUNCH_CREATED', message: `"${launch.name}" was created (${id})` });
  return put({ ...base, state: 'created', enrollment_id: id });
}

/** How many more people may be reached today: the send counts against the limit on enrolling. */
export async function sendHold(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  reach: number,
  managed: number,
): Promise<string | undefined> {
  const planned = { ...noChanges(), enroll: reach };
  const { store } = deps;
  const [hold] = await holdsOf({ store, customer, platform, nowMs: deps.now(), managed, planned });
  if (hold === undefined) return undefined;
  const recent = hold.recent === 0 ? '' : ` after ${hold.recent} enrolled in the last 24 h`;
  return `it would reach ${reach} people${recent}, and the limit on enroll is ${hold.limit}`;
}

/** Whether somebody approved a send to at least so many people, not too long ago. */
export function isApproved(row: LaunchRow, reach: number, nowMs: number, expiresMs: number): boolean {
  return (
    row.approved_reach !== null &&
    row.approved_ms !== null &&
    reach <= row.approved_reach &&
    nowMs <= row.approved_ms + expiresMs
  );
}

/** Sends a created enrollment, at most once, unless the limit on enrolling holds it. */
export async function send(
  of: Circumstances,
  launch: Launch,
  row: LaunchRow,
  reasons: Reason[],
  notes: Reason[],
): Promise<void> {
  const { deps, customer, platform, launcher, run, ctx } = of;
  const { store } = deps;
  const id = row.enrollment_id;
  if (id === null) return;
  if (isApproved(row, launch.reach, deps.now(), customer.config.approval.expires)) {
    row = { ...row, held: false };
  } else {
    row = { ...row, approved_reach: null, approved_by: null, approved_ms: null };
    const hold = await sendHold(deps, customer, platform, launch.reach, run.managed);
    if (hold !== undefined) {
      await store.launches.put({ ...row, held: true, changed_ms: deps.now() });
      reasons.push({
        code: 'HELD_LAUNCH',
        message: `"${launch.name}" is not sent: ${hold}. Release it with rollcall targets ${platform.name} --settle "${launch.name}" approve.`,
      });
      return;
    }
  }
  const sending: LaunchRow = {
    ...row,
    state: 'sending',
    held: false,
    changed_ms: deps.now(),
    sent_ms: deps.now(),
  };
  await ctx.permit?.(platform.config.timeout);
  await store.launches.put(sending);
  let attempted = false;
  const watched: CallContext = {
    ...ctx,
    onRequest: (kind) => {
      attempted ||= kind === 'write';
      ctx.onRequest(kind);
    },
  };
  try {
    await launcher.send(id, watched);
  } catch (error) {
    // Whoever runs the platform now finds that a send was begun, and asks a person.
    if (error instanceof LeaseLost) throw error;
    // A request that was not sent, or certainly had no effect, leaves nothing to find out.
    const certain = !attempted || (error instanceof ProviderError && error.applied === 'no');
    if (certain) await store.launches.put({ ...row, changed_ms: deps.now() });
    if (certain || ctx.signal.aborted) throw error;
    const unknown: LaunchRow = { ...sending, state: 'unknown', changed_ms: deps.now() };
    await store.launches.put(unknown);
    reasons.push(unknownReason(platform.name, unknown));
    return;
  }
  await store.launches.put({ ...sending, state: 'sent', changed_ms: deps.now(), sent_ms: deps.now() });
  notes.push({ code: 'LAUNCH_SENT', message: `"${launch.name}" was sent to ${launch.reach} people` });
}
