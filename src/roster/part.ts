import type { Person } from '../person.ts';
import type { ReadRosterOptions, RejectedRow, RosterRules, RowInput } from './types.ts';

/** What makes the people of a part those of the whole roster. */
export type PartNames = {
  /** Stands before every id of the part; may be empty. */
  readonly idPrefix: string;
  /** The columns that rules may read and the part does not have: empty there. */
  readonly absent: readonly string[];
};

type Hooks = Pick<ReadRosterOptions, 'rules' | 'onPerson' | 'onRetract' | 'onLeftToo' | 'onRejected'>;

/**
 * The hooks that a part is read with: rules and whoever takes its people see ids with their prefix, and every column that
 * some part has. A part that needs neither is read with the hooks as they are.
 */
export function asPart<T extends Hooks>(options: T, { idPrefix, absent }: PartNames): T {
  if (idPrefix === '' && absent.length === 0) return options;
  const { rules, onPerson, onRetract, onLeftToo, onRejected } = options;
  const empty = Object.fromEntries(absent.map((name) => [name, '']));
  const whole = <R extends RowInput | Person>(row: R): R => ({
    ...row,
    id: `${idPrefix}${row.id}`,
    previousId: row.previousId === null ? null : `${idPrefix}${row.previousId}`,
    attributes: absent.length === 0 ? row.attributes : { ...row.attributes, ...empty },
  });
  const rejected = (row: RejectedRow): RejectedRow =>
    row.id === null
      ? row
      : {
          ...row,
          id: `${idPrefix}${row.id}`,
          message: row.message.replace(`(id ${row.id})`, `(id ${idPrefix}${row.id})`),
        };
  const seen: RosterRules = { stateOf: (row) => rules.stateOf(whole(row)) };
  const { prefer } = rules;
  if (prefer !== undefined) seen.prefer = (row) => prefer(whole(row));
  return {
    ...options,
    rules: seen,
    // A former id is not what stands in its cell, where there is a prefix.
    onPerson: (person, row) => onPerson(whole(person), idPrefix === '' ? row : undefined),
    onRetract: (id) => onRetract(`${idPrefix}${id}`),
    ...(onLeftToo === undefined ? {} : { onLeftToo: (person: Person) => onLeftToo(whole(person)) }),
    onRejected: (row) => onRejected(rejected(row)),
  };
}
