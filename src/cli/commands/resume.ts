import { RollcallError } from '../../errors.ts';
import { resumePlatforms } from '../../actions/pause.ts';
import type { Command } from '../context.ts';
import { usages } from '../usages.ts';

/** `rollcall resume`: ends a pause. Runs that it stopped go on; a slot that it swallowed is made up for. */
export const resume: Command = {
  ...usages.resume,
  options: {},
  does: 'act',
  run: async (cli, args, open) => {
    const [platform, ...rest] = args.positionals;
    if (rest.length > 0)
      throw new RollcallError('USAGE', 'resume takes one platform, or none for all of them.');
    const { customer, engine } = await open();
    const resumed = await resumePlatforms(engine.deps, { customer, platform });
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ resumed })}\n`);
    else if (resumed.length === 0) cli.out.write('nothing was paused\n');
    else for (const name of resumed) cli.out.write(`${name}: resumed\n`);
    return 0;
  },
};
