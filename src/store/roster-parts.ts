import type { Kysely } from 'kysely';
import { packIds, unpackIds } from './look-codec.ts';
import type { Tables } from './schema.ts';

/** Whom a part has: 32-bit hashes of their ids, ascending. A million people are 4 MB, and packed about 2. */
export type PartMembers = { readonly part: string; readonly ids: Uint32Array };

/** Whom each part of the roster had last, those included that are not configured any more. */
export type RosterPartStore = {
  readonly members: (customer: string) => Promise<readonly PartMembers[]>;
};

/** Members of parts in that database. */
export function createRosterPartStore(db: Kysely<Tables>): RosterPartStore {
  return { members: (customer) => membersIn(db, customer) };
}

async function membersIn(
  db: Kysely<Tables>,
  customer: string,
  lock = false,
): Promise<readonly PartMembers[]> {
  const query = db
    .selectFrom('roster_parts')
    .select(['part', 'ids'])
    .where('customer', '=', customer)
    .orderBy('part');
  const rows = await (lock ? query.forUpdate() : query).execute();
  return Promise.all(rows.map(async ({ part, ids }) => ({ part, ids: await unpackIds(ids) })));
}

/**
 * Remembers whom the parts that came have. Whoever is in none of them stays where they were: they are missing, or their part
 * did not come. Somebody is in one part; two people of one hash may be remembered in two.
 */
export async function saveMembers(
  tx: Kysely<Tables>,
  customer: string,
  came: readonly PartMembers[],
  nowMs: number,
): Promise<void> {
  const known = new Map((await membersIn(tx, customer, true)).map(({ part, ids }) => [part, ids]));
  const parts = new Set([...known.keys(), ...came.map(({ part }) => part)]);
  for (const part of parts) {
    const before = known.get(part);
    const now = came.find((one) => one.part === part)?.ids ?? new Uint32Array(0);
    const elsewhere = came.filter((one) => one.part !== part).map(({ ids }) => ids);
    const ids = together(now, without(before ?? new Uint32Array(0), elsewhere));
    if (before !== undefined && isSame(before, ids)) continue;
    if (ids.length === 0) {
      await tx.deleteFrom('roster_parts').where('customer', '=', customer).where('part', '=', part).execute();
      continue;
    }
    const row = { customer, part, people: ids.length, ids: await packIds(ids), saved_ms: nowMs };
    await tx
      .insertInto('roster_parts')
      .values(row)
      .onConflict((conflict) => conflict.columns(['customer', 'part']).doUpdateSet(row))
      .execute();
  }
}

function isSame(one: Uint32Array, other: Uint32Array): boolean {
  return one.length === other.length && one.every((id, at) => other[at] === id);
}

/** The numbers of the first list that are in none of the others. All ascend. */
function without(ids: Uint32Array, others: readonly Uint32Array[]): Uint32Array {
  const at = others.map(() => 0);
  return ids.filter((id) =>
    others.every((other, list) => {
      let place = at[list] ?? 0;
      while (place < other.length && (other[place] ?? 0) < id) place++;
      at[list] = place;
      return other[place] !== id;
    }),
  );
}

/** Both lists as one, each number once. */
function together(one: Uint32Array, other: Uint32Array): Uint32Array {
  const all = new Uint32Array(one.length + other.length);
  let [count, left, right] = [0, 0, 0];
  while (left < one.length || right < other.length) {
    const a = one[left] ?? Number.POSITIVE_INFINITY;
    const b = other[right] ?? Number.POSITIVE_INFINITY;
    const next = Math.min(a, b);
    if (a === next) left++;
    if (b === next) right++;
    if (count === 0 || all[count - 1] !== next) all[count++] = next;
  }
  return all.slice(0, count);
}
