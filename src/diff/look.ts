import type { Person } from '../person.ts';
import { fnv1a, type RowHashes } from '../row-hashes.ts';

/** A column of the export that is looked at, by its name there. */
export type LookColumn = {
  readonly name: string;
  /** What `RowHashes` calls its cell. */
  readonly cell: string;
  readonly read: (person: Person) => string | null;
  /** Its values may be somebody's name or address: they are compared and never named. */
  readonly personal: boolean;
};

/** What one column of an export looked like: a 16-bit hash a cell, 0 where it is empty, in the order of the look's people. */
export type ColumnLook = {
  readonly cells: Uint16Array;
  readonly filled: number;
  /** Values by their hash, where they are few, shared by several people and of nobody in particular; else empty. */
  readonly values: ReadonlyMap<number, string>;
};

/**
 * What the used columns of an export looked like, person by person: what the next export is compared with. 4 bytes a
 * person and 2 a cell; no id and no cell can be read from it.
 */
export type Look = {
  /** Hashes of the ids, ascending. */
  readonly ids: Uint32Array;
  readonly columns: ReadonlyMap<string, ColumnLook>;
};

/** Takes people as they are read. Each id comes once; one that is retracted does not come again. */
export type LookBuilder = {
  /** `row`: hashes of their cells, where they are made already. */
  readonly add: (person: Person, row?: RowHashes) => void;
  readonly retract: (id: string) => void;
  /** The look of all that came. To be called once: it empties the builder as it goes. */
  readonly finish: () => Look;
};

const blockRows = 65_536;
/** The first block begins with so many, and doubles: most companies fit in one that is far smaller. */
const firstRows = 1_024;
/** Fewer rows than this are sorted as any list is: the tables of the other way take longer to make. */
const fewRows = 8_192;
/** A column with more values than this is not one of a department or a site: its values are not kept. */
const mostValues = 200;
/** A value that fewer people share may tell who they are. */
const leastShared = 3;
const longestValue = 60;

/** Spreads every bit over all 32 (the finaliser of MurmurHash3). */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A 32-bit hash of a text: FNV-1a, mixed. Stored with looks, so it never changes. */
export function hash32(text: string): number {
  return mixed(fnv1a(text));
}

/** A filled cell as 16 bits, from the `fnv1a` of its text. Two different cells look the same once in 65,535. */
function cellOf(hash: number): number {
  return mixed(hash) & 0xffff || 1;
}

/** Of the empty text: an extra column has it where a cell is empty. */
const emptyHash = fnv1a('');
/** No hash: there is nothing in the cell. */
const empty = -1;

type Shared = { readonly text: string; people: number; ambiguous: boolean };

/** Counts the values of a column, as long as they are few. */
function createValues(personal: boolean) {
  const seen = new Map<number, Shared>();
  let open = !personal;
  return {
    /** Whether texts are still wanted. */
    isOpen: (): boolean => open,
    add: (hash: number, text: string): void => {
      const known = seen.get(hash);
      if (known !== undefined) {
        known.people++;
        if (known.text !== text) known.ambiguous = true;
        return;
      }
      if (seen.size >= mostValues) {
        open = false;
        seen.clear();
        return;
      }
      seen.set(hash, { text, people: 1, ambiguous: false });
    },
    shared: (): ReadonlyMap<number, string> =>
      new Map(
        [...seen]
          .filter(
            ([, { text, people, ambiguous }]) => !ambiguous && people >= leastShared && isNameable(text),
          )
          .map(([hash, { text }]) => [hash, text]),
      ),
  };
}

function isNameable(text: string): boolean {
  return text.length <= longestValue && !text.includes('@');
}

/** The order of the rows by their hash: a radix sort of two passes, 8 bytes a row for as long as it takes. */
function orderOf(hashes: Uint32Array): Uint32Array {
  let from = new Uint32Array(hashes.length);
  for (let at = 0; at < from.length; at++) from[at] = at;
  if (hashes.length < fewRows) return from.sort((a, b) => (hashes[a] ?? 0) - (hashes[b] ?? 0) || a - b);
  let to = new Uint32Array(hashes.length);
  const starts = new Uint32Array(65_537);
  for (const shift of [0, 16]) {
    starts.fill(0);
    for (let at = 0; at < hashes.length; at++) {
      const digit = (((hashes[at] ?? 0) >>> shift) & 0xffff) + 1;
      starts[digit] = (starts[digit] ?? 0) + 1;
    }
    for (let digit = 1; digit < starts.length; digit++)
      starts[digit] = (starts[digit] ?? 0) + (starts[digit - 1] ?? 0);
    for (let at = 0; at < from.length; at++) {
      const row = from[at] ?? 0;
      const digit = ((hashes[row] ?? 0) >>> shift) & 0xffff;
      const place = starts[digit] ?? 0;
      starts[digit] = place + 1;
      to[place] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** A builder for a look at these columns. */
export function createLookBuilder(columns: readonly LookColumn[]): LookBuilder {
  const blocks: Uint16Array[][] = [];
  const idBlocks: Uint32Array[] = [];
  const values = columns.map(({ personal }) => createValues(personal));
  const retracted = new Set<number>();
  let rows = 0;
  /** Rows that the last block has room for. */
  let room = 0;
  /** Where the columns stand among the hashes of a row; -1 where they do not. */
  let places: readonly number[] = [];
  let placedIn: readonly string[] | undefined;

  function place(row: RowHashes): void {
    placedIn = row.cells;
    places = columns.map(({ cell }) => row.cells.indexOf(cell));
  }

  function begin(): void {
    room = blocks.length === 0 ? firstRows : blockRows;
    blocks.push(columns.map(() => new Uint16Array(room)));
    idBlocks.push(new Uint32Array(room));
  }

  function grow(): void {
    room *= 2;
    const longer = <T extends Uint16Array | Uint32Array>(block: T | undefined, to: T): T => {
      if (block !== undefined) to.set(block);
      return to;
    };
    const block = blocks.pop() ?? [];
    blocks.push(block.map((cells) => longer(cells, new Uint16Array(room))));
    idBlocks.push(longer(idBlocks.pop(), new Uint32Array(room)));
  }

  /** The `fnv1a` of a cell, or `empty`. */
  function hashOf(person: Person, column: number, row: RowHashes | undefined): number {
    const at = places[column] ?? -1;
    const made = row === undefined || at < 0 ? 0 : (row.hashes[at] ?? 0);
    // These two say that there is no text; another text may have them, too.
    if (made !== 0 && made !== emptyHash) return made;
    const text = columns[column]?.read(person) ?? '';
    return text === '' ? empty : fnv1a(text);
  }

  return {
    add: (person, row) => {
      const at = rows % blockRows;
      if (at === 0) begin();
      else if (at === room) grow();
      const block = blocks[blocks.length - 1] ?? [];
      const ids = idBlocks[idBlocks.length - 1];
      if (ids !== undefined) ids[at] = hash32(person.id);
      if (row !== undefined && row.cells !== placedIn) place(row);
      for (let column = 0; column < columns.length; column++) {
        const made = hashOf(person, column, row);
        const cells = block[column];
        if (made === empty || cells === undefined) continue;
        const hash = cellOf(made);
        cells[at] = hash;
        const shared = values[column];
        if (shared?.isOpen() === true) shared.add(hash, columns[column]?.read(person) ?? '');
      }
      rows++;
    },
    retract: (id) => retracted.add(hash32(id)),
    finish: () => {
      const all = new Uint32Array(rows);
      for (const [at, block] of idBlocks.entries())
        all.set(block.subarray(0, Math.min(blockRows, rows - at * blockRows)), at * blockRows);
      idBlocks.length = 0;
      let order = orderOf(all);
      if (retracted.size > 0) order = order.filter((row) => !retracted.has(all[row] ?? 0));
      const ids = order.map((row) => all[row] ?? 0);
      const looks = new Map<string, ColumnLook>();
      const kept = blocks.map((block) => [...block]);
      blocks.length = 0;
      const flat = new Uint16Array(rows);
      for (const [at, { name }] of columns.entries()) {
        for (const [number, block] of kept.entries()) {
          const from = number * blockRows;
          flat.set(block[at]?.subarray(0, Math.min(blockRows, rows - from)) ?? [], from);
          block[at] = new Uint16Array(0);
        }
        const cells = new Uint16Array(order.length);
        let filled = 0;
        for (let row = 0; row < cells.length; row++) {
          const cell = flat[order[row] ?? 0] ?? 0;
          cells[row] = cell;
          if (cell !== 0) filled++;
        }
        looks.set(name, { cells, filled, values: values[at]?.shared() ?? new Map() });
      }
      return { ids, columns: looks };
    },
  };
}

/** Where a person stands in a look; -1 when they are not in it, or share their hash with somebody else. */
export function placeIn(ids: Uint32Array, person: string): number {
  const hash = hash32(person);
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return ids[low] === hash && ids[low + 1] !== hash ? low : -1;
}
