import { type RunReport, reportOf } from '../../actions/run-report.ts';
import { countsInWords } from '../../change.ts';
import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { holdStateOf } from '../../actions/decisions.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { Command } from '../context.ts';
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
    const { customer, store, engine } = await open();
    const [name] = args.positionals;
    const platform = name === undefined ? undefined : platformOf(customer, name).name;
    const limit = Number(args.text('limit') ?? shownRuns);
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000)
      throw new RollcallError('USAGE', '--limit is a whole number from 1 to 10000.');
    const nowMs = engine.deps.now();
    const found = (await store.runs.list({ customer: customer.name, platform, limit })).map((run) =>
      listedRun(run, nowMs),
    );
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ runs: found })}\n`);
    else if (found.length === 0) cli.out.write('no runs yet\n');
    else
      cli.out.write(
        `${table([
          ['run', 'when', 'why', 'status', 'applied', 'failed', 'held'],
          ...found.map((run) => [
            run.id ?? '',
            run.created.slice(0, 19).replace('T', ' '),
            run.person === null ? run.trigger : `${run.trigger} of ${run.person}`,
            statusOf(run),
            countsInWords(run.applied),
            countsOrNothing(run.failed),
            countsOrNothing(run.held),
          ]),
        ])}\n`,
      );
    return 0;
  },
};

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
