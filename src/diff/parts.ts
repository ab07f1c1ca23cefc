import { flag, type Population } from './population.ts';

/** How a part of the roster came. Only a whole one says that somebody is missing. */
export type PartStanding = 'whole' | 'incomplete' | 'away';

/** The parts of the roster, by their numbers, and whom each had last. */
export type PartsRead = {
  readonly standings: readonly PartStanding[];
  /** Of one id in two parts the first counts, or neither. */
  readonly onBoth: 'reject' | 'first';
  /** What stands before the ids of each part; none where the roster has no parts. */
  readonly prefixes?: readonly string[];
  /** The parts that somebody was in last. Nobody's are none: then it may be any. Two of one hash have two. */
  readonly lastIn: (person: string) => readonly number[];
};

/** Whom a part that did not come, or not whole, leaves as they are. */
export type PartsSettled = {
  /** Missing, and nobody can say whether they are. */
  readonly away: number;
  /** In another part now than the one that they were in, which did not come whole: they may be in both. */
  readonly apart: number;
};

/**
 * The part that somebody was in last, which did not come whole: they may be in it still, though another one has a row of them.
 * Undefined where they are not, or where that other one goes first anyway.
 */
export function mayAlsoBeIn(
  part: number,
  last: readonly number[],
  { standings, onBoth }: Pick<PartsRead, 'standings' | 'onBoth'>,
): number | undefined {
  if (last.includes(part)) return undefined;
  return last.find((one) => standings[one] !== 'whole' && (onBoth === 'reject' || one < part));
}

/**
 * What the parts that are not whole mean for each person. Whose part did not come is neither a joiner nor absent: nothing
 * happens to them, and nothing to who was in it and has a row only in another part now, unless that part goes first anyway.
 * From the people of an incomplete part nothing is taken. Whose part is unknown belongs to all.
 */
export function settleParts(people: Population, { standings, onBoth, lastIn }: PartsRead): PartsSettled {
  let [away, apart] = [0, 0];
  if (standings.every((standing) => standing === 'whole')) return { away, apart };
  const all = standings.map((_, part) => part);
  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.away)) {
      if (people.has(person, flag.linked)) away++;
      continue;
    }
    const part = people.partOf(person);
    const last = lastIn(people.idOf(person));
    if (part === null) {
      const of = (last.length === 0 ? all : last).map((one) => standings[one]);
      if (of.includes('away')) {
        people.set(person, flag.away | flag.ignored);
        away++;
      } else if (of.includes('incomplete')) people.set(person, flag.withheld);
      continue;
    }
    if (mayAlsoBeIn(part, last, { standings, onBoth }) !== undefined) {
      people.reject(people.idOf(person));
      people.set(person, flag.away);
      apart++;
    } else if (standings[part] !== 'whole') people.set(person, flag.withheld);
  }
  return { away, apart };
}
