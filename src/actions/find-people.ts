import type { Customer } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { readCustomerRoster } from '../jobs/read/roster.ts';
import type { Person } from '../person.ts';

/** People that a search shows; whoever looks for somebody writes more. */
const mostFound = 50;

/** People on the roster that a text is about, at most `mostFound`; `more` when there are others. */
export type Found = { readonly people: readonly Person[]; readonly more: boolean };

/** Finds people on the roster as it is now by id, name or email: every word has to be in one of them. */
export async function findPeople(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  text: string,
  signal: AbortSignal,
): Promise<Found> {
  const words = text.normalize('NFC').toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  const found = new Map<string, Person>();
  const parts = new Map<string, number>();
  let more = false;
  await readCustomerRoster({
    customer,
    store: deps.store,
    nowMs: deps.now(),
    signal,
    onPerson: (person, part) => {
      const { id, email, firstName, lastName } = person;
      const all = `${id} ${email ?? ''} ${firstName ?? ''} ${lastName ?? ''}`.toLocaleLowerCase();
      if (words.length === 0 || !words.every((word) => all.includes(word))) return;
      if (found.size < mostFound) {
        found.set(id, person);
        parts.set(id, part);
      } else more = true;
    },
    onRetract: (id) => found.delete(id),
    onLost: (lost) => {
      for (const [id, part] of parts) if (part === lost) found.delete(id);
    },
  });
  const exact = (person: Person): number => (person.id.toLocaleLowerCase() === words[0] ? 0 : 1);
  return { people: [...found.values()].sort((a, b) => exact(a) - exact(b)), more };
}
