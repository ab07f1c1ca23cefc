import { flag, type Population } from './population.ts';
import { type Respelled, spellingKey } from './spelling.ts';

/**
 * Finds the new ids that are absent ids in another spelling, and puts both aside as if they were ignored: the id column
 * has changed, and neither is the one a joiner nor the other a leaver. Whoever names the id before (`previousId`) says
 * himself who is who. To be called once, when people and links are known.
 */
export function setAsideRespelled(people: Population): readonly Respelled[] {
  const absent = new Map<string, number[]>();
  for (let person = 0; person < people.size(); person++) {
    if (!people.has(person, flag.missing)) continue;
    const id = people.idOf(person);
    if (people.previous(id).length > 0) continue;
    const key = spellingKey(id);
    if (key !== '') absent.set(key, [...(absent.get(key) ?? []), person]);
  }
  if (absent.size === 0) return [];
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
  return found.sort((a, b) => (a.was < b.was ? -1 : a.was > b.was ? 1 : a.id < b.id ? -1 : 1));
}
