import { reportOf } from '../../actions/run-report.ts';
import { RollcallError } from '../../errors.ts';
import { cancelRun } from '../../actions/pause.ts';
import type { Command } from '../context.ts';
import { describeRun } from '../report.ts';
import { usages } from '../usages.ts';

/** How long the command waits for requests in flight to end. */
const waitMs = 15_000;

/** `rollcall cancel`: ends a run; what was not sent yet is skipped. */
export const cancel: Command = {
  ...usages.cancel,
  options: {},
  does: 'act',
  run: async (cli, args, open) => {
    const [id, ...rest] = args.positionals;
    if (id === undefined || rest.length > 0)
      throw new RollcallError('USAGE', 'cancel takes one run.', {
        hint: 'rollcall status shows what is under way.',
      });
    const { customer, engine, actor } = await open();
    const run = await cancelRun(engine.deps, { customer, run: id, actor, waitMs });
    if (args.flag('json')) {
      cli.out.write(`${JSON.stringify({ runs: [reportOf(run)] })}\n`);
      return 0;
    }
    if (run.ended_ms === null)
      cli.out.write(
        `${id}: cancelled; a request is still in flight and ends by itself (rollcall show ${id})\n`,
      );
    else cli.out.write(`${describeRun(reportOf(run))}\n`);
    return 0;
  },
};
