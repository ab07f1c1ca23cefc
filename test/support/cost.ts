import { startScim } from '../../sandbox/scim/index.ts';
import type { ScimState } from '../../sandbox/scim/state.ts';
import { person, type Row } from './company.ts';
import { type Company, type CompanyOptions, openCompany, type RunEnded } from './harness.ts';

/** A row with the columns of this company's own: a cost centre, a site and a date. */
export type CostRow = Row & {
  readonly cost: string;
  readonly site: string;
  readonly hired: string;
};

export const fraud = 'Payment fraud';
export const safety = 'Harbour safety';

/** Person number `n`: every tenth is of the cost centre that is trained against fraud. */
export function costPerson(n: number, changes: Partial<CostRow> = {}): CostRow {
  const cost = n % 10 === 0 ? 'FIN' : n % 2 === 0 ? 'OPS' : 'LOG';
  const site = n % 5 === 0 ? 'Cork' : 'Kiel';
  return { ...person(n), cost, site, hired: `2020-03-${String((n % 28) + 1).padStart(2, '0')}`, ...changes };
}

/** So many people. */
export function costPeople(count: number): CostRow[] {
  return Array.from({ length: count }, (_, at) => costPerson(at + 1));
}

const header = [
  'WorkerID',
  'WorkEmail',
  'FirstName',
  'LastName',
  'Department',
  'Location',
  'WorkerStatus',
  'FormerID',
  'Cost',
  'Site',
  'HireDate',
] as const;

function cells(row: CostRow): readonly string[] {
  return [
    row.id,
    row.email,
    row.firstName,
    row.lastName,
    row.department,
    row.location,
    row.status,
    row.previousId,
    row.cost,
    row.site,
    row.hired,
  ];
}

/** The export as text. */
export function costCsv(rows: readonly CostRow[]): string {
  const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return `${[header, ...rows.map(cells)].map((line) => line.map(quoted).join(',')).join('\r\n')}\r\n`;
}

export type CostCompany = Company & {
  readonly scim: ScimState;
  /** Writes the export of another day, and runs. */
  readonly night: (rows: readonly CostRow[] | string) => Promise<RunEnded>;
  /** Employee ids of a group's members, sorted. */
  readonly members: (group: string) => readonly string[];
  /** What `show` prints of a run. */
  readonly shown: (run: string | null, ...args: readonly string[]) => Promise<string>;
  readonly approve: (run: RunEnded, ...only: readonly string[]) => Promise<RunEnded>;
};

const dayMs = 24 * 3_600_000;

/** A company in step with a platform that has accounts and two groups: one by cost centre, one by site. */
export async function openCostCompany(
  rows: readonly CostRow[],
  options: Partial<CompanyOptions> = {},
): Promise<CostCompany> {
  const { sandbox, state, token, baseUrl } = await startScim({
    groups: [
      { id: 'group-fraud', displayName: fraud },
      { id: 'group-safety', displayName: safety },
    ],
  });
  const block = { provider: 'scim', baseUrl, token };
  const company = await openCompany(
    {
      backend: 'embedded',
      clock: '2026-03-02T06:00:00Z',
      ...options,
      roster: { attributes: ['Cost', 'Site', 'Location'], ...options.roster },
      platform: {
        enrollments: [
          { target: fraud, when: 'person.attributes.Cost == "FIN"' },
          { target: safety, when: 'person.attributes.Site == "Cork"' },
        ],
        limits: { unenroll: { count: 1_000, percent: 100 }, update: { percent: 100 } },
        ...options.platform,
      },
      rows: [],
    },
    { sandbox, block },
  );
  await company.export(costCsv(rows));
  await company.sync();
  const idOf = new Map<string, string>();
  return Object.assign(company, {
    scim: state,
    night: async (next: readonly CostRow[] | string) => {
      company.clock.advance(dayMs);
      await company.export(typeof next === 'string' ? next : costCsv(next));
      return company.sync();
    },
    members: (group: string) => {
      for (const user of state.users) idOf.set(user.id, user.externalId ?? '');
      const found = [...state.groups.values()].find(({ displayName }) => displayName === group);
      return [...(found?.members ?? [])].map((id) => idOf.get(id) ?? id).sort();
    },
    shown: async (run: string | null, ...args: readonly string[]) =>
      (await company.rollcall('show', run ?? '', ...args)).out,
    approve: async (run: RunEnded, ...only: readonly string[]) => {
      const ended = await company.rollcall(
        'approve',
        run.id ?? '',
        '--hash',
        run.hash ?? '',
        '--json',
        ...only.flatMap((id) => ['--only', id]),
      );
      const [report] = (ended.json as { runs: readonly RunEnded[] }).runs;
      if (report === undefined) throw new Error(ended.out + ended.err);
      return { ...report, exit: ended.exit };
    },
  });
}
