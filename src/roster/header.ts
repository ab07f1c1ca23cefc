import type { RosterConfig } from '../config/schema.ts';
import { RollcallError } from '../errors.ts';
import { normaliseText } from '../normalise.ts';
import { type PersonField, personFields } from '../person.ts';
import { mostColumns } from './bounds.ts';
import { nearestMeant } from './nearest.ts';

/** A configured column, found: its name in the configuration and its position, from 0. */
export type Column = { readonly name: string; readonly at: number };

/** Where the mapped columns stand in a row. */
export type ColumnMap = {
  /** Cells that a row has to have. */
  readonly count: number;
  readonly id: Column;
  readonly fields: Readonly<Record<Exclude<PersonField, 'id'>, Column | undefined>>;
  readonly attributes: readonly Column[];
  readonly shrinkBy: Column | undefined;
};

/**
 * Finds the mapped columns in the header line: by name, trimmed; exactly, or else whatever the case.
 *
 * @throws RollcallError ROSTER_HEADER when a column is missing (says which there are, and the nearest) or stands twice.
 */
export function resolveColumns(
  config: RosterConfig,
  cells: readonly string[],
  place: { file: string; line: number },
): ColumnMap {
  if (cells.length > mostColumns) {
    throw new RollcallError(
      'ROSTER_HEADER',
      `the header has ${cells.length.toLocaleString('en')} columns, and may have ${mostColumns.toLocaleString('en')}.`,
      { place, hint: 'Is this the roster, and is its first line the header?' },
    );
  }
  const header = cells.map(normaliseText);
  const find = (name: string, key: string): Column => {
    const wanted = normaliseText(name);
    let places = positions(header, (column) => column === wanted);
    if (places.length === 0)
      places = positions(header, (column) => column.toLowerCase() === wanted.toLowerCase());
    const [at, again] = places;
    if (at !== undefined && again === undefined) return { name, at };
    if (at !== undefined) {
      throw new RollcallError(
        'ROSTER_HEADER',
        `the column "${name}" stands ${places.length} times in the header (columns ${places.map((position) => position + 1).join(', ')}).`,
        {
          place: { ...place, key },
          hint: 'Ask for an export in which the name stands once, or map another column.',
        },
      );
    }
    const meant = nearestMeant(name, header);
    throw new RollcallError('ROSTER_HEADER', `the column "${name}" is not in the header.`, {
      place: { ...place, key },
      hint: `${meant === undefined ? '' : `Did you mean "${meant}"? `}The columns there are: ${header.join(', ')}.`,
    });
  };

  const { id, ...others } = config.columns;
  const fields: Partial<Record<Exclude<PersonField, 'id'>, Column>> = {};
  for (const field of personFields) {
    if (field === 'id') continue;
    const name = others[field];
    if (name !== undefined) fields[field] = find(name, `roster.columns.${field}`);
  }
  return {
    count: header.length,
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
    },
    attributes: config.attributes.map((name) => find(name, 'roster.attributes')),
    shrinkBy: config.shrinkBy === undefined ? undefined : find(config.shrinkBy, 'roster.shrinkBy'),
  };
}

function positions(header: readonly string[], matches: (column: string) => boolean): number[] {
  return header.flatMap((column, at) => (matches(column) ? [at] : []));
}
