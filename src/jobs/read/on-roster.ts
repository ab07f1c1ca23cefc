import { RollcallError } from '../../errors.ts';
import { createManagers } from '../../diff/managers.ts';
import { mayAlsoBeIn } from '../../diff/parts.ts';
import type { Person } from '../../person.ts';
import { asFarAsSure } from './managed.ts';
import { lastPartsOf, standingOf } from './parts.ts';
import { type ReadCustomerRosterOptions, type RosterRead, readCustomerRoster, wholeOf } from './roster.ts';

type Options = Omit<ReadCustomerRosterOptions, 'onPerson' | 'onRetract'>;

/**
 * Reads the roster for some people only; `onId` hears of every one. Whoever has no usable row, or rows that contradict each
 * other, is left out. `unsure`: of whose manager not all is known, for their row is rejected or may not have come.
 */
export async function findOnRoster(
  options: Options,
  wanted: ReadonlySet<string>,
  onId: (id: string) => void = () => undefined,
): Promise<{
  readonly roster: RosterRead;
  readonly people: ReadonlyMap<string, Person>;
  readonly unsure: ReadonlySet<string>;
}> {
  const people = new Map<string, Person>();
  const { customer } = options;
  const hasManagers = customer.config.roster.columns.manager !== undefined;
  const managers = hasManagers
    ? createManagers(customer.parts.map(({ config }) => config.idPrefix))
    : undefined;
  const parts = new Map<string, number>();
  const unsure = new Set<string>();
  const roster = await readCustomerRoster({
    ...options,
    onPerson: (person, part) => {
      onId(person.id);
      if (person.unread === undefined) managers?.add(person, part);
      if (!wanted.has(person.id)) return;
      people.set(person.id, person);
      parts.set(person.id, part);
    },
    onRetract: (id) => {
      people.delete(id);
      managers?.reject(id);
    },
    onLost: (lost) => {
      managers?.lose(lost);
      for (const [id, part] of parts) if (part === lost) people.delete(id);
    },
  });
  if (managers !== undefined) {
    for (const { id, isPassedOver } of roster.rejectedRows)
      if (id !== null && !isPassedOver) managers.reject(id);
    managers.settle();
    const isWhole = wholeOf(roster).complete;
    for (const [id, person] of people) {
      if (person.unread !== undefined) continue;
      const answer = asFarAsSure(managers.of(id), isWhole);
      if (answer.is === 'known') people.set(id, { ...person, managedBy: answer.facts });
      else if (answer.is === 'rejected' || (answer.is === 'unknown' && !isWhole)) unsure.add(id);
    }
  }
  return { roster, people, unsure };
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
): Promise<{ readonly roster: RosterRead; readonly person: Person; readonly isManagerUnsure: boolean }> {
  const { roster, people, unsure } = await findOnRoster(options, new Set([id]), onId);
  const person = people.get(id);
  if (person !== undefined) {
    await refuseApart(options, roster, id);
    return { roster, person, isManagerUnsure: unsure.has(id) };
  }
  const rejected = roster.rejectedRows.find((row) => row.id === id && !row.isPassedOver);
  const away = roster.parts.filter(({ proof }) => proof === null).map(({ part }) => part.name);
  if (rejected === undefined && away.length > 0)
    throw new RollcallError(
      'PERSON_UNKNOWN',
      `no part of the roster that came has a row of ${id}; ${away.join(', ')} did not come.`,
      { hint: 'Ask again when it has: rollcall check.' },
    );
  throw new RollcallError(
    'PERSON_UNKNOWN',
    rejected === undefined
      ? `the roster has no row of ${id}; who is merely missing is left alone here.`
      : `the row of ${id} (line ${rejected.line}) is rejected: ${rejected.code}.`,
    { hint: `See rollcall explain ${id}.` },
  );
}

/** Who was in a part that did not come whole, and has a row in another one, may be in both: nobody knows which counts. */
async function refuseApart({ customer, store }: Options, roster: RosterRead, id: string): Promise<void> {
  if (roster.parts.every((part) => standingOf(part) === 'whole')) return;
  const part = roster.partOf(id) ?? 0;
  const last = (await lastPartsOf(customer, store)).of(id);
  const { onBoth } = customer.config.roster;
  const standings = roster.parts.map(standingOf);
  const other = roster.parts[mayAlsoBeIn(part, last, { standings, onBoth }) ?? -1];
  if (other === undefined) return;
  throw new RollcallError(
    'PERSON_UNKNOWN',
    `${id} was in the part ${other.part.name}, which did not come whole, and has a row in ${roster.parts[part]?.part.name ?? ''} now: they may be in both.`,
    { hint: 'Nothing happens to them until it has come: rollcall check.' },
  );
}
