import type { Adoption, Change } from '../../diff/change.ts';
import { columnsBehind, type Dependence, gatesOf } from '../../diff/dependence.ts';
import { flag } from '../../diff/population.ts';
import type { Sides } from '../read/sides.ts';

/** Which changes follow from a column whose values are in doubt. */
export type DoubtfulChanges = {
  readonly any: boolean;
  /** The doubted columns behind a change; empty for one that may go. */
  readonly columns: (change: Change) => readonly string[];
  readonly doubted: (adoption: Adoption) => boolean;
  /** The columns behind what is decided of somebody: those of their part of the roster. */
  readonly dependence: (person: string) => Dependence;
};

const nothing: readonly string[] = [];

/** Holds each change against the columns that do not look as they did. */
export function doubtfulChanges(
  sides: Pick<Sides, 'values' | 'differ' | 'targets'>,
  adoptions: Iterable<Adoption>,
): DoubtfulChanges {
  const { values, differ } = sides;
  const dependences = values.dependences(sides.targets);
  const doubts = new Set(values.doubts.map(({ column }) => column));
  const inDoubt = dependences.map((one) => restricted(one, doubts));
  const of = <T>(parts: readonly T[], person: string): T => {
    const found = parts[values.partOf(person)] ?? parts[0];
    if (found === undefined) throw new RangeError('a roster has at least one part');
    return found;
  };

  /** Whose account it is, only the email or the id before tells. */
  const isByIdentity = ({ person, ref }: Adoption): boolean =>
    of(dependences, person).enrollsOnly || ref.externalId !== person;
  const byOwnId = new Set<string>();
  if (inDoubt.some(({ identity }) => identity.size > 0))
    for (const adoption of adoptions) if (!isByIdentity(adoption)) byOwnId.add(adoption.person);

  function columns(change: Change): readonly string[] {
    if (doubts.size === 0) return nothing;
    const restrictedTo = of(inDoubt, change.person);
    const { identity } = restrictedTo;
    const behind = new Set(columnsBehind(change, restrictedTo));
    for (const column of gatesOf(change, restrictedTo))
      if (values.differs(column, change.person)) behind.add(column);
    if (identity.size > 0 && isAdoptedByIdentity(change.person))
      for (const column of identity) behind.add(column);
    return behind.size === 0 ? nothing : [...behind];
  }

  function isAdoptedByIdentity(person: string): boolean {
    const ordinal = differ.people.find(person);
    return ordinal >= 0 && differ.people.has(ordinal, flag.adopted) && !byOwnId.has(person);
  }

  return {
    any: doubts.size > 0,
    columns,
    dependence: (person) => of(dependences, person),
    doubted: (adoption) => of(inDoubt, adoption.person).identity.size > 0 && isByIdentity(adoption),
  };
}

/** The dependence as far as these columns are concerned: most of it is empty then, and quickly asked. */
function restricted(of: Dependence, to: ReadonlySet<string>): Dependence {
  const cut = (columns: ReadonlySet<string>): ReadonlySet<string> =>
    new Set([...columns].filter((column) => to.has(column)));
  const each = (sets: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, ReadonlySet<string>> =>
    new Map([...sets].map(([name, columns]) => [name, cut(columns)]));
  return {
    fields: each(of.fields),
    targets: each(of.targets),
    terminated: cut(of.terminated),
    accounts: cut(of.accounts),
    gates: cut(of.gates),
    protect: cut(of.protect),
    protectFrom: of.protectFrom,
    address: cut(of.address),
    identity: cut(of.identity),
    enrollsOnly: of.enrollsOnly,
  };
}
