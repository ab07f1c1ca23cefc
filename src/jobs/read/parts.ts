import { hash32 } from '../../diff/look.ts';
import type { PartStanding } from '../../diff/parts.ts';
import { exportKey } from '../../store/roster-state.ts';
import type { PartMembers } from '../../store/roster-parts.ts';
import type { Store } from '../../store/store.ts';
import type { Customer } from '../customer.ts';
import type { PartRead, RosterRead } from './roster.ts';

/** Which part of the roster people were in last. */
export type LastParts = {
  /** The numbers of the configured parts that had somebody last: none of who is in no list, two of two people of one hash. */
  readonly of: (person: string) => readonly number[];
  /** The part, not configured any more, that had somebody last; null of all others. */
  readonly gone: (person: string) => string | null;
};

/** Reads whom each part had last. A roster without parts has everybody. */
export async function lastPartsOf(
  { name, parts }: Pick<Customer, 'name' | 'parts'>,
  store: Pick<Store, 'roster'>,
): Promise<LastParts> {
  if (parts[0]?.name === '') return { of: () => [0], gone: () => null };
  const members = await store.roster.members(name);
  const configured = parts.map((part) => members.find((one) => one.part === part.name)?.ids);
  const gone = members.filter((one) => !parts.some((part) => part.name === one.part));
  return {
    of: (person) => {
      const hash = hash32(person);
      return configured.flatMap((ids, at) => (ids !== undefined && holds(ids, hash) ? [at] : []));
    },
    gone: (person) => {
      const hash = hash32(person);
      return gone.find(({ ids }) => holds(ids, hash))?.part ?? null;
    },
  };
}

function holds(ids: Uint32Array, hash: number): boolean {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return ids[low] === hash;
}

/** How a part came, as far as removals go. */
export function standingOf({ proof }: Pick<PartRead, 'proof'>): PartStanding {
  return proof === null ? 'away' : proof.complete ? 'whole' : 'incomplete';
}

/** The key of the export that was read of a part; null when none was. */
export function exportOf({ proof }: Pick<PartRead, 'proof'>): string | null {
  return proof === null
    ? null
    : exportKey({ fingerprint: proof.fingerprint, modifiedMs: Math.floor(proof.modifiedAtMs) });
}

/** The parts of a roster that was read, beside what is remembered of them. */
export type PartsOfRoster = {
  readonly standings: readonly PartStanding[];
  readonly last: LastParts;
  /**
   * The exports that somebody who is missing is missing from, by their keys: that of their part, or of all when it is not
   * known. Null when one of them did not prove that it is whole: then nothing is counted.
   */
  readonly missingFrom: (person: string) => readonly string[] | null;
};

export function partsOf({ parts }: Pick<RosterRead, 'parts'>, last: LastParts): PartsOfRoster {
  const standings = parts.map(standingOf);
  const keys = parts.map(exportOf);
  return {
    standings,
    last,
    missingFrom: (person) => {
      const of = last.of(person);
      const found: string[] = [];
      for (const at of of.length === 0 ? parts.keys() : of) {
        const key = keys[at];
        if (key == null || standings[at] !== 'whole') return null;
        found.push(key);
      }
      return found;
    },
  };
}

/** Whom each part that came has, from who was read. `people` gives everybody with a row, and the number of their part. */
export function membersOf(
  { parts }: Pick<RosterRead, 'parts'>,
  people: () => Iterable<readonly [person: string, part: number]>,
): readonly PartMembers[] {
  const hashes = parts.map(() => [] as number[]);
  for (const [person, part] of people()) hashes[part]?.push(hash32(person));
  return parts.flatMap(({ part, proof }, at) =>
    proof === null ? [] : [{ part: part.name, ids: Uint32Array.from(hashes[at] ?? []).sort() }],
  );
}
