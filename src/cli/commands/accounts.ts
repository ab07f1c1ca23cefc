import type { Account } from '../../account.ts';
import { RollcallError } from '../../errors.ts';
import { failureOf } from '../../jobs/failure.ts';
import { type Unmanaged, unmanagedAccounts } from '../../actions/unmanaged.ts';
import type { Command } from '../context.ts';
import { csvLine, writeAll } from '../../csv.ts';
import { table } from '../table.ts';
import { platformsOf } from './plan.ts';
import { oneOf } from './results.ts';
import { usages } from '../usages.ts';

const heading = ['platform', 'id', 'employee id there', 'email', 'name', 'active'] as const;

/** `rollcall accounts --unmanaged`: accounts that nobody on the roster explains. */
export const accounts: Command = {
  ...usages.accounts,
  options: {
    unmanaged: { type: 'boolean', help: 'the accounts that are not ours (the only list there is)' },
    format: { type: 'string', help: 'table (default), csv or json' },
  },
  does: 'show',
  run: async (cli, args, open) => {
    if (!args.flag('unmanaged'))
      throw new RollcallError('USAGE', 'say which accounts: rollcall accounts --unmanaged.', {
        hint: 'What became of a person is in rollcall explain PERSON.',
      });
    const asked = oneOf(args, 'format', ['table', 'csv', 'json']);
    const format = args.flag('json') ? 'json' : (asked ?? 'table');
    const { customer, engine } = await open();
    const named = args.positionals.length > 0;
    const lists: Unmanaged[] = [];
    const failures: { platform: string; code: string; message: string }[] = [];
    for (const platform of platformsOf(customer, args)) {
      const { capabilities } = platform.provider;
      if (capabilities.accounts === 'none' && !named) {
        cli.err.write(`${platform.name}: ${capabilities.missing.accounts}\n`);
        continue;
      }
      try {
        lists.push(await unmanagedAccounts(engine.deps, customer, platform, cli.signal));
      } catch (error) {
        cli.signal.throwIfAborted();
        failures.push({ platform: platform.name, ...failureOf(error) });
      }
    }
    if (format === 'json')
      await writeAll(cli.out, `${JSON.stringify({ platforms: lists.map(asJson), failures })}\n`);
    else {
      const rows = lists.flatMap((list) => list.accounts.map((account) => cellsOf(list.platform, account)));
      if (format === 'csv') await writeAll(cli.out, [[...heading], ...rows].map(csvLine).join(''));
      else {
        if (rows.length > 0) await writeAll(cli.out, `${table([[...heading], ...rows])}\n`);
        for (const list of lists)
          cli.out.write(
            `${list.platform}: ${list.accounts.length} of ${list.total} accounts are not explained\n`,
          );
      }
      for (const failure of failures)
        cli.err.write(`${failure.platform}: ${failure.code}: ${failure.message}\n`);
    }
    for (const { platform, reasons } of lists)
      for (const { code, message } of reasons)
        cli.err.write(
          `${platform}: the roster is not complete, so the list may be too long: ${code}: ${message}\n`,
        );
    return failures.length === 0 ? 0 : 1;
  },
};

function nameOf({ fields }: Account): string {
  const parts = [fields['firstName'] ?? '', fields['lastName'] ?? ''].filter((part) => part !== '');
  return parts.join(' ') || (fields['displayName'] ?? '');
}

function cellsOf(platform: string, account: Account): string[] {
  const { id, externalId, email, active } = account;
  return [platform, id ?? '', externalId ?? '', email ?? '', nameOf(account), active ? 'yes' : 'no'];
}

function asJson({ platform, total, accounts: list, reasons }: Unmanaged) {
  return {
    platform,
    total,
    reasons,
    unmanaged: list.map((account) => ({
      id: account.id,
      externalId: account.externalId,
      email: account.email,
      name: nameOf(account),
      active: account.active,
    })),
  };
}
