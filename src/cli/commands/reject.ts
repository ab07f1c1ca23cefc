import { RollcallError } from '../../errors.ts';
import { dateIn } from '../../jobs/read/roster.ts';
import { rejectRun } from '../../actions/decisions.ts';
import { findRun } from '../../actions/run-story.ts';
import type { Command } from '../context.ts';
import { deciderOf } from './approve.ts';
import { usages } from '../usages.ts';

const dayMs = 24 * 3_600_000;

/**
 * `rollcall reject RUN`: what it holds is not proposed again until the date (30 days from now), or until it changes.
 * `--json`: `{ "run", "rejected": number of changes, "until": ISO 8601 }`.
 */
export const reject: Command = {
  ...usages.reject,
  options: { until: { type: 'string', help: 'until this date (2026-03-31) instead of 30 days' } },
  does: 'act',
  run: async (cli, args, open) => {
    const opened = await open();
    const { customer, engine } = opened;
    const until = args.text('until');
    const run = await findRun(engine.deps, customer, args.positionals[0]);
    const rejected = await rejectRun(engine.deps, {
      customer,
      run: run.id,
      ...(until === undefined ? {} : { untilMs: startOfDate(until, customer.config.roster.timezone) }),
      ...deciderOf(cli, opened),
    });
    const date = new Date(rejected.untilMs).toISOString();
    if (args.flag('json'))
      cli.out.write(`${JSON.stringify({ run: rejected.run, rejected: rejected.changes, until: date })}\n`);
    else
      cli.out.write(
        `${rejected.run}: ${rejected.changes} changes are rejected and not proposed again until ${date}, unless they change\n`,
      );
    return 0;
  },
};

/** The first moment of a date in a time zone, in ms. Throws USAGE for what is no date. */
export function startOfDate(text: string, timezone: string): number {
  const midnightMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(midnightMs) || new Date(midnightMs).toISOString().slice(0, 10) !== text)
    throw new RollcallError('USAGE', `"${text}" is not a date.`, { hint: 'Write it as 2026-03-31.' });
  let early = midnightMs - dayMs;
  let late = midnightMs + dayMs;
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (dateIn(timezone, middle) < text) early = middle;
    else late = middle;
  }
  return late;
}
