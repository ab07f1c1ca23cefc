import { createHash } from 'node:crypto';
import { type ChangeCounts, type ChangeKind, changeKinds, noChanges } from '../change.ts';
import { describeCause } from '../diff/causes.ts';
import type { JobDeps } from '../jobs/deps.ts';
import type { StoredChange } from '../store/journal.ts';
import type { Run } from '../store/run-lookups.ts';
import { nameIn } from './run-story.ts';

/** Groups that are told apart; what else there is of a kind and target is one more. */
const mostGroups = 40;
/** Runs that an ordinary day is told from. */
const ordinaryRuns = 30;

/** A person whose change is held, for a reviewer's screen. */
export type HeldPerson = {
  readonly person: string;
  readonly name: string;
  readonly department: string | null;
  readonly site: string | null;
  /** An ISO 8601 date. */
  readonly lastDay: string | null;
  /** Of the export, from 1; null for who was not on it. */
  readonly line: number | null;
  /** The part of the roster that the line is of; null where there is one only. */
  readonly part: string | null;
  readonly why: string;
  /** What differs, as `field: before → after`; '' where the kind says it all. */
  readonly what: string;
};

/** Held changes that came up for one reason. */
export type HoldGroup = {
  /** Names the group: the same as long as the hold is. */
  readonly key: string;
  readonly kind: ChangeKind;
  readonly target: string | null;
  readonly why: string;
  /** In the order of the plan; one entry a change. */
  readonly people: readonly HeldPerson[];
  /** Of how many it is known and where they work, the largest first. */
  readonly places: readonly Place[];
};

/** A site with its departments; the site is null where none is known. */
export type Place = {
  /** Names the place in its group. */
  readonly key: string;
  readonly site: string | null;
  readonly count: number;
  readonly departments: readonly { readonly name: string; readonly count: number }[];
};

/** What a run holds, by cause. */
export type Hold = {
  readonly groups: readonly HoldGroup[];
  /** Employee ids, each once. */
  readonly people: ReadonlySet<string>;
};

/** Reads what a run holds, or what was rejected of it while the rest waited on, grouped by kind, target and cause: the largest group first. */
export async function readHold(
  deps: Pick<JobDeps, 'store'>,
  run: Pick<Run, 'id'>,
  disposition: 'held' | 'rejected' = 'held',
): Promise<Hold> {
  const groups = new Map<string, { first: StoredChange; why: string; people: HeldPerson[] }>();
  const people = new Set<string>();
  for await (const page of deps.store.journal.changes(run.id, { disposition }))
    for (const change of page) {
      people.add(change.person);
      const why = describeCause(change);
      const key = keyOf(change.kind, change.target, why);
      const group = groups.get(key) ?? { first: change, why, people: [] };
      groups.set(key, group);
      group.people.push(heldPerson(change, why));
    }
  const sorted = [...groups].sort(
    ([, a], [, b]) => b.people.length - a.people.length || (a.why < b.why ? -1 : 1),
  );
  const named = sorted.slice(0, mostGroups);
  const others = Map.groupBy(sorted.slice(mostGroups), ([, { first }]) => `${first.kind}\n${first.target}`);
  for (const rest of others.values()) {
    const [one] = rest;
    if (one === undefined) continue;
    const { first } = one[1];
    const why = 'for other reasons';
    named.push([
      keyOf(first.kind, first.target, why),
      { first, why, people: rest.flatMap(([, group]) => group.people) },
    ]);
  }
  return {
    people,
    groups: named.map(([key, { first, why, people: of }]) => ({
      key,
      kind: first.kind,
      target: first.target,
      why,
      people: of,
      places: placesOf(key, of),
    })),
  };
}

function heldPerson(change: StoredChange, why: string): HeldPerson {
  const row = change.cause?.row ?? null;
  const known = change.after?.['department'] ?? change.before?.['department'] ?? null;
  return {
    person: change.person,
    name: row?.name ?? nameIn(change),
    department: row?.department ?? change.cause?.department ?? known,
    site: row?.site ?? null,
    lastDay: row?.lastDay ?? null,
    line: row?.line ?? null,
    part: row?.part ?? null,
    why,
    what: whatOf(change),
  };
}

function keyOf(kind: ChangeKind, target: string | null, why: string): string {
  return createHash('sha256')
    .update(JSON.stringify([kind, target, why]))
    .digest('hex')
    .slice(0, 12);
}

function whatOf(change: StoredChange): string {
  if (change.kind !== 'update' && change.kind !== 'reactivate') return '';
  return change.changed
    .map((name) => `${name}: ${change.before?.[name] || '(empty)'} → ${change.after?.[name] || '(empty)'}`)
    .join(', ');
}

/** Names a site of a group. */
export function placeKey(group: string, site: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([group, site]))
    .digest('hex')
    .slice(0, 12);
}

function placesOf(group: string, people: readonly HeldPerson[]): readonly Place[] {
  const known = people.filter(({ site, department }) => site !== null || department !== null);
  const sites = Map.groupBy(known, ({ site }) => site);
  return [...sites]
    .map(([site, of]) => ({
      key: placeKey(group, site),
      site,
      count: of.length,
      departments: departmentsOf(of),
    }))
    .sort((a, b) => b.count - a.count || ((a.site ?? '') < (b.site ?? '') ? -1 : 1));
}

function departmentsOf(people: readonly HeldPerson[]): Place['departments'] {
  const counts = new Map<string, number>();
  for (const { department } of people)
    if (department !== null && department !== '') counts.set(department, (counts.get(department) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([name, count]) => ({ name, count }));
}

/** Some of what is held: whole groups, sites of one, and single people. */
export type Choice = {
  readonly groups: readonly string[];
  readonly places: readonly string[];
  readonly people: readonly string[];
};

/** The people of a choice, each once. Who is not held is left to whoever decides, and refused there. */
export function chosenPeople(hold: Hold, choice: Choice): ReadonlySet<string> {
  const keys = new Set([...choice.groups, ...choice.places]);
  return new Set([
    ...hold.groups.flatMap(({ key, people }) =>
      people.filter(({ site }) => keys.has(key) || keys.has(placeKey(key, site))).map(({ person }) => person),
    ),
    ...choice.people,
  ]);
}

/** What is held of some people, by group: deciding is by person, so that it may be more than what was ticked. */
export function holdOf(hold: Hold, people: ReadonlySet<string>): readonly HoldGroup[] {
  return hold.groups.flatMap((group) => {
    const of = group.people.filter(({ person }) => people.has(person));
    return of.length === 0 ? [] : [{ ...group, people: of, places: placesOf(group.key, of) }];
  });
}

/** What runs of the whole platform planned on an ordinary day: the median by kind; null while there are too few to tell. */
export async function ordinaryDay(
  deps: Pick<JobDeps, 'store'>,
  run: Pick<Run, 'customer' | 'platform'> & { readonly id?: string },
): Promise<ChangeCounts | null> {
  const { customer, platform, id } = run;
  const runs = (await deps.store.runs.list({ customer, platform, limit: ordinaryRuns })).filter(
    (one) =>
      one.id !== id &&
      one.person === null &&
      one.undoes === null &&
      one.planned_ms !== null &&
      one.approval === null,
  );
  // The first one fills an empty platform, and says nothing of a day.
  const ordinary = runs.filter(({ managed }) => managed > 0);
  if (ordinary.length < 3) return null;
  const median = noChanges();
  for (const kind of changeKinds) {
    const values = ordinary.map(({ planned }) => planned[kind]).sort((a, b) => a - b);
    median[kind] = values[Math.floor(values.length / 2)] ?? 0;
  }
  return median;
}

/** How two holds of a platform differ, in people: what somebody who reviewed the older one has to know of the newer. */
export function compareHolds(
  older: Hold,
  newer: Hold,
): { readonly more: readonly string[]; readonly fewer: readonly string[] } {
  return {
    more: [...newer.people].filter((person) => !older.people.has(person)),
    fewer: [...older.people].filter((person) => !newer.people.has(person)),
  };
}
