import { RollcallError } from '../../errors.ts';

const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
] as const;

/** Before it lie the "no date" marks of other systems (0001-01-01, 1899-12-30), which must not read as an end date. */
const firstYear = 1900;

/** ISO date of the text; null when the text is no date of the format, or no day of the calendar. */
export type ParseDate = (text: string) => string | null;

type Part = 'year' | 'shortYear' | 'month' | 'day' | 'monthName' | 'ignored';
type Token = { readonly part: Part; readonly pattern: string };

const tokens: Readonly<Record<string, Token>> = {
  yyyy: { part: 'year', pattern: '(\\d{4})' },
  yy: { part: 'shortYear', pattern: '(\\d{2})' },
  MMMM: { part: 'monthName', pattern: '([A-Za-z]{3,9})' },
  MMM: { part: 'monthName', pattern: '([A-Za-z]{3,9})\\.?' },
  MM: { part: 'month', pattern: '(\\d{2})' },
  M: { part: 'month', pattern: '(\\d{1,2})' },
  dd: { part: 'day', pattern: '(\\d{2})' },
  d: { part: 'day', pattern: '(\\d{1,2})' },
  HH: { part: 'ignored', pattern: '\\d{2}' },
  H: { part: 'ignored', pattern: '\\d{1,2}' },
  hh: { part: 'ignored', pattern: '\\d{2}' },
  h: { part: 'ignored', pattern: '\\d{1,2}' },
  mm: { part: 'ignored', pattern: '\\d{2}' },
  ss: { part: 'ignored', pattern: '\\d{2}' },
  SSS: { part: 'ignored', pattern: '\\d{1,9}' },
  a: { part: 'ignored', pattern: '(?:[AaPp]\\.?[Mm]\\.?)' },
};

/**
 * A time of day after the date, as many exports add: `T00:00:00`, ` 00:00:00.000Z`, ` 12:00:00 AM`, `+01:00`; or an offset
 * right behind the date (`2020-12-31-08:00`, as XML Schema has it and Workday writes it).
 */
const anyTime =
  '(?:[T ]\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?(?: ?[AaPp][Mm])?)?(?: ?(?:Z|UTC|[+-]\\d{2}:?\\d{2}))?';
/** Two-digit years end so many years from now: who is hired in 2040 is not known in 2026, who was in 1947 may be. */
const shortYearsAhead = 20;

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function wrong(format: string, why: string): RollcallError {
  return new RollcallError('CONFIG_INVALID', `roster.dateFormat "${format}" ${why}.`, {
    place: { key: 'roster.dateFormat' },
    hint: 'Use yyyy or yy, MM or M, MMM (Jan) or MMMM (January), dd or d, with their separators, such as dd/MM/yyyy.',
  });
}

/**
 * Compiles a date format: `yyyy`, `yy`, `MM`, `M`, `MMM` and `MMMM` (English), `dd`, `d`; separators are literal, letters in
 * single quotes too. A time of day is read over, with or without `HH:mm:ss` in the format: the calendar date as written
 * counts, whatever the time zone. Years before 1900 are no dates. Two-digit years lie in the hundred that end 20 years after
 * `thisYear`.
 *
 * @throws RollcallError CONFIG_INVALID when the format has no year, month or day, has one twice, or an unknown letter.
 */
export function compileDateFormat(format: string, thisYear = new Date().getUTCFullYear()): ParseDate {
  const order: Exclude<Part, 'ignored'>[] = [];
  let pattern = '';
  for (const [piece] of format.matchAll(/'[^']*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
    if (piece.startsWith("'")) {
      if (piece.length < 2) throw wrong(format, 'has a quote that is not closed');
      pattern += literal(piece.slice(1, -1));
      continue;
    }
    if (!/[A-Za-z]/.test(piece) || piece === 'T' || piece === 'Z') {
      pattern += literal(piece);
      continue;
    }
    const token = tokens[piece];
    if (token === undefined) throw wrong(format, `has "${piece}", which is not known`);
    pattern += token.pattern;
    if (token.part !== 'ignored') order.push(token.part);
  }
  const isShort = order.includes('shortYear');
  const [yearAt, dayAt] = [order.indexOf(isShort ? 'shortYear' : 'year'), order.indexOf('day')];
  const named = order.includes('monthName');
  const monthAt = order.indexOf(named ? 'monthName' : 'month');
  if (yearAt < 0 || monthAt < 0 || dayAt < 0) throw wrong(format, 'needs a year, a month and a day');
  if (order.length !== 3) throw wrong(format, 'has a part of the date twice');

  const matcher = new RegExp(`^${pattern}${anyTime}$`);
  const read = (text: string): string | null => {
    const match = matcher.exec(text);
    if (match === null) return null;
    const month = match[monthAt + 1] ?? '';
    return isoDate(
      isShort ? fullYear(Number(match[yearAt + 1]), thisYear) : Number(match[yearAt + 1]),
      named ? monthOfName(month) : Number(month),
      Number(match[dayAt + 1]),
    );
  };

  // A roster has few different dates: a bounded memory of them spares most of the work.
  let known = new Map<string, string | null>();
  return (text) => {
    const seen = known.get(text);
    if (seen !== undefined) return seen;
    const date = read(text);
    if (known.size >= 20_000) known = new Map();
    known.set(text, date);
    return date;
  };
}

function fullYear(short: number, thisYear: number): number {
  const last = thisYear + shortYearsAhead;
  const inCentury = last - (last % 100) + short;
  return inCentury > last ? inCentury - 100 : inCentury;
}

function monthOfName(name: string): number {
  const wanted = name.toLowerCase();
  return (
    monthNames.findIndex(
      (month) => month === wanted || month.slice(0, 3) === wanted || wanted === month.slice(0, 4),
    ) + 1
  );
}

function isoDate(year: number, month: number, day: number): string | null {
  if (year < firstYear || month < 1 || month > 12 || day < 1) return null;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
