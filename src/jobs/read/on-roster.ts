import { RollcallError } from '../../errors.ts';
import type { Person } from '../../person.ts';
import { type ReadCustomerRosterOptions, type RosterRead, readCustomerRoster } from './roster.ts';

type Options = Omit<ReadCustomerRosterOptions, 'onPerson' | 'onRetract'>;

/** Reads the roster for some people only; `onId` hears of every one. Whoever has no usable row, or rows that contradict each other, is left out. */
export async function findOnRoster(
  options: Options,
  wanted: ReadonlySet<string>,
  onId: (id: string) => void = () => undefined,
): Promise<{ readonly roster: RosterRead; readonly people: ReadonlyMap<string, Person> }> {
  const people = new Map<string, Person>();
  const roster = await readCustomerRoster({
    ...options,
    onPerson: (person) => {
      onId(person.id);
      if (wanted.has(person.id)) people.set(person.id, person);
    },
    onRetract: (id) => people.delete(id),
  });
  return { roster, people };
}

/**
 * One person as the roster has them now.
 *
 * @throws RollcallError PERSON_UNKNOWN when there is no usable row of them, with the line where it is rejected
 */
export async function personOnRoster(
  options: Options,
  id: string,
  onId?: (id: string) => void,
): Promise<{ readonly roster: RosterRead; readonly person: Person }> {
  const { roster, people } = await findOnRoster(options, new Set([id]), onId);
  const person = people.get(id);
  if (person !== undefined) return { roster, person };
  const rejected = roster.rejectedRows.find((row) => row.id === id);
  throw new RollcallError(
    'PERSON_UNKNOWN',
    rejected === undefined
      ? `the roster has no row of ${id}; who is merely missing is left alone here.`
      : `the row of ${id} (line ${rejected.line}) is rejected: ${rejected.code}.`,
    { hint: `See rollcall explain ${id}.` },
  );
}
