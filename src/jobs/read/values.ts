import type { Person } from '../../person.ts';
import type { RowHashes } from '../../row-hashes.ts';
import { columnsOf, dependenceOf } from './columns.ts';
import { openPartValues, type OpenValuesOptions, type PartValues, type Values } from './part-values.ts';
import { lastPartsOf } from './parts.ts';
import type { RosterRead } from './roster.ts';

export type { Values } from './part-values.ts';

export type ValuesReader = {
  readonly add: (person: Person, part: number, row?: RowHashes) => void;
  readonly retract: (id: string) => void;
  /** Forgets what was read of a part: it broke off. */
  readonly lose: (part: number) => void;
  readonly prove: (roster: RosterRead) => Promise<Values>;
};

/** Reads what people's columns look like as the rows come, to compare them with the last good export of their part. */
export async function openValues(options: OpenValuesOptions): Promise<ValuesReader> {
  const { customer, platform, store } = options;
  const known = await store.looks.of(customer.name, platform.name);
  const readers = customer.parts.map((part) => openPartValues({ ...options, part }, known));
  const lost = new Set<number>();
  return {
    add: (person, part, row) => readers[part]?.add(person, row),
    retract: (id) => {
      for (const reader of readers) reader.retract(id);
    },
    lose: (part) => {
      lost.add(part);
    },
    prove: async (roster) => {
      const parts: (PartValues | undefined)[] = [];
      for (const [at, reader] of readers.entries()) {
        const proof = roster.parts[at]?.proof;
        parts.push(proof == null || lost.has(at) ? undefined : await reader.prove(proof));
      }
      const last = await lastPartsOf(customer, store);
      return together(options, roster, parts, (person) => roster.partOf(person) ?? last.of(person)[0] ?? 0);
    },
  };
}

/** The values of all parts: each person is asked about in their own. */
function together(
  { customer, platform }: OpenValuesOptions,
  roster: RosterRead,
  parts: readonly (PartValues | undefined)[],
  partOf: (person: string) => number,
): Values {
  const came = parts.filter((part) => part !== undefined);
  const of = (person: string): PartValues | undefined => parts[partOf(person)];
  return {
    doubts: came.flatMap(({ doubts }) => doubts),
    notes: came.flatMap(({ notes }) => notes),
    dependences: (targets) =>
      customer.parts.map(
        (part) =>
          parts[part.at]?.dependence(targets) ??
          dependenceOf(columnsOf({ customer, platform, part }), targets),
      ),
    partOf,
    differs: (column, person) => of(person)?.differs(column, person) ?? true,
    load: async (columns) => {
      for (const part of came) await part.load(columns);
    },
    movesOf: (columns, person) => of(person)?.movesOf(columns, person) ?? [],
    departmentOf: (person) => of(person)?.departmentOf(person) ?? null,
    record: (good, held) =>
      parts.flatMap((part, at) =>
        part === undefined ? [] : [part.record(good && roster.parts[at]?.proof?.complete === true, held)],
      ),
  };
}

/**
 * What a run of one person knows: there is nothing to compare one row with. A column that the last run of the whole roster
 * holds changes for is in doubt here too, or many small runs were a way around it.
 */
export async function valuesOfOne(
  options: Omit<OpenValuesOptions, 'accepted'> & Pick<RosterRead, 'partOf'>,
): Promise<Values> {
  const { customer, platform, store } = options;
  const known = await store.looks.of(customer.name, platform.name);
  const last = await lastPartsOf(customer, store);
  const names = new Set(customer.parts.map(({ name }) => name));
  const doubts = known
    .filter(({ part, standing }) => names.has(part) && standing !== 'measure')
    .map(({ name, run_id: run }) => {
      const text = `${name}: its values are in doubt since ${run} (rollcall show ${run})`;
      return { column: name, text, brief: text };
    });
  return {
    doubts,
    notes: [
      {
        code: 'VALUES_NOT_COMPARED',
        message: 'a run of one person has nothing to compare the values of the roster with',
      },
    ],
    dependences: (targets) =>
      customer.parts.map((part) => dependenceOf(columnsOf({ customer, platform, part }), targets)),
    partOf: (person) => options.partOf(person) ?? last.of(person)[0] ?? 0,
    differs: () => true,
    load: async () => undefined,
    movesOf: () => [],
    departmentOf: () => null,
    record: () => [],
  };
}
