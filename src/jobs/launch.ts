import { noChanges } from '../change.ts';
import { guard, guardWindowMs } from '../diff/guard.ts';
import { RollcallError } from '../errors.ts';
import type { CallContext, Launch, Launcher, WantedLaunch } from '../providers/contract.ts';
import { ProviderError } from '../providers/error.ts';
import type { LaunchRow } from '../store/results.ts';
import type { Run } from '../store/runs.ts';
import type { RunReason } from '../store/schema.ts';
import { type Customer, countingContext, type Platform } from './customer.ts';
import type { JobDeps } from './deps.ts';
import { launchSettled } from './launch-settled.ts';

/** What launching came to. Reasons keep a run from counting as applied; notes only tell. */
type Launched = { readonly reasons: readonly RunReason[]; readonly notes: readonly RunReason[] };

type Circumstances = {
  readonly deps: Pick<JobDeps, 'store' | 'now' | 'log'>;
  readonly customer: Customer;
  readonly platform: Platform;
  readonly launcher: Launcher;
  readonly run: Run;
  readonly ctx: CallContext;
};

/**
 * Starts the trainings of the rules once their groups have their members: creates each enrollment once and sends it at
 * most once. Every intent is stored before its request, so that a process which is killed anywhere in between knows
 * afterwards what may have happened:
 *
 * - `creating`: looked for by name and training before it is created again;
 * - `sending`, or a send whose answer never came: `unknown`, never sent again by itself, and waits for a person.
 *
 * Reasons and notes are stored with the run. A failure here fails no run: what was applied stays applied.
 */
export async function runLaunches(
  deps: Pick<JobDeps, 'store' | 'now' | 'log'>,
  customer: Customer,
  platform: Platform,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  const { launcher } = platform.provider;
  if (launcher === undefined || launcher.wanted.length === 0) return;
  if (run.person !== null || run.status === 'cancelled' || platform.config.mode === 'observe') return;
  const ctx = countingContext(signal);
  const of: Circumstances = { deps, customer, platform, launcher, run, ctx };
  let launched: Launched;
  try {
    launched = await launchAll(of);
  } catch (error) {
    signal.throwIfAborted();
    launched = { reasons: [failed(error)], notes: [] };
  } finally {
    await deps.store.runs.addRequests(run.id, ctx.count.reads, ctx.count.writes);
  }
  await deps.store.runs.addReasons(run.id, launched.reasons, launched.notes);
}

function failed(error: unknown, name?: string): RunReason {
  const what = name === undefined ? 'the trainings could not be started' : `"${name}" was not started`;
  if (!(error instanceof RollcallError)) throw error;
  const hint = error.hint === undefined ? '' : ` ${error.hint}`;
  return { code: 'LAUNCH_FAILED', message: `${what}: ${error.code}: ${error.message}${hint}` };
}

async function launchAll(of: Circumstances): Promise<Launched> {
  const { deps, customer, platform, launcher, run, ctx } = of;
  const rows = await deps.store.launches.find(customer.name, platform.name);
  const reasons: RunReason[] = [];
  const notes: RunReason[] = [];
  for (const row of await interrupted(of, rows)) reasons.push(unknownReason(platform.name, row));
  const stored = await deps.store.launches.find(customer.name, platform.name);
  notes.push(...(await newcomers(of, stored)));
  const open = launcher.wanted.filter((wanted) => !launchSettled(stored, wanted));
  if (open.length === 0) return { reasons, notes };
  const waits = await whyNotYet(of);
  if (waits !== undefined) {
    notes.push({ code: 'LAUNCH_WAITS', message: `${open.length} trainings are not started yet: ${waits}` });
    return { reasons, notes };
  }
  for (const launch of await launcher.plan(ctx)) {
    if (!open.some(({ name }) => name === launch.name)) continue;
    const row = stored.find((known) => isOf(known, launch));
    if (row?.state === 'unknown') continue;
    if (launch.reach === 0) {
      notes.push({
        code: 'LAUNCH_WAITS',
        message: `"${launch.name}" is not started: its group has no members`,
      });
      continue;
    }
    try {
      const created = await create(of, launch, row, notes);
      if (launch.send && created.state === 'created') await send(of, launch, created, reasons, notes);
      else if (created.state === 'unknown') reasons.push(unknownReason(platform.name, created));
    } catch (error) {
      ctx.signal.throwIfAborted();
      reasons.push(failed(error, launch.name));
    }
  }
  deps.log.info({ customer: customer.name, platform: platform.name, run: run.id }, 'launches done');
  return { reasons, notes };
}

function isOf(row: LaunchRow, launch: Launch): boolean {
  return row.target === launch.target && row.name === launch.name && row.training === launch.training;
}

/** Sends that a process which is gone had begun: nobody knows whether the mails went out. Returns all that wait. */
async function interrupted(of: Circumstances, rows: readonly LaunchRow[]): Promise<readonly LaunchRow[]> {
  const { deps } = of;
  const unknown: LaunchRow[] = [];
  for (const row of rows) {
    if (row.state === 'unknown') unknown.push(row);
    if (row.state !== 'sending') continue;
    const next: LaunchRow = { ...row, state: 'unknown', changed_ms: deps.now() };
    await deps.store.launches.put(next);
    unknown.push(next);
  }
  return unknown;
}

function unknownReason(platform: string, row: LaunchRow): RunReason {
  return {
    code: 'LAUNCH_UNKNOWN',
    message:
      `nobody knows whether "${row.name}" was sent (enrollment ${row.enrollment_id ?? 'unknown'}, ${row.reach} people); it is not sent again. ` +
      `Look it up on the platform, then: rollcall targets ${platform} --settle "${row.name}" sent, or unsent.`,
  };
}

/** Why the groups do not have all their members yet; undefined when they do. */
async function whyNotYet({ run }: Circumstances): Promise<string | undefined> {
  if (run.held.enroll > 0) return `${run.held.enroll} enroll are held`;
  if (run.held.create > 0) return `${run.held.create} create are held`;
  const incomplete = run.reasons.find((reason) =>
    /^(ROSTER_|TRAILER_|PLATFORM_|TARGET_SHRUNK)/.test(reason.code),
  );
  return incomplete === undefined ? undefined : `a side was not complete (${incomplete.code})`;
}

/** People who joined a group after its training was sent, where the platform does not enroll them by itself. */
async function newcomers(of: Circumstances, rows: readonly LaunchRow[]): Promise<readonly RunReason[]> {
  const { deps, launcher, run } = of;
  const sent = rows.filter((row) => row.state === 'sent' && row.run_id !== run.id);
  const closed = sent.filter((row) =>
    launcher.wanted.some(
      ({ name, rule, autoEnroll }) => name === row.name && rule === row.rule && !autoEnroll,
    ),
  );
  if (closed.length === 0) return [];
  const joined = await deps.store.journal.memberChanges(run.id);
  return closed.flatMap((row) => {
    const count = joined.find(({ target }) => target === row.target)?.enrolled ?? 0;
    if (count === 0) return [];
    return [
      {
        code: 'NEWCOMERS_NEED_ENROLLMENT',
        message:
          `${count} people joined the group of "${row.name}" after it was sent and do not get it by themselves: ` +
          'set options.enrollmentAutoEnroll, or start an enrollment of another name for them.',
      },
    ];
  });
}

/** The enrollment, created now, earlier, or by somebody else. */
async function create(
  of: Circumstances,
  launch: Launch,
  known: LaunchRow | undefined,
  notes: RunReason[],
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
  const sinceMs = deps.now() - guardWindowMs;
  const [hold] = guard({
    planned: { ...noChanges(), enroll: reach },
    approved: noChanges(),
    recent: await deps.store.journal.recentCounts(customer.name, platform.name, sinceMs),
    managed,
    limits: platform.config.limits as Parameters<typeof guard>[0]['limits'],
  });
  if (hold === undefined) return undefined;
  const recent = hold.recent === 0 ? '' : ` after ${hold.recent} enrolled in the last 24 h`;
  return `it would reach ${reach} people${recent}, and the limit on enroll is ${hold.limit}`;
}

/** Whether somebody approved a send to at least so many people, not too long ago. */
function isApproved(row: LaunchRow, reach: number, nowMs: number, expiresMs: number): boolean {
  return (
    row.approved_reach !== null &&
    row.approved_ms !== null &&
    reach <= row.approved_reach &&
    nowMs <= row.approved_ms + expiresMs
  );
}

async function send(
  of: Circumstances,
  launch: Launch,
  row: LaunchRow,
  reasons: RunReason[],
  notes: RunReason[],
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
  await store.launches.put(sending);
  let attempted = false;
  const watched: CallContext = {
    signal: ctx.signal,
    onRequest: (kind) => {
      attempted ||= kind === 'write';
      ctx.onRequest(kind);
    },
  };
  try {
    await launcher.send(id, watched);
  } catch (error) {
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

/** What a person may decide about a launch. */
export type LaunchDecision = 'approve' | 'sent' | 'unsent';

/**
 * Settles a launch that waits for a person: `approve` releases a held send to as many people as it would reach now;
 * `sent` and `unsent` say what became of an unknown one, and an unsent one goes out with the next run. Throws
 * TARGET_UNKNOWN when there is no such launch, and RUN_NOT_HELD when it does not wait for that.
 */
export async function settleLaunch(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  name: string,
  decision: LaunchDecision,
  actor: string,
): Promise<LaunchRow> {
  const rows = await deps.store.launches.find(customer.name, platform.name);
  const wanted = rows.filter((row) => row.name === name);
  const row =
    wanted.find((one) => (decision === 'approve' ? one.held : one.state === 'unknown')) ?? wanted[0];
  if (row === undefined) {
    const known = rows.map((one) => `"${one.name}"`).join(', ');
    throw new RollcallError('TARGET_UNKNOWN', `${platform.name} has started no training "${name}".`, {
      hint: known === '' ? 'It has started none at all.' : `There are ${known}.`,
    });
  }
  const waits = decision === 'approve' ? row.held && row.state === 'created' : row.state === 'unknown';
  if (!waits) {
    throw new RollcallError(
      'RUN_NOT_HELD',
      `"${name}" is ${row.held ? 'held' : row.state}; there is nothing to ${decision === 'approve' ? 'approve' : 'settle'}.`,
    );
  }
  const nowMs = deps.now();
  const next: LaunchRow = { ...row, changed_ms: nowMs };
  if (decision === 'approve')
    Object.assign(next, { approved_reach: row.reach, approved_by: actor, approved_ms: nowMs });
  else if (decision === 'sent') next.state = 'sent';
  else Object.assign(next, { state: 'created', sent_ms: null });
  await deps.store.launches.put(next);
  return next;
}

/** The launches that a run would make now, as reasons for a plan: how many people a send reaches, and whether it would be held. */
export async function previewLaunches(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  planned: { readonly managed: number; readonly joining: ReadonlyMap<string, number> },
  ctx: CallContext,
): Promise<readonly RunReason[]> {
  const { launcher } = platform.provider;
  if (launcher === undefined || platform.config.mode === 'observe') return [];
  const rows = await deps.store.launches.find(customer.name, platform.name);
  const isOpen = (wanted: WantedLaunch): boolean => !launchSettled(rows, wanted);
  const reasons = rows
    .filter((row) => row.state === 'unknown' || row.state === 'sending')
    .map((row) => unknownReason(platform.name, row));
  if (!launcher.wanted.some(isOpen)) return reasons;
  for (const launch of await launcher.plan(ctx)) {
    const wanted = launcher.wanted.find(({ name }) => name === launch.name);
    if (wanted === undefined || !isOpen(wanted)) continue;
    const row = rows.find((known) => isOf(known, launch));
    if (row?.state === 'unknown' || row?.state === 'sending') continue;
    const reach = launch.reach + (planned.joining.get(launch.target) ?? 0);
    if (reach === 0) continue;
    if (!launch.send) {
      if (launch.existing === null)
        reasons.push({ code: 'LAUNCH_CREATE', message: `"${launch.name}" will be created and not sent` });
      continue;
    }
    if (launch.existing?.sent === true) continue;
    reasons.push({
      code: 'LAUNCH_SEND',
      message: `"${launch.name}" will be sent, and mails all ${reach} members of its group, unmanaged ones too`,
    });
    const approved =
      row !== undefined && isApproved(row, reach, deps.now(), customer.config.approval.expires);
    const joining = planned.joining.get(launch.target) ?? 0;
    const hold = approved
      ? undefined
      : await sendHold(deps, customer, platform, reach + joining, planned.managed);
    if (hold !== undefined)
      reasons.push({ code: 'HELD_LAUNCH', message: `"${launch.name}" would not be sent: ${hold}` });
  }
  return reasons;
}
