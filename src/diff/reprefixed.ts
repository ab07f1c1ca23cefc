import { absent } from './hash-index.ts';
import { flag, type Population } from './population.ts';
import type { RespelledIds } from './respelled.ts';
import type { Respelled } from './spelling.ts';

/** People of a part who are asked for the prefix that their ids had before. */
const sampled = 25;
/** Fewer than this are people who changed parts, not a prefix that did. */
const fewest = 2;

/** A pair, with the ordinals of both. */
type Pair = Respelled & { readonly by: 'prefix'; readonly person: number; readonly other: number };

/**
 * The prefix of a part stands before its former ids too. Where such a one is nobody's, and what HR wrote is the whole id of
 * somebody who is gone (under the prefix before, or of another part), that one is meant. To be called before anybody is put
 * aside.
 */
export function knowFormerIds(people: Population, prefixes: readonly string[]): void {
  const own = prefixes.filter((prefix) => prefix !== '');
  if (own.length === 0) return;
  for (let person = 0; person < people.size(); person++) {
    if (!people.has(person, flag.linked) || !people.has(person, flag.missing | flag.terminated)) continue;
    const id = people.idOf(person);
    for (const prefix of own) {
      const written = `${prefix}${id}`;
      if (people.find(written) !== absent) continue;
      for (const successor of people.previous(written))
        if (successor !== person) people.addPrevious(id, successor);
    }
  }
}

/** Whether what both sides tell of an email is another one: then the same digits are of two people. */
function haveOtherEmails(people: Population, person: number, other: number): boolean {
  const link = people.linkOf(other);
  const email = people.emailOf(person);
  if (link === undefined || email === null) return false;
  if (link.email !== null) return link.email !== email;
  return link.emailHash !== null && link.emailHash !== people.emailHash(person);
}

/**
 * Finds the parts whose ids all come under another prefix than before, and puts their people aside, under the new id and
 * under the old one: a prefix was changed, and neither is the one a joiner nor the other a leaver. Who is new in such a part
 * waits, too. Who names the id before (`previousId`) says himself who he is, and whose email is another one is somebody else.
 * A part is judged by those who are to have an account: rows of people who left long ago tell nothing. `prefixes`: of each part, what stands before its ids. To be called once, when people and links are known.
 */
export function setAsideReprefixed(people: Population, prefixes: readonly string[]): RespelledIds {
  const gone: string[] = [];
  const newcomers = prefixes.map(() => [] as number[]);
  const leavers = prefixes.map(() => [] as number[]);
  const present = prefixes.map(() => 0);
  for (let person = 0; person < people.size(); person++) {
    if (people.has(person, flag.away | flag.ignored | flag.rejected)) continue;
    const part = people.partOf(person);
    if (part === null) gone.push(people.idOf(person));
    else if (!people.has(person, flag.wants)) {
      if (!people.has(person, flag.linked)) leavers[part]?.push(person);
    } else {
      present[part] = (present[part] ?? 0) + 1;
      if (!people.has(person, flag.linked)) newcomers[part]?.push(person);
    }
  }
  const pairs: Respelled[] = [];
  let waiting = 0;
  if (gone.length < fewest) return { pairs, waiting };
  for (const [part, prefix] of prefixes.entries()) {
    const fresh = newcomers[part] ?? [];
    const most = (present[part] ?? 0) / 2;
    if (fresh.length < fewest || fresh.length < most) continue;
    const before = prefixBefore(
      people,
      fresh.filter((_, at) => at % Math.ceil(fresh.length / sampled) === 0),
      prefix,
      gone,
    );
    if (before === undefined) continue;
    const missing = new Set(gone);
    const succeeds = new Set(gone.flatMap((id) => people.previous(id)));
    const pairsOf = (some: readonly number[]): readonly Pair[] =>
      some.flatMap((person) => {
        const id = people.idOf(person);
        const was = `${before}${id.slice(prefix.length)}`;
        if (!missing.has(was) || succeeds.has(person) || people.previous(was).length > 0) return [];
        const other = people.find(was);
        return haveOtherEmails(people, person, other) ? [] : [{ id, was, by: 'prefix', person, other }];
      });
    const found = pairsOf(fresh);
    if (found.length < fewest || found.length < most) continue;
    const paired = [...found, ...pairsOf(leavers[part] ?? [])].sort((a, b) => a.person - b.person);
    const waits = fresh.filter((person) => !succeeds.has(person));
    for (const person of waits) people.set(person, flag.ignored);
    for (const { id, was, by, person, other } of paired) {
      people.set(person, flag.ignored);
      people.set(other, flag.ignored);
      pairs.push({ id, was, by });
    }
    waiting += waits.length - found.length;
  }
  return { pairs, waiting };
}

/** What most of these people had before their ids, by the ids that are missing; undefined where most had none of them. */
function prefixBefore(
  people: Population,
  some: readonly number[],
  prefix: string,
  gone: readonly string[],
): string | undefined {
  const votes = new Map<string, number>();
  for (const person of some) {
    const bare = people.idOf(person).slice(prefix.length);
    const own = new Set<string>();
    for (const id of gone) if (id.endsWith(bare)) own.add(id.slice(0, id.length - bare.length));
    own.delete(prefix);
    for (const one of own) votes.set(one, (votes.get(one) ?? 0) + 1);
  }
  const [best] = [...votes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return best !== undefined && best[1] * 2 >= some.length ? best[0] : undefined;
}
