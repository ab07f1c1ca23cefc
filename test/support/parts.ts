import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, toCsv } from './company.ts';
import { type Company, openSparkwiseCompany } from './harness.ts';

type SparkwiseCompany = Awaited<ReturnType<typeof openSparkwiseCompany>>;

/** A company whose roster comes in parts, each with a shape of its own. */
export type PartsCompany = SparkwiseCompany & {
  /** Delivers a part: its rows, or a text as it stands; null takes the file away. */
  readonly deliver: (
    part: PartName,
    rows: readonly Row[] | string | null,
    options?: { readonly ageMs?: number },
  ) => Promise<void>;
  /** The employee ids of the active accounts there. */
  readonly actives: () => readonly string[];
};

export type PartName = 'employees' | 'contractors' | 'subsidiary';

/** How a part is written: the columns of its file, by field. */
const shapes = {
  employees: null,
  contractors: {
    separator: ';',
    header: ['No', 'Mail', 'Given', 'Family', 'Contract'],
    cells: (row: Row) => [row.id, row.email, row.firstName, row.lastName, row.status],
  },
  subsidiary: {
    separator: ',',
    header: ['Id', 'Email', 'First', 'Last', 'Dept', 'State'],
    cells: (row: Row) => [row.id, row.email, row.firstName, row.lastName, row.department, row.status],
  },
} as const;

/** The text of a part's file. */
export function partText(part: PartName, rows: readonly Row[]): string {
  const shape = shapes[part];
  if (shape === null) return toCsv(rows);
  const { separator, header, cells } = shape;
  return `${[header, ...rows.map(cells)].map((line) => line.join(separator)).join('\r\n')}\r\n`;
}

const blocks = {
  employees: { name: 'employees', source: './employees.csv' },
  contractors: {
    name: 'contractors',
    source: './contractors.csv',
    delimiter: ';',
    columns: { id: 'No', email: 'Mail', firstName: 'Given', lastName: 'Family', status: 'Contract' },
    attributes: [],
    idPrefix: 'C-',
  },
  subsidiary: {
    name: 'subsidiary',
    source: './subsidiary.csv',
    columns: {
      id: 'Id',
      email: 'Email',
      firstName: 'First',
      lastName: 'Last',
      department: 'Dept',
      status: 'State',
    },
    attributes: [],
  },
} as const satisfies Record<PartName, object>;

/** The `parts` of a configuration, with keys of their own added. */
export function partBlocks(
  names: readonly PartName[],
  own: Partial<Record<PartName, object>> = {},
): readonly object[] {
  return names.map((name) => ({ ...blocks[name], ...own[name] }));
}

export type PartsOptions = {
  readonly parts: readonly PartName[];
  readonly own?: Partial<Record<PartName, object>>;
  readonly roster?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly platform?: Readonly<Record<string, unknown>>;
  readonly clock?: string;
};

/** Opens it without a delivery. */
export async function openPartsCompany(options: PartsOptions): Promise<PartsCompany> {
  const { parts, own, roster, clock, ...more } = options;
  const company = await openSparkwiseCompany({
    backend: 'embedded',
    clock: clock ?? '2026-11-20T12:00:00Z',
    rows: [],
    roster: { source: undefined, parts: partBlocks(parts, own), ...roster },
    ...more,
  });
  return Object.assign(company, {
    deliver: (part: PartName, rows: readonly Row[] | string | null, { ageMs = 0 } = {}) =>
      deliver(company, part, rows, ageMs),
    actives: () =>
      company.state.users
        .flatMap(({ active, remoteId }) => (active && remoteId !== null ? [remoteId] : []))
        .sort(),
  });
}

async function deliver(
  company: Company,
  part: PartName,
  rows: readonly Row[] | string | null,
  ageMs: number,
): Promise<void> {
  const file = join(company.folder, `${part}.csv`);
  if (rows === null) {
    await rm(file, { force: true });
    return;
  }
  await writeFile(file, typeof rows === 'string' ? rows : partText(part, rows));
  const at = new Date(company.clock.now() - ageMs);
  await utimes(file, at, at);
}
