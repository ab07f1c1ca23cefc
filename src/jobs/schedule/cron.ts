import { createTask, parse } from 'node-cron';
import { RollcallError } from '../../errors.ts';
import { createSchedule, type Offset, type Schedule, type WallClock } from './beat.ts';

const offsets = new Map<string, Offset>();
/** Quarters of an hour that are remembered for each time zone: offsets change at none but their borders. */
const mostRemembered = 4_096;
const quarterMs = 15 * 60_000;

/** The offset of an IANA time zone from UTC, at any instant. */
function offsetOf(timezone: string): Offset {
  // What Node loads to know of time zones is a tenth of what a command takes that shows the next run.
  if (timezone === 'UTC') return () => 0;
  const known = offsets.get(timezone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const remembered = new Map<number, number>();
  const offset: Offset = (atMs) => {
    const quarter = Math.floor(atMs / quarterMs);
    const cached = remembered.get(quarter);
    if (cached !== undefined) return cached;
    const at = quarter * quarterMs;
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
    const wall = Date.UTC(
      parts['year'] ?? 0,
      (parts['month'] ?? 1) - 1,
      parts['day'],
      parts['hour'],
      parts['minute'],
      parts['second'],
    );
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(quarter, wall - at);
    return wall - at;
  };
  offsets.set(timezone, offset);
  return offset;
}

/**
 * A cron expression (five fields, or six with seconds first) in a time zone.
 *
 * node-cron says which days and times of day match; which instants those are is worked out here, because on its own it
 * loses a slot in the hour that is skipped in spring and has one twice in the hour that is repeated in autumn.
 *
 * @throws RollcallError CONFIG_INVALID when node-cron does not take the expression; `key` says where it stands.
 */
export function cronSchedule(expression: string, timezone: string, key: string): Schedule {
  return createSchedule(wallClock(expression, key), offsetOf(timezone));
}

function wallClock(expression: string, key: string): WallClock {
  try {
    // The wall clock is UTC to node-cron: there every time of day comes once.
    const task = createTask(expression, () => undefined, { timezone: 'UTC' });
    const { hour, minute, second } = parse(expression);
    const seconds = hour
      .flatMap((h) => minute.flatMap((m) => second.map((s) => h * 3_600 + m * 60 + s)))
      .toSorted((a, b) => a - b);
    const firstMs = (seconds[0] ?? 0) * 1_000;
    const days = new Map<number, boolean>();
    return {
      seconds,
      everyHour: new Set(hour).size === 24,
      hasDay: (midnightMs) => {
        const known = days.get(midnightMs);
        if (known !== undefined) return known;
        const has = task.match(new Date(midnightMs + firstMs));
        if (days.size >= 64) days.clear();
        days.set(midnightMs, has);
        return has;
      },
    };
  } catch (error) {
    throw new RollcallError(
      'CONFIG_INVALID',
      `"${expression}" is not a schedule: ${error instanceof Error ? error.message : 'it cannot be parsed'}.`,
      { place: { key }, hint: 'Five fields such as "0 2 * * *", or six with seconds first.', cause: error },
    );
  }
}
