import { RollcallError } from '../../errors.ts';
import type { CallContext } from '../../providers/contract.ts';
import { LeaseLost } from '../../store/leases.ts';
import type { LaunchRow } from '../../store/results.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Customer, countingContext, type Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { type Circumstances, create, isOf, launchSettled, send, unknownReason } from './send.ts';
import { incomplete, type Reason, withoutLaunches } from '../reasons.ts';

/** What launching came to. Reasons keep a run from counting as applied; notes only tell. */
type Launched = { readonly reasons: readonly Reason[]; readonly notes: readonly Reason[] };

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
  permit?: CallContext['permit'],
): Promise<void> {
  const { launcher } = platform.provider;
  if (launcher === undefined || launcher.wanted.length === 0) return;
  if (run.person !== null || run.status === 'cancelled' || platform.config.mode === 'observe') return;
  const ctx = countingContext(signal, permit === undefined ? {} : { permit });
  const of: Circumstances = { deps, customer, platform, launcher, run, ctx };
  let launched: Launched;
  try {
    launched = await launchAll(of);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LeaseLost) throw error;
    launched = { reasons: [failed(error)], notes: [] };
  } finally {
    await deps.store.runs.addRequests(run.id, ctx.count.reads, ctx.count.writes);
  }
  await deps.store.runs.setReasons(
    run.id,
    [...withoutLaunches(run.reasons), ...launched.reasons],
    [...withoutLaunches(run.notes), ...launched.notes],
  );
}

function failed(error: unknown, name?: string): Reason {
  const what = name === undefined ? 'the trainings could not be started' : `"${name}" was not started`;
  if (!(error instanceof RollcallError)) throw error;
  const hint = error.hint === undefined ? '' : ` ${error.hint}`;
  return { code: 'LAUNCH_FAILED', message: `${what}: ${error.code}: ${error.message}${hint}` };
}

async function launchAll(of: Circumstances): Promise<Launched> {
  const { deps, customer, platform, launcher, run, ctx } = of;
  const rows = await deps.store.launches.find(customer.name, platform.name);
  const reasons: Reason[] = [];
  const notes: Reason[] = [];
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
      if (error instanceof LeaseLost) throw error;
      reasons.push(failed(error, launch.name));
    }
  }
  deps.log.info({ customer: customer.name, platform: platform.name, run: run.id }, 'launches done');
  return { reasons, notes };
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

/** Why the groups do not have all their members yet; undefined when they do. */
async function whyNotYet({ run }: Circumstances): Promise<string | undefined> {
  if (run.held.enroll > 0) return `${run.held.enroll} enroll are held`;
  if (run.held.create > 0) return `${run.held.create} create are held`;
  const [side] = incomplete(run.reasons);
  return side === undefined ? undefined : `a side was not complete (${side.code})`;
}

/** People who joined a group after its training was sent, where the platform does not enroll them by itself. */
async function newcomers(of: Circumstances, rows: readonly LaunchRow[]): Promise<readonly Reason[]> {
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
