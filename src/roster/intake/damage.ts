import type { RosterRecord } from '../formats/format.ts';
import type { ColumnMap } from '../mapping/header.ts';
import type { IdShape } from '../mapping/id-shape.ts';
import { rejection } from '../mapping/map-row.ts';
import type { RejectedRow } from '../types.ts';
import type { Oddness, OddRows } from './odd-rows.ts';
import type { Outcome } from './outcome.ts';
import { hasSwallowedRows, isJoined, isJoinedByReturn, type RowForm } from './swallowed.ts';

const shown = 3;
/** Rows of several lines that can be judged only when it is known what ids look like. */
const mostSuspects = 1_000;

export type DamageOptions = {
  readonly columns: ColumnMap;
  readonly delimiter: string;
  readonly shape: IdShape;
  readonly odd: OddRows;
  readonly outcome: Outcome;
};

/** What points to a roster that was torn: rows that have swallowed others, and a last line that was cut. */
export class Damage {
  readonly #options: DamageOptions;
  readonly #torn: string[] = [];
  readonly #suspects: RosterRecord[] = [];
  #swallowing = 0;

  constructor(options: DamageOptions) {
    this.#options = options;
  }

  /** In words. */
  get torn(): readonly string[] {
    const more = this.#swallowing - shown;
    return more > 0 ? [...this.#torn, `${more} more rows like that`] : this.#torn;
  }

  /** Rejects a row that has taken in others, and says whether it did. */
  takesSwallowing(record: RosterRecord, oddness: Oddness): boolean {
    const isTwo = oddness === 'wrong' && isJoined(record.cells, this.#options.columns.count);
    if (isTwo) this.#reject(record);
    if (isTwo || !record.multiline) return isTwo;
    const form = this.#form();
    const { cells } = record;
    // Empty cells at the end do not make a row of several lines torn.
    const isUsual = oddness === 'usual' || oddness === 'wait';
    const seen = isUsual ? { ...form, most: Math.max(form.most, cells.length) } : form;
    if (hasSwallowedRows(cells, seen)) {
      this.#reject(record);
      return true;
    }
    const maySwallow = hasSwallowedRows(cells, { ...seen, isLikeId: () => true });
    if (maySwallow && this.#suspects.length < mostSuspects) this.#suspects.push(record);
    return false;
  }

  /** A row that takes in all that follows. */
  rejectUnfinished(record: RosterRecord): void {
    this.#options.outcome.reject(this.#asSwallowing(record));
  }

  /** Judges again what looked as if it had swallowed rows, now that it is known what ids look like. */
  settle(): void {
    const { outcome } = this.#options;
    const form = this.#form();
    for (const record of this.#suspects) {
      if (!hasSwallowedRows(record.cells, { ...form, most: Math.max(form.most, record.cells.length) }))
        continue;
      const id = outcome.idIn(record.cells);
      if (id !== null && outcome.people.isUsable(id)) this.#reject(record);
    }
  }

  /** The last line has no line break: whether it may have been cut, and with it the row that is on it. */
  rejectCut(record: RosterRecord, lastExportHadBreak: boolean): boolean {
    const { columns, outcome } = this.#options;
    const { cells, line } = record;
    if (lastExportHadBreak) this.missesBreak(line);
    else if (cells.length < columns.count)
      this.#torn.push(`the last line has ${cells.length} of ${columns.count} cells and no line break`);
    else return false;
    // Its last cell may be cut: half an id is somebody else's.
    const id = columns.id.at === cells.length - 1 ? null : outcome.idIn(cells);
    const unread = id === null ? '; its id cannot be read' : '';
    outcome.reject(
      rejection(
        columns,
        'ROW_TORN',
        id,
        line,
        null,
        `the last line has no line break and may be cut${unread}`,
      ),
    );
    return true;
  }

  missesBreak(line: number): void {
    this.#torn.push(
      `the last line (${line}) has no line break, as that of the last good export had: it may be cut`,
    );
  }

  #form(): RowForm {
    const { odd, columns, delimiter, shape } = this.#options;
    const isLikeId = (text: string): boolean => shape.fits(text);
    return { fewest: odd.fewest, most: odd.most, idAt: columns.id.at, delimiter, isLikeId };
  }

  #reject(record: RosterRecord): void {
    const { columns, outcome } = this.#options;
    if (++this.#swallowing <= shown)
      this.#torn.push(
        isJoinedByReturn(record.cells, columns.count)
          ? `a lone carriage return (CR) joins the row at line ${record.line} with the next one, where other lines end in LF`
          : isJoined(record.cells, columns.count)
            ? `two rows are joined at line ${record.line}: the line break between them is missing`
            : `the row at line ${record.line} has swallowed others: a quote in it is not closed (within a cell it has to be doubled, not led by a backslash)`,
      );
    outcome.reject(this.#asSwallowing(record));
  }

  #asSwallowing({ cells, line }: RosterRecord): RejectedRow {
    const { columns, outcome } = this.#options;
    const at = cells.findIndex((cell) => /[\r\n]/.test(cell));
    // Behind the cell that swallowed, the row is another one's.
    const id = at >= 0 && columns.id.at >= at ? null : outcome.idIn(cells);
    const what = isJoinedByReturn(cells, columns.count)
      ? 'a lone carriage return (CR) joins the row with the next one'
      : isJoined(cells, columns.count)
        ? 'the row is joined with the next one'
        : 'a quote in the row is not closed and has swallowed the rows after it';
    const unread = id === null ? '; its id cannot be read' : '';
    return rejection(columns, 'ROW_SWALLOWS', id, line, null, `${what}${unread}`);
  }
}
