import type { RosterConfig } from '../../config/schema.ts';
import { cronSchedule } from './cron.ts';

/** How far back a due time is looked for: a monthly export and a week. */
const longestBackMs = 40 * 24 * 3_600_000;

/** The last time at or before the given one at which the roster was due; 0 where no time of day is expected. */
export function lastExpectedOf(
  { expected }: Pick<RosterConfig, 'expected'>,
  key = 'roster',
): (atMs: number) => number {
  if (expected === undefined || !('cron' in expected)) return () => 0;
  const schedule = cronSchedule(expected.cron, expected.timezone, `${key}.expected.cron`);
  return (atMs) => schedule.last(atMs, atMs - longestBackMs) ?? 0;
}
