const dayMs = 86_400_000;
/** The last day that a spreadsheet has: 9999-12-31. */
const lastDay = { 1900: 2_958_465, 1904: 2_957_003 } as const;

/** Since when days are counted. 1900 has a 29 February there, as it had in Lotus 1-2-3 (ECMA-376 part 1, 18.17.4.1). */
export type DateSystem = '1900' | '1904';

/**
 * A day number as a date, `yyyy-MM-dd`, with the time of day behind it where it has one; undefined where a spreadsheet shows
 * no date either (negative, or beyond its end). Day 0 of 1900 is `1900-01-00`, as it is shown.
 */
export function serialDate(serial: number, system: DateSystem): string | undefined {
  // To the second: what is less is noise of the division by a day.
  const seconds = Math.round(serial * 86_400);
  const day = Math.floor(seconds / 86_400);
  const rest = seconds - day * 86_400;
  if (!Number.isFinite(serial) || serial < 0 || day > lastDay[system]) return undefined;
  return rest === 0 ? dateOf(day, system) : `${dateOf(day, system)} ${timeOf(rest)}`;
}

/** The time of day of a number, `HH:mm:ss`. */
export function serialTime(serial: number): string {
  return timeOf(Math.round((serial - Math.floor(serial)) * 86_400) % 86_400);
}

function dateOf(day: number, system: DateSystem): string {
  if (system === '1900' && day === 0) return '1900-01-00';
  if (system === '1900' && day === 60) return '1900-02-29';
  const epoch =
    system === '1904' ? Date.UTC(1904, 0, 1) : day < 60 ? Date.UTC(1899, 11, 31) : Date.UTC(1899, 11, 30);
  return new Date(epoch + day * dayMs).toISOString().slice(0, 10);
}

function timeOf(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
