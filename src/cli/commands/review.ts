import { platformOf } from '../../jobs/customer.ts';
import { meaningOf, settlingCommands } from '../../actions/links.ts';
import type { Command } from '../context.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall review`: people who cannot be matched safely, why, and the commands that settle it. `--json`: `{ "reviews":
 * [ { "platform", "person", "code", "meaning", "accounts", "since", "settle": [commands] } ] }`.
 */
export const review: Command = {
  ...usages.review,
  options: {},
  does: 'show',
  run: async (cli, args, open) => {
    const { customer, store } = await open();
    const [name] = args.positionals;
    const platform = name === undefined ? undefined : platformOf(customer, name).name;
    const found = (await store.decisions.reviews(customer.name, platform)).map((one) => ({
      platform: one.platform,
      person: one.person,
      code: one.code,
      meaning: meaningOf(one.code),
      accounts: one.accounts,
      since: new Date(one.since_ms).toISOString(),
      settle: settlingCommands(one),
    }));
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ reviews: found })}\n`);
    else if (found.length === 0) cli.out.write('nobody is in review\n');
    else
      for (const one of found) {
        cli.out.write(
          `${one.platform}: ${shown(one.person)}, ${one.meaning} (${one.code}), since ${one.since}\n`,
        );
        for (const command of one.settle) cli.out.write(`  ${shown(command)}\n`);
        cli.out.write(
          `  or correct ${one.code === 'FIELD_MISSING' ? 'the row in HR' : 'the row in HR or the account there'}, or add ${one.person} to ignore.people\n`,
        );
      }
    return 0;
  },
};
