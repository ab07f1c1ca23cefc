import type { Company, Employee, IdStyle } from './company.ts';
import type { Random } from './random.ts';

/** How one HR system writes its export: the same every night, unless something breaks. */
export type Dialect = {
  readonly ids: IdStyle;
  readonly delimiter: ',' | ';' | '\t' | '|';
  readonly eol: '\n' | '\r\n';
  readonly quotes: 'where needed' | 'all';
  readonly encoding: 'utf-8' | 'utf-8 with BOM' | 'utf-16le' | 'windows-1250';
  readonly dates: 'yyyy-MM-dd' | 'dd/MM/yyyy' | 'MM/dd/yy';
  readonly order: readonly Column[];
  /** Lines above the header, label rows under it, lines at the end that are no people. */
  readonly above: number;
  readonly below: number;
  readonly end: number;
  /** An address column whose cells have line breaks. */
  readonly hasAddress: boolean;
  readonly emptyWord: '' | 'N/A' | '-';
  /** An empty cell more at the end of each row. */
  readonly hasLooseEnd: boolean;
  /** Leavers stay in the file for some weeks, or are gone from it at once. */
  readonly leavers: 'listed' | 'dropped';
};

export const columns = {
  id: 'Worker ID',
  email: 'Work Email',
  firstName: 'First Name',
  lastName: 'Last Name',
  department: 'Department',
  status: 'Worker Status',
  startDate: 'Hire Date',
  endDate: 'Last Day',
  cost: 'Cost',
  site: 'Site',
  title: 'JobTitle',
} as const;
export type Column = keyof typeof columns;
export const columnNames = Object.keys(columns) as Column[];

/** An export before it is written: what damages change. */
export type Table = {
  readonly columns: readonly (Column | 'address')[];
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
};

export function drawDialect(random: Random): Dialect {
  const encoding = random.pick(['utf-8', 'utf-8', 'utf-8 with BOM', 'utf-16le', 'windows-1250'] as const);
  return {
    ids: random.pick(['zeros', 'letter', 'plain']),
    delimiter: random.pick([',', ',', ';', '\t', '|']),
    eol: random.pick(['\n', '\r\n']),
    quotes: random.pick(['where needed', 'where needed', 'all']),
    encoding,
    dates: random.pick(['yyyy-MM-dd', 'dd/MM/yyyy', 'MM/dd/yy']),
    order: random.chance(0.5) ? columnNames : random.some(columnNames, columnNames.length),
    above: random.chance(0.15) ? 2 : 0,
    below: random.chance(0.1) ? 1 : 0,
    end: random.chance(0.1) ? 1 : 0,
    hasAddress: random.chance(0.3),
    emptyWord: random.pick(['', '', 'N/A', '-']),
    hasLooseEnd: random.chance(0.1),
    leavers: random.pick(['listed', 'listed', 'dropped']),
  };
}

/** For how many nights a leaver's row stays where leavers are listed. */
const listedNights = 30;

function date(iso: string, dialect: Dialect): string {
  if (iso === '') return dialect.emptyWord;
  const [year = '', month = '', day = ''] = iso.split('-');
  switch (dialect.dates) {
    case 'yyyy-MM-dd':
      return iso;
    case 'dd/MM/yyyy':
      return `${day}/${month}/${year}`;
    case 'MM/dd/yy':
      return `${month}/${day}/${year.slice(2)}`;
  }
}

/** Whether the export of that night has a row of the person. */
export function isListed(employee: Employee, night: number, dialect: Dialect): boolean {
  if (employee.leftOn === null) return true;
  return dialect.leavers === 'listed' && night - employee.leftOn < listedNights;
}

/** Tonight's export as HR means it. */
export function tableOf(company: Company, night: number, dialect: Dialect): Table {
  const used: (Column | 'address')[] = dialect.hasAddress
    ? [...dialect.order, 'address']
    : [...dialect.order];
  const cellOf = (one: Employee, column: Column | 'address'): string => {
    if (column === 'address') return `${one.id.length} Quay St\n${one.site}`;
    if (column === 'startDate' || column === 'endDate') return date(one[column], dialect);
    if (one.untidy && column === 'email') return 'N/A';
    return one[column];
  };
  return {
    columns: used,
    header: used.map((column) => (column === 'address' ? 'Address' : columns[column])),
    rows: [...company.employees.values()]
      .filter((one) => isListed(one, night, dialect))
      .map((one) => used.map((column) => cellOf(one, column))),
  };
}

/** windows-1250, the half of it that no other single-byte table shares with it: made from the platform's own decoder. */
const from1250 = new Map(
  Array.from({ length: 256 }, (_, byte) => [
    new TextDecoder('windows-1250').decode(Uint8Array.of(byte)),
    byte,
  ]),
);

/** The text in the dialect's encoding; '?' for what it has no place for, as exporters write it. */
export function encode(text: string, encoding: Dialect['encoding']): Buffer {
  switch (encoding) {
    case 'utf-8':
      return Buffer.from(text, 'utf8');
    case 'utf-8 with BOM':
      return Buffer.from(`\uFEFF${text}`, 'utf8');
    case 'utf-16le':
      return Buffer.from(`\uFEFF${text}`, 'utf16le');
    case 'windows-1250':
      return Buffer.from(Array.from(text, (letter) => from1250.get(letter) ?? 0x3f));
  }
}

/** What an encoding leaves of a text: letters that it has no place for are lost before anybody reads them. */
export function survives(text: string, encoding: Dialect['encoding']): string {
  return encoding === 'windows-1250'
    ? Array.from(text, (letter) => (from1250.has(letter) ? letter : '?')).join('')
    : text;
}

/** Whether an encoding has a place for every letter of a text. */
export function canWrite(encoding: Dialect['encoding']): (text: string) => boolean {
  return (text) => survives(text.normalize('NFC'), encoding) === text.normalize('NFC');
}

/** Lines of the file, the header with whatever stands above and under it first. */
export function linesOf(table: Table, dialect: Dialect): string[] {
  const needsQuotes = new RegExp(`["\r\n${dialect.delimiter === '|' ? '\\|' : dialect.delimiter}]`);
  const cell = (value: string): string =>
    dialect.quotes === 'all' || needsQuotes.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const line = (cells: readonly string[]): string =>
    cells.map(cell).join(dialect.delimiter) + (dialect.hasLooseEnd ? dialect.delimiter : '');
  return [
    ...['Headcount report', 'Internal'].slice(0, dialect.above),
    line(table.header),
    ...[table.header.map((name) => `${name} (text)`)].slice(0, dialect.below).map(line),
    ...table.rows.map(line),
    ...['End of report'].slice(0, dialect.end),
  ];
}

export function textOf(lines: readonly string[], dialect: Dialect): string {
  return lines.map((line) => line + dialect.eol).join('');
}

/** The `roster:` block that reads this dialect, without source. */
export function rosterBlock(dialect: Dialect): Record<string, unknown> {
  const { cost, site, title, ...mapped } = columns;
  const skip = {
    ...(dialect.above > 0 ? { above: dialect.above } : {}),
    ...(dialect.below > 0 ? { below: dialect.below } : {}),
    ...(dialect.end > 0 ? { end: dialect.end } : {}),
  };
  return {
    columns: mapped,
    attributes: [cost, site, title],
    dateFormat: dialect.dates,
    delimiter: dialect.delimiter,
    state: [
      { is: 'terminated', when: 'person.status == "Terminated"' },
      { is: 'leave', when: 'person.status == "On leave"' },
      { is: 'active', when: 'person.status == "Active"' },
    ],
    ...(dialect.encoding === 'windows-1250' ? { encoding: 'windows-1250' } : {}),
    ...(Object.keys(skip).length > 0 ? { skip } : {}),
    ...(dialect.emptyWord === '' ? {} : { empty: [dialect.emptyWord] }),
    timezone: 'UTC',
  };
}
