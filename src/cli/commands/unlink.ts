import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { unlinkPerson } from '../../actions/links.ts';
import type { Command } from '../context.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall unlink PERSON PLATFORM`: their account becomes unmanaged and stays as it is. `--json`: `{ "person",
 * "platform", "account", "next": what the next run does }`.
 */
export const unlink: Command = {
  ...usages.unlink,
  options: {},
  does: 'act',
  run: async (cli, args, open) => {
    const [person, platformName, ...rest] = args.positionals;
    if (person === undefined || platformName === undefined || rest.length > 0)
      throw new RollcallError('USAGE', 'rollcall unlink takes an employee id and a platform.', {
        hint: `Usage: rollcall ${unlink.usage}`,
      });
    const { customer, engine, actor } = await open();
    const platform = platformOf(customer, platformName);
    const { signal } = cli;
    const unlinked = await unlinkPerson(engine.deps, { customer, platform, person, actor, signal });
    if (args.flag('json'))
      cli.out.write(
        `${JSON.stringify({ person, platform: platform.name, account: unlinked.account, next: unlinked.next })}\n`,
      );
    else
      cli.out.write(
        `${person} is not linked to the account ${unlinked.account ?? ''} of ${platform.name} any more: it is unmanaged now.\n${unlinked.next}\n`,
      );
    return 0;
  },
};
