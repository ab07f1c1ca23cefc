import { RollcallError } from '../../errors.ts';
import { startOfDate } from '../../actions/dates.ts';
import { rejectRun, withdrawRejection } from '../../actions/decisions.ts';
import { findRun } from '../../actions/run-story.ts';
import type { Command } from '../context.ts';
import { deciderOf } from './approve.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall reject RUN`: what it holds is not proposed again until the date (30 days from now), or until it changes.
 * `--withdraw` takes that back. `--json`: `{ "run", "rejected": number of changes, "until": ISO 8601 }`, or
 * `{ "run", "withdrawn": number of changes, "waits": whether the same hold waits again }`.
 */
export const reject: Command = {
  ...usages.reject,
  options: {
    only: { type: 'string', multiple: true, help: 'only this person (may be repeated); the rest waits on' },
    until: { type: 'string', help: 'until this date (2026-03-31) instead of 30 days' },
    reason: { type: 'string', help: 'why; show and the page of the run have it' },
    withdraw: { type: 'boolean', help: 'take the rejection of the run back' },
  },
  does: 'act',
  run: async (cli, args, open) => {
    const opened = await open();
    const { customer, engine } = opened;
    const until = args.text('until');
    const [wanted, ...people] = args.positionals;
    const only = [...args.texts('only'), ...people];
    if (people.length > 0 && args.texts('only').length === 0)
      throw new RollcallError('USAGE', 'rollcall reject: one run at a time.', {
        hint: 'Name people with --only PERSON.',
      });
    const run = await findRun(engine.deps, customer, wanted);
    if (args.flag('withdraw')) {
      if (until !== undefined || args.text('reason') !== undefined || only.length > 0)
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
      ...(only.length === 0 ? {} : { only }),
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
