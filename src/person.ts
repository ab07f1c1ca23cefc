/** Where a person stands, derived from their roster row. Every accepted row has exactly one. */
export type PersonState = 'preHire' | 'active' | 'leave' | 'terminated';

/** All states, in the order in which reports list them. */
export const personStates = [
  'preHire',
  'active',
  'leave',
  'terminated',
] as const satisfies readonly PersonState[];

/**
 * One person as the roster describes them, canonical on every platform.
 *
 * `id` is the HR employee id exactly as exported (leading zeros kept, white space trimmed): the only identity there is.
 * Text is normalised (Unicode NFC, white space collapsed), `email` is lower-cased; a missing value is null.
 * Dates are ISO 8601 calendar dates (`2026-03-02`). `line` is the line of the export on which the row begins, from 1.
 */
export type Person = {
  readonly id: string;
  readonly email: string | null;
  readonly firstName: string | null;
  readonly lastName: string | null;
  readonly department: string | null;
  readonly status: string | null;
  readonly startDate: string | null;
  readonly endDate: string | null;
  readonly previousId: string | null;
  /** Id or email of the manager, as it stands there. */
  readonly manager: string | null;
  /** Who that is; left out where nobody was looked for or found. */
  readonly managedBy?: ManagerFacts;
  /** The configured extra columns, by column name; an empty cell is the empty string. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly state: PersonState;
  readonly line: number;
  /**
   * Of somebody who has left, and of whose row not more can be read than that: the fields that cannot be
   * (`attributes.NAME` for an extra column). They are null, and no rule may be answered by them.
   */
  readonly unread?: readonly string[];
};

/** What rules and fields see of somebody's manager; empty texts where it is not known. */
export type ManagerFacts = {
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
};

/** The person fields that a roster column can be mapped to. */
export const personFields = [
  'id',
  'email',
  'firstName',
  'lastName',
  'department',
  'status',
  'startDate',
  'endDate',
  'previousId',
  'manager',
] as const;
export type PersonField = (typeof personFields)[number];
