import { normaliseText } from '../normalise.ts';
import { type Pattern, pattern } from '../pattern.ts';
import type { Person, PersonState } from '../person.ts';
import { longestIdCell } from './bounds.ts';
import type { ParseDate } from './dates.ts';
import type { ColumnMap } from './header.ts';
import { IdShape } from './id-shape.ts';
import { isRejected, RowMapper, readId, rejection } from './map-row.ts';
import { People } from './people.ts';
import { type CsvRecord, hasSwallowedRows } from './records.ts';
import type {
  Delimiter,
  IncompleteReason,
  ReadRosterOptions,
  RejectedRow,
  RosterProof,
  RowInput,
} from './types.ts';

/** What is kept of a row with a wrong number of cells: not the cells, of which there may be a million. */
type MiscountedRow = { readonly first: string; readonly count: number; readonly line: number };

/** Rows with a wrong number of cells wait for the end, when the shape of ids is known; not more of them than this. */
const maxWaiting = 10_000;
const shownStatusCharacters = 60;
const shownDamage = 3;

/** Every row after the header: counted, mapped, given a state, and handed to `People` or rejected. */
export class RowIntake {
  readonly #columns: ColumnMap;
  readonly #delimiter: Delimiter;
  readonly #options: ReadRosterOptions;
  readonly #mapper: RowMapper;
  readonly #people: People;
  readonly #shape = new IdShape();
  readonly #trailer: Pattern | undefined;
  readonly #perShrinkValue = new Map<string, number>();
  readonly #torn: string[] = [];
  readonly #trailerReasons: IncompleteReason[] = [];
  /** With a trailer, the row read last: it may be the trailer. */
  #held: CsvRecord | undefined;
  #miscounted: MiscountedRow[] = [];
  #lastLine = 0;
  #rows = 0;
  #unreadableIds = 0;
  #swallowing = 0;

  constructor(columns: ColumnMap, delimiter: Delimiter, parseDate: ParseDate, options: ReadRosterOptions) {
    this.#columns = columns;
    this.#delimiter = delimiter;
    this.#options = options;
    this.#mapper = new RowMapper(columns, parseDate, options.config.dateFormat);
    this.#trailer = options.config.trailer === undefined ? undefined : pattern(options.config.trailer.match);
    const { prefer } = options.rules;
    this.#people = new People({
      columns,
      prefer: prefer === undefined ? undefined : (person) => prefer(person),
      onPerson: options.onPerson,
      onRetract: options.onRetract,
      onRejected: options.onRejected,
    });
  }

  /** What points to a file that was cut off or damaged, in words. */
  get torn(): readonly string[] {
    return this.#torn;
  }

  get trailerReasons(): readonly IncompleteReason[] {
    return this.#trailerReasons;
  }

  get counts(): {
    rows: number;
    usable: number;
    rejected: number;
    perShrinkValue: ReadonlyMap<string, number>;
  } {
    const { rows, usable, rejected } = this.tally;
    return { rows, usable, rejected, perShrinkValue: this.#perShrinkValue };
  }

  get tally(): Pick<
    RosterProof,
    'rows' | 'usable' | 'rejected' | 'rejectedRows' | 'unreadableIds' | 'perShrinkValue'
  > {
    return {
      rows: this.#rows,
      usable: this.#people.usable,
      rejected: this.#people.rejected + this.#unreadableIds,
      rejectedRows: this.#people.rejectedRows + this.#unreadableIds,
      unreadableIds: this.#unreadableIds,
      perShrinkValue: Object.fromEntries(this.#perShrinkValue),
    };
  }

  /** From here on, cells may hold bytes that are not in the encoding of the file. */
  expectDamage(): void {
    this.#mapper.mayBeDamaged = true;
  }

  take(record: CsvRecord): void {
    if (isBlank(record.cells)) return;
    if (this.#trailer === undefined) {
      this.#takeRow(record);
      return;
    }
    const before = this.#held;
    this.#held = record;
    if (before !== undefined) this.#takeRow(before);
  }

  /** `endsInLine`: the file's last line has its line break. `damagedAtLine`: from there on nothing could be read. */
  finish(file: { readonly endsInLine: boolean; readonly damagedAtLine: number | undefined }): void {
    if (this.#trailer !== undefined) this.#settleTrailer(this.#trailer);
    if (file.damagedAtLine !== undefined) {
      this.#torn.push(`a quote in the row at line ${file.damagedAtLine} is not closed`);
    }
    const last = this.#miscounted.at(-1);
    if (
      !file.endsInLine &&
      last !== undefined &&
      last.line === this.#lastLine &&
      last.count < this.#columns.count
    ) {
      this.#torn.push(
        `the last line (${last.line}) has ${last.count} of ${this.#columns.count} cells and no line break`,
      );
      // Its last cell may be cut: half an id is somebody else's.
      if (last.count === 1) this.#miscounted.splice(-1, 1, { ...last, first: '' });
    }
    if (this.#swallowing > shownDamage)
      this.#torn.push(`${this.#swallowing - shownDamage} more rows like that`);
    this.#settleMiscounted();
    this.#people.finish();
  }

  #takeRow(record: CsvRecord): void {
    const { cells, line } = record;
    this.#rows++;
    this.#lastLine = line;
    if (record.multiline && hasSwallowedRows(cells, this.#columns.count, this.#delimiter)) {
      if (++this.#swallowing <= shownDamage)
        this.#torn.push(`the row at line ${line} has swallowed others: a quote in it is not closed`);
    }
    if (cells.length !== this.#columns.count) {
      const [first = ''] = cells;
      this.#miscounted.push({
        first: first.length > longestIdCell ? '' : first,
        count: cells.length,
        line,
      });
      if (this.#miscounted.length >= maxWaiting) this.#settleMiscounted();
      return;
    }
    const { shrinkBy } = this.#columns;
    if (shrinkBy !== undefined) {
      const value = normaliseText(cells[shrinkBy.at] ?? '');
      this.#perShrinkValue.set(value, (this.#perShrinkValue.get(value) ?? 0) + 1);
    }
    const row = this.#mapper.map(record);
    if (isRejected(row)) {
      this.#reject(row);
      return;
    }
    this.#shape.learn(row.id);
    const state = this.#stateOf(row);
    if (state === null) {
      const status = this.#columns.fields.status?.name ?? null;
      this.#reject(
        rejection(
          'STATUS_UNKNOWN',
          row.id,
          line,
          status,
          `no rule of roster.state matches${shownStatus(row.status, status)}`,
        ),
      );
      return;
    }
    this.#people.add(withState(row, state));
  }

  /** The rules come first; then a start in the future and an end in the past. On the last day one still works. */
  #stateOf(row: RowInput): PersonState | null {
    const state = this.#options.rules.stateOf(row);
    if (state === null || state === 'terminated') return state;
    if (row.endDate !== null && row.endDate < this.#options.today) return 'terminated';
    return row.startDate !== null && row.startDate > this.#options.today ? 'preHire' : state;
  }

  #reject(row: RejectedRow): void {
    if (row.id === null) this.#unreadableIds++;
    else this.#people.reject(row.id, row.line);
    this.#options.onRejected(row);
  }

  #settleMiscounted(): void {
    const { id: column, count } = this.#columns;
    for (const { first, line } of this.#miscounted) {
      // Where cells are lost or too many, only the first one is sure to be where it belongs.
      const reading = column.at === 0 ? readId(first) : undefined;
      const id = reading !== undefined && 'id' in reading && this.#shape.fits(reading.id) ? reading.id : null;
      const unread = id === null ? `; its id cannot be read` : '';
      this.#reject(
        rejection(
          'COLUMN_COUNT',
          id,
          line,
          null,
          `the row does not have ${count} cells as the header does${unread}`,
        ),
      );
    }
    this.#miscounted = [];
  }

  #settleTrailer(trailer: Pattern): void {
    const last = this.#held;
    this.#held = undefined;
    const count = last === undefined ? null : trailer.group(last.cells.join(this.#delimiter), 'count');
    if (count === null) {
      if (last !== undefined) this.#takeRow(last);
      this.#trailerReasons.push({
        code: 'TRAILER_MISSING',
        message: `The last of ${this.#rows} rows is not the trailer that roster.trailer.match describes. Check whether the end of the export is missing.`,
      });
      return;
    }
    const counted = count.replace(/[\s.,'’]/g, '');
    if (/^\d+$/.test(counted) && Number(counted) === this.#rows) return;
    this.#trailerReasons.push({
      code: 'TRAILER_COUNT',
      message: `The trailer counts ${/^\d+$/.test(counted) ? counted : 'no number of'} rows, the roster has ${this.#rows}. Have it exported again.`,
    });
  }
}

/** A line of nothing but delimiters and spaces, as spreadsheets add them at the end: no row. */
function isBlank(cells: readonly string[]): boolean {
  for (const cell of cells) if (cell !== '' && cell.trim() !== '') return false;
  return true;
}

function withState(row: RowInput, state: PersonState): Person {
  const {
    id,
    email,
    firstName,
    lastName,
    department,
    status,
    startDate,
    endDate,
    previousId,
    attributes,
    line,
  } = row;
  return {
    id,
    email,
    firstName,
    lastName,
    department,
    status,
    startDate,
    endDate,
    previousId,
    attributes,
    state,
    line,
  };
}

function shownStatus(value: string | null, column: string | null): string {
  if (column === null) return '';
  if (value === null) return `: ${column} is empty`;
  return `: ${column} is "${value.length > shownStatusCharacters ? `${value.slice(0, shownStatusCharacters)}…` : value}"`;
}
