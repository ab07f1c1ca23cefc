import { formatDuration, parseDurationMs } from '../../config/units.ts';
import { RollcallError } from '../../errors.ts';
import { pausePlatforms } from '../../actions/pause.ts';
import type { Command } from '../context.ts';
import { usages } from '../usages.ts';

/** `rollcall pause`: no run begins, and one that is under way sends nothing more. */
export const pause: Command = {
  ...usages.pause,
  options: {
    for: { type: 'string', help: 'how long, such as 4h or 2d; without it, until it is resumed' },
    reason: { type: 'string', help: 'why; whoever looks sees it' },
  },
  does: 'act',
  run: async (cli, args, open) => {
    const [platform, ...rest] = args.positionals;
    if (rest.length > 0)
      throw new RollcallError('USAGE', 'pause takes one platform, or none for all of them.');
    const wanted = args.text('for');
    const forMs = wanted === undefined ? null : parseDurationMs(wanted);
    if (forMs === undefined || forMs === 0)
      throw new RollcallError('USAGE', `--for: "${wanted}" is not a duration between 1s and 100y.`, {
        hint: 'Write 30m, 4h or 2d; without --for it is paused until it is resumed.',
      });
    const { customer, engine, actor } = await open();
    const untilMs = forMs === null ? null : cli.now() + forMs;
    const paused = await pausePlatforms(engine.deps, {
      customer,
      platform,
      untilMs,
      reason: args.text('reason') ?? null,
      actor,
    });
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    if (args.flag('json')) {
      cli.out.write(`${JSON.stringify({ paused: paused.map((name) => ({ platform: name, until })) })}\n`);
      return 0;
    }
    for (const name of paused) {
      cli.out.write(
        until === null || forMs === null
          ? `${name}: paused until it is resumed (rollcall resume ${name})\n`
          : `${name}: paused for ${formatDuration(forMs)}, until ${until}\n`,
      );
    }
    return 0;
  },
};
