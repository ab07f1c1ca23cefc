import { RollcallError } from '../errors.ts';
import { dateIn } from '../jobs/read/roster.ts';

const dayMs = 24 * 3_600_000;

/** The first moment of a date in a time zone, in ms. Throws USAGE for what is no date. */
export function startOfDate(text: string, timezone: string): number {
  const midnightMs = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(midnightMs) || new Date(midnightMs).toISOString().slice(0, 10) !== text)
    throw new RollcallError('USAGE', `"${text}" is not a date.`, { hint: 'Write it as 2026-03-31.' });
  let early = midnightMs - dayMs;
  let late = midnightMs + dayMs;
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (dateIn(timezone, middle) < text) early = middle;
    else late = middle;
  }
  return late;
}
