import { decidedOf, findRun, nameIn, type RunStory, runStory } from '../../actions/run-story.ts';
import type { Cause, ChangeCounts } from '../../change.ts';
import { type CauseLines, createCauseLines } from '../../actions/cause-lines.ts';
import { ordinaryDay } from '../../actions/hold-groups.ts';
import { describeCause } from '../../diff/causes.ts';
import { toldReasons } from '../../jobs/reasons.ts';
import type { Approval } from '../../store/decisions.ts';
import type { StoredChange } from '../../store/journal.ts';
import type { Run } from '../../store/run-lookups.ts';
import { causeTable } from '../cause-table.ts';
import type { Command } from '../context.ts';
import { describeRun } from '../report.ts';
import { table } from '../table.ts';
import { type ListedRun, listedRun, statusOf } from './runs.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/** Changes that are shown before the rest is only counted; `--all` shows every one. */
const shownChanges = 40;

/** A change as `show --json` lists it. `outcome` is null while it waits, or when it was held. */
type ShownChange = {
  readonly kind: string;
  readonly person: string;
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly reason: string;
  /** Of a held one: the columns whose cell of this person is not what it was, their department, exports without them. */
  readonly cause?: Cause;
  readonly disposition: string;
  readonly approved: boolean;
  readonly outcome: string | null;
  readonly code?: string;
  readonly message?: string;
};

/**
 * `rollcall show RUN`: what a run did, what it did not, and why. RUN is its id, the beginning of it, or `last`. Held and
 * failed changes are listed; `--changes` lists all.
 *
 * `--json`: the run as `runs --json` has it, and `notes`, `holdExpires`, `decidedBy`, `replacedBy`, `approvals` (of its
 * hold) and `carriesOut` (the approval that it carries out), each `{ "id", "run", "hash", "people", "by", "via", "at",
 * "expires", "usedBy" }`; `changes` with `--changes` or `--failed`, else the held ones.
 */
export const show: Command = {
  ...usages.show,
  options: {
    changes: { type: 'boolean', help: 'list all changes with what became of them' },
    failed: { type: 'boolean', help: 'list only what failed' },
    all: { type: 'boolean', help: `list every one, not the first ${shownChanges}` },
  },
  does: 'show',
  run: async (cli, args, open) => {
    const { customer, engine } = await open();
    const run = await findRun(engine.deps, customer, args.positionals[0]);
    const story = await runStory(engine.deps, run);
    const wanted = filterOf(args.flag('changes'), args.flag('failed'));
    const changes: StoredChange[] = [];
    const causes = createCauseLines(({ cause }) => cause?.row ?? null);
    let more = 0;
    const limit = args.flag('all') || args.flag('json') ? Number.POSITIVE_INFINITY : shownChanges;
    for await (const page of story.changes)
      for (const change of page) {
        if (!wanted(change)) continue;
        causes.add(change);
        if (changes.length < limit) changes.push(change);
        else more++;
      }
    const listed = listedRun(run, engine.deps.now());
    if (args.flag('json')) cli.out.write(`${JSON.stringify(storyAsJson(listed, story, changes))}\n`);
    else {
      const ordinary = await ordinaryDay(engine.deps, run);
      const text = describeChanges(changes, more, story);
      cli.out.write(`${describeStory(listed, story)}${describeCauses(causes, run, ordinary)}${text}\n`);
    }
    return 0;
  },
};

function filterOf(all: boolean, failed: boolean): (change: StoredChange) => boolean {
  const isFailed = (change: StoredChange): boolean => change.outcome !== null && change.outcome !== 'done';
  if (failed) return isFailed;
  return all ? () => true : (change) => change.disposition !== 'apply' || isFailed(change);
}

function approvalAsJson(approval: Approval) {
  return {
    id: approval.id,
    run: approval.run_id,
    hash: approval.hash,
    people: approval.people,
    by: approval.actor,
    via: approval.via,
    at: iso(approval.created_ms),
    expires: iso(approval.expires_ms),
    usedBy: approval.used_by,
  };
}

function storyAsJson(listed: ListedRun, story: RunStory, changes: readonly StoredChange[]) {
  const { run } = story;
  return {
    ...listed,
    notes: toldReasons(run.notes),
    holdExpires: run.hold_expires_ms === null ? null : iso(run.hold_expires_ms),
    decidedBy: run.decided_by,
    decidedAt: run.decided_ms === null ? null : iso(run.decided_ms),
    replacedBy: story.replacedBy,
    approvals: story.approvals.map(approvalAsJson),
    carriesOut: story.carriesOut === null ? null : approvalAsJson(story.carriesOut),
    changes: changes.map(
      (change): ShownChange => ({
        kind: change.kind,
        person: change.person,
        ...(change.target === null ? {} : { target: change.target }),
        ...(change.changed.length === 0 ? {} : { fields: change.changed }),
        reason: change.reason,
        ...(change.cause === null ? {} : { cause: change.cause }),
        disposition: change.disposition,
        approved: change.approved,
        outcome: change.outcome,
        ...(change.outcome_code === null ? {} : { code: change.outcome_code }),
        ...(change.outcome_message === null ? {} : { message: change.outcome_message }),
      }),
    ),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function describeStory(listed: ListedRun, story: RunStory): string {
  const { run, hold } = story;
  const waits = hold === 'open';
  // What to do next belongs to a hold that still waits.
  const head = describeRun({ ...listed, status: statusOf(listed), ...(waits ? {} : { hash: null }) });
  const lines: string[] = [];
  lines.push(
    `  begun    ${iso(run.created_ms)} by ${run.actor ?? run.trigger} (${run.trigger}${run.person === null ? '' : `, only ${run.person}`})`,
  );
  if (run.ended_ms !== null) lines.push(`  ended    ${iso(run.ended_ms)}`);
  for (const note of run.notes) lines.push(`  note     ${note.message}`);
  const until = run.hold_expires_ms === null ? '' : iso(run.hold_expires_ms);
  if (waits) lines.push(`  hash     ${run.hash ?? ''}, can be approved until ${until}`);
  if (hold === 'expired')
    lines.push(`  expired  it could be approved until ${until}; rollcall sync ${run.platform} judges anew`);
  if (hold === 'replaced')
    lines.push(`  replaced by ${story.replacedBy ?? 'a newer run'}, which judged everything anew`);
  for (const one of story.rejections) {
    const why = one.reason === null ? '' : `: ${one.reason}`;
    lines.push(
      `  rejected ${iso(one.created_ms)} by ${one.actor} (${one.via}) until ${iso(one.until_ms)}${why}`,
    );
    if (one.withdrawn_ms !== null)
      lines.push(`  taken back ${iso(one.withdrawn_ms)} by ${one.withdrawn_by ?? 'somebody'}`);
  }
  for (const approval of story.approvals) {
    const whom = approval.people === null ? 'all of it' : approval.people.join(', ');
    const used = approval.used_by === null ? 'not used yet' : `used by ${approval.used_by}`;
    lines.push(
      `  approved ${iso(approval.created_ms)} by ${approval.actor} (${approval.via}): ${whom}; ${used}`,
    );
  }
  if (story.carriesOut !== null)
    lines.push(
      `  carries out what ${story.carriesOut.actor} (${story.carriesOut.via}) approved of ${story.carriesOut.run_id}`,
    );
  return [head, ...lines.map(shown)].join('\n');
}

/** What is listed, by cause. */
function describeCauses(
  causes: CauseLines,
  { managed, members, target_names: names }: Run,
  ordinary: ChangeCounts | null,
): string {
  const nameOf = (target: string): string => names[target] ?? target;
  const text = causeTable(causes.lines({ nameOf, managed, members, ordinary }));
  return text === '' ? '' : `\n\n${text}`;
}

function describeChanges(changes: readonly StoredChange[], more: number, story: RunStory): string {
  if (changes.length === 0) return '';
  const rows = changes.map((change) => [
    change.kind,
    change.person,
    nameIn(change),
    whatOf(change, story.run.target_names),
    change.cause === null ? change.reason : describeCause(change),
    outcomeOf(change, story),
    change.outcome === 'done' || change.outcome === null
      ? ''
      : `${change.outcome_code ?? ''} ${change.outcome_message ?? ''}`.trim(),
  ]);
  const rest = more === 0 ? '' : `\n… and ${more.toLocaleString('en')} more (--all)`;
  return `\n\n${table([['kind', 'person', 'name', 'what', 'why', 'outcome', ''], ...rows])}${rest}`;
}

function outcomeOf(change: StoredChange, story: RunStory): string {
  if (change.disposition === 'rejected') return 'rejected';
  return change.disposition === 'held' ? decidedOf(story, change.person) : (change.outcome ?? 'waits');
}

function whatOf(change: StoredChange, targetNames: Run['target_names']): string {
  if (change.target !== null) return targetNames[change.target] ?? change.target;
  if (change.kind === 'create' || change.kind === 'deactivate') return '';
  return change.changed
    .map((name) => `${name}: ${change.before?.[name] ?? ''} → ${change.after?.[name] ?? ''}`)
    .join(', ');
}
