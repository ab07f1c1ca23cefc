import { RollcallError } from '../../errors.ts';
import type { Person } from '../../person.ts';
import type { ColumnMap } from '../mapping/header.ts';
import { IdIndex } from '../../id-index.ts';
import { rejection } from '../mapping/map-row.ts';
import { attributeCell, fnv1a, type RowHashes } from '../../row-hashes.ts';
import type { RejectedRow } from '../types.ts';

/** What is known of an id. `held`: its rows so far are not preferred ones, and it waits for one that is. */
type Standing = 1 | 2 | 3;
const delivered = 1 satisfies Standing;
const held = 2 satisfies Standing;
const rejected = 3 satisfies Standing;
const standingBits = 3;
/** Beside the standing: some row of the id does not say that the person has left. */
const isHere = 4;

const blockSlots = 65_536;
/** The first block begins with so many, and doubles: most companies fit in one that is far smaller. */
const firstSlots = 1_024;

/** Remembers rows by 32-bit hashes of their fields: 4 bytes a field and row, in blocks, so that growing copies nothing. */
type Block = { readonly hashes: Uint32Array; readonly lines: Uint32Array; readonly standings: Uint8Array };

/** Kept only for ids with more than one row, or with a rejected one. */
type Several = {
  /** Lines of rows that are well-formed in themselves. */
  readonly lines: number[];
  /** All rows of the id. */
  rows: number;
  /** The first field in which two rows that matter differ. */
  differsIn: string | undefined;
};

export type PeopleOptions = {
  readonly columns: ColumnMap;
  readonly prefer: ((person: Person) => boolean) | undefined;
  readonly onPerson: (person: Person, row: RowHashes) => void;
  readonly onRetract: (id: string) => void;
  readonly onLeftToo: ((person: Person) => void) | undefined;
  readonly onRejected: (row: RejectedRow) => void;
};

type Field = {
  readonly name: string;
  readonly cell: string;
  readonly read: (person: Person) => string | null;
};

/**
 * Who is on the roster, one entry an id, without keeping a person: what later rows of the same id are compared with is a
 * hash of each field. A person is delivered with their first row and retracted when a later one contradicts it. With
 * `prefer`, rows that are not preferred wait (as they are) for one that is, so that no id is delivered twice.
 */
export class People {
  readonly #options: PeopleOptions;
  readonly #fields: readonly Field[];
  readonly #slots = new IdIndex();
  readonly #blocks: Block[] = [];
  readonly #several = new Map<number, Several>();
  readonly #held = new Map<number, Person>();
  readonly #rejectedIds = new Map<number, string>();
  /** Of the row at hand. */
  readonly #row: RowHashes;
  #usable = 0;

  constructor(options: PeopleOptions) {
    this.#options = options;
    const { fields, attributes } = options.columns;
    const named = [];
    for (const key of [
      'firstName',
      'lastName',
      'email',
      'department',
      'status',
      'startDate',
      'endDate',
      'previousId',
      'manager',
    ] as const) {
      const column = fields[key];
      if (column !== undefined)
        named.push({ at: column.at, name: column.name, cell: key, read: (person: Person) => person[key] });
    }
    for (const { at, name } of attributes)
      named.push({
        at,
        name,
        cell: attributeCell(name),
        read: (person: Person) => person.attributes[name] ?? '',
      });
    this.#fields = named.sort((a, b) => a.at - b.at);
    this.#row = {
      cells: this.#fields.map(({ cell }) => cell),
      hashes: new Uint32Array(this.#fields.length),
    };
  }

  /** People delivered and not retracted. */
  get usable(): number {
    return this.#usable;
  }

  /** Distinct ids that were rejected. */
  get rejected(): number {
    return this.#rejectedIds.size;
  }

  /** Rows of rejected ids, the well-formed ones too. */
  get rejectedRows(): number {
    let rows = 0;
    for (const slot of this.#rejectedIds.keys()) rows += this.#several.get(slot)?.rows ?? 1;
    return rows;
  }

  /** A well-formed row. */
  add(person: Person): void {
    this.#hash(person);
    const slot = this.#slots.find(person.id);
    if (slot < 0) {
      const fresh = this.#newSlot(person.id, person.line);
      this.#remember(fresh);
      if (person.state !== 'terminated') this.#setHere(fresh);
      if (this.#isPreferred(person)) this.#deliver(fresh, person);
      else this.#hold(fresh, person);
      return;
    }
    const several = this.#severalOf(slot);
    several.lines.push(person.line);
    several.rows++;
    if (person.state !== 'terminated') this.#setHere(slot);
    const standing = this.#standing(slot);
    if (standing === rejected) return;
    const preferred = this.#isPreferred(person);
    if (standing === held && preferred) {
      this.#held.delete(slot);
      several.differsIn = undefined;
      this.#remember(slot);
      this.#deliver(slot, person);
      return;
    }
    if (standing === delivered && !preferred) return;
    several.differsIn ??= this.#difference(slot, person);
    if (standing !== delivered || several.differsIn === undefined) return;
    // Rows that all say that somebody has left agree in what counts.
    if (this.#isHere(slot)) this.#reject(slot, person.id);
    else this.#options.onLeftToo?.(person);
  }

  /** A row of this id that was rejected (and reported) by itself: the person is, too. */
  reject(id: string, line: number): void {
    let slot = this.#slots.find(id);
    if (slot < 0) {
      slot = this.#newSlot(id, line);
      this.#several.set(slot, { lines: [], rows: 1, differsIn: undefined });
    } else {
      this.#severalOf(slot).rows++;
    }
    this.#setHere(slot);
    if (this.#standing(slot) !== rejected) this.#reject(slot, id);
  }

  /** Delivered, or waiting to be. */
  isUsable(id: string): boolean {
    const slot = this.#slots.find(id);
    return slot >= 0 && this.#standing(slot) !== rejected;
  }

  /** After the last row: settles who waits, and reports every row of the ids whose rows contradict each other. */
  finish(): void {
    for (const [slot, person] of this.#held) {
      if (this.#several.get(slot)?.differsIn === undefined || !this.#isHere(slot)) {
        this.#hash(person);
        this.#deliver(slot, person);
      } else this.#reject(slot, person.id);
    }
    this.#held.clear();
    for (const [slot, id] of this.#rejectedIds) {
      const several = this.#several.get(slot);
      if (several?.differsIn !== undefined) this.#reportContradiction(id, several.lines, several.differsIn);
    }
  }

  #reportContradiction(id: string, lines: readonly number[], field: string): void {
    const shown = lines.slice(0, 10).join(', ') + (lines.length > 10 ? ` and ${lines.length - 10} more` : '');
    const { columns } = this.#options;
    const where = `${columns.traits.place}s ${shown}`;
    const [code, what] =
      this.#options.prefer === undefined
        ? ([
            'DUPLICATE_CONTRADICTS',
            `the rows of this id (${where}) contradict each other, first in ${field}`,
          ] as const)
        : ([
            'DUPLICATE_PREFER',
            `of the rows of this id (${where}) no single one is preferred, and they differ in ${field}`,
          ] as const);
    for (const line of lines) this.#options.onRejected(rejection(columns, code, id, line, field, what));
  }

  /** Hands out the person of the row that was hashed last. */
  #deliver(slot: number, person: Person): void {
    this.#setStanding(slot, delivered);
    this.#usable++;
    this.#options.onPerson(person, this.#row);
  }

  #hold(slot: number, person: Person): void {
    this.#setStanding(slot, held);
    this.#held.set(slot, person);
  }

  #reject(slot: number, id: string): void {
    if (this.#standing(slot) === delivered) {
      this.#usable--;
      this.#options.onRetract(id);
    }
    this.#held.delete(slot);
    this.#setStanding(slot, rejected);
    this.#rejectedIds.set(slot, id);
  }

  #hash(person: Person): void {
    const { hashes } = this.#row;
    for (let i = 0; i < this.#fields.length; i++) {
      const text = this.#fields[i]?.read(person) ?? null;
      // Null and the empty string differ.
      hashes[i] = text === null ? 0 : fnv1a(text);
    }
  }

  #newSlot(id: string, line: number): number {
    this.#slots.add(id);
    const slot = this.#slots.size - 1;
    const at = slot % blockSlots;
    if (at === 0) this.#blocks.push(this.#blockOf(slot === 0 ? firstSlots : blockSlots));
    else if (at === this.#blocks.at(-1)?.lines.length) this.#growBlock();
    this.#block(slot).lines[slot % blockSlots] = line;
    return slot;
  }

  #blockOf(slots: number): Block {
    return {
      hashes: new Uint32Array(slots * this.#fields.length),
      lines: new Uint32Array(slots),
      standings: new Uint8Array(slots),
    };
  }

  #growBlock(): void {
    const before = this.#blocks.pop();
    if (before === undefined) return;
    const block = this.#blockOf(before.lines.length * 2);
    block.hashes.set(before.hashes);
    block.lines.set(before.lines);
    block.standings.set(before.standings);
    this.#blocks.push(block);
  }

  #block(slot: number): Block {
    const block = this.#blocks[Math.floor(slot / blockSlots)];
    if (block === undefined) throw new RangeError(`no slot ${slot}`);
    return block;
  }

  #standing(slot: number): Standing {
    return ((this.#block(slot).standings[slot % blockSlots] ?? rejected) & standingBits) as Standing;
  }

  #setStanding(slot: number, standing: Standing): void {
    const { standings } = this.#block(slot);
    const at = slot % blockSlots;
    standings[at] = ((standings[at] ?? 0) & ~standingBits) | standing;
  }

  #isHere(slot: number): boolean {
    return ((this.#block(slot).standings[slot % blockSlots] ?? 0) & isHere) !== 0;
  }

  #setHere(slot: number): void {
    const { standings } = this.#block(slot);
    const at = slot % blockSlots;
    standings[at] = (standings[at] ?? 0) | isHere;
  }

  /** Whether `prefer` picks the row. Of a row that cannot all be read it may have no answer: then it does not. */
  #isPreferred(person: Person): boolean {
    const { prefer } = this.#options;
    if (prefer === undefined) return true;
    try {
      return prefer(person);
    } catch (error) {
      if (person.unread !== undefined && error instanceof RollcallError) return false;
      throw error;
    }
  }

  /** Keeps the row hashed last as the one that counts for the slot. */
  #remember(slot: number): void {
    const { hashes } = this.#row;
    this.#block(slot).hashes.set(hashes, (slot % blockSlots) * hashes.length);
  }

  /** The first field in which the row hashed last differs from the one that counts. */
  #difference(slot: number, person: Person): string | undefined {
    const { hashes } = this.#block(slot);
    const row = this.#row.hashes;
    const start = (slot % blockSlots) * row.length;
    for (let i = 0; i < row.length; i++) {
      if (hashes[start + i] !== row[i]) return this.#fields[i]?.name;
    }
    // What cannot be read is not known to be the same.
    return person.unread === undefined ? undefined : this.#fields[0]?.name;
  }

  #severalOf(slot: number): Several {
    let several = this.#several.get(slot);
    if (several === undefined) {
      several = { lines: [this.#block(slot).lines[slot % blockSlots] ?? 0], rows: 1, differsIn: undefined };
      this.#several.set(slot, several);
    }
    return several;
  }
}
