import {
  createManagers,
  type ManagerAnswer,
  type ManagerCounts,
  type Managers,
} from '../../diff/managers.ts';
import { createTextColumn } from '../../diff/text-column.ts';
import {
  type ManagerFacts,
  type Person,
  type PersonField,
  type PersonState,
  personFields,
  personStates,
} from '../../person.ts';
import type { Customer } from '../customer.ts';
import type { Reason } from '../reasons.ts';

/** People who wait for all rows to be read: then it is known who manages them. */
export type ManagedPeople = {
  readonly add: (person: Person, part: number) => void;
  readonly retract: (id: string) => void;
  readonly lose: (part: number) => void;
  /** Whoever waited, in the order in which they came, with their manager. To be called once. */
  readonly all: (unsure: UnsureManagers) => Iterable<{ readonly person: Person; readonly part: number }>;
  readonly counts: () => ManagerCounts & {
    /** People left as they are: their manager may be in what did not come, or has a row that is rejected. */
    readonly waiting: number;
  };
};

/** What happens to people of whose manager not all is known. */
export type UnsureManagers = {
  /** Whether all of the roster came: then one who is not on it is nobody. */
  readonly isWhole: boolean;
  /** The fields of a manager that rules read. */
  readonly reads: ReadonlySet<string>;
  /** Nothing must happen to this person for now. */
  readonly onWaiting: (id: string) => void;
};

const separator = '\u001f';

/** Keeps people as bytes outside the heap: some 150 each, and as many as are on the roster. */
export function createManagedPeople({ parts, config }: Pick<Customer, 'parts' | 'config'>): ManagedPeople {
  const managers: Managers = createManagers(parts.map(({ config: { idPrefix } }) => idPrefix));
  const { attributes } = config.roster;
  const rows = createTextColumn();
  const lost = new Set<number>();
  let count = 0;
  let counted: ManagerCounts = { unknown: 0, left: 0, circle: 0 };
  let waiting = 0;
  /** Of those who were not found, how many are taken for unknown and not for nobody. */
  let maybeThere = 0;

  function packed(person: Person, part: number): string {
    return [
      String(part),
      String(person.line),
      String(personStates.indexOf(person.state)),
      ...personFields.map((field) => person[field] ?? ''),
      ...attributes.map((name) => person.attributes[name] ?? ''),
    ].join(separator);
  }

  function unpacked(row: string): { readonly person: Person; readonly part: number } {
    const [part = '', line = '', state = '', ...cells] = row.split(separator);
    const at = (field: PersonField): string | null => cells[personFields.indexOf(field)] || null;
    const person: Person = {
      id: at('id') ?? '',
      email: at('email'),
      firstName: at('firstName'),
      lastName: at('lastName'),
      department: at('department'),
      status: at('status'),
      startDate: at('startDate'),
      endDate: at('endDate'),
      previousId: at('previousId'),
      manager: at('manager'),
      attributes: Object.fromEntries(
        attributes.map((name, place) => [name, cells[personFields.length + place] ?? '']),
      ),
      state: stateOf(Number(state)),
      line: Number(line),
    };
    return { person, part: Number(part) };
  }

  return {
    add: (person, part) => {
      managers.add(person, part);
      rows.set(count++, packed(person, part));
    },
    retract: managers.reject,
    lose: (part) => {
      lost.add(part);
      managers.lose(part);
    },
    *all({ isWhole, reads, onWaiting }) {
      counted = managers.settle();
      for (let at = 0; at < count; at++) {
        const { person, part } = unpacked(rows.get(at));
        if (lost.has(part)) continue;
        const found = managers.of(person.id);
        const answer = asFarAsSure(found, isWhole);
        const told = factsOf(answer, isWhole);
        if (found.is === 'unknown' && !isWhole) maybeThere++;
        if (answer.is === 'known' || told === null || isEnough(told, reads))
          yield { person: told === null ? person : { ...person, managedBy: told }, part };
        // Nothing that is not known of a manager keeps somebody who has left: a rule that spares them by it does.
        else if (person.state === 'terminated') yield { person: { ...person, unread: ['manager'] }, part };
        else {
          waiting++;
          onWaiting(person.id);
        }
      }
    },
    counts: () => ({ ...counted, unknown: counted.unknown - maybeThere, waiting }),
  };
}

function stateOf(at: number): PersonState {
  return personStates[at] ?? 'active';
}

/** What is told of a manager, as far as it is known; null where that is nobody. */
function factsOf(answer: ManagerAnswer, isWhole: boolean): ManagerFacts | null {
  switch (answer.is) {
    case 'nobody':
      return null;
    case 'known':
      return answer.facts;
    case 'rejected':
      return { id: answer.id, email: '', firstName: '', lastName: '' };
    case 'unknown':
      return isWhole ? null : asNamed(answer);
  }
}

/** Found under an id that may lack its part's prefix: who is meant may be in what did not come. */
export function asFarAsSure(answer: ManagerAnswer, isWhole: boolean): ManagerAnswer {
  return answer.is === 'known' && answer.mayLackPrefix && !isWhole
    ? { is: 'unknown', ref: answer.facts.id, mayLackPrefix: true }
    : answer;
}

/** All that is known of a manager who may be in what did not come: the cell that names them. */
function asNamed({
  ref,
  mayLackPrefix,
}: {
  readonly ref: string;
  readonly mayLackPrefix: boolean;
}): ManagerFacts {
  const isEmail = ref.includes('@');
  return {
    id: isEmail || mayLackPrefix ? '' : ref,
    email: isEmail ? ref.toLowerCase() : '',
    firstName: '',
    lastName: '',
  };
}

function isEnough(known: ManagerFacts, reads: ReadonlySet<string>): boolean {
  return [...reads].every((field) => (known as Readonly<Record<string, string>>)[field] !== '');
}

/** What is said of managers who are not told. */
export function managerNotes({
  unknown,
  left,
  circle,
  waiting,
}: ReturnType<ManagedPeople['counts']>): readonly Reason[] {
  const notes: Reason[] = [];
  const of = [
    [unknown, 'whose manager is not on the roster'],
    [left, 'whose manager has left'],
    [circle, 'who manage each other in a circle'],
  ] as const;
  const told = of.flatMap(([people, who]) => (people > 0 ? [`${people} ${who}`] : []));
  if (told.length > 0)
    notes.push({ code: 'MANAGERS_EMPTY', message: `person.manager is empty for people: ${told.join(', ')}` });
  if (waiting > 0)
    notes.push({
      code: 'MANAGERS_AWAITED',
      message: `${waiting} people have a manager whose row is rejected, or who may be in what did not come of the roster: nothing happens to them`,
    });
  return notes;
}
