import type { ColumnMap } from '../mapping/header.ts';
import { readId } from '../mapping/id-cell.ts';
import type { IdShape } from '../mapping/id-shape.ts';
import type { ReadRosterOptions, RejectedRow, RosterProof } from '../types.ts';
import { People } from './people.ts';

/** What became of the rows: people, and rows that were rejected, by id or by line only. */
export class Outcome {
  readonly people: People;
  readonly #columns: ColumnMap;
  readonly #shape: IdShape;
  readonly #onRejected: ReadRosterOptions['onRejected'];
  #unreadableIds = 0;
  #nobodies = 0;
  flawedLeavers = 0;

  constructor(columns: ColumnMap, shape: IdShape, options: ReadRosterOptions) {
    const { prefer } = options.rules;
    this.#columns = columns;
    this.#shape = shape;
    this.#onRejected = options.onRejected;
    this.people = new People({
      columns,
      prefer: prefer === undefined ? undefined : (person) => prefer(person),
      onPerson: options.onPerson,
      onRetract: options.onRetract,
      onLeftToo: options.onLeftToo,
      onRejected: options.onRejected,
    });
  }

  get tally(): Pick<RosterProof, 'usable' | 'rejected' | 'rejectedRows' | 'unreadableIds' | 'flawedLeavers'> {
    return {
      usable: this.people.usable,
      rejected: this.people.rejected + this.#unreadableIds,
      rejectedRows: this.people.rejectedRows + this.#unreadableIds + this.#nobodies,
      unreadableIds: this.#unreadableIds,
      flawedLeavers: this.flawedLeavers,
    };
  }

  /** A row of somebody: without an id, of anybody. */
  reject(row: RejectedRow): void {
    if (row.id === null) this.#unreadableIds++;
    else this.people.reject(row.id, row.line);
    this.#onRejected(row);
  }

  /** A row behind which there certainly is no person. */
  nobody(row: RejectedRow): void {
    this.#nobodies++;
    this.#onRejected(row);
  }

  /** The id that stands where ids stand; null when it cannot be read, or is somebody's address. */
  idIn(cells: readonly string[]): string | null {
    const reading = readId(cells[this.#columns.id.at] ?? '');
    return 'id' in reading && !this.#shape.isStrayAddress(reading.id) ? reading.id : null;
  }
}
