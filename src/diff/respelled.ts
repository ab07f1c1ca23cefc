import { flag, type Population } from './population.ts';
import { type Respelled, spellingKey } from './spelling.ts';

/** Ids that are known ones in another spelling, and what follows for the others. */
export type RespelledIds = {
  readonly pairs: readonly Respelled[];
  /** Further new ids that wait: they look as the respelled ones do, and as none did before. */
  readonly waiting: number;
};

/**
 * Finds the new ids that are absent ids in another spelling, and puts both aside as if they were ignored: the id column
 * has changed, and neither is the one a joiner nor the other a leaver. Whoever names the id before (`previousId`) says
 * himself who is who. To be called once, when people and links are known.
 */
export function setAsideRespelled(people: Population): RespelledIds {
  const absent = new Map<string, number[]>();
  for (let person = 0; person < people.size(); person++) {
    if (!people.has(person, flag.missing) || people.has(person, flag.away)) continue;
    const id = people.idOf(person);
    if (people.previous(id).length > 0) continue;
    const key = spellingKey(id);
    if (key !== '') absent.set(key, [...(absent.get(key) ?? []), person]);
  }
  if (absent.size === 0) return { pairs: [], waiting: 0 };
  const found: Respelled[] = [];
  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.linked | flag.missing)) continue;
    const id = people.idOf(person);
    for (const other of absent.get(spellingKey(id)) ?? []) {
      found.push({ id, was: people.idOf(other) });
      people.set(person, flag.ignored);
      people.set(other, flag.ignored);
    }
  }
  return sorted(found, setAsideLikewise(people, found));
}

function sorted(pairs: readonly Respelled[], waiting: number): RespelledIds {
  return {
    pairs: pairs.toSorted((a, b) => (a.was < b.was ? -1 : a.was > b.was ? 1 : a.id < b.id ? -1 : 1)),
    waiting,
  };
}

/**
 * Puts people aside whose id is another one by now (`findRenumbered`), as those whose id is only spelled otherwise, and adds
 * them to these. To be called when accounts (or where there are none, members) are known, and before anything is planned.
 */
export function setAsideRenumbered(
  people: Population,
  respelled: RespelledIds,
  found: readonly (Respelled & { readonly person: number; readonly other: number })[],
): RespelledIds {
  if (found.length === 0) return respelled;
  for (const { person, other } of found) {
    people.set(person, flag.ignored);
    people.set(other, flag.ignored);
  }
  const pairs = found.map(({ id, was }) => ({ id, was }));
  return sorted([...respelled.pairs, ...pairs], respelled.waiting + setAsideLikewise(people, pairs));
}

/** Letters and digits of an id as their kinds: `E0-17` is `A9-99`… with its length, which lost zeros change. */
function shapeOf(id: string): string {
  return id
    .replace(/\d/g, '9')
    .replace(/\p{Lu}/gu, 'A')
    .replace(/\p{Ll}/gu, 'a');
}

/**
 * Puts further new ids aside that look as the respelled ones do, and as neither those did before nor anybody's does whom the
 * roster has under a known id: a joiner on the day on which the column lost its zeros has lost theirs too, and nobody knows
 * how many. How many wait.
 */
function setAsideLikewise(people: Population, pairs: readonly Respelled[]): number {
  if (pairs.length === 0) return 0;
  const before = new Set(pairs.map(({ was }) => shapeOf(was)));
  const now = new Set(pairs.map(({ id }) => shapeOf(id)));
  for (let person = 0; person < people.size() && now.size > 0; person++)
    if (people.has(person, flag.linked) && !people.has(person, flag.missing))
      now.delete(shapeOf(people.idOf(person)));
  if (now.size === 0) return 0;
  let waiting = 0;
  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.linked | flag.adopted | flag.missing | flag.ignored)) continue;
    const id = people.idOf(person);
    const shape = shapeOf(id);
    if (!now.has(shape) || before.has(shape) || people.previous(id).length > 0) continue;
    people.set(person, flag.ignored);
    waiting++;
  }
  return waiting;
}
