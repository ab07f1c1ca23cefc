import { randomUUID } from 'node:crypto';
import { type ChangeCounts, type ChangeKind, noChanges, removalKinds } from '../../change.ts';
import type { Change } from '../../diff/change.ts';
import { RollcallError } from '../../errors.ts';
import type { CallContext } from '../../providers/contract.ts';
import type { Suppression } from '../../store/decisions.ts';
import type { PlannedBatch, PlannedChange, PlanRecord } from '../../store/plan-record.ts';
import type { Run } from '../../store/run-lookups.ts';
import { openStatuses, type RunStatus } from '../../store/schema.ts';
import { type Customer, countingContext, type Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { heldReasons } from '../decide/held.ts';
import { type Judgement, judge, withholdReasons } from '../decide/judge.ts';
import { createLayout } from '../decide/layout.ts';
import type { OnProgress } from '../progress.ts';
import { approvalNote } from '../decide/record.ts';
import { type NotUndone, notUndoneCodes, type WayBack, waysBack } from './ways-back.ts';
import { readUndoSides, type UndoSides } from './sides.ts';
import type { Reason } from '../reasons.ts';

/** Changes that were not taken back and are named one by one in a run's notes. */
const mostNotes = 50;

/** The way back of a run, judged: nothing is stored or written yet. */
export type UndoPlan = Judgement & {
  readonly reasons: readonly Reason[];
  readonly undone: Run;
  readonly ways: readonly WayBack[];
  readonly notUndone: readonly NotUndone[];
  readonly planned: ChangeCounts;
  readonly status: Extract<RunStatus, 'held' | 'withheld' | 'planned' | 'unchanged'>;
  readonly managed: number;
  readonly sides: UndoSides;
};

export type PlanUndoOptions = {
  readonly deps: Pick<JobDeps, 'store' | 'now'>;
  readonly customer: Customer;
  readonly platform: Platform;
  /** The id of the run to take back. */
  readonly undoes: string;
  readonly ctx: CallContext;
  readonly approved: ReadonlySet<string>;
  readonly onProgress: OnProgress;
};

/** The run to take back. Throws RUN_UNKNOWN, or UNDO_REFUSED when it is not over or changed nothing anywhere. */
export async function undoableRun(
  deps: Pick<JobDeps, 'store'>,
  customer: Customer,
  id: string,
): Promise<{ readonly undone: Run; readonly platform: Platform }> {
  const undone = await deps.store.runs.find(id);
  if (undone === undefined || undone.customer !== customer.name)
    throw new RollcallError('RUN_UNKNOWN', `there is no run ${id}.`, { hint: 'See rollcall runs.' });
  if (openStatuses.some((status) => status === undone.status))
    throw new RollcallError('UNDO_REFUSED', `${id} is still ${undone.status}.`, {
      hint: `Wait for its end, or stop it first: rollcall cancel ${id}.`,
    });
  const platform = customer.platforms.get(undone.platform);
  if (platform === undefined)
    throw new RollcallError(
      'UNDO_REFUSED',
      `${undone.platform}, which ${id} is of, is not configured any more.`,
    );
  return { undone, platform };
}

/**
 * Plans the way back of a run from its before-images: reads the roster and the platform, keeps what somebody changed
 * since, and holds the rest against the same limits as any plan. A roster that does not prove that it is complete
 * withholds removals here too.
 *
 * @throws RollcallError RUN_UNKNOWN, UNDO_REFUSED, and whatever reading a side throws
 */
async function planUndo(options: PlanUndoOptions): Promise<UndoPlan> {
  const { deps, customer, platform, approved } = options;
  const { undone } = await undoableRun(deps, customer, options.undoes);
  const sides = await readUndoSides({ ...options, undone });
  const found = waysBack(platform, sides);
  const incomplete = withholdReasons({ roster: sides.roster, platformReasons: [] });
  const removals = found.ways.filter(({ change }) => removalKinds.has(change.kind));
  const withheld = incomplete.length > 0 ? removals.length : 0;
  const ways = withheld > 0 ? found.ways.filter(({ change }) => !removalKinds.has(change.kind)) : found.ways;

  const planned = noChanges();
  for (const { change } of ways) planned[change.kind]++;
  const { store } = deps;
  const managed = await store.links.count(customer.name, platform.name);
  const changes = (): readonly Change[] => ways.map(({ change }) => change);
  const targets = [...sides.targets.values()].map(({ id, name }) => ({
    id,
    name,
    members: () => sides.managedMembers.get(id) ?? 0,
  }));
  const judgement = await judge({
    store,
    customer,
    platform,
    nowMs: deps.now(),
    managed,
    planned,
    changes,
    approved,
    targets,
  });
  const held = heldReasons({
    judgement,
    changes,
    targets,
    causeOf: () => null,
    doubts: [],
    doubtedColumns: () => [],
  });
  const reasons: Reason[] = [...held.reasons];
  if (withheld > 0)
    reasons.push(...incomplete, {
      code: 'REMOVALS_WITHHELD',
      message: `${withheld} removals were withheld; undo again once the roster is complete.`,
    });
  return {
    undone,
    ways,
    notUndone: found.notUndone,
    planned,
    ...judgement,
    reasons,
    status: judgement.anyHeld
      ? 'held'
      : withheld > 0
        ? 'withheld'
        : ways.length > 0
          ? 'planned'
          : 'unchanged',
    managed,
    sides,
  };
}

/** Plans an undo run and stores the plan; the caller applies it like any other. */
export async function planUndoRun(
  deps: JobDeps,
  customer: Customer,
  platform: Platform,
  run: Run,
  lease: number,
  approved: ReadonlySet<string>,
  ctx: ReturnType<typeof countingContext>,
): Promise<void> {
  let plan: UndoPlan;
  try {
    plan = await planUndo({
      deps,
      customer,
      platform,
      undoes: run.undoes ?? '',
      ctx,
      approved,
      onProgress: (progress) => deps.events.emit('progress', run.id, progress),
    });
  } finally {
    await deps.store.runs.addRequests(run.id, ctx.count.reads, ctx.count.writes);
  }
  const earlier =
    plan.undone.undoes === null ? [] : await deps.store.decisions.suppressionsOfRun(plan.undone.id);
  await deps.store.plans.save(
    undoRecord(customer, platform, run, plan, approved, earlier, deps.now()),
    lease,
    deps.now(),
  );
}

function undoRecord(
  customer: Customer,
  platform: Platform,
  run: Run,
  plan: UndoPlan,
  approved: ReadonlySet<string>,
  earlier: readonly Suppression[],
  nowMs: number,
): PlanRecord {
  const { sides } = plan;
  const observes = platform.config.mode === 'observe';
  const layout = createLayout(platform.provider.capabilities.operations, observes);
  const going = plan.ways.filter((way) => !plan.waits(way.change));
  const people = new Set(going.map(({ undone }) => undone.person));
  return {
    run: run.id,
    customer: customer.name,
    platform: platform.name,
    roster: null,
    adoptions: [],
    reviews: null,
    changes: {
      *[Symbol.iterator](): Generator<PlannedChange> {
        layout.reset();
        for (const { change, undone } of plan.ways) {
          const link = sides.links.get(undone.person);
          const held = plan.waits(change);
          yield {
            ...change,
            disposition: held ? 'held' : 'apply',
            approved: approved.has(change.fingerprint),
            batch: held ? null : layout.place(change),
            rowHash: sides.people.get(undone.person)?.rowHash ?? null,
            link: removalKinds.has(change.kind)
              ? null
              : { writtenHash: link?.written_hash ?? null, emailHash: link?.email_hash ?? null },
          };
        }
      },
    },
    batches: (): readonly PlannedBatch[] => layout.batches(),
    summary: () => ({
      hash: plan.hash,
      planned: plan.planned,
      held: plan.held,
      reasons: plan.reasons,
      notes: notesOf(plan, run, approved.size),
      rejected: 0,
      review: 0,
      managed: plan.managed,
      accounts: 0,
      members: {},
      targetNames: plan.undone.target_names,
      holdExpiresMs: plan.status === 'held' ? nowMs + customer.config.approval.expires : null,
    }),
    status: !observes && going.length > 0 ? 'applying' : 'planned',
    approval: run.approval,
    // An undo that is itself undone leaves the way free for what it had taken back; nothing new is kept from coming.
    suppress: observes || plan.undone.undoes !== null ? [] : suppressionsOf(run, going, sides, nowMs),
    unsuppress: observes ? [] : earlier.filter(({ person }) => people.has(person)).map(({ id }) => id),
  };
}

/** The kinds that a next run would do again, once a change was taken back. */
const comesAgain: Readonly<Record<ChangeKind, readonly ChangeKind[]>> = {
  create: ['create', 'reactivate'],
  update: ['update'],
  reactivate: ['reactivate'],
  deactivate: ['deactivate'],
  enroll: ['enroll'],
  unenroll: ['unenroll'],
};

function suppressionsOf(
  run: Run,
  ways: readonly WayBack[],
  sides: UndoSides,
  nowMs: number,
): readonly Suppression[] {
  return ways.flatMap(({ undone }) =>
    comesAgain[undone.kind].map((kind) => ({
      id: randomUUID(),
      customer: run.customer,
      platform: run.platform,
      person: undone.person,
      kind,
      fingerprint: null,
      target: undone.target,
      row_hash: sides.people.get(undone.person)?.rowHash ?? null,
      until_ms: null,
      cause: 'undone' as const,
      actor: run.actor ?? 'command',
      created_ms: nowMs,
      run_id: run.id,
    })),
  );
}

/** A change that stays, as a sentence. */
export function describeNotUndone(not: NotUndone): string {
  const target = not.target === null ? '' : ` in ${not.target}`;
  const by = not.by === null ? '' : ` (changed again by ${not.by})`;
  return `${not.kind} of ${not.person}${target}: ${notUndoneCodes[not.code]}${by}`;
}

function notesOf(plan: UndoPlan, run: Run, approved: number): Reason[] {
  const notes: Reason[] = [{ code: 'UNDOES', message: `takes back ${plan.undone.id}` }];
  for (const not of plan.notUndone.slice(0, mostNotes))
    notes.push({ code: 'NOT_UNDONE', message: describeNotUndone(not) });
  const more = plan.notUndone.length - mostNotes;
  if (more > 0) notes.push({ code: 'NOT_UNDONE', message: `and ${more} more changes` });
  return [...notes, ...approvalNote(run, approved, plan.released)];
}

/** The way back of a run, only looked at. */
export async function previewUndo(
  deps: JobDeps,
  customer: Customer,
  run: string,
  watch: { readonly signal: AbortSignal; readonly onProgress: OnProgress },
): Promise<{ readonly plan: UndoPlan; readonly requests: { reads: number; writes: number } }> {
  const { platform } = await undoableRun(deps, customer, run);
  const ctx = countingContext(watch.signal);
  const plan = await planUndo({
    deps,
    customer,
    platform,
    undoes: run,
    ctx,
    approved: new Set(),
    onProgress: watch.onProgress,
  });
  return { plan, requests: ctx.count };
}
