import type { Customer } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { readCustomerRoster } from '../jobs/read/roster.ts';
import type { Person } from '../person.ts';

/** People that a search shows; whoever looks for somebody writes more. */
const mostFound = 50;
/** How long a reading serves further searches: who looks for somebody writes more, or another name. */
export const keptMs = 60_000;
/** People who are kept for further searches, of all customers: some 250 bytes each. */
const mostKept = 250_000;

/** What a search shows of somebody. */
export type FoundPerson = Pick<Person, 'id' | 'firstName' | 'lastName' | 'department' | 'state'>;

/** People on the roster that a text is about, at most `mostFound`; `more` when there are others. */
export type Found = {
  readonly people: readonly FoundPerson[];
  readonly more: boolean;
  /** When the roster was read for it, in ms. */
  readonly readMs: number;
};

/** Finds people on the roster by id, name or email: every word has to be in one of them. */
export type PeopleFinder = {
  readonly find: (customer: Customer, text: string, signal: AbortSignal) => Promise<Found>;
};

type Entry = { readonly text: string; readonly person: FoundPerson };
type Reading = { readonly entries: readonly Entry[]; readonly readMs: number };

/** A finder that reads the roster at most once in `keptMs`, for each customer: a large one takes seconds. */
export function createPeopleFinder(deps: Pick<JobDeps, 'store' | 'now'>): PeopleFinder {
  const kept = new Map<Customer, Reading>();

  function forget(): void {
    const nowMs = deps.now();
    for (const [customer, { readMs }] of kept)
      if (nowMs < readMs || nowMs >= readMs + keptMs) kept.delete(customer);
  }

  function keep(customer: Customer, reading: Reading): void {
    if (reading.entries.length > mostKept) return;
    kept.delete(customer);
    kept.set(customer, reading);
    let people = 0;
    for (const { entries } of kept.values()) people += entries.length;
    for (const [oldest, { entries }] of kept) {
      if (people <= mostKept) break;
      people -= entries.length;
      kept.delete(oldest);
    }
    // Names are not kept in memory for nobody.
    setTimeout(forget, keptMs + 1_000).unref();
  }

  return {
    find: async (customer, text, signal) => {
      forget();
      let reading = kept.get(customer);
      if (reading === undefined) {
        reading = await readAll(deps, customer, signal);
        keep(customer, reading);
      }
      return { ...foundIn(reading.entries, text), readMs: reading.readMs };
    },
  };
}

function foundIn(entries: readonly Entry[], text: string): Pick<Found, 'people' | 'more'> {
  const words = text.normalize('NFC').toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  const [first] = words;
  if (first === undefined) return { people: [], more: false };
  const people: FoundPerson[] = [];
  let exact: FoundPerson | undefined;
  let more = false;
  for (const { text: all, person } of entries) {
    if (!words.every((word) => all.includes(word))) continue;
    if (person.id.toLocaleLowerCase() === first) exact = person;
    else if (people.length < mostFound) people.push(person);
    else more = true;
  }
  return { people: exact === undefined ? people : [exact, ...people].slice(0, mostFound), more };
}

async function readAll(
  { store, now }: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  signal: AbortSignal,
): Promise<Reading> {
  const entries = new Map<string, Entry & { readonly part: number }>();
  const readMs = now();
  await readCustomerRoster({
    customer,
    store,
    nowMs: readMs,
    signal,
    onPerson: ({ id, email, firstName, lastName, department, state }, part) => {
      const text = `${id} ${email ?? ''} ${firstName ?? ''} ${lastName ?? ''}`.toLocaleLowerCase();
      entries.set(id, { text, person: { id, firstName, lastName, department, state }, part });
    },
    onRetract: (id) => entries.delete(id),
    onLost: (lost) => {
      for (const [id, { part }] of entries) if (part === lost) entries.delete(id);
    },
  });
  return { entries: [...entries.values()], readMs };
}
