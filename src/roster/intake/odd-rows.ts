import { normaliseText } from '../../normalise.ts';
import { longestIdCell } from '../bounds.ts';
import type { RosterRecord } from '../formats/format.ts';
import type { ColumnMap } from '../mapping/header.ts';

/** Rows with a wrong number of cells that wait for the end, when it is known what is usual; not more of them than this. */
const mostWaiting = 10_000;
/** A share of rows that leave out empty cells at their end (or add some) is how the file is written; fewer are damage. */
const usualShare = 0.1;

const isBlank = (cell: string | undefined): boolean =>
  cell === undefined ||
  cell === '' ||
  ((cell.charCodeAt(0) < 0x21 || cell.charCodeAt(0) > 0x7e) && normaliseText(cell) === '');

/** A row that was put aside, and how many cells it had. */
export type WaitingRow = { readonly record: RosterRecord; readonly count: number };

/** What becomes of a row that has more or fewer cells than the header. */
export type Oddness = 'same' | 'usual' | 'wait' | 'wrong';

/**
 * Rows with empty cells too many or too few at their end are rows. But a row may as well have lost a cell in its middle, or
 * have been cut in two by a comma in a name, and then its values are in other columns: whoever has an address, a date or a
 * status where it belongs has lost none before it. What stands behind the last of these is sure only where many rows are
 * written so, or where the missing cells are empty in whole rows too.
 */
export class OddRows {
  readonly #columns: ColumnMap;
  readonly #lengths = new Map<number, number>();
  /** Where an address, a date or a status stands: cells that tell whether a row has lost one. */
  readonly #anchors: readonly number[];
  #rows = 0;
  /** From this column on, some whole row was empty. */
  #emptyFrom: number;
  #waiting: WaitingRow[] = [];
  fewest: number;
  most: number;

  constructor(columns: ColumnMap) {
    this.#columns = columns;
    this.#emptyFrom = columns.count;
    const { email, status, startDate, endDate } = columns.fields;
    this.#anchors = [email, status, startDate, endDate].flatMap((column) =>
      column === undefined ? [] : [column.at],
    );
    this.fewest = columns.count;
    this.most = Math.max(columns.count, columns.width);
  }

  /** Every row that is read, to know what is usual. */
  count(cells: readonly string[]): void {
    this.#rows++;
    const { count } = this.#columns;
    // Most rows have something in their last column, or nothing behind it that is not known to be empty.
    if (cells.length !== count || this.#emptyFrom === 0 || !isBlank(cells[this.#emptyFrom - 1])) return;
    if (!isBlank(cells[count - 1])) return;
    let from = count - 1;
    while (from > 0 && isBlank(cells[from - 1])) from--;
    if (from < this.#emptyFrom) this.#emptyFrom = from;
  }

  /** Whether the row's cells are those of the header, as far as can be told now. */
  judge(cells: readonly string[], delimiter: string): Oddness {
    const { count, width } = this.#columns;
    if (cells.length === count) return 'same';
    for (let at = count; at < cells.length; at++) if (!isBlank(cells[at])) return 'wrong';
    if (cells.length === width) return 'usual';
    // A quote or a delimiter within a cell has likely to do with it.
    if (cells.some((cell) => cell.includes('"') || cell.includes(delimiter) || /[\r\n]/.test(cell)))
      return 'wrong';
    if (cells.length <= Math.min(1, count - 1)) return 'wrong';
    return 'wait';
  }

  /** Of a row that reads as a person: whether its values are sure to be in their columns. */
  isSure(cells: readonly string[]): boolean {
    const { count, fields, attributes } = this.#columns;
    let anchor = -1;
    for (const at of this.#anchors) if (at < cells.length && at > anchor && !isBlank(cells[at])) anchor = at;
    const unsure = [fields.firstName, fields.lastName, fields.department, fields.previousId, ...attributes];
    for (const column of unsure) {
      if (column !== undefined && column.at > anchor && !isBlank(cells[column.at]))
        return this.#isUsual(cells);
    }
    const isMissing = (at: number | undefined): boolean => at !== undefined && at >= cells.length;
    const mapped = [...Object.values(fields), ...attributes];
    if (cells.length < count && mapped.some((column) => isMissing(column?.at)))
      return cells.length >= this.#emptyFrom || this.#isUsual(cells);
    return true;
  }

  #isUsual(cells: readonly string[]): boolean {
    const same = this.#lengths.get(cells.length) ?? 0;
    return same >= 2 && same >= this.#rows * usualShare;
  }

  /** A row of that many cells was read, or waits to be. */
  learn(cells: readonly string[]): void {
    this.#lengths.set(cells.length, (this.#lengths.get(cells.length) ?? 0) + 1);
  }

  accept(cells: readonly string[]): void {
    if (cells.length < this.fewest) this.fewest = cells.length;
    if (cells.length > this.most) this.most = cells.length;
  }

  /** Puts a row aside; true when there are so many that they have to be settled. Of a row far too long, only what may be an id. */
  wait(record: RosterRecord): boolean {
    const { cells } = record;
    const isFar =
      cells.length > 2 * this.#columns.count + 8 || cells.some((cell) => cell.length > longestIdCell);
    const [first = ''] = cells;
    const kept = isFar && cells.length > 1 ? [first.length > longestIdCell ? '' : first] : cells;
    this.#waiting.push({ record: { ...record, cells: kept }, count: cells.length });
    return this.#waiting.length >= mostWaiting;
  }

  handOver(): readonly WaitingRow[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}
