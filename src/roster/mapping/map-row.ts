import { normaliseEmail, normaliseText } from '../../normalise.ts';
import { longestCell } from '../bounds.ts';
import type { CellFault, RosterRecord } from '../formats/format.ts';
import type { RejectCode, RejectedRow, RowInput } from '../types.ts';
import { compileDateFormat, type ParseDate } from './dates.ts';
import type { Column, ColumnMap } from './header.ts';
import { isErrorWord, mayBeErrorWord, readId, withoutFormula } from './id-cell.ts';
import { hasLostLetters, isEncodedTwice, mayBeMangled } from './mangled.ts';
import { shapeOf } from './shape.ts';

/** One @ with something on both sides; nothing that separates or wraps addresses. Whether it exists is the platform's to say. */
const emailShape = /^[^\s@,;<>"()\\]+@[^\s@,;<>"()\\]+$/;
/** A name that stands in quotes as a whole, in those that a word processor makes of straight ones. One within a name stays. */
const wrapped = /^(?:[“”„‟«»‹›].*[“”„‟«»‹›]|[‘‚‛].*[‘’‛])$/u;
/** Signs that could not be decoded, or that no text has. */
const damage = /[\uFFFD\u0080-\u0084\u0086-\u009F]/;

const placeWords = { line: 'Line', row: 'Row', record: 'Record' } as const;

/** A rejected row of that file, its message with where it stands and the id before what is wrong. */
export function rejection(
  { traits }: Pick<ColumnMap, 'traits'>,
  code: RejectCode,
  id: string | null,
  line: number,
  field: string | null,
  what: string,
): RejectedRow {
  return {
    code,
    id,
    line,
    field,
    message: `${placeWords[traits.place]} ${line}${id === null ? '' : ` (id ${id})`}: ${what}.`,
  };
}

/** A row whose id can be read, and some other cell cannot: `row` has null there, `unread` names the fields. */
export type FlawedRow = { readonly row: RowInput; readonly fault: RejectedRow };

/** True for a row that has no readable id. */
export function isRejected(row: RowInput | RejectedRow | FlawedRow): row is RejectedRow {
  return 'code' in row;
}

/** True for a row with an id and a cell that cannot be read. */
export function isFlawed(row: RowInput | FlawedRow): row is FlawedRow {
  return 'fault' in row;
}

export type MappingRules = {
  readonly startDate: ParseDate;
  readonly endDate: ParseDate;
  /** The formats as configured, for messages. */
  readonly formats: { readonly startDate: string; readonly endDate: string };
  /** Cells that mean nothing. */
  readonly empty: ReadonlySet<string>;
  /** Dates that mean none: as they stand in the roster, or as ISO dates. */
  readonly noDate: ReadonlySet<string>;
};

/** Of cells that are dates by themselves, whatever the configured form. */
const isoDateIn = compileDateFormat('yyyy-MM-dd');

/** What is wrong with a cell. */
type Fault = { readonly code: RejectCode; readonly column: Column; readonly what: string };

/** Turns a row's cells into a person's fields. One object for a file: its columns and rules are fixed. */
export class RowMapper {
  readonly #columns: ColumnMap;
  readonly #rules: MappingRules;
  /** Whether the file has shown damaged bytes or backslashes so far: only then is every cell searched for them. */
  isSuspect = false;
  /** Of the row at hand. Reused: most rows have none. */
  #faults: Fault[] = [];
  #unread: string[] = [];
  #cellFaults: readonly CellFault[] | undefined;
  #dates: readonly number[] | undefined;

  constructor(columns: ColumnMap, rules: MappingRules) {
    this.#columns = columns;
    this.#rules = rules;
  }

  /** `record` has as many cells as the header, or the rest of them is empty. */
  map(record: RosterRecord): RowInput | RejectedRow | FlawedRow {
    const { cells, line } = record;
    const { id: idColumn, fields, attributes: columns } = this.#columns;
    const idFault = record.faults?.find(({ at }) => at === idColumn.at);
    if (idFault !== undefined) return this.#noId(line, 'ID_UNREADABLE', idFault.what);
    const idCell = cells[idColumn.at] ?? '';
    const isEmpty = this.#rules.empty.size > 0 && this.#rules.empty.has(normaliseText(idCell));
    const reading = readId(isEmpty ? '' : idCell);
    if (!('id' in reading)) return this.#noId(line, reading.code, reading.why);
    const { id } = reading;
    this.#cellFaults = record.faults;
    this.#dates = record.dates;
    const email = this.#email(cells, fields.email);
    const previousId = this.#previousId(cells, fields.previousId);
    const attributes: Record<string, string> = {};
    for (const column of columns)
      attributes[column.name] = this.#text(cells, column, `attributes.${column.name}`) ?? '';
    const row: RowInput = {
      id,
      email,
      firstName: this.#name(cells, fields.firstName, 'firstName'),
      lastName: this.#name(cells, fields.lastName, 'lastName'),
      department: this.#name(cells, fields.department, 'department'),
      status: this.#text(cells, fields.status, 'status'),
      startDate: this.#date(cells, fields.startDate, 'startDate'),
      endDate: this.#date(cells, fields.endDate, 'endDate'),
      previousId,
      manager: this.#manager(cells, fields.manager),
      attributes,
      line,
    };
    const [fault] = this.#faults;
    if (fault === undefined) return row;
    const flawed = {
      row: { ...row, unread: this.#unread },
      fault: rejection(
        this.#columns,
        fault.code,
        id,
        line,
        fault.column.name,
        `${fault.column.name} ${fault.what}`,
      ),
    };
    this.#faults = [];
    this.#unread = [];
    return flawed;
  }

  #noId(line: number, code: RejectCode, why: string): RejectedRow {
    const { name } = this.#columns.id;
    return rejection(this.#columns, code, null, line, name, `the id (${name}) ${why}`);
  }

  #fault(field: string, fault: Fault): null {
    this.#faults.push(fault);
    this.#unread.push(field);
    return null;
  }

  #strayQuote(field: string, column: Column): null {
    const what = 'has a quote that belongs to no other: in CSV a quote within a cell is doubled ("")';
    return this.#fault(field, { code: 'QUOTES', column, what });
  }

  /** The cell's text; null when it is empty, not mapped, or cannot be read. */
  #text(cells: readonly string[], column: Column | undefined, field: string): string | null {
    if (column === undefined) return null;
    const { isDelimited } = this.#columns.traits;
    const cell = cells[column.at] ?? '';
    const cellFault = this.#cellFaults?.find(({ at }) => at === column.at);
    if (cellFault !== undefined)
      return this.#fault(field, { code: cellFault.code, column, what: cellFault.what });
    if (cell.length > longestCell)
      return this.#fault(field, {
        code: 'CELL_TOO_LONG',
        column,
        what: `has more than ${longestCell.toLocaleString('en')} characters`,
      });
    if (this.isSuspect) {
      if (damage.test(cell))
        return this.#fault(field, {
          code: 'ENCODING',
          column,
          what: 'holds bytes that are not in the encoding of the file (roster.encoding)',
        });
      if (isDelimited && (cell.includes('\\"') || cell.includes('\\\\') || cell.endsWith('\\')))
        return this.#fault(field, {
          code: 'QUOTES',
          column,
          what: 'has a backslash before a quote or a backslash: in CSV a quote within a cell is doubled (""). Have it exported so',
        });
    }
    let text = normaliseText(cell);
    const first = text.charCodeAt(0);
    if (first === 0x3d) text = withoutFormula(text).trim();
    if (text === '' || this.#rules.empty.has(text)) return null;
    if (first === 0x22 && isDelimited && isStrayQuoted(text)) return this.#strayQuote(field, column);
    if (mayBeErrorWord.has(first) && isErrorWord(text))
      return this.#fault(field, {
        code: 'ERROR_WORD',
        column,
        what: "is a spreadsheet's error word. Mend it there; if it means an empty cell, list it in roster.empty",
      });
    return text;
  }

  /** A name: as any text, without what only stray quoting brings into one. */
  #name(cells: readonly string[], column: Column | undefined, field: string): string | null {
    const text = this.#text(cells, column, field);
    if (text === null || column === undefined) return text;
    if (mayBeMangled.test(text)) {
      if (isEncodedTwice(cells[column.at] ?? '') || (field !== 'department' && hasLostLetters(text)))
        return this.#fault(field, {
          code: 'ENCODING',
          column,
          what: 'has signs in the place of letters: they were lost before the file was written. Have it exported as UTF-8',
        });
    }
    if (!this.#columns.traits.isDelimited) return text;
    if (text.includes('"') && text.split('"').length % 2 === 0) return this.#strayQuote(field, column);
    if (field !== 'department' && wrapped.test(text))
      return this.#fault(field, {
        code: 'QUOTES',
        column,
        what: 'stands in quotes that are no quotes of CSV, which no name does. Have it exported without them',
      });
    if (this.isSuspect && field !== 'department' && text.includes('\\'))
      return this.#fault(field, {
        code: 'QUOTES',
        column,
        what: 'has a backslash, which is in no name: in CSV a quote within a cell is doubled (""). Have it exported so',
      });
    return text;
  }

  #email(cells: readonly string[], column: Column | undefined): string | null {
    const text = this.#text(cells, column, 'email');
    if (text === null || column === undefined) return null;
    const email = normaliseEmail(text);
    if (emailShape.test(email)) return email;
    const empties = /^[^\p{L}\p{N}]*$|^\p{L}{1,4}$|^n\/a$/iu.test(text)
      ? '; if it means none, list it in roster.empty'
      : '';
    return this.#fault('email', {
      code: 'EMAIL_INVALID',
      column,
      what: `has the shape ${shapeOf(text)}, which is no email address${empties}`,
    });
  }

  #previousId(cells: readonly string[], column: Column | undefined): string | null {
    const text = this.#text(cells, column, 'previousId');
    if (text === null || column === undefined) return null;
    const reading = readId(cells[column.at] ?? '');
    if ('id' in reading) return reading.id;
    if (reading.code === 'ID_MISSING') return null;
    return this.#fault('previousId', { code: 'ID_UNREADABLE', column, what: reading.why });
  }

  /** An id or an address, as ids are read: whose it is, is looked up when all have been read. */
  #manager(cells: readonly string[], column: Column | undefined): string | null {
    const text = this.#text(cells, column, 'manager');
    if (text === null || column === undefined) return null;
    const reading = readId(cells[column.at] ?? '');
    // One that cannot be read is nobody who is known; no reason to leave the person as they are.
    return 'id' in reading ? reading.id : reading.code === 'ID_MISSING' ? null : '?';
  }

  #date(cells: readonly string[], column: Column | undefined, field: 'startDate' | 'endDate'): string | null {
    const text = this.#text(cells, column, field);
    if (text === null || column === undefined) return null;
    const { noDate } = this.#rules;
    if (noDate.has(text)) return null;
    const isDate = this.#dates?.includes(column.at) === true;
    const date = isDate ? isoDateIn(text) : this.#rules[field](text);
    if (date !== null) return noDate.has(date) ? null : date;
    return this.#fault(field, {
      code: 'DATE_INVALID',
      column,
      what: `has the shape ${shapeOf(text)} and is no date of the form ${this.#rules.formats[field]} (roster.dateFormat)${keyFor(text)}`,
    });
  }
}

/** A text that begins with a quote and has no other one inside that goes with it: the cell was not closed where it should be. */
function isStrayQuoted(text: string): boolean {
  return text.includes('""') || text.split('"').length % 2 === 0 || /^"[^"]*"$/.test(text);
}

/** The key that helps with a text that is no date. */
function keyFor(text: string): string {
  if (!/\d/.test(text)) return '; if it means no date, list it in roster.empty';
  return /^[0.:/T -]+$/.test(text) || /^(?:0001|1899|1900|9999|2999)|(?:0001|1899|1900|9999|2999)$/.test(text)
    ? '; if it means no date, list it in roster.noDate'
    : '';
}
