import { RollcallError } from '../../errors.ts';
import { dateIn } from '../../jobs/read/roster.ts';
import { rejectRun, withdrawRejection } from '../../actions/decisions.ts';
import { findRun } from '../../actions/run-story.ts';
import type { Command } from '../context.ts';
import { deciderOf } from './approve.ts';
import { usages } from '../usages.ts';

const dayMs = 24 * 3_600_000;

/**
 * `rollcall reject RUN`: what it holds is not proposed again until the date (30 days from now), or until it changes.
 * `--withdraw` takes that back. `--json`: `{ "run", "rejected": number of changes, "until": ISO 8601 }`, or
 * `{ "run", "withdrawn": number of changes, "waits": whether the same hold waits again }`.
 */
export const reject: Command = {
  ...usages.reject,
  options: {
    until: { type: 'string', help: 'until this date (2026-03-31) instead of 30 days' },
    reason: { type: 'string', help: 'why; show and the page of the run have it' },
    withdraw: { type: 'boolean', help: 'take the rejection of the run back' },
  },
  does: 'act',
  run: async (cli, args, open) => {
    const opened = await open();
    const { customer, engine } = opened;
    const until = args.text('until');
    const run = await findRun(engine.deps, customer, args.positionals[0]);
    if (args.flag('withdraw')) {
      if (until !== undefined || args.text('reason') !== undefined)
        throw new RollcallError('USAGE', 'rollcall reject: --withdraw goes with nothing else.');
      const withdrawn = await withdrawRejection(engine.deps, {
        customer,
        run: run.id,
        ...deciderOf(cli, opened),
      });
      const { changes, waits } = withdrawn;
      if (args.flag('json')) cli.out.write(`${JSON.stringify({ run: run.id, withdrawn: changes, waits })}\n`);
      else
        cli.out.write(
          `${run.id}: the rejection of ${changes} changes is taken back; ${waits ? `they wait for a decision again: rollcall show ${run.id}` : 'the next run proposes what is still needed'}\n`,
        );
      return 0;
    }
    const rejected = await rejectRun(engine.deps, {
      customer,
      run: run.id,
      reason: args.text('reason') ?? null,
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
function startOfDate(text: string, timezone: string): number {
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
