import { createTask } from 'node-cron';
import type { RosterConfig } from '../config/schema.ts';

const minuteMs = 60_000;
/** How far back a due time is looked for: a monthly export and a week. */
const longestBackMs = 40 * 24 * 60 * minuteMs;

/** The last time at or before the given one at which the roster was due; undefined when no time of day is expected. */
export function lastExpectedOf(roster: RosterConfig): ((atMs: number) => number) | undefined {
  const { expected } = roster;
  if (expected === undefined || !('cron' in expected)) return undefined;
  const task = createTask(expected.cron, () => undefined, { timezone: expected.timezone });
  return (atMs) => {
    const start = Math.floor(atMs / minuteMs) * minuteMs;
    for (let at = start; at > start - longestBackMs; at -= minuteMs) if (task.match(new Date(at))) return at;
    return 0;
  };
}
