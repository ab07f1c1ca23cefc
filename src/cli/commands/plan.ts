import { changeReport, failedReport, previewReport, type RunReport } from '../../actions/run-report.ts';
import { createCauseLines } from '../../actions/cause-lines.ts';
import { ordinaryDay } from '../../actions/hold-groups.ts';
import { type ChangeCounts, changeKinds } from '../../change.ts';
import { formatDuration } from '../../config/units.ts';
import { planTable } from '../../diff/summary.ts';
import { type Customer, type Platform, platformOf, requireSecrets } from '../../jobs/customer.ts';
import { type Preview, previewRun } from '../../jobs/run/preview.ts';
import { causeTable } from '../cause-table.ts';
import type { Cli, Command, ParsedArguments } from '../context.ts';
import { createProgressBar } from '../progress-bar.ts';
import { observesLine } from '../observes.ts';
import { describeRun, exitStatusOf } from '../report.ts';
import { usages } from '../usages.ts';

/** Lines of a plan that are shown before the rest is only counted; `--all` shows every one. */
const shownChanges = 40;

/** `rollcall plan`: read both sides, show what would change. */
export const plan: Command = {
  ...usages.plan,
  options: {
    changes: { type: 'boolean', help: 'with --json: list the changes' },
    all: { type: 'boolean', help: `show every change, not the first ${shownChanges}` },
  },
  does: 'show',
  run: async (cli, args, open) => {
    const { customer, engine } = await open();
    const bar = createProgressBar(cli.err, cli.isTerminal && !args.flag('json'));
    const reports: RunReport[] = [];
    const platforms = platformsOf(customer, args);
    requireSecrets(customer, platforms);
    for (const platform of platforms) {
      try {
        const preview = await previewRun(engine.deps, customer, platform, {
          signal: cli.signal,
          onProgress: (progress) => bar.show(platform.name, progress),
        });
        bar.clear();
        const report = previewReport(platform.name, preview);
        const changes = args.flag('changes') ? { changes: [...preview.changes()].map(changeReport) } : {};
        reports.push({ ...report, ...changes });
        if (!args.flag('json')) {
          const asked = { customer: customer.name, platform: platform.name };
          const ordinary = await ordinaryDay(engine.deps, asked);
          const limit = args.flag('all') ? Number.POSITIVE_INFINITY : shownChanges;
          showPlan(cli, { platform, preview, ordinary }, limit);
        }
      } catch (error) {
        bar.clear();
        cli.signal.throwIfAborted();
        const failed = failedReport(platform.name, error);
        reports.push(failed);
        cli.log.debug({ err: error }, 'plan failed');
        if (!args.flag('json')) cli.out.write(`${describeRun(failed)}\n`);
      }
    }
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ runs: reports })}\n`);
    return exitStatusOf(reports.map((report) => report.status));
  },
};

/** The platforms that the arguments name, or all. Throws PLATFORM_UNKNOWN. */
export function platformsOf(customer: Customer, args: ParsedArguments): readonly Platform[] {
  if (args.positionals.length === 0) return [...customer.platforms.values()];
  return args.positionals.map((name) => platformOf(customer, name));
}

/** A plan to be shown, and what an ordinary day has. */
export type ShownPlan = {
  readonly platform: Platform;
  readonly preview: Preview;
  readonly ordinary: ChangeCounts | null;
};

/** The plan for a person at a terminal: counts first, then by cause, then who and what. */
export function showPlan(
  cli: Pick<Cli, 'out'>,
  { platform, preview, ordinary }: ShownPlan,
  limit: number,
): void {
  const { decision, sides } = preview;
  const names = new Map(sides.targets.map(({ id, name }) => [id, name]));
  const targetName = (id: string): string => names.get(id) ?? id;
  const causes = createCauseLines(({ person }) => sides.seen.of(sides.differ.people.find(person)));
  // One walk for both tables: a plan may be of a million people.
  function* changes() {
    for (const change of decision.changes()) {
      causes.add({ ...change, cause: change.cause ?? null });
      yield change;
    }
  }
  const changed = planTable(changes(), (person) => nameOf(preview, person), limit, targetName);
  const { managed } = decision;
  const { members } = sides;
  const byCause = causeTable(causes.lines({ nameOf: targetName, managed, members, ordinary }));
  cli.out.write(`${describeRun(previewReport(platform.name, preview))}\n${observesLine(platform)}`);
  cli.out.write(takesLine(platform, preview));
  for (const note of preview.decision.notes) cli.out.write(`  note     ${note.message}\n`);
  if (byCause !== '') cli.out.write(`\n${indented(byCause)}\n`);
  if (changed !== '') cli.out.write(`\n${changed}\n`);
}

/** How long applying takes at least, by the requests it needs and the platform's rate; what is held is not in it. */
export function takesLine({ config, provider }: Platform, { decision }: Preview): string {
  const requests =
    config.mode === 'observe'
      ? changeKinds.reduce((sum, kind) => {
          const limit = provider.capabilities.operations.find(({ kinds }) => kinds.includes(kind))?.limit;
          return limit === undefined ? sum : sum + Math.ceil(decision.planned[kind] / limit);
        }, 0)
      : decision.batches().length;
  if (requests === 0) return '';
  const { count, windowMs } = config.rate;
  const seconds = Math.ceil((requests * windowMs) / count / 1_000);
  const takes = `${requests.toLocaleString('en')} write ${requests === 1 ? 'request' : 'requests'} at ${formatRate(config.rate)}`;
  return `  takes    ${formatDuration(seconds * 1_000)} or more${config.mode === 'observe' ? ', once it does not only observe' : ''}: ${takes}\n`;
}

const windowSigns: ReadonlyMap<number, string> = new Map([
  [1_000, 's'],
  [60_000, 'm'],
  [3_600_000, 'h'],
]);

function formatRate({ count, windowMs }: Platform['config']['rate']): string {
  return `${count}/${windowSigns.get(windowMs) ?? formatDuration(windowMs)}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function nameOf(preview: Preview, person: string): string | null {
  const { people } = preview.sides.differ;
  const ordinal = people.find(person);
  if (ordinal < 0) return null;
  const values = people.values(ordinal);
  const name = [values['firstName'], values['lastName']]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
  return name === '' ? (values['displayName'] ?? null) : name;
}
