import { compileDateFormat } from '../mapping/dates.ts';

/** What a column holds, in counts. */
export type ColumnSurvey = {
  readonly name: string;
  readonly at: number;
  readonly filled: number;
  /** Rows for each value, most first; null where there are more than a column of words has. */
  readonly values: readonly (readonly [value: string, rows: number])[] | null;
  readonly addresses: number;
  /** Cells with a digit. */
  readonly numbered: number;
  /** Cells of two words or more, neither with a digit: full names are such. */
  readonly phrases: number;
  /** Formats of dates that nearly all cells have, the likeliest first. */
  readonly dateFormats: readonly string[];
  /** Dates that are none, such as 00.00.0000, with their rows. */
  readonly noDates: readonly string[];
};

/** More different values than this are no list of words. */
const mostValues = 40;
/** Cells whose dates are tried. */
const triedDates = 50_000;
/** Of so many cells out of a hundred a format has to be that of the column. */
const enoughDates = 0.97;
const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** What systems write where there is no date. */
const noDate =
  /^(0{1,4}[-./]0{1,2}[-./]0{1,4}|0{8}|9999[-./]12[-./]31|31[-./]12[-./]9999|12[-./]31[-./]9999|99991231|1900[-./]01[-./]01)$/;

/** ISO first; of two that fit, those that the whole world but one country writes. */
const formats = [
  'yyyy-MM-dd',
  'dd.MM.yyyy',
  'd.M.yyyy',
  'dd/MM/yyyy',
  'd/M/yyyy',
  'MM/dd/yyyy',
  'M/d/yyyy',
  'dd-MM-yyyy',
  'MM-dd-yyyy',
  'yyyy/MM/dd',
  'yyyy.MM.dd',
  'yyyyMMdd',
  'dd-MMM-yyyy',
  'd-MMM-yyyy',
  'dd MMM yyyy',
  'd MMM yyyy',
  'MMM d, yyyy',
  'dd.MM.yy',
  'dd/MM/yy',
  'MM/dd/yy',
  'dd-MMM-yy',
];

/** Takes the cells of one column; `finish` may be asked for more than once. */
export function createColumnSurvey(
  name: string,
  at: number,
): { readonly see: (cell: string) => void; readonly finish: () => ColumnSurvey } {
  const parsers = formats.map((format) => ({ format, parse: compileDateFormat(format), fits: 0 }));
  const noDates = new Set<string>();
  let values: Map<string, number> | null = new Map();
  let [filled, addresses, numbered, phrases, tried] = [0, 0, 0, 0, 0];
  return {
    see: (cell) => {
      if (cell === '') return;
      filled++;
      if (values !== null) {
        values.set(cell, (values.get(cell) ?? 0) + 1);
        if (values.size > mostValues) values = null;
      }
      if (address.test(cell)) addresses++;
      if (/\d/.test(cell)) numbered++;
      else if (/\S[ ,]+\S/.test(cell)) phrases++;
      if (noDate.test(cell)) {
        noDates.add(cell);
        return;
      }
      if (tried >= triedDates || cell.length > 40) return;
      tried++;
      if (/\d/.test(cell)) for (const one of parsers) if (one.parse(cell) !== null) one.fits++;
    },
    finish: () => ({
      name,
      at,
      filled,
      values: values === null ? null : [...values].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
      addresses,
      numbered,
      phrases,
      dateFormats: parsers
        .filter(({ fits }) => fits > 0 && fits >= tried * enoughDates)
        .sort((a, b) => b.fits - a.fits)
        .map(({ format }) => format),
      noDates: [...noDates],
    }),
  };
}
