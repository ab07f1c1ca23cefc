import { RollcallError } from '../../errors.ts';
import { platformOf } from '../../jobs/customer.ts';
import { describePause } from '../../actions/pause.ts';
import { upcomingRuns } from '../../jobs/service/upcoming.ts';
import type { Command } from '../context.ts';
import { shown } from '../../shown.ts';
import { usages } from '../usages.ts';

/** `rollcall schedule`: when each platform runs next. */
export const schedule: Command = {
  ...usages.schedule,
  options: { next: { type: 'string', help: 'how many runs to show (default 5)' } },
  does: 'show',
  run: async (cli, args, open) => {
    const [name, ...rest] = args.positionals;
    if (rest.length > 0) throw new RollcallError('USAGE', 'schedule takes one platform, or none for all.');
    const count = Number(args.text('next') ?? '5');
    if (!Number.isInteger(count) || count < 1 || count > 1_000)
      throw new RollcallError('USAGE', '--next takes a number from 1 to 1000.');
    const { customer, store } = await open();
    const platforms = name === undefined ? [...customer.platforms.values()] : [platformOf(customer, name)];
    const reports = [];
    for (const platform of platforms) {
      const row = await store.platforms.find(customer.name, platform.name);
      const paused = row?.paused_ms == null ? null : row;
      const runs = upcomingRuns(customer, platform, paused, cli.now(), count);
      reports.push({
        platform: platform.name,
        schedule: platform.config.schedule ?? null,
        timezone: platform.config.timezone,
        paused:
          paused === null
            ? null
            : {
                since: iso(paused.paused_ms),
                until: iso(paused.paused_until_ms),
                reason: paused.pause_reason,
                by: paused.paused_by,
              },
        next: runs.map((atMs) => new Date(atMs).toISOString()),
      });
      if (args.flag('json')) continue;
      const { timezone, schedule: cron } = platform.config;
      cli.out.write(
        `${platform.name}: ${cron === undefined ? 'no schedule; runs only when asked for' : `${cron} (${timezone})`}\n`,
      );
      if (paused !== null) cli.out.write(`  ${shown(describePause(paused))}\n`);
      for (const atMs of runs) cli.out.write(`  ${localTime(atMs, timezone)}\n`);
    }
    if (args.flag('json')) cli.out.write(`${JSON.stringify({ platforms: reports })}\n`);
    return 0;
  },
};

function iso(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

/** A time as the clock there shows it: `Mon 2026-11-23 02:00:00 GMT`. */
export function localTime(atMs: number, timezone: string): string {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      timeZoneName: 'short',
    })
      .formatToParts(atMs)
      .map(({ type, value }) => [type, value]),
  );
  const { weekday, year, month, day, hour, minute, second, timeZoneName } = parts;
  return `${weekday} ${year}-${month}-${day} ${hour}:${minute}:${second} ${timeZoneName}`;
}
