import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import type { Command } from '../context.ts';
import { countServices } from '../services.ts';
import { usages } from '../usages.ts';

/** `rollcall resync`: asks the running service for a run, through the queue. */
export const resync: Command = {
  ...usages.resync,
  options: {
    person: { type: 'string', help: 'employee id: only this person is read and changed, and never removed' },
    reason: { type: 'string', help: 'why; kept with the run' },
  },
  does: 'act',
  run: async (cli, args, open) => {
    const [name, ...rest] = args.positionals;
    if (rest.length > 0)
      throw new RollcallError('USAGE', 'resync takes one platform, or none for all of them.');
    const opened = await open();
    const { customer, engine, actor } = opened;
    const platforms = name === undefined ? [...customer.platforms.values()] : [platformOf(customer, name)];
    const asked: { platform: string; job: string }[] = [];
    for (const platform of platforms) {
      const job = await engine.request({
        customer: customer.name,
        platform: platform.name,
        trigger: 'resync',
        actor,
        person: args.text('person') ?? null,
        reason: args.text('reason') ?? null,
      });
      asked.push({ platform: platform.name, job: String(job.id) });
    }
    const serving = await countServices(opened);
    if (args.flag('json')) {
      cli.out.write(`${JSON.stringify({ requests: asked, services: serving })}\n`);
      return 0;
    }
    for (const { platform, job } of asked) cli.out.write(`${platform}: asked for (job ${job})\n`);
    if (serving === 0) cli.out.write('no service is running now: the run begins when one is started\n');
    return 0;
  },
};
