import { normaliseText } from '../../normalise.ts';
import { type Person, type PersonState, personFields } from '../../person.ts';
import type { RosterRecord } from '../formats/format.ts';
import type { Column, ColumnMap } from '../mapping/header.ts';
import type { IdShape } from '../mapping/id-shape.ts';
import { isFlawed, isRejected, type MappingRules, RowMapper, rejection } from '../mapping/map-row.ts';
import { shapeOf } from '../mapping/shape.ts';
import { isLabelOf } from '../mapping/words.ts';
import type { ReadRosterOptions, RejectedRow, RowInput } from '../types.ts';

const shownStatusCharacters = 60;
const mostUnknownStatuses = 50;

/** What a row is: somebody, or not. `nobody`: it is certain that there is no person behind it. */
export type Verdict =
  | { readonly person: Person; readonly isFlawed: boolean }
  | { readonly rejected: RejectedRow; readonly isNobody: boolean };

/** Judges rows one by one: maps them, derives their state, and knows rows that cannot be people. */
export class RowJudge {
  readonly mapper: RowMapper;
  readonly #columns: ColumnMap;
  readonly #options: Pick<ReadRosterOptions, 'rules' | 'today'>;
  readonly #shape: IdShape;
  readonly #header: string;
  readonly #mapped: readonly Column[];
  readonly #unknown = new Map<string, number>();

  constructor(
    columns: ColumnMap,
    mapping: MappingRules,
    shape: IdShape,
    options: Pick<ReadRosterOptions, 'rules' | 'today'>,
  ) {
    this.mapper = new RowMapper(columns, mapping);
    this.#columns = columns;
    this.#options = options;
    this.#shape = shape;
    this.#header = (columns.header[columns.id.at] ?? '').toLowerCase();
    const fields = Object.values(columns.fields).filter((column) => column !== undefined);
    this.#mapped = [columns.id, ...fields, ...columns.attributes];
  }

  get unknownStatuses(): readonly { readonly value: string; readonly rows: number }[] {
    return [...this.#unknown].map(([value, rows]) => ({ value, rows })).sort((a, b) => b.rows - a.rows);
  }

  /** `isFirst`: the row right under the header, where labels stand if there are any. */
  judge(record: RosterRecord, isFirst: boolean): Verdict {
    const { cells, line } = record;
    const nobody = this.#nobody(record, isFirst);
    if (nobody !== undefined) return { rejected: nobody, isNobody: true };
    const mapped = this.mapper.map(record);
    if (isRejected(mapped)) return { rejected: mapped, isNobody: false };
    const row = isFlawed(mapped) ? mapped.row : mapped;
    const stray = this.#strayId(row.id, record);
    if (stray !== undefined) {
      const what = `the id (${this.#columns.id.name}) is ${stray}`;
      return {
        rejected: rejection(this.#columns, 'ID_UNREADABLE', null, line, this.#columns.id.name, what),
        isNobody: false,
      };
    }
    const state = this.stateOf(row);
    if (isFlawed(mapped) && state !== 'terminated') return { rejected: mapped.fault, isNobody: false };
    if (state === null) return { rejected: this.#unknownStatus(row), isNobody: false };
    if (state === 'terminated' && this.#endsBeforeItStarts(row))
      return { rejected: this.#contradictingDates(row), isNobody: false };
    if (this.#isOnlyId(cells))
      return {
        rejected: rejection(
          this.#columns,
          'NOT_A_PERSON',
          row.id,
          line,
          null,
          'the row has an id and nothing else',
        ),
        isNobody: false,
      };
    return { person: withState(row, state), isFlawed: isFlawed(mapped) };
  }

  /** What an id is that no id can be; undefined of one that may be one. */
  #strayId(id: string, { dates }: RosterRecord): string | undefined {
    if (this.#shape.isStrayAddress(id)) return 'an address, as no other is: cells have moved';
    if (dates?.includes(this.#columns.id.at) === true || this.#shape.isStrayDate(id))
      return 'a date, as no id is: a spreadsheet took it for one. Have the column exported as text';
    return undefined;
  }

  /** The rules come first; then a start in the future and an end in the past. On the last day one still works. */
  stateOf(row: RowInput): PersonState | null {
    const state = this.#options.rules.stateOf(row);
    if (state === null || state === 'terminated') return state;
    if (row.endDate !== null && row.endDate < this.#options.today) return 'terminated';
    return row.startDate !== null && row.startDate > this.#options.today ? 'preHire' : state;
  }

  /**
   * Whether somebody has left by nothing but an end date that lies before the start of what goes on today: the end of an
   * employment before this one, a mark that means no date, or a slip. Where the start is to come, nobody is here by either date.
   */
  #endsBeforeItStarts(row: RowInput): boolean {
    const { startDate, endDate } = row;
    if (startDate === null || endDate === null || endDate >= startDate) return false;
    return startDate <= this.#options.today && this.#options.rules.stateOf(row) !== 'terminated';
  }

  #contradictingDates(row: RowInput): RejectedRow {
    const { startDate, endDate } = this.#columns.fields;
    const what =
      `${endDate?.name ?? 'the end date'} lies before ${startDate?.name ?? 'the start date'}, and no rule of roster.state says that ` +
      'the person has left. Empty the end of an employment before this one; if it means no date, list it in roster.noDate';
    return rejection(this.#columns, 'DATES_CONTRADICT', row.id, row.line, endDate?.name ?? null, what);
  }

  /** What the status alone says of a row of which nothing else is sure; null when the rules need more. */
  stateByStatus(id: string, status: string, line: number): PersonState | null {
    const unread = [
      ...personFields.filter((field) => field !== 'id' && field !== 'status'),
      ...this.#columns.attributes.map(({ name }) => `attributes.${name}`),
    ];
    const row: RowInput = {
      id,
      email: null,
      firstName: null,
      lastName: null,
      department: null,
      status: normaliseText(status) || null,
      startDate: null,
      endDate: null,
      previousId: null,
      manager: null,
      attributes: Object.fromEntries(this.#columns.attributes.map(({ name }) => [name, ''])),
      line,
      unread,
    };
    return row.status === null ? null : this.#options.rules.stateOf(row);
  }

  /** The person of whom `stateByStatus` said that they have left. */
  leaver(id: string, line: number): Person {
    const unread = [
      ...personFields.filter((field) => field !== 'id'),
      ...this.#columns.attributes.map(({ name }) => `attributes.${name}`),
    ];
    const attributes = Object.fromEntries(this.#columns.attributes.map(({ name }) => [name, '']));
    return { ...nobodysFields, id, attributes, line, state: 'terminated', unread };
  }

  /** The header once more, or labels below it: no person, whatever the mapping makes of it. */
  #nobody({ cells, line }: RosterRecord, isFirst: boolean): RejectedRow | undefined {
    const id = cells[this.#columns.id.at] ?? '';
    // Every row passes here, and ids hardly ever begin as their header does.
    const mayBeHeader =
      (id.charCodeAt(0) | 0x20) === (this.#header.charCodeAt(0) | 0x20) || id.charCodeAt(0) > 0x7e;
    if (mayBeHeader && normaliseText(id).toLowerCase() === this.#header)
      return rejection(this.#columns, 'NOT_A_PERSON', null, line, null, 'the row is the header once more');
    if (!isFirst) return undefined;
    const filled = this.#mapped.filter(({ at }) => normaliseText(cells[at] ?? '') !== '');
    const labels = filled.filter(({ at }) => isLabelOf(cells[at] ?? '', this.#columns.header[at] ?? ''));
    if (labels.length < 2 || labels.length * 2 < filled.length) return undefined;
    return rejection(
      this.#columns,
      'NOT_A_PERSON',
      null,
      line,
      null,
      'the row has labels, not a person: set roster.skip.below: 1',
    );
  }

  #isOnlyId(cells: readonly string[]): boolean {
    if (this.#mapped.length < 3) return false;
    for (const { at } of this.#mapped) {
      if (at !== this.#columns.id.at && normaliseText(cells[at] ?? '') !== '') return false;
    }
    return true;
  }

  #unknownStatus(row: RowInput): RejectedRow {
    const name = this.#columns.fields.status?.name ?? null;
    const value = row.status ?? '';
    if (name !== null && (this.#unknown.has(value) || this.#unknown.size < mostUnknownStatuses)) {
      const short = value.slice(0, shownStatusCharacters);
      this.#unknown.set(short, (this.#unknown.get(short) ?? 0) + 1);
    }
    const shown =
      name === null ? '' : value === '' ? `: ${name} is empty` : `: ${name} has the shape ${shapeOf(value)}`;
    return rejection(
      this.#columns,
      'STATUS_UNKNOWN',
      row.id,
      row.line,
      name,
      `no rule of roster.state matches${shown}`,
    );
  }
}

const nobodysFields = {
  email: null,
  firstName: null,
  lastName: null,
  department: null,
  status: null,
  startDate: null,
  endDate: null,
  previousId: null,
  manager: null,
} as const;

function withState(row: RowInput, state: PersonState): Person {
  const { id, email, firstName, lastName, department, status, startDate, endDate, previousId, manager } = row;
  const person: Person = {
    id,
    email,
    firstName,
    lastName,
    department,
    status,
    startDate,
    endDate,
    previousId,
    manager,
    attributes: row.attributes,
    state,
    line: row.line,
  };
  return row.unread === undefined ? person : { ...person, unread: row.unread };
}
