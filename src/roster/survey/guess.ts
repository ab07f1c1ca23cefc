import { type PersonField, personFields } from '../../person.ts';
import type { ColumnSurvey } from './column.ts';
import type { Survey } from './survey.ts';
import { type ColumnMeaning, fieldOf, stateOf } from './words.ts';

/** A column for a field, and why. */
export type GuessedColumn = { readonly field: PersonField; readonly column: string; readonly why: string };

export type GuessedState = 'preHire' | 'active' | 'leave' | 'terminated';

/** What a configuration could say of a roster. Status values are the only cells in it. */
export type Guess = {
  readonly columns: readonly GuessedColumn[];
  readonly attributes: readonly string[];
  readonly dateFormat:
    | { readonly formats: Readonly<Record<string, string>>; readonly why: string; readonly isSure: boolean }
    | undefined;
  readonly noDate: readonly string[];
  /** Every value of the status column with its rows; `is` of one whose meaning is known. */
  readonly statuses: readonly {
    readonly value: string;
    readonly rows: number;
    readonly is: GuessedState | undefined;
  }[];
  /** A column that says who is on leave, and the value that says so. */
  readonly onLeave: { readonly column: string; readonly value: string } | undefined;
  /** What was not found, and what would be good to know, as comments. */
  readonly notes: readonly string[];
};

const yes = new Set(['true', 'yes', 'y', '1', 'ja', 'j', 'oui', 'si', 'sí', 'tak', 't', 'x']);
/** A field that is filled so seldom is no id. */
const enoughIds = 0.95;
/** A status is a word, not a text. */
const longestStatus = 40;
const dateFields: ReadonlySet<string> = new Set(['startDate', 'endDate']);

/** What the columns of a roster probably are, by their names and by what they hold. Pure. */
export function guessConfiguration({ rows, columns }: Pick<Survey, 'rows' | 'columns'>): Guess {
  const taken = new Map<ColumnMeaning, ColumnSurvey>();
  const named = columns.flatMap((column) => {
    const found = fieldOf(column.name);
    return found === undefined ? [] : [{ column, ...found }];
  });
  for (const { column, meaning } of named.toSorted((a, b) => a.rank - b.rank || a.column.at - b.column.at))
    if (!taken.has(meaning) && couldBe(meaning, column, rows)) taken.set(meaning, column);
  const notes: string[] = [];
  const why = new Map<ColumnMeaning, string>(
    [...taken].map(([meaning, column]) => [meaning, reason(meaning, column, rows)]),
  );
  if (!taken.has('email')) {
    const addresses = columns.find(({ addresses: count, filled }) => filled > 0 && count > filled * 0.8);
    if (addresses !== undefined) {
      taken.set('email', addresses);
      why.set('email', 'nearly all of its cells are addresses');
    }
  }
  const guessed = personFields.flatMap((field): GuessedColumn[] => {
    const column = taken.get(field as ColumnMeaning);
    return column === undefined
      ? []
      : [{ field, column: column.name, why: why.get(field as ColumnMeaning) ?? '' }];
  });
  notes.push(...missing(taken));
  const status = taken.get('status');
  const leave = taken.get('onLeave');
  const leaveValue = leave?.values?.find(([value]) => yes.has(value.toLowerCase()))?.[0];
  const dates = guessed.flatMap(({ field, column }) =>
    dateFields.has(field) ? [{ field, survey: columns.find(({ name }) => name === column) }] : [],
  );
  return {
    columns: guessed,
    attributes: [
      ...(leave === undefined ? [] : [leave.name]),
      ...named.filter(({ meaning }) => meaning === 'forRules').map(({ column }) => column.name),
    ],
    dateFormat: dateFormatOf(dates),
    noDate: [...new Set(dates.flatMap(({ survey }) => survey?.noDates ?? []))],
    statuses: (status?.values ?? []).map(([value, count]) => ({ value, rows: count, is: stateOf(value) })),
    onLeave:
      leave === undefined || leaveValue === undefined ? undefined : { column: leave.name, value: leaveValue },
    notes,
  };
}

function couldBe(meaning: ColumnMeaning, column: ColumnSurvey, rows: number): boolean {
  const { filled, values, addresses } = column;
  // Nobody has left yet; all else that is empty has nothing to say.
  if (filled === 0) return meaning === 'endDate';
  if (meaning === 'id')
    return filled >= rows * enoughIds && addresses < filled / 2 && column.numbered > filled / 2;
  if (meaning === 'email') return addresses > filled * 0.5;
  if (meaning === 'status')
    return values?.every(([value]) => value.length <= longestStatus && !value.includes('@')) === true;
  if (meaning === 'startDate' || meaning === 'endDate')
    return column.dateFormats.length > 0 || column.noDates.length > 0;
  return true;
}

function reason(meaning: ColumnMeaning, { name, filled, values }: ColumnSurvey, rows: number): string {
  const fill =
    filled === rows
      ? 'always filled'
      : `filled in ${filled.toLocaleString('en')} of ${rows.toLocaleString('en')} rows`;
  const more = meaning === 'status' && values !== null ? `, ${values.length} different values` : '';
  return `by its name${name.includes('.') ? ' in the record' : ''}, ${fill}${more}`;
}

function missing(taken: ReadonlyMap<ColumnMeaning, ColumnSurvey>): readonly string[] {
  const notes: string[] = [];
  const full = taken.get('fullName');
  if (!taken.has('id'))
    notes.push(
      'No column reads like an employee id that every row has. Write its name at columns.id: it is the only identity there is.',
    );
  if (!taken.has('email'))
    notes.push(
      'No column of email addresses was found. Accounts are found and made by the id alone; some platforms need the address.',
    );
  if (full !== undefined && (!taken.has('firstName') || !taken.has('lastName')))
    notes.push(
      `"${full.name}" has the whole name in one cell, and a name is not cut by guessing: ask HR for two columns (firstName, lastName).`,
    );
  else
    for (const field of ['firstName', 'lastName'] as const)
      if (!taken.has(field)) notes.push(`No column was found for ${field}.`);
  if (!taken.has('status') && !taken.has('endDate'))
    notes.push(
      'Neither a status nor an end date was found: everybody on it counts as active, and who leaves is only missing. They go after absence (3 exports and 2 days), not at once.',
    );
  return notes;
}

function dateFormatOf(
  dates: readonly { readonly field: string; readonly survey: ColumnSurvey | undefined }[],
): Guess['dateFormat'] {
  const known = dates.flatMap(({ field, survey }) => {
    const [first, ...others] = survey?.dateFormats ?? [];
    return first === undefined ? [] : [{ field, first, others }];
  });
  const [one] = known;
  if (one === undefined) return undefined;
  // A day above 12 in one column says it of the other, too.
  const common = [one.first, ...one.others].find((format) =>
    known.every(({ first, others }) => first === format || others.includes(format)),
  );
  const formats = Object.fromEntries(known.map(({ field, first }) => [field, common ?? first]));
  const rivals = known.flatMap(({ first, others }) =>
    others.filter((other) => isRival(common ?? first, other)),
  );
  const isSure =
    common === undefined
      ? rivals.length === 0
      : !known.every(({ others, first }) => [first, ...others].some((other) => isRival(common, other)));
  const why = isSure
    ? 'nearly every date is one of it'
    : `every date could as well be ${[...new Set(rivals)].join(' or ')}: no day above 12 was seen. Look at one that you know`;
  return { formats, why, isSure };
}

/** Whether the same text would be another day. */
function isRival(format: string, other: string): boolean {
  const order = (text: string): string => text.replace(/[^yMd]+/g, '').replace(/(.)\1*/g, '$1');
  return order(format) !== order(other);
}
