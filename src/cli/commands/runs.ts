import { type RunReport, reportOf } from '../../actions/run-report.ts';
import { countsInWords } from '../../change.ts';
import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { holdStateOf } from '../../actions/decisions.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { Cli, Command, ExitStatus, Opened, ParsedArguments } from '../context.ts';
import { describeLeftOut, type LeftOut, leftOutDocument, namesSeveral, withSeveral } from '../several.ts';
import { table } from '../table.ts';
import { usages } from '../usages.ts';

/** Runs that are listed unless `--limit` says otherwise. */
const shownRuns = 20;

/** A run in a list: what `--json` of `plan` and `sync` has, and when, why and by whom. Times are ISO 8601. */
export type ListedRun = RunReport & {
  readonly trigger: string;
  readonly actor: string | null;
  readonly person: string | null;
  readonly undoes: string | null;
  readonly created: string;
  readonly ended: string | null;
  /** Where its hold stands: `none`, `open`, `expired`, `approved`, `rejected` or `replaced`. */
  readonly hold: string;
};

/** `rollcall runs`: what happened lately, the newest first. `--json`: `{ "runs": [ListedRun] }`. */
export const runs: Command = {
  ...usages.runs,
  options: { limit: { type: 'string', help: `how many (default ${shownRuns})` } },
  does: 'show',
  run: async (cli, args, open) => {
    const [name] = args.positionals;
    const limit = Number(args.text('limit') ?? shownRuns);
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
      throw new RollcallError('USAGE', '--limit is a whole number from 1 to 10000.');
    if (await namesSeveral(args))
      return withSeveral(cli, args, 'runs', (opened, leftOut) =>
        runsOfAll(cli, args, opened, leftOut, limit),
      );
    const { customer, store, engine } = await open();
    const platform = name === undefined ? undefined : platformOf(customer, name).name;
    const nowMs = engine.deps.now();
    const found = (await store.runs.list({ customer: customer.name, platform, limit })).map((run) =>
      listedRun(run, nowMs),
    );
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ runs: found })}\n`);
    else if (found.length === 0) cli.out.write('no runs yet\n');
    else cli.out.write(`${tableOf(found)}\n`);
    return 0;
  },
};

/** Runs that need somebody, in this order, come before all others. */
const trouble: readonly string[] = ['failed', 'held', 'withheld', 'partial'];

/** The newest runs of all customers, those that need somebody first. */
async function runsOfAll(
  cli: Cli,
  args: ParsedArguments,
  opened: Opened | null,
  leftOut: readonly LeftOut[],
  limit: number,
): Promise<ExitStatus> {
  const nowMs = cli.now();
  const name = args.positionals[0];
  const lists = await Promise.all(
    (opened?.customers ?? []).map((customer) =>
      opened?.store.runs.list({ customer: customer.name, platform: name, limit }),
    ),
  );
  const rank = (run: Run): number =>
    (trouble.indexOf(run.status) + trouble.length + 1) % (trouble.length + 1);
  const found = lists
    .flatMap((list) => list ?? [])
    .toSorted((a, b) => b.created_ms - a.created_ms)
    .slice(0, limit)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((run) => ({ customer: run.customer, ...listedRun(run, nowMs) }));
  if (args.flag('json'))
    cli.out.write(`${JSON.stringify({ runs: found, unusable: leftOutDocument(leftOut) })}\n`);
  else {
    for (const text of describeLeftOut(leftOut)) cli.out.write(`${text}\n`);
    cli.out.write(found.length === 0 ? 'no runs yet\n' : `${tableOf(found)}\n`);
  }
  return leftOut.length > 0 ? 2 : 0;
}

function tableOf(found: readonly (ListedRun & { readonly customer?: string })[]): string {
  const several = found.some(({ customer }) => customer !== undefined);
  return table([
    [...(several ? ['customer'] : []), 'run', 'when', 'why', 'status', 'applied', 'failed', 'held'],
    ...found.map((run) => [
      ...(several ? [run.customer ?? ''] : []),
      run.id ?? '',
      run.created.slice(0, 19).replace('T', ' '),
      run.person === null ? run.trigger : `${run.trigger} of ${run.person}`,
      statusOf(run),
      countsInWords(run.applied),
      countsOrNothing(run.failed),
      countsOrNothing(run.held),
    ]),
  ]);
}

/** A stored run for a list. */
export function listedRun(run: Run, nowMs: number): ListedRun {
  return {
    ...reportOf(run),
    trigger: run.trigger,
    actor: run.actor,
    person: run.person,
    undoes: run.undoes,
    created: new Date(run.created_ms).toISOString(),
    ended: run.ended_ms === null ? null : new Date(run.ended_ms).toISOString(),
    hold: holdStateOf(run, nowMs),
  };
}

/** A run's status, with what became of its hold. */
export function statusOf(run: Pick<ListedRun, 'status' | 'hold'>): string {
  return run.hold === 'none' || run.hold === 'open' ? run.status : `${run.status}, ${run.hold}`;
}

function countsOrNothing(counts: RunReport['applied']): string {
  const words = countsInWords(counts);
  return words === 'no changes' ? '' : words;
}
