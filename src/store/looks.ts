import { type InsertObject, type Kysely, type Selectable, sql } from 'kysely';
import { jsonb } from './json.ts';
import { packCells, packIds } from './look-codec.ts';
import type { Tables } from './schema.ts';

export type StoredLook = Selectable<Tables['looks']>;

/** A list that no look has needed for this long goes: another platform may be about to name it. */
const keptMs = 24 * 3_600_000;
/** Packed lists that one statement carries. */
const mostBytesAtOnce = 1024 * 1024;

/** A list and its `hashOfList`: who compared it has that already. */
export type HashedList<T> = { readonly list: T; readonly hash: string };

/** The looks at an export that a plan leaves behind. */
export type LookRecord = {
  readonly part: string;
  readonly ids: HashedList<Uint32Array>;
  readonly encoding: string;
  readonly export: string;
  readonly columns: readonly {
    readonly name: string;
    /**
     * `measure`: what the next export is compared with. `pending`: what an approval of this run makes the measure.
     * `doubted`: in doubt, with nothing to approve.
     */
    readonly standing: StoredLook['standing'];
    readonly cells: HashedList<Uint16Array>;
    readonly filled: number;
    readonly shared: ReadonlyMap<number, string>;
  }[];
  /** Columns whose pending look becomes the measure: somebody approved what the export looked like then. */
  readonly promote: readonly string[];
  /** Columns that no rule and no field reads any more. */
  readonly forget: readonly string[];
};

/** What the exports looked like that the next one is compared with. */
export type LookStore = {
  readonly of: (customer: string, platform: string) => Promise<readonly StoredLook[]>;
  /** Packed lists, by their hashes. */
  readonly lists: (customer: string, hashes: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
};

/** Looks in that database. */
export function createLookStore(db: Kysely<Tables>): LookStore {
  return {
    of: (customer, platform) =>
      db
        .selectFrom('looks')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .orderBy('name')
        .execute(),
    lists: async (customer, hashes) => {
      const rows = await db
        .selectFrom('look_parts')
        .select(['hash', 'bytes'])
        .where('customer', '=', customer)
        .where('hash', 'in', hashes)
        .execute();
      return new Map(rows.map(({ hash, bytes }) => [hash, bytes]));
    },
  };
}

/** Stores the looks of a run. What is stored already is not written again: an export that nobody changed writes nothing. */
export async function saveLooks(
  tx: Kysely<Tables>,
  of: { readonly customer: string; readonly platform: string; readonly run: string },
  record: LookRecord,
  nowMs: number,
): Promise<void> {
  const { customer, platform, run } = of;
  const { part } = record;
  const known = await createLookStore(tx).of(customer, platform);
  const find = (name: string, standing: string): StoredLook | undefined =>
    known.find((look) => look.part === part && look.name === name && look.standing === standing);
  const promoted = record.promote.filter((name) => find(name, 'pending') !== undefined);
  if (promoted.length > 0) await promote(tx, customer, platform, part, promoted);
  const ids = record.ids.hash;
  const lists = new Map<string, () => Promise<Buffer>>([[ids, () => packIds(record.ids.list)]]);
  const rows: InsertObject<Tables, 'looks'>[] = [];
  for (const { name, standing, cells, filled, shared } of record.columns) {
    const others = (['pending', 'doubted'] as const).filter((one) => one !== standing);
    if (others.some((one) => find(name, one) !== undefined) && !promoted.includes(name))
      await forget(tx, customer, platform, part, [name], others);
    const { hash } = cells;
    const before = find(name, standing);
    const isSame = before?.ids === ids && before.cells === hash && before.encoding === record.encoding;
    if (isSame && standing === 'measure') continue;
    lists.set(hash, () => packCells(cells.list));
    rows.push({
      customer,
      platform,
      part,
      name,
      standing,
      ids,
      cells: hash,
      people: record.ids.list.length,
      filled,
      shared: jsonb(Object.fromEntries(shared)),
      encoding: record.encoding,
      export: record.export,
      run_id: run,
      taken_ms: nowMs,
    });
  }
  const gone = record.forget.filter((name) => known.some((look) => look.part === part && look.name === name));
  // Platforms of one customer share the lists: two that stored them in another order would wait for each other.
  if (rows.length > 0 || gone.length > 0)
    await sql`select pg_advisory_xact_lock(hashtextextended(${`looks of ${customer}`}, 0))`.execute(tx);
  if (rows.length > 0) {
    await putParts(tx, customer, lists, nowMs);
    await tx
      .insertInto('looks')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['customer', 'platform', 'part', 'name', 'standing']).doUpdateSet((eb) => ({
          ids: eb.ref('excluded.ids'),
          cells: eb.ref('excluded.cells'),
          people: eb.ref('excluded.people'),
          filled: eb.ref('excluded.filled'),
          shared: eb.ref('excluded.shared'),
          encoding: eb.ref('excluded.encoding'),
          export: eb.ref('excluded.export'),
          run_id: eb.ref('excluded.run_id'),
          taken_ms: eb.ref('excluded.taken_ms'),
        })),
      )
      .execute();
  }
  if (gone.length > 0) await forget(tx, customer, platform, part, gone, ['measure', 'pending', 'doubted']);
  if (rows.length > 0 || gone.length > 0) await dropUnused(tx, customer, nowMs);
}

/** Stores the lists that are not there yet: small ones in one statement, those of a million people one by one. */
async function putParts(
  tx: Kysely<Tables>,
  customer: string,
  lists: ReadonlyMap<string, () => Promise<Buffer>>,
  nowMs: number,
): Promise<void> {
  const there = await tx
    .updateTable('look_parts')
    .set({ used_ms: nowMs })
    .where('customer', '=', customer)
    .where('hash', 'in', [...lists.keys()])
    .returning('hash')
    .execute();
  const known = new Set(there.map(({ hash }) => hash));
  let rows: InsertObject<Tables, 'look_parts'>[] = [];
  let bytesInRows = 0;
  const put = async (): Promise<void> => {
    if (rows.length === 0) return;
    await tx
      .insertInto('look_parts')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['customer', 'hash']).doUpdateSet({ used_ms: nowMs }))
      .execute();
    rows = [];
    bytesInRows = 0;
  };
  for (const [hash, pack] of lists) {
    if (known.has(hash)) continue;
    const bytes = await pack();
    rows.push({ customer, hash, bytes, used_ms: nowMs });
    bytesInRows += bytes.length;
    if (bytesInRows >= mostBytesAtOnce) await put();
  }
  await put();
}

async function forget(
  tx: Kysely<Tables>,
  customer: string,
  platform: string,
  part: string,
  names: readonly string[],
  standings: readonly StoredLook['standing'][],
): Promise<void> {
  await tx
    .deleteFrom('looks')
    .where('customer', '=', customer)
    .where('platform', '=', platform)
    .where('part', '=', part)
    .where('name', 'in', names)
    .where('standing', 'in', standings)
    .execute();
}

async function promote(
  tx: Kysely<Tables>,
  customer: string,
  platform: string,
  part: string,
  names: readonly string[],
): Promise<void> {
  await forget(tx, customer, platform, part, names, ['measure']);
  await tx
    .updateTable('looks')
    .set({ standing: 'measure' })
    .where('customer', '=', customer)
    .where('platform', '=', platform)
    .where('part', '=', part)
    .where('name', 'in', names)
    .where('standing', '=', 'pending')
    .execute();
}

async function dropUnused(tx: Kysely<Tables>, customer: string, nowMs: number): Promise<void> {
  await sql`
    delete from rollcall.look_parts p where p.customer = ${customer} and p.used_ms < ${nowMs - keptMs}
      and not exists (select from rollcall.looks l where l.customer = p.customer and (l.ids = p.hash or l.cells = p.hash))`.execute(
    tx,
  );
}
