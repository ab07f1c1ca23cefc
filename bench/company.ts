import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A pseudo-random sequence in [0, 1) from a seed (mulberry32), so that every run has the same people. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const firstNames = [
  'Ada',
  'Bela',
  'Chidi',
  'Dana',
  'Emeka',
  'Femi',
  'Greta',
  'Hana',
  'Ines',
  'Jonas',
  'Käthe',
  'Luis',
  'Mina',
  'Nils',
  'Ola',
  'Pia',
  'Quinn',
  'Rosa',
  'Søren',
  'Tariq',
  'Uma',
  'Vera',
  'Wim',
  'Xenia',
  'Yusuf',
  'Zoë',
];
const lastNames = [
  'Abel',
  'Brandt',
  'Castro',
  'Dufour',
  'Eze',
  'Fischer',
  'García',
  'Haddad',
  'Ito',
  'Jensen',
  'Kowalski',
  'Lindgren',
  'Moreau',
  'Novák',
  'Okafor',
  'Pereira',
  'Rossi',
  'Silva',
  'Tanaka',
  'Ueda',
  'Vogel',
  'Weber',
  'Yılmaz',
  'Zhang',
];
const departments = [
  'Finance',
  'Sales',
  'Warehouse',
  'Stores',
  'Engineering',
  'Support',
  'Legal',
  'Marketing',
];
const locations = ['Dublin', 'Lyon', 'Porto', 'Kraków', 'Malmö', 'Osaka', 'Lagos'];

export type BenchPerson = {
  readonly id: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly department: string;
  readonly location: string;
  readonly status: 'Active' | 'Inactive';
};

/** Person number `at` of the company: the same for the same seed, whatever the size. */
export function personAt(at: number, seed: number): BenchPerson {
  const random = randomOf(seed ^ Math.imul(at + 1, 0x9e3779b1));
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const firstName = pick(firstNames);
  const lastName = pick(lastNames);
  return {
    id: `E${String(at).padStart(7, '0')}`,
    firstName,
    lastName,
    email: `p${at}@example.com`,
    department: pick(departments),
    location: pick(locations),
    status: 'Active',
  };
}

/** What a day does to a company: the share of people that each thing happens to. */
export type Day = { readonly joiners: number; readonly leavers: number; readonly movers: number };

/** The roster of `size` people, and of the same after a day of changes (`day`), row by row. */
export function* rowsOf(size: number, seed: number, day?: Day): Generator<BenchPerson> {
  const random = randomOf(seed + 1);
  for (let at = 0; at < size; at++) {
    const person = personAt(at, seed);
    const chance = random();
    if (day !== undefined && chance < day.leavers / size) yield { ...person, status: 'Inactive' };
    else if (day !== undefined && chance < (day.leavers + day.movers) / size)
      yield { ...person, lastName: `${person.lastName}-Neu` };
    else yield person;
  }
  for (let at = size; at < size + (day?.joiners ?? 0); at++) yield personAt(at, seed);
}

const header =
  'WorkerID,FirstName,LastName,WorkEmail,Department,Location,JobTitle,HireDate,WorkerStatus,CostCenter';

/** Writes a roster of ten columns. */
export async function writeRoster(file: string, rows: Iterable<BenchPerson>): Promise<void> {
  const out = createWriteStream(file);
  let chunk = `${header}\n`;
  for (const row of rows) {
    chunk += `${row.id},${row.firstName},${row.lastName},${row.email},${row.department},${row.location},Specialist,2021-03-01,${row.status},CC${row.id.slice(-3)}\n`;
    if (chunk.length < 1 << 16) continue;
    if (!out.write(chunk)) await once(out, 'drain');
    chunk = '';
  }
  out.end(chunk);
  await finished(out);
}
