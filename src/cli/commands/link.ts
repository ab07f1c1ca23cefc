import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { linkPerson } from '../../actions/links.ts';
import type { Command } from '../context.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall link PERSON PLATFORM ACCOUNT`: this account is that person's. `--json`: `{ "person", "platform", "account",
 * "active", "settled": review code or null }`; `active` is null where the platform does not say.
 */
export const link: Command = {
  ...usages.link,
  options: {},
  does: 'act',
  run: async (cli, args, open) => {
    const [person, platformName, account, ...rest] = args.positionals;
    if (person === undefined || platformName === undefined || account === undefined || rest.length > 0)
      throw new RollcallError('USAGE', 'rollcall link takes an employee id, a platform and an account.', {
        hint: `Usage: rollcall ${link.usage}`,
      });
    const { customer, engine, actor } = await open();
    const platform = platformOf(customer, platformName);
    const { signal } = cli;
    const linked = await linkPerson(engine.deps, { customer, platform, person, account, actor, signal });
    const called = linked.link.account_id ?? linked.link.email ?? account;
    if (args.flag('json'))
      cli.out.write(
        `${JSON.stringify({ person, platform: platform.name, account: called, active: linked.active, settled: linked.settled?.code ?? null })}\n`,
      );
    else
      cli.out.write(
        `${person} is linked to the account ${called} of ${platform.name}${linked.active === false ? ' (inactive now)' : ''}; the next run brings it in step\n`,
      );
    return 0;
  },
};
