import { flag, type Population } from './population.ts';
import type { RespelledIds } from './respelled.ts';
import type { Respelled } from './spelling.ts';

/** People of a part who are asked for the prefix that their ids had before. */
const sampled = 25;
/** Fewer than this are people who changed parts, not a prefix that did. */
const fewest = 2;

/**
 * Finds the parts whose ids all come under another prefix than before, and puts their people aside, under the new id and
 * under the old one: a prefix was changed, and neither is the one a joiner nor the other a leaver. Who is new in such a part
 * waits, too. `prefixes`: of each part, what stands before its ids. To be called once, when people and links are known.
 */
export function setAsideReprefixed(people: Population, prefixes: readonly string[]): RespelledIds {
  const absent: string[] = [];
  const newcomers = prefixes.map(() => [] as number[]);
  const present = prefixes.map(() => 0);
  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.away | flag.ignored | flag.rejected)) continue;
    const part = people.partOf(person);
    if (part === null) absent.push(people.idOf(person));
    else {
      present[part] = (present[part] ?? 0) + 1;
      if (!people.has(person, flag.linked)) newcomers[part]?.push(person);
    }
  }
  const pairs: Respelled[] = [];
  let waiting = 0;
  if (absent.length < fewest) return { pairs, waiting };
  for (const [part, prefix] of prefixes.entries()) {
    const fresh = newcomers[part] ?? [];
    const most = (present[part] ?? 0) / 2;
    if (fresh.length < fewest || fresh.length < most) continue;
    const before = prefixBefore(
      people,
      fresh.filter((_, at) => at % Math.ceil(fresh.length / sampled) === 0),
      prefix,
      absent,
    );
    if (before === undefined) continue;
    const missing = new Set(absent);
    const found = fresh.flatMap((person) => {
      const id = people.idOf(person);
      const was = `${before}${id.slice(prefix.length)}`;
      return missing.has(was) ? [{ id, was, by: 'prefix' as const }] : [];
    });
    if (found.length < fewest || found.length < most) continue;
    for (const person of fresh) people.set(person, flag.ignored);
    for (const { was } of found) people.set(people.find(was), flag.ignored);
    pairs.push(...found);
    waiting += fresh.length - found.length;
  }
  return { pairs, waiting };
}

/** What most of these people had before their ids, by the ids that are missing; undefined where most had none of them. */
function prefixBefore(
  people: Population,
  some: readonly number[],
  prefix: string,
  absent: readonly string[],
): string | undefined {
  const votes = new Map<string, number>();
  for (const person of some) {
    const bare = people.idOf(person).slice(prefix.length);
    const own = new Set<string>();
    for (const id of absent) if (id.endsWith(bare)) own.add(id.slice(0, id.length - bare.length));
    own.delete(prefix);
    for (const one of own) votes.set(one, (votes.get(one) ?? 0) + 1);
  }
  const [best] = [...votes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return best !== undefined && best[1] * 2 >= some.length ? best[0] : undefined;
}
