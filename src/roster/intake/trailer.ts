import type { Pattern } from '../../pattern.ts';
import type { RosterRecord, RowTraits } from '../formats/format.ts';
import type { IncompleteReason } from '../types.ts';

/** The number that a trailer counts; null when it has none; undefined when the row is not the trailer. */
export function trailerCount(
  match: Pattern,
  record: RosterRecord | undefined,
  delimiter: string,
  { isDelimited }: RowTraits,
): number | null | undefined {
  const found = record === undefined ? null : match.group(lineOf(record, delimiter, isDelimited), 'count');
  if (found === null) return undefined;
  const counted = found.replace(/[\s.,'’]/g, '');
  return /^\d+$/.test(counted) ? Number(counted) : null;
}

/** The row as a line: where cells are no part of a line, those at its end that are empty are not there. */
function lineOf({ cells }: RosterRecord, delimiter: string, isDelimited: boolean): string {
  const end = isDelimited ? cells.length : cells.findLastIndex((cell) => cell !== '') + 1;
  return cells.slice(0, end).join(delimiter);
}

/** What a trailer says against a roster of so many rows; undefined when it agrees. */
export function trailerReason(
  counted: number | null | undefined,
  rows: number,
): IncompleteReason | undefined {
  if (counted === undefined) {
    return {
      code: 'TRAILER_MISSING',
      message: `The last of ${rows} rows is not the trailer that roster.trailer.match describes. Check whether the end of the export is missing.`,
    };
  }
  if (counted === rows) return undefined;
  return {
    code: 'TRAILER_COUNT',
    message: `The trailer counts ${counted ?? 'no number of'} rows, the roster has ${rows}. Have it exported again.`,
  };
}
