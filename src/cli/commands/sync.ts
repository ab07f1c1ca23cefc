import { ordinaryDay } from '../../actions/hold-groups.ts';
import { failedReport, type RunReport, reportOf } from '../../actions/run-report.ts';
import { RollcallError } from '../../errors.ts';
import { watchRuns } from '../../alerts/watch/once.ts';
import { type Customer, type Platform, requireAlertSecrets, requireSecrets } from '../../jobs/customer.ts';
import { previewRun } from '../../jobs/run/preview.ts';
import type { Cli, Command, Opened } from '../context.ts';
import { observesLine } from '../observes.ts';
import { createProgressBar, type ProgressBar } from '../progress-bar.ts';
import { describeRun, exitStatusOf } from '../report.ts';
import { platformsOf, showPlan } from './plan.ts';
import { usages } from '../usages.ts';

/** `rollcall sync`: one run now, to its end. */
export const sync: Command = {
  ...usages.sync,
  options: { yes: { type: 'boolean', short: 'y', help: 'do not ask' } },
  does: 'act',
  run: async (cli, args, open) => {
    const opened = await open();
    const { customer } = opened;
    const platforms = platformsOf(customer, args);
    requireSecrets(customer, platforms);
    requireAlertSecrets(customer.config);
    const bar = createProgressBar(cli.err, cli.isTerminal && !args.flag('json'));
    const asks = cli.isTerminal && !args.flag('yes') && !args.flag('json');
    const wanted = asks ? await askForEach(cli, opened, customer, platforms, bar) : platforms;
    const tellOnCall = watchRuns(opened.engine.deps, customer);
    await opened.engine.start();
    const reports = await Promise.all(
      wanted.map((platform) => syncOne(cli, opened, customer, platform, bar)),
    );
    bar.clear();
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ runs: reports })}\n`);
    else
      for (const [at, report] of reports.entries()) {
        const platform = wanted[at];
        cli.out.write(`${describeRun(report)}\n${platform === undefined ? '' : observesLine(platform)}`);
      }
    await tellOnCall();
    return exitStatusOf(reports.map((report) => report.status));
  },
};

async function askForEach(
  cli: Cli,
  opened: Opened,
  customer: Customer,
  platforms: readonly Platform[],
  bar: ProgressBar,
): Promise<readonly Platform[]> {
  const wanted: Platform[] = [];
  for (const platform of platforms) {
    const preview = await previewRun(opened.engine.deps, customer, platform, {
      signal: cli.signal,
      onProgress: (progress) => bar.show(platform.name, progress),
    });
    bar.clear();
    const asked = { customer: customer.name, platform: platform.name };
    const ordinary = await ordinaryDay(opened.engine.deps, asked);
    showPlan(cli, { platform, preview, ordinary }, 40);
    // Nothing is applied there: nothing to ask.
    if (platform.config.mode === 'observe') continue;
    if (preview.status === 'unchanged' || (await cli.ask(`Apply this to ${platform.name}?`)))
      wanted.push(platform);
  }
  return wanted;
}

async function syncOne(
  cli: Cli,
  opened: Opened,
  customer: Customer,
  platform: Platform,
  bar: ProgressBar,
): Promise<RunReport> {
  try {
    const job = await opened.engine.request({
      customer: customer.name,
      platform: platform.name,
      trigger: 'command',
      actor: opened.actor,
    });
    const result = await opened.engine.result(job, {
      signal: cli.signal,
      onProgress: (progress) => bar.show(platform.name, progress),
    });
    if ('run' in result) return reportOf(result.run);
    if ('refused' in result)
      return failedReport(
        platform.name,
        new RollcallError('RUN_ABORTED', `${result.refused.code}: ${result.refused.message}.`),
      );
    return failedReport(
      platform.name,
      new RollcallError('RUN_OVERLAP', 'a newer request took the place of this run.'),
    );
  } catch (error) {
    cli.signal.throwIfAborted();
    return failedReport(platform.name, error);
  }
}
