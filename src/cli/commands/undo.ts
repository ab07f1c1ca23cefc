import { RollcallError } from '../../errors.ts';
import { changeReport, reportOf, undoReport } from '../../actions/run-report.ts';
import { findRun, nameIn } from '../../actions/run-story.ts';
import { describeNotUndone, previewUndo, undoableRun } from '../../jobs/undo/undo.ts';
import type { Run } from '../../store/run-lookups.ts';
import { awaitRun } from '../await-run.ts';
import { startWorkers } from '../services.ts';
import type { Cli, Command, Opened } from '../context.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { describeRun, exitStatusOf } from '../report.ts';
import { table } from '../table.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/** Changes that are shown before the rest is only counted. */
const shownChanges = 40;

/**
 * `rollcall undo RUN`: the way back, as a plan; `--apply` takes it, through the same limits and queue as any run, and
 * what was undone stays undone until the person's row changes.
 *
 * `--json`: `{ "undoes", "runs": [the undo's run, as sync has it; its id is null for a plan] }`; a plan has `changes`
 * (`{ "kind", "person", "target"?, "fields"? }`) and `notUndone` (`{ "kind", "person", "target"?, "code", "message" }`)
 * too, and an applied one `notes`. Exits 0 for a plan, 3 when limits or an incomplete roster would hold something; with
 * `--apply` as the run does.
 */
export const undo: Command = {
  ...usages.undo,
  options: { apply: { type: 'boolean', help: 'take it' } },
  does: 'act',
  run: async (cli, args, open) => {
    const opened = await open();
    const run = await findRun(opened.engine.deps, opened.customer, args.positionals[0]);
    const json = args.flag('json');
    const bar = createProgressBar(cli.err, cli.isTerminal && !json);
    return args.flag('apply') ? apply(cli, opened, run, json, bar) : preview(cli, opened, run, json, bar);
  },
};

async function preview(cli: Cli, opened: Opened, run: Run, json: boolean, bar: ProgressBar) {
  const { customer, engine } = opened;
  const { plan, requests } = await previewUndo(engine.deps, customer, run.id, {
    signal: cli.signal,
    onProgress: (progress) => bar.show(run.platform, progress),
  });
  bar.clear();
  const report = undoReport(run.platform, plan, requests);
  if (json) {
    cli.out.write(
      `${JSON.stringify({
        undoes: run.id,
        runs: [report],
        changes: plan.ways.map(({ change }) => changeReport(change)),
        notUndone: plan.notUndone.map((not) => ({
          ...changeReport({ ...not, changed: [] }),
          code: not.code,
          message: describeNotUndone(not),
        })),
      })}\n`,
    );
  } else {
    const rows = plan.ways
      .slice(0, shownChanges)
      .map(({ change, undone }) => [
        change.kind,
        change.person,
        nameIn(undone),
        change.target ??
          change.changed
            .map((name) => `${name}: ${change.before?.[name] ?? ''} → ${change.after?.[name] ?? ''}`)
            .join(', '),
      ]);
    const lines = [`the way back of ${run.id}`, describeRun(report)];
    if (plan.hash !== null) lines.push(`  hash     ${plan.hash}`);
    if (rows.length > 0) lines.push('', table([['kind', 'person', 'name', 'what'], ...rows]));
    if (plan.ways.length > rows.length) lines.push(`… and ${plan.ways.length - rows.length} more`);
    lines.push(...notUndoneLines(plan.notUndone.map(describeNotUndone)));
    if (plan.ways.length > 0) lines.push('', `next: rollcall undo ${run.id} --apply`);
    cli.out.write(`${lines.join('\n')}\n`);
  }
  return exitStatusOf([plan.status]);
}

function notUndoneLines(sentences: readonly string[]): readonly string[] {
  if (sentences.length === 0) return [];
  const more = sentences.length - shownChanges;
  return [
    '',
    'not undone:',
    ...sentences.slice(0, shownChanges).map((sentence) => `  ${shown(sentence)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}

async function apply(cli: Cli, opened: Opened, run: Run, json: boolean, bar: ProgressBar) {
  const { customer, engine, actor } = opened;
  const { platform } = await undoableRun(engine.deps, customer, run.id);
  if (platform.config.mode === 'observe')
    throw new RollcallError('UNDO_REFUSED', `${platform.name} is in mode observe: nothing is applied there.`);
  await startWorkers(cli, opened, run.platform);
  const job = await engine.request({
    customer: customer.name,
    platform: run.platform,
    trigger: 'undo',
    actor,
    undoes: run.id,
  });
  const ended = await awaitRun(cli, { engine, job, platform: run.platform }, bar);
  const report = reportOf(ended);
  const { notes } = ended;
  if (json) cli.out.write(`${JSON.stringify({ undoes: run.id, runs: [report], notes })}\n`);
  else {
    const lines = [describeRun(report)];
    for (const note of notes) if (note.code !== 'NOT_UNDONE') lines.push(`  ${shown(note.message)}`);
    lines.push(
      ...notUndoneLines(notes.filter((note) => note.code === 'NOT_UNDONE').map((note) => note.message)),
    );
    cli.out.write(`${lines.join('\n')}\n`);
  }
  return exitStatusOf([report.status]);
}
