import { writeFile } from 'node:fs/promises';

/** One row of the made-up company's HR export. */
export type Employee = {
  /** Six digits, many of them with leading zeros. */
  readonly id: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly department: string;
  readonly country: string;
  readonly jobTitle: string;
  readonly status: 'Active' | 'On leave' | 'Left';
  /** ISO date. */
  readonly hired: string;
};

/** The made-up company. */
export const companyName = 'Tidewater Freight';
/** A domain that can never exist (RFC 2606). */
export const companyDomain = 'tidewater-freight.example';

type Country = {
  readonly code: string;
  readonly share: number;
  readonly firstNames: readonly string[];
  readonly lastNames: readonly string[];
};

const countries: readonly Country[] = [
  {
    code: 'IE',
    share: 26,
    firstNames: ['Aoife', 'Seán', 'Niamh', 'Cian', 'Róisín', 'Oisín', 'Sadhbh', 'Tadhg', 'Gráinne', 'Eoin'],
    lastNames: [
      "O'Dowd",
      'Ní Fhloinn',
      'Keane',
      'Mac Giolla',
      'Hanratty',
      'Ó Súilleabháin',
      'Tierney',
      'Roche',
    ],
  },
  {
    code: 'DE',
    share: 24,
    firstNames: [
      'Jürgen',
      'Käthe',
      'Björn',
      'Ömer',
      'Friederike',
      'Lutz',
      'Änne',
      'Götz',
      'Mareike',
      'Tülin',
    ],
    lastNames: [
      'Strauß',
      'Müller-Thorén',
      'Köhler',
      'von der Heide',
      'Größl',
      'Yıldırım',
      'Schönefeld',
      'Jäger',
    ],
  },
  {
    code: 'PL',
    share: 18,
    firstNames: [
      'Łukasz',
      'Agnieszka',
      'Żaneta',
      'Paweł',
      'Bożena',
      'Stanisław',
      'Kinga',
      'Michał',
      'Jadwiga',
    ],
    lastNames: [
      'Wójcik',
      'Śliwa',
      'Dąbrowska',
      'Gołębiowski',
      'Krzyżanowska',
      'Źródłowski',
      'Pająk',
      'Nędza',
    ],
  },
  {
    code: 'PT',
    share: 14,
    firstNames: ['João', 'Conceição', 'Inês', 'Tomé', 'Graça', 'Simão', 'Mónica', 'Estêvão', 'Luísa'],
    lastNames: ['Araújo', 'Simões', 'Brandão', 'Leitão', 'Mourão da Silva', 'Câmara', 'Falcão', 'Guimarães'],
  },
  {
    code: 'NG',
    share: 10,
    firstNames: ['Zoë', 'Chukwuemeka', 'Adaeze', 'Tunde', 'Ngozi', 'Ṣadé', 'Ikenna', 'Yewande'],
    lastNames: ['Okafor', 'Adéyẹmí', 'Nwosu', 'Balogun', 'Eze', 'Ọlátúnjí', 'Danjuma'],
  },
  {
    code: 'VN',
    share: 8,
    firstNames: ['Thảo', 'Đức', 'Hạnh', 'Phương', 'Tuấn', 'Ngọc', 'Bích'],
    lastNames: ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Đặng', 'Bùi'],
  },
];

const departments: readonly {
  readonly name: string;
  readonly share: number;
  readonly titles: readonly string[];
}[] = [
  { name: 'Warehouse', share: 34, titles: ['Picker', 'Forklift driver', 'Shift lead'] },
  { name: 'Drivers', share: 22, titles: ['Driver', 'Route planner'] },
  { name: 'Customer service', share: 14, titles: ['Agent', 'Team lead'] },
  { name: 'Sales', share: 9, titles: ['Account manager', 'Sales assistant'] },
  { name: 'Night hub', share: 8, titles: ['Sorter', 'Shift lead'] },
  { name: 'Finance', share: 6, titles: ['Accountant', 'Controller'] },
  { name: 'IT', share: 5, titles: ['Engineer', 'Service desk'] },
  { name: 'People', share: 2, titles: ['HR partner'] },
];

/** A random number generator that gives the same numbers for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(values: readonly T[], random: () => number): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

function pickByShare<T extends { readonly share: number }>(values: readonly T[], random: () => number): T {
  let left = random() * values.reduce((sum, { share }) => sum + share, 0);
  for (const value of values) {
    left -= value.share;
    if (left < 0) return value;
  }
  return pick(values, random);
}

/** The part of an address before the @: letters of ASCII only, as most companies have them. */
export function addressOf(firstName: string, lastName: string): string {
  return `${firstName}.${lastName}`
    .replace(/ß/g, 'ss')
    .replace(/[łŁ]/g, 'l')
    .replace(/[đĐ]/g, 'd')
    .replace(/ı/g, 'i')
    .normalize('NFD')
    .replace(/[^A-Za-z0-9.-]/g, '')
    .toLowerCase();
}

/** Makes people up, the same ones for the same seed. */
export class Company {
  /** By employee id, in the order of hiring. */
  readonly employees = new Map<string, Employee>();
  readonly #random: () => number;
  readonly #addresses = new Map<string, number>();

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  /** Hires so many people and returns them; without a status, one in a hundred is on leave and one in fifty has left. */
  hire(
    count: number,
    given: Partial<Pick<Employee, 'status' | 'department' | 'hired'>> = {},
  ): readonly Employee[] {
    const random = this.#random;
    const hired: Employee[] = [];
    for (let made = 0; made < count; made++) {
      const country = pickByShare(countries, random);
      const department =
        departments.find(({ name }) => name === given.department) ?? pickByShare(departments, random);
      const firstName = pick(country.firstNames, random);
      const lastName = pick(country.lastNames, random);
      const lot = random();
      const employee: Employee = {
        id: String(1_204 + this.employees.size * 7).padStart(6, '0'),
        firstName,
        lastName,
        email: this.addressFor(firstName, lastName),
        department: department.name,
        country: country.code,
        jobTitle: pick(department.titles, random),
        status: given.status ?? (lot < 0.01 ? 'On leave' : lot < 0.03 ? 'Left' : 'Active'),
        hired: given.hired ?? `20${10 + Math.floor(random() * 15)}-0${1 + Math.floor(random() * 9)}-15`,
      };
      this.employees.set(employee.id, employee);
      hired.push(employee);
    }
    return hired;
  }

  /** An address that nobody has had. */
  addressFor(firstName: string, lastName: string): string {
    const name = addressOf(firstName, lastName);
    const taken = (this.#addresses.get(name) ?? 0) + 1;
    this.#addresses.set(name, taken);
    return `${name}${taken === 1 ? '' : taken}@${companyDomain}`;
  }

  /** The people who are so and so, in the order of hiring. */
  where(is: (employee: Employee) => boolean): readonly Employee[] {
    return [...this.employees.values()].filter(is);
  }

  /** Changes one person's row. */
  change(id: string, change: Partial<Omit<Employee, 'id'>>): Employee {
    const known = this.employees.get(id);
    if (known === undefined) throw new Error(`nobody has the id ${id}`);
    const employee = { ...known, ...change };
    this.employees.set(id, employee);
    return employee;
  }

  /** People who are to have accounts: here, and not gone. */
  get expected(): readonly Employee[] {
    return this.where(({ status }) => status !== 'Left');
  }
}

const columns = [
  ['WorkerID', 'id'],
  ['FirstName', 'firstName'],
  ['LastName', 'lastName'],
  ['WorkEmail', 'email'],
  ['Department', 'department'],
  ['Country', 'country'],
  ['JobTitle', 'jobTitle'],
  ['WorkerStatus', 'status'],
  ['HireDate', 'hired'],
] as const satisfies readonly (readonly [string, keyof Employee])[];

function cell(value: string): string {
  return /[";\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** The HR export of these people, as CSV with a header. */
export function exportOf(employees: Iterable<Employee>): string {
  const lines = [columns.map(([title]) => title).join(';')];
  for (const employee of employees) lines.push(columns.map(([, field]) => cell(employee[field])).join(';'));
  return `${lines.join('\n')}\n`;
}

/** Writes the company's export, whole or only its first rows (an export that broke off between two of them). */
export async function writeExport(
  file: string,
  company: Company,
  rows = Number.POSITIVE_INFINITY,
): Promise<void> {
  await writeFile(file, exportOf([...company.employees.values()].slice(0, rows)));
}
