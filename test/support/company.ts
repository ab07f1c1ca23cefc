/** A row of the made-up export. Everything is text, as in a real one. */
export type Row = {
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly department: string;
  readonly location: string;
  readonly status: string;
  readonly previousId: string;
};

const firstNames = ['Zoë', 'Ana', 'Björn', 'Chidi', 'Dana', 'Émile', 'Farah', 'Gus', 'Hana', 'Ivo', 'Jürgen'];
const lastNames = [
  'Okafor',
  "O'Neill",
  'de la Cruz',
  'Smith',
  'Nguyễn',
  'Müller',
  'Ito',
  'Kowalska',
  'Haddad',
];
const departments = ['Warehouse', 'Finance', 'Sales', 'Board', 'IT', 'Stores'];
const locations = ['Ireland', 'Germany', 'Spain', 'Japan'];

/** Person number `n`, always the same. The id keeps a leading zero. */
export function person(n: number, changes: Partial<Row> = {}): Row {
  const at = <T>(list: readonly T[], step: number): T => list[Math.floor(n / step) % list.length] as T;
  return {
    id: `0${10_000 + n}`,
    email: `person.${n}@example.com`,
    firstName: at(firstNames, 1),
    lastName: `${at(lastNames, firstNames.length)} ${n}`,
    department: at(departments, 1),
    location: at(locations, 1),
    status: 'Active',
    previousId: '',
    ...changes,
  };
}

/** People `from` to `from + count - 1`. */
export function people(count: number, from = 1): Row[] {
  return Array.from({ length: count }, (_, at) => person(from + at));
}

/** Columns of the export, by field. */
export const columns = {
  id: 'WorkerID',
  email: 'WorkEmail',
  firstName: 'FirstName',
  lastName: 'LastName',
  department: 'Department',
  location: 'Location',
  status: 'WorkerStatus',
  previousId: 'FormerID',
} as const satisfies Record<keyof Row, string>;

const order = Object.keys(columns) as (keyof Row)[];

function cell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** The export as a file's text: header, rows, a line break at the end. */
export function toCsv(
  rows: readonly Row[],
  header: readonly string[] = order.map((key) => columns[key]),
): string {
  const lines = [header.join(','), ...rows.map((row) => order.map((key) => cell(row[key])).join(','))];
  return `${lines.join('\r\n')}\r\n`;
}

/** The rows with some of them changed, by id. */
export function changed(rows: readonly Row[], by: Readonly<Record<string, Partial<Row>>>): Row[] {
  return rows.map((row) => ({ ...row, ...by[row.id] }));
}
