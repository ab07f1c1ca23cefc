import { normaliseEmail, normaliseId, normaliseText } from '../normalise.ts';
import { longestCell } from './bounds.ts';
import type { ParseDate } from './dates.ts';
import type { Column, ColumnMap } from './header.ts';
import type { CsvRecord } from './records.ts';
import type { RejectCode, RejectedRow, RowInput } from './types.ts';

const maxIdLength = 256;
const replacement = '\uFFFD';
const controlCharacter = /\p{Cc}/u;
/** One @ with something on both sides; nothing that separates or wraps addresses. Whether it exists is the platform's to say. */
const emailShape = /^[^\s@,;<>"()]+@[^\s@,;<>"()]+$/;

/** The reading of an id cell: the id, or why there is none. */
export type IdReading =
  | { readonly id: string }
  | { readonly code: 'ID_MISSING' | 'ID_UNREADABLE'; readonly why: string };

export function readId(cell: string): IdReading {
  const id = normaliseId(cell);
  if (id === '') return { code: 'ID_MISSING', why: 'is empty' };
  if (id.length > maxIdLength)
    return { code: 'ID_UNREADABLE', why: `is longer than ${maxIdLength} characters` };
  if (controlCharacter.test(id))
    return { code: 'ID_UNREADABLE', why: 'holds a control character or a line break' };
  if (id.includes(replacement))
    return { code: 'ID_UNREADABLE', why: 'holds bytes that are not in the encoding of the file' };
  return { id };
}

/** A rejected row, its message with the line before and the id after what is wrong. */
export function rejection(
  code: RejectCode,
  id: string | null,
  line: number,
  field: string | null,
  what: string,
): RejectedRow {
  return { code, id, line, field, message: `Line ${line}${id === null ? '' : ` (id ${id})`}: ${what}.` };
}

/** True for a row that `RowMapper.map` rejected. */
export function isRejected(row: RowInput | RejectedRow): row is RejectedRow {
  return 'code' in row;
}

/** Turns a row's cells into a person's fields. One object for a file: its columns and date format are fixed. */
export class RowMapper {
  readonly #columns: ColumnMap;
  readonly #parseDate: ParseDate;
  readonly #dateFormat: string;
  /** All of them but the id's. */
  readonly #mapped: readonly Column[];
  /** Whether the file has bytes so far that are not in its encoding: only then is every cell searched for them. */
  mayBeDamaged = false;

  constructor(columns: ColumnMap, parseDate: ParseDate, dateFormat: string) {
    this.#columns = columns;
    this.#parseDate = parseDate;
    this.#dateFormat = dateFormat;
    const fields = Object.values(columns.fields).filter((column) => column !== undefined);
    this.#mapped = [...columns.attributes, ...fields];
  }

  /** `record` has as many cells as the header. */
  map(record: CsvRecord): RowInput | RejectedRow {
    const { cells, line } = record;
    const { id: idColumn, fields, attributes: columns } = this.#columns;
    const reading = readId(cells[idColumn.at] ?? '');
    if (!('id' in reading)) {
      return rejection(reading.code, null, line, idColumn.name, `the id (${idColumn.name}) ${reading.why}`);
    }
    const { id } = reading;

    const long = this.#longColumn(cells);
    if (long !== undefined) {
      return rejection(
        'CELL_TOO_LONG',
        id,
        line,
        long.name,
        `${long.name} has more than ${longestCell.toLocaleString('en')} characters`,
      );
    }
    const damaged = this.mayBeDamaged ? this.#damagedColumn(cells) : undefined;
    if (damaged !== undefined) {
      return rejection(
        'ENCODING',
        id,
        line,
        damaged.name,
        `${damaged.name} holds bytes that are not in the encoding of the file`,
      );
    }
    const email = fields.email === undefined ? null : normaliseEmail(cells[fields.email.at] ?? '') || null;
    if (email !== null && !emailShape.test(email)) {
      return rejection(
        'EMAIL_INVALID',
        id,
        line,
        fields.email?.name ?? null,
        `${fields.email?.name} is not an email address`,
      );
    }
    const startText = textOf(cells, fields.startDate);
    const startDate = startText === null ? null : this.#parseDate(startText);
    if (startText !== null && startDate === null) return this.#noDate(id, line, fields.startDate);
    const endText = textOf(cells, fields.endDate);
    const endDate = endText === null ? null : this.#parseDate(endText);
    if (endText !== null && endDate === null) return this.#noDate(id, line, fields.endDate);

    const previousCell = fields.previousId === undefined ? '' : (cells[fields.previousId.at] ?? '');
    const previous = previousCell === '' ? null : readId(previousCell);
    if (previous !== null && 'code' in previous && previous.code === 'ID_UNREADABLE') {
      return rejection(
        'ID_UNREADABLE',
        id,
        line,
        fields.previousId?.name ?? null,
        `${fields.previousId?.name} ${previous.why}`,
      );
    }

    const attributes: Record<string, string> = {};
    for (const column of columns) attributes[column.name] = normaliseText(cells[column.at] ?? '');
    return {
      id,
      email,
      firstName: textOf(cells, fields.firstName),
      lastName: textOf(cells, fields.lastName),
      department: textOf(cells, fields.department),
      status: textOf(cells, fields.status),
      startDate,
      endDate,
      previousId: previous !== null && 'id' in previous ? previous.id : null,
      attributes,
      line,
    };
  }

  /** The mapped column whose cell shows damaged bytes, if any: such a name must not reach a platform. */
  #damagedColumn(cells: readonly string[]): Column | undefined {
    return this.#mapped.find((column) => cells[column.at]?.includes(replacement));
  }

  /** The mapped column whose cell is too long, if any. */
  #longColumn(cells: readonly string[]): Column | undefined {
    for (const column of this.#mapped) if ((cells[column.at]?.length ?? 0) > longestCell) return column;
    return undefined;
  }

  #noDate(id: string, line: number, column: Column | undefined): RejectedRow {
    return rejection(
      'DATE_INVALID',
      id,
      line,
      column?.name ?? null,
      `${column?.name} is not a date of the form ${this.#dateFormat}`,
    );
  }
}

/** The cell's text; null when it is empty or the column is not mapped. */
function textOf(cells: readonly string[], column: Column | undefined): string | null {
  if (column === undefined) return null;
  const text = normaliseText(cells[column.at] ?? '');
  return text === '' ? null : text;
}
