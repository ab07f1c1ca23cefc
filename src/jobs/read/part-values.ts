import type { Cause } from '../../change.ts';
import type { Dependence } from '../../diff/dependence.ts';
import { type ColumnLook, createLookBuilder, type Look, type LookBuilder, placeIn } from '../../diff/look.ts';
import {
  compareColumn,
  type Doubt,
  doubtOf,
  describeDoubt,
  type Measure,
  type OnBoth,
  onBoth,
} from '../../diff/value-proof.ts';
import type { ResolvedTarget } from '../../providers/contract.ts';
import type { RosterProof } from '../../roster/index.ts';
import type { LookRecord, StoredLook } from '../../store/looks.ts';
import { hashOfList, unpackCells, unpackIds } from '../../store/look-codec.ts';
import { exportKey } from '../../store/roster-state.ts';
import type { Reason } from '../reasons.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Part, Platform } from '../customer.ts';
import { columnsOf, dependenceOf, lookColumns, nameIn } from './columns.ts';

/** A column that is not believed until somebody decides, in words. `brief` has no value of the roster. */
export type DoubtedColumn = { readonly column: string; readonly text: string; readonly brief: string };

/** What a run knows of the roster's values beside those of the last good export. */
export type Values = {
  readonly doubts: readonly DoubtedColumn[];
  /** Remarks: nothing to compare with, or a column that nothing follows from. */
  readonly notes: readonly Reason[];
  /** By the number of the part: columns of two parts are two, whatever their names. */
  readonly dependences: (targets: readonly ResolvedTarget[]) => readonly Dependence[];
  /** The number of the part that somebody is in, or was last. */
  readonly partOf: (person: string) => number;
  /** Whether a person's cell is not known to be what it was. */
  readonly differs: (column: string, person: string) => boolean;
  /** Makes `movesOf` and `departmentOf` answer for these columns. */
  readonly load: (columns: ReadonlySet<string>) => Promise<void>;
  /** What a person's cells changed from and to. */
  readonly movesOf: (columns: ReadonlySet<string>, person: string) => Cause['moves'];
  readonly departmentOf: (person: string) => string | null;
  /**
   * What the plan leaves behind, of each part that came. `good`: an export that is whole may become the measure; `held`: the
   * columns for which something is held. Nothing where a run says nothing of the roster.
   */
  readonly record: (good: boolean, held: ReadonlySet<string>) => readonly LookRecord[];
};

export type OpenValuesOptions = {
  readonly customer: Customer;
  readonly platform: Platform;
  readonly store: Pick<Store, 'looks' | 'roster'>;
  /** The run whose whole hold was approved: what it saw is taken for good. */
  readonly accepted: string | null;
};

/** What a run knows of one part's values beside those of its last good export. The same as `Values`, of its people. */
export type PartValues = Omit<Values, 'dependences' | 'partOf' | 'record'> & {
  readonly dependence: (targets: readonly ResolvedTarget[]) => Dependence;
  readonly record: (good: boolean, held: ReadonlySet<string>) => LookRecord;
};

export type PartValuesReader = Pick<LookBuilder, 'add' | 'retract'> & {
  readonly prove: (proof: RosterProof) => Promise<PartValues>;
};

function isOf(look: StoredLook, name: string, standing: StoredLook['standing']): boolean {
  return look.name === name && look.standing === standing;
}

function sharedOf(look: StoredLook): ReadonlyMap<number, string> {
  return new Map(Object.entries(look.shared).map(([hash, text]) => [Number(hash), text]));
}

/** Reads what the columns of a part look like as the rows come. `all`: the looks of all parts. */
export function openPartValues(
  options: OpenValuesOptions & { readonly part: Part },
  all: readonly StoredLook[],
): PartValuesReader {
  const { customer, store, part } = options;
  const columns = columnsOf(options);
  const looked = lookColumns(options, columns);
  const known = all.filter((look) => look.part === part.name);
  const builder = createLookBuilder(looked);
  const { maxEmptied, maxRecoded } = part.config;
  const limits = { maxEmptied, maxRecoded };
  const lists = createLists(customer.name, store);

  async function measureOf(stored: StoredLook): Promise<Measure> {
    const ids = await lists.ids(stored.ids);
    const cells = await lists.cells(stored.cells);
    return { ids, cells, values: sharedOf(stored), encoding: stored.encoding };
  }

  /** The same people with the same cells: all columns of an export that is read twice. */
  function looksTheSame(
    { ids }: Pick<Look, 'ids'>,
    column: ColumnLook | undefined,
    encoding: string,
    stored: StoredLook,
  ): boolean {
    if (column === undefined) return true;
    if (stored.encoding !== encoding || stored.ids !== lists.hashOf(ids)) return false;
    return stored.cells === lists.hashOf(column.cells);
  }

  async function doubt(
    name: string,
    look: Look,
    encoding: string,
    stored: StoredLook,
  ): Promise<{ doubt: Doubt; measure: Measure } | undefined> {
    const column = look.columns.get(name);
    if (column === undefined) return undefined;
    if (looksTheSame(look, column, encoding, stored)) return undefined;
    const measure = await measureOf(stored);
    const found = doubtOf(
      name,
      compareColumn(await lists.both(stored.ids, look.ids), column, measure),
      { before: stored.encoding, now: encoding },
      limits,
    );
    return found === undefined ? undefined : { doubt: found, measure };
  }

  async function prove(proof: RosterProof): Promise<PartValues> {
    const look = builder.finish();
    const measures = new Map<string, Measure>();
    const doubts: Doubt[] = [];
    const first: string[] = [];
    const accepted: string[] = [];
    const compared: { readonly name: string; readonly stored: StoredLook }[] = [];
    for (const { name } of looked) {
      const stored = known.find((one) => isOf(one, name, 'measure'));
      if (stored === undefined) first.push(name);
      else if (!looksTheSame(look, look.columns.get(name), proof.encoding, stored))
        compared.push({ name, stored });
    }
    const atOnce = Math.max(1, Math.floor(mostCellsAtOnce / Math.max(1, look.ids.length)));
    for (const [at, { name, stored }] of compared.entries()) {
      if (at % atOnce === 0) await lists.fetch(compared.slice(at, at + atOnce).map((one) => one.stored));
      const found = await doubt(name, look, proof.encoding, stored);
      if (found === undefined) continue;
      const seen = known.find(
        (one) => isOf(one, name, 'pending') && options.accepted !== null && one.run_id === options.accepted,
      );
      // Somebody looked at it and said yes: what came since is compared with what they saw.
      if (seen !== undefined && (await doubt(name, look, proof.encoding, seen)) === undefined) {
        accepted.push(name);
        continue;
      }
      doubts.push(found.doubt);
      measures.set(name, found.measure);
    }
    lists.clear();
    const doubtful = new Set(doubts.map(({ column }) => column));
    const department = nameIn(part, part.config.columns.department);

    const cellsOf = (column: string, person: string): readonly [number | null, number | null] => {
      const now = look.columns.get(column);
      const at = placeIn(look.ids, person);
      const measure = measures.get(column);
      const was = measure === undefined ? -1 : placeIn(measure.ids, person);
      return [
        measure === undefined || was < 0 ? null : (measure.cells[was] ?? 0),
        now === undefined || at < 0 ? null : (now.cells[at] ?? 0),
      ];
    };
    const textOf = (hash: number | null, values: ReadonlyMap<number, string> | undefined): string | null =>
      hash === null ? null : hash === 0 ? '' : (values?.get(hash) ?? null);

    return {
      doubts: doubts.map((one) => ({ column: one.column, ...describeDoubt(one, limits) })),
      notes: firstNotes(looked.length, first, part.name),
      dependence: (targets) => dependenceOf(columns, targets),
      differs: (column, person) => {
        const [was, now] = cellsOf(column, person);
        return was === null || now === null || was !== now;
      },
      load: async (wanted) => {
        const names = department === undefined ? [...wanted] : [...wanted, department];
        for (const name of names) {
          const stored = known.find((one) => isOf(one, name, 'measure'));
          if (stored !== undefined && !measures.has(name)) measures.set(name, await measureOf(stored));
        }
        lists.clear();
      },
      movesOf: (wanted, person) =>
        [...wanted].flatMap((column) => {
          const [was, now] = cellsOf(column, person);
          if (was === null || now === null || was === now) return [];
          const from = textOf(was, measures.get(column)?.values);
          return [{ column, from, to: textOf(now, look.columns.get(column)?.values) }];
        }),
      departmentOf: (person) => {
        if (department === undefined) return null;
        const [was, now] = cellsOf(department, person);
        const is = textOf(now, look.columns.get(department)?.values);
        return is === null || is === '' ? textOf(was, measures.get(department)?.values) || null : is;
      },
      record: (good, held) => ({
        part: part.name,
        ids: lists.hashed(look.ids),
        encoding: proof.encoding,
        export: exportKey({ fingerprint: proof.fingerprint, modifiedMs: proof.modifiedAtMs }),
        columns: [...look.columns]
          .filter(([name]) => good || doubtful.has(name))
          .map(([name, { cells, filled, values }]) => ({
            name,
            standing: !doubtful.has(name) ? 'measure' : held.has(name) ? 'pending' : 'doubted',
            cells: lists.hashed(cells),
            filled,
            shared: values,
          })),
        promote: good ? [] : accepted,
        forget: known.map(({ name }) => name).filter((name) => !look.columns.has(name)),
      }),
    };
  }

  return { add: builder.add, retract: builder.retract, prove };
}

/** Columns whose stored cells are fetched in one go: together no more cells than this. */
const mostCellsAtOnce = 250_000;

/** Ids that several columns share are unpacked once, and no list is hashed twice. */
function createLists(customer: string, store: Pick<Store, 'looks'>) {
  const ids = new Map<string, Promise<Uint32Array>>();
  const pairs = new Map<string, Promise<OnBoth>>();
  const hashes = new Map<Uint32Array | Uint16Array, string>();
  const hashOf = (list: Uint32Array | Uint16Array): string => {
    const known = hashes.get(list) ?? hashOfList(list);
    hashes.set(list, known);
    return known;
  };
  const packed = new Map<string, Uint8Array>();
  const bytesOf = async (hash: string): Promise<Uint8Array> => {
    const bytes = packed.get(hash) ?? (await store.looks.lists(customer, [hash])).get(hash);
    if (bytes === undefined) throw new Error(`the store has no list ${hash}`);
    return bytes;
  };
  const idsOf = (hash: string): Promise<Uint32Array> => {
    const known = ids.get(hash);
    if (known !== undefined) return known;
    const list = bytesOf(hash).then(unpackIds);
    ids.set(hash, list);
    return list;
  };
  return {
    /** Has the lists of these looks at hand, and no others. */
    fetch: async (looks: readonly StoredLook[]): Promise<void> => {
      packed.clear();
      const wanted = new Set(looks.map(({ cells }) => cells));
      for (const look of looks) if (!ids.has(look.ids)) wanted.add(look.ids);
      for (const [hash, bytes] of await store.looks.lists(customer, [...wanted])) packed.set(hash, bytes);
    },
    ids: idsOf,
    cells: async (hash: string): Promise<Uint16Array> => unpackCells(await bytesOf(hash)),
    both: (hash: string, now: Uint32Array): Promise<OnBoth> => {
      const known = pairs.get(hash);
      if (known !== undefined) return known;
      const found = idsOf(hash).then((before) => onBoth(before, now));
      pairs.set(hash, found);
      return found;
    },
    hashOf,
    hashed: <T extends Uint32Array | Uint16Array>(list: T) => ({ list, hash: hashOf(list) }),
    clear: () => {
      ids.clear();
      pairs.clear();
      packed.clear();
    },
  };
}

function firstNotes(all: number, first: readonly string[], part: string): readonly Reason[] {
  if (first.length === 0) return [];
  const what =
    first.length === all
      ? `the values of ${part === '' ? 'the roster' : `the part ${part}`} have nothing to be compared with yet: this is the first export read for this platform`
      : `${first.join(', ')}: read for the first time, so ${first.length === 1 ? 'its values have' : 'their values have'} nothing to be compared with yet`;
  return [{ code: 'VALUES_NOT_COMPARED', message: what }];
}
