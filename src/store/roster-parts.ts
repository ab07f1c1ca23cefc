import { type Kysely, sql } from 'kysely';
import { packIds, unpackIds } from './look-codec.ts';
import { baselineWindowMs } from './roster-state.ts';
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

/** Gives the past of a part to the one that it is called now. */
export async function renamePart(
  tx: Kysely<Tables>,
  customer: string,
  { from, to }: { readonly from: string; readonly to: string },
  nowMs: number,
): Promise<void> {
  const members = await membersIn(tx, customer, true);
  const ids = [from, to].map(
    (part) => members.find((one) => one.part === part)?.ids ?? new Uint32Array(0),
  ) as [Uint32Array, Uint32Array];
  await tx.deleteFrom('roster_parts').where('customer', '=', customer).where('part', '=', from).execute();
  const all = together(...ids);
  const row = { customer, part: to, people: all.length, ids: await packIds(all), saved_ms: nowMs };
  await tx
    .insertInto('roster_parts')
    .values(row)
    .onConflict((conflict) => conflict.columns(['customer', 'part']).doUpdateSet(row))
    .execute();
  await sql`
    update rollcall.exports e set part = ${to} where customer = ${customer} and part = ${from} and not exists (
      select from rollcall.exports o where o.customer = e.customer and o.part = ${to}
        and o.fingerprint = e.fingerprint and o.modified_ms = e.modified_ms)`.execute(tx);
  await sql`
    update rollcall.rejected_people set part = ${to} where customer = ${customer} and part = ${from}`.execute(
    tx,
  );
}

/**
 * Deletes what is kept of parts that are not configured any more: rejected rows and looks at once, whom they had and how
 * large they were when nothing is compared with them any longer.
 */
export async function sweepParts(
  tx: Kysely<Tables>,
  customer: string,
  configured: readonly string[],
  nowMs: number,
): Promise<void> {
  const before = nowMs - baselineWindowMs;
  const isGone = sql`customer = ${customer} and part not in (select json_array_elements_text(${JSON.stringify(configured)}::json))`;
  await sql`
    with rows as (delete from rollcall.rejected_rows where ${isGone}),
      people as (delete from rollcall.rejected_people where ${isGone}),
      sizes as (delete from rollcall.exports where ${isGone} and last_read_ms < ${before}),
      members as (delete from rollcall.roster_parts where ${isGone} and saved_ms < ${before})
    delete from rollcall.looks where ${isGone}`.execute(tx);
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
