import type { RosterConfig } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { normaliseText } from '../../normalise.ts';
import { type PersonField, personFields } from '../../person.ts';
import type { HeaderCandidate, RowTraits } from '../formats/format.ts';
import type { LackingField } from '../types.ts';
import { mostColumns } from '../bounds.ts';
import { meantColumn } from './words.ts';

/** A configured column, found: its name in the configuration and its position, from 0. */
export type Column = { readonly name: string; readonly at: number };

/** Where the mapped columns stand in a row. */
export type ColumnMap = {
  /** What the roster's rows are like. */
  readonly traits: RowTraits;
  /** Cells that a row has to have, empty ones at the end aside. */
  readonly count: number;
  /** Cells that the header line has, with empty ones at its end. */
  readonly width: number;
  readonly header: readonly string[];
  readonly id: Column;
  readonly fields: Readonly<Record<Exclude<PersonField, 'id'>, Column | undefined>>;
  readonly attributes: readonly Column[];
  readonly shrinkBy: Column | undefined;
};

export type HeaderPlace = {
  readonly file: string;
  readonly line: number;
  readonly traits: RowTraits;
  /** Other lines, to tell where the header is. */
  readonly candidates: readonly HeaderCandidate[];
  /** Of a workbook: the sheet that it is, and all of them. */
  readonly sheets?: { readonly read: string; readonly all: readonly string[] } | undefined;
};

/** That another sheet may have been meant, as the end of a hint; empty where there is no other. */
export function otherSheets(sheets: HeaderPlace['sheets']): string {
  const others = (sheets?.all ?? []).filter((name) => name !== sheets?.read);
  return others.length === 0
    ? ''
    : ` It is the sheet "${sheets?.read}"; there ${others.length === 1 ? 'is' : 'are'} ${listed(others.map((name) => `"${name}"`))} too: roster.sheet says which is read.`;
}

const shownColumns = 40;
const shownCharacters = 60;

/** Every configured column: its name, and the key that names it. */
function configured(
  config: RosterConfig,
): readonly { readonly field: PersonField | null; readonly name: string; readonly key: string }[] {
  const fields = personFields.flatMap((field) => {
    const name = config.columns[field];
    return name === undefined ? [] : [{ field, name, key: `roster.columns.${field}` }];
  });
  const attributes = config.attributes.map((name) => ({ field: null, name, key: 'roster.attributes' }));
  const shrinkBy =
    config.shrinkBy === undefined ? [] : [{ field: null, name: config.shrinkBy, key: 'roster.shrinkBy' }];
  return [...fields, ...attributes, ...shrinkBy];
}

/** The names of all columns that are configured, each once. */
export function configuredColumns(config: RosterConfig): readonly string[] {
  const names = new Map(configured(config).map(({ name }) => [normaliseText(name), name]));
  return [...names.values()];
}

/**
 * Of records that have names instead of a header: the mapped fields that none of them has. They are read as empty, for
 * exports leave out what is empty (Workday, BambooHR), and nobody may have any.
 *
 * @throws RollcallError ROSTER_HEADER when no record has the id, or any of the fields: then they are no people of this
 * roster, and where none is known no name of theirs is shown.
 */
export function lackingFields(
  config: RosterConfig,
  { missing, names }: { readonly missing: readonly string[]; readonly names: readonly string[] },
  { file }: { readonly file: string },
): readonly LackingField[] {
  const lacking = new Set(missing.map(normaliseText));
  const wanted = configured(config);
  const isLacking = ({ name }: { readonly name: string }): boolean => lacking.has(normaliseText(name));
  const there = wanted.filter((field) => !isLacking(field));
  if (there.length === 0)
    throw new RollcallError(
      'ROSTER_HEADER',
      `no record has any of the configured fields (${wanted.length}), and the names of its own are not shown.`,
      {
        place: { file, key: 'roster.columns' },
        hint: 'Is it the roster, and does roster.records name the list of its people? Upper and lower case matter.',
      },
    );
  const taken = new Set(there.map(({ name }) => name.toLowerCase()));
  const hintOf = (name: string): string => {
    const meant = meantColumn(name, names, taken);
    return `${meant === undefined ? '' : `Did you mean "${meant}"? `}The fields there are: ${listed(names)}.`;
  };
  return wanted.filter(isLacking).map(({ field, name, key }) => {
    if (field !== 'id') return { name, key, hint: hintOf(name) };
    throw new RollcallError('ROSTER_HEADER', `no record has the field "${name}".`, {
      place: { file, key },
      hint: `${hintOf(name)} Without ids nobody is anybody.`,
    });
  });
}

/** Where a column of that name stands: exactly, or else whatever the case. */
function positionsOf(header: readonly string[], name: string): readonly number[] {
  const wanted = normaliseText(name);
  const exact = positions(header, (column) => column === wanted);
  if (exact.length > 0) return exact;
  return positions(header, (column) => column.toLowerCase() === wanted.toLowerCase());
}

function positions(header: readonly string[], matches: (column: string) => boolean): number[] {
  return header.flatMap((column, at) => (matches(column) ? [at] : []));
}

/**
 * Finds the mapped columns in the header line: by name, trimmed; exactly, or else whatever the case. A line that names none
 * of them is taken for a row of people, and none of its cells is shown.
 *
 * @throws RollcallError ROSTER_HEADER when a column is missing (says which there are, and the nearest) or stands twice.
 */
export function resolveColumns(
  config: RosterConfig,
  cells: readonly string[],
  place: HeaderPlace,
): ColumnMap {
  if (cells.length > mostColumns) {
    throw new RollcallError(
      'ROSTER_HEADER',
      `the header has ${cells.length.toLocaleString('en')} columns, and may have ${mostColumns.toLocaleString('en')}.`,
      {
        place: { file: place.file, line: place.line },
        hint: `Is this the roster, and is its first ${place.traits.place} the header?`,
      },
    );
  }
  const header = cells.map(normaliseText);
  const wanted = configured(config);
  const found = wanted.filter(({ name }) => positionsOf(header, name).length > 0);
  if (found.length < wanted.length) {
    const elsewhere = headerElsewhere(wanted, found.length, place);
    if (elsewhere !== undefined) throw elsewhere;
    if (found.length === 0) throw noHeader(header.length, wanted.length, place);
  }
  const taken = new Set(found.map(({ name }) => normaliseText(name).toLowerCase()));
  const find = (name: string, key: string): Column => {
    const places = positionsOf(header, name);
    const [at, again] = places;
    if (at !== undefined && again === undefined) return { name, at };
    const where = { file: place.file, line: place.line, key };
    if (at !== undefined) {
      throw new RollcallError(
        'ROSTER_HEADER',
        `the column "${name}" stands ${places.length} times in the header (columns ${places.map((position) => position + 1).join(', ')}).`,
        {
          place: where,
          hint: 'Ask for an export in which the name stands once, or map another column.',
        },
      );
    }
    const meant = meantColumn(name, header, taken);
    throw new RollcallError('ROSTER_HEADER', `the column "${name}" is not in the header.`, {
      place: where,
      hint: `${meant === undefined ? '' : `Did you mean "${meant}"? `}The columns there are: ${listed(header)}.`,
    });
  };

  const { id, ...others } = config.columns;
  const fields: Partial<Record<Exclude<PersonField, 'id'>, Column>> = {};
  for (const field of personFields) {
    if (field === 'id') continue;
    const name = others[field];
    if (name !== undefined) fields[field] = find(name, `roster.columns.${field}`);
  }
  let count = header.length;
  while (count > 0 && header[count - 1] === '') count--;
  return {
    traits: place.traits,
    count,
    width: header.length,
    header,
    id: find(id, 'roster.columns.id'),
    fields: {
      email: fields.email,
      firstName: fields.firstName,
      lastName: fields.lastName,
      department: fields.department,
      status: fields.status,
      startDate: fields.startDate,
      endDate: fields.endDate,
      previousId: fields.previousId,
      manager: fields.manager,
    },
    attributes: config.attributes.map((name) => find(name, 'roster.attributes')),
    shrinkBy: config.shrinkBy === undefined ? undefined : find(config.shrinkBy, 'roster.shrinkBy'),
  };
}

function listed(header: readonly string[]): string {
  const named = header.filter((name) => name !== '' && !name.includes('@'));
  const shown = named.slice(0, shownColumns).map((name) => name.slice(0, shownCharacters));
  return `${shown.join(', ')}${named.length > shown.length ? ` and ${named.length - shown.length} more` : ''}`;
}

/** The error that says on which line the header is; undefined when no other line has more of it. */
function headerElsewhere(
  wanted: ReturnType<typeof configured>,
  found: number,
  { file, line, traits, candidates }: HeaderPlace,
): RollcallError | undefined {
  const counted = candidates
    .filter((candidate) => candidate.line !== line)
    .map((candidate) => {
      const header = candidate.cells.map(normaliseText);
      return {
        ...candidate,
        count: wanted.filter(({ name }) => positionsOf(header, name).length > 0).length,
      };
    })
    .sort((a, b) => b.count - a.count || a.line - b.line);
  const [best] = counted;
  if (best === undefined || best.count <= found || best.count * 2 < wanted.length) return undefined;
  return new RollcallError(
    'ROSTER_HEADER',
    `${traits.place} ${line} is not the header: ${best.count} of ${wanted.length} configured columns are named on ${traits.place} ${best.line}.`,
    {
      place: { file, line, key: 'roster.skip.above' },
      hint: `Set roster.skip.above: ${best.above} (${traits.place}s above the header that are not blank).`,
    },
  );
}

function noHeader(
  cells: number,
  columns: number,
  { file, line, traits, sheets }: HeaderPlace,
): RollcallError {
  return new RollcallError(
    'ROSTER_HEADER',
    `${traits.place} ${line} has ${cells} ${cells === 1 ? 'cell' : 'cells'} and names none of the ${columns} configured columns: it is taken for a row of people, and not shown.`,
    {
      place: { file, line, key: 'roster.columns' },
      hint: `Have it exported with its header ${traits.place}. If there are ${traits.place}s above the header, roster.skip.above is their number${traits.isDelimited ? '; if the cells are not separated as they should be, see roster.delimiter' : ''}.${otherSheets(sheets)}`,
    },
  );
}
