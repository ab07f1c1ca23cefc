import type { ManagerFacts, Person } from '../person.ts';
import { absent, createTextGroups, createTextIndex } from './hash-index.ts';
import { createTextColumn } from './text-column.ts';

/** How many people's managers are not told, and why. */
export type ManagerCounts = {
  /** The manager is not on the roster, or several people have that address. */
  readonly unknown: number;
  readonly left: number;
  /** The manager is, by some steps, managed by them. */
  readonly circle: number;
};

/** What is known of somebody's manager. */
export type ManagerAnswer =
  /** There is none, they have left, or it would be a circle. */
  | { readonly is: 'nobody' }
  | {
      readonly is: 'known';
      readonly facts: ManagerFacts;
      /** The cell may leave the part's prefix out: where not all rows came, it may be of somebody else. */
      readonly mayLackPrefix: boolean;
    }
  /** Their row is rejected: that there is such a person is believed, and nothing else of it. */
  | { readonly is: 'rejected'; readonly id: string }
  /** The cell names somebody who was not found. */
  | {
      readonly is: 'unknown';
      readonly ref: string;
      /** Its part's ids have a prefix, which the cell may leave out. */
      readonly mayLackPrefix: boolean;
    };

/** Who manages whom, by everybody's rows: asked once all have been read, for a manager's row may be the last. */
export type Managers = {
  readonly add: (person: Person, part: number) => void;
  /** A rejected row: of this manager only the id is sure. */
  readonly reject: (id: string) => void;
  /** A part broke off: nobody was read of it. */
  readonly lose: (part: number) => void;
  readonly settle: () => ManagerCounts;
  readonly of: (person: string) => ManagerAnswer;
};

const separator = '\u001f';
const hasLeft = 1;
const isRejected = 2;
const isLost = 4;

const none = -1;
const unknown = -2;
const gone = -3;
const inCircle = -4;

const nobody: ManagerAnswer = { is: 'nobody' };

/** Nobody so far. `prefixes`: what stands before the ids of each part, which its cells of managers may leave out. */
export function createManagers(prefixes: readonly string[]): Managers {
  const ordinals = createTextIndex();
  const ids = createTextColumn();
  const facts = createTextColumn();
  const refs = createTextColumn();
  let marks = new Uint8Array(1_024);
  let parts = new Uint8Array(1_024);
  let managers = new Int32Array(0);
  let count = 0;
  const emails = createTextGroups((ordinal) => ((marks[ordinal] ?? 0) & (isRejected | isLost)) === 0);

  function ordinalOf(id: string): number {
    const known = ordinals.add(id, count);
    if (known !== absent) return known;
    const ordinal = count++;
    if (ordinal === marks.length) {
      const [oldMarks, oldParts] = [marks, parts];
      marks = new Uint8Array(ordinal * 2);
      parts = new Uint8Array(ordinal * 2);
      marks.set(oldMarks);
      parts.set(oldParts);
    }
    ids.set(ordinal, id);
    return ordinal;
  }

  const mark = (ordinal: number): number => marks[ordinal] ?? 0;

  function find(ref: string, part: number): number {
    for (const id of [`${prefixes[part] ?? ''}${ref}`, ref]) {
      const ordinal = ordinals.get(id);
      if (ordinal !== absent && (mark(ordinal) & isLost) === 0) return ordinal;
    }
    const ordinal = ref.includes('@') ? emails.only(ref.toLowerCase()) : absent;
    return ordinal === absent || ordinal < 0 ? unknown : ordinal;
  }

  function managerOf(ordinal: number): number {
    if ((mark(ordinal) & (isRejected | isLost)) !== 0) return none;
    const ref = refs.get(ordinal);
    if (ref === '') return none;
    const found = find(ref, parts[ordinal] ?? 0);
    return found >= 0 && (mark(found) & hasLeft) !== 0 ? gone : found;
  }

  /** Walks up from everybody once; whoever is met again on the same walk is in a circle. */
  function breakCircles(): void {
    const walks = new Int32Array(count);
    for (let first = 0; first < count; first++) {
      const walk = first + 1;
      let at = first;
      while (at >= 0 && walks[at] === 0) {
        walks[at] = walk;
        at = managers[at] ?? none;
      }
      if (at < 0 || walks[at] !== walk) continue;
      // Met again on this walk: the circle is from here back to here.
      let one = at;
      do {
        const next = managers[one] ?? none;
        managers[one] = inCircle;
        one = next;
      } while (one !== at && one >= 0);
    }
  }

  /** Whether somebody's cell is, as it stands, not surely a whole id: the part's prefix may be left out. */
  function mayLackPrefix(ordinal: number): boolean {
    const ref = refs.get(ordinal);
    const prefix = prefixes[parts[ordinal] ?? 0] ?? '';
    return prefix !== '' && !ref.includes('@') && !prefixes.some((one) => one !== '' && ref.startsWith(one));
  }

  return {
    add: (person, part) => {
      const ordinal = ordinalOf(person.id);
      parts[ordinal] = part;
      if (person.state === 'terminated') marks[ordinal] = mark(ordinal) | hasLeft;
      const { email, firstName, lastName, manager } = person;
      facts.set(ordinal, [email, firstName, lastName].map((text) => text ?? '').join(separator));
      if (email !== null) emails.add(email, ordinal);
      if (manager !== null) refs.set(ordinal, manager);
    },
    reject: (id) => {
      const ordinal = ordinalOf(id);
      marks[ordinal] = mark(ordinal) | isRejected;
    },
    lose: (part) => {
      for (let ordinal = 0; ordinal < count; ordinal++)
        if (parts[ordinal] === part) marks[ordinal] = mark(ordinal) | isLost;
    },
    settle: () => {
      managers = new Int32Array(count);
      for (let ordinal = 0; ordinal < count; ordinal++) managers[ordinal] = managerOf(ordinal);
      breakCircles();
      const counts = { unknown: 0, left: 0, circle: 0 };
      for (const manager of managers) {
        if (manager === unknown) counts.unknown++;
        else if (manager === gone) counts.left++;
        else if (manager === inCircle) counts.circle++;
      }
      return counts;
    },
    of: (person) => {
      const ordinal = ordinals.get(person);
      const manager = ordinal === absent ? none : (managers[ordinal] ?? none);
      if (manager === unknown)
        return { is: 'unknown', ref: refs.get(ordinal), mayLackPrefix: mayLackPrefix(ordinal) };
      if (manager < 0) return nobody;
      const id = ids.get(manager);
      if ((mark(manager) & isRejected) !== 0) return { is: 'rejected', id };
      const [email = '', firstName = '', lastName = ''] = facts.get(manager).split(separator);
      return {
        is: 'known',
        facts: { id, email, firstName, lastName },
        mayLackPrefix: id === refs.get(ordinal) && mayLackPrefix(ordinal),
      };
    },
  };
}
