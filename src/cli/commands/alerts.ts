import { testAlert } from '../../alerts/deliver.ts';
import { RollcallError } from '../../errors.ts';
import { requireAlertSecrets } from '../../jobs/customer.ts';
import type { Command } from '../context.ts';
import { loadOne } from '../open.ts';
import { table } from '../table.ts';
import { usages } from '../usages.ts';

/**
 * `rollcall alerts test`: does on-call hear us? Needs the configuration only, so that it can be asked while the database
 * is down or held by the service.
 */
export const alerts: Command = {
  ...usages.alerts,
  options: {},
  does: 'act',
  run: async (cli, args) => {
    if (args.positionals.length !== 1 || args.positionals[0] !== 'test')
      throw new RollcallError('USAGE', 'rollcall alerts knows one word: test.', {
        hint: 'Usage: rollcall alerts test',
      });
    const config = await loadOne(cli, args, 'later');
    requireAlertSecrets(config);
    const { channels } = config.alerts;
    const outcomes = await testAlert(config, { nowMs: cli.now(), log: cli.log });
    if (args.flag('json')) {
      cli.out.write(
        `${JSON.stringify({
          channels: outcomes.map(({ channel, ok, error, note }) => ({
            channel,
            ok,
            ...(error === undefined ? {} : { error }),
            ...(note === undefined ? {} : { note }),
          })),
        })}\n`,
      );
    } else if (channels.length === 0) {
      cli.out.write('no alert channels are configured: add some under alerts.channels\n');
    } else {
      const rows = outcomes.map(({ channel, ok, error, note }) => [
        channel,
        ok ? 'delivered' : 'failed',
        error ?? note ?? '',
      ]);
      cli.out.write(`${table([['channel', 'outcome', 'detail'], ...rows])}\n`);
    }
    // Nobody would hear anything: that is as bad as a channel that failed.
    return channels.length > 0 && outcomes.every(({ ok }) => ok) ? 0 : 1;
  },
};
