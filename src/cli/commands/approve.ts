import { reportOf } from '../../actions/run-report.ts';
import { RollcallError } from '../../errors.ts';
import { approveRun, type Decider } from '../../actions/decisions.ts';
import { findRun } from '../../actions/run-story.ts';
import { awaitRun } from '../await-run.ts';
import { startWorkers } from '../services.ts';
import type { Cli, Command, Opened } from '../context.ts';
import { createProgressBar } from '../progress-bar.ts';
import { describeRun, exitStatusOf } from '../report.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall approve RUN --hash HASH`: releases what a run holds, as it was reviewed, and waits for the run that does it.
 * `--json`: `{ "approval", "runs": [the run, as sync has it] }`. Exits as that run would.
 */
export const approve: Command = {
  ...usages.approve,
  options: {
    hash: { type: 'string', help: 'the hash that show printed with the held changes' },
    only: { type: 'string', multiple: true, help: 'only this person (may be repeated)' },
  },
  does: 'act',
  run: async (cli, args, open) => {
    const hash = args.text('hash');
    if (hash === undefined)
      throw new RollcallError('USAGE', 'rollcall approve: --hash is missing.', {
        hint: `It is what names the changes you reviewed: rollcall show ${args.positionals[0] ?? 'RUN'}.`,
      });
    const opened = await open();
    const { customer, engine } = opened;
    const [wanted, ...people] = args.positionals;
    const only = [...args.texts('only'), ...people];
    if (people.length > 0 && args.texts('only').length === 0)
      throw new RollcallError('USAGE', 'rollcall approve: one run at a time.', {
        hint: 'Name people with --only PERSON.',
      });
    const run = await findRun(engine.deps, customer, wanted);
    await startWorkers(cli, opened, run.platform);
    const approved = await approveRun(engine, {
      customer,
      run: run.id,
      hash,
      ...(only.length === 0 ? {} : { only }),
      ...deciderOf(cli, opened),
    });
    const bar = createProgressBar(cli.err, cli.isTerminal && !args.flag('json'));
    const ended = await awaitRun(cli, { engine, job: approved.job, platform: run.platform }, bar);
    const report = reportOf(ended);
    if (args.flag('json'))
      cli.out.write(`${JSON.stringify({ approval: approved.approval.id, runs: [report] })}\n`);
    else {
      const notes = ended.notes.map((note) => `  ${note.message}`);
      cli.out.write(`${[describeRun(report), ...notes].join('\n')}\n`);
      if (report.status === 'failed')
        cli.out.write(`  nothing was released; see rollcall show ${run.id}, which may still be approved\n`);
    }
    return exitStatusOf([report.status]);
  },
};

/** Who decides, and from where: the operating system's user. */
export function deciderOf(cli: Pick<Cli, 'env' | 'user'>, opened: Pick<Opened, 'actor'>): Decider {
  if (cli.user !== undefined) return { actor: opened.actor, via: 'command line' };
  const user = cli.env['USER'] ?? cli.env['LOGNAME'] ?? cli.env['USERNAME'];
  return { actor: opened.actor, via: user === undefined ? 'command line' : `command line of ${user}` };
}
