import { type Kysely, type Selectable, sql } from 'kysely';
import { insertMany } from './database.ts';
import type { Tables } from './schema.ts';

export type ResultRecord = Selectable<Tables['results']>;
export type LaunchRow = Selectable<Tables['launches']>;

/** Training results as last read, one row a person and target (or a vendor's result id). */
export type ResultStore = {
  readonly put: (rows: readonly ResultRecord[]) => Promise<void>;
  readonly list: (filter: {
    customer: string;
    platform?: string | undefined;
    status?: 'completed' | 'open' | undefined;
  }) => AsyncIterable<readonly ResultRecord[]>;
  /** People who completed a target, as `target` and `person` joined by a line feed. */
  readonly completed: (customer: string, platform: string) => Promise<ReadonlySet<string>>;
  readonly lastRead: (customer: string, platform: string) => Promise<number | null>;
};

/** Trainings started for groups; each created and sent at most once. */
export type LaunchStore = {
  readonly find: (customer: string, platform: string) => Promise<readonly LaunchRow[]>;
  readonly put: (row: LaunchRow) => Promise<void>;
};

const pageSize = 5_000;

/** Results in that database. */
export function createResultStore(db: Kysely<Tables>): ResultStore {
  return {
    put: (rows) =>
      db.transaction().execute(async (tx) => {
        for (let at = 0; at < rows.length; at += pageSize) {
          // A vendor may repeat a row within one answer; the last one counts.
          const page = [...new Map(rows.slice(at, at + pageSize).map((row) => [row.key, row])).values()];
          await sql`
            delete from rollcall.results old using json_populate_recordset(null::rollcall.results, ${JSON.stringify(page)}::json) new
            where old.customer = new.customer and old.platform = new.platform and old.key = new.key`.execute(
            tx,
          );
          await insertMany(tx, 'results', page, pageSize);
        }
      }),
    list: async function* ({ customer, platform, status }) {
      let offset = 0;
      for (;;) {
        let query = db.selectFrom('results').selectAll().where('customer', '=', customer);
        if (platform !== undefined) query = query.where('platform', '=', platform);
        if (status !== undefined) query = query.where('status', '=', status);
        const page = await query
          .orderBy('platform')
          .orderBy('target')
          .orderBy('key')
          .limit(pageSize)
          .offset(offset)
          .execute();
        if (page.length > 0) yield page;
        if (page.length < pageSize) return;
        offset += pageSize;
      }
    },
    completed: async (customer, platform) => {
      const rows = await db
        .selectFrom('results')
        .select(['target', 'person'])
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('status', '=', 'completed')
        .where('person', 'is not', null)
        .execute();
      return new Set(rows.map((row) => `${row.target}\n${row.person}`));
    },
    lastRead: async (customer, platform) => {
      const row = await db
        .selectFrom('results')
        .select((eb) => eb.fn.max('read_ms').as('at'))
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .executeTakeFirst();
      return row?.at == null ? null : Number(row.at);
    },
  };
}

/** Launches in that database. */
export function createLaunchStore(db: Kysely<Tables>): LaunchStore {
  return {
    find: (customer, platform) =>
      db
        .selectFrom('launches')
        .selectAll()
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .execute(),
    put: async (row) => {
      await db
        .insertInto('launches')
        .values(row)
        .onConflict((conflict) =>
          conflict.columns(['customer', 'platform', 'target', 'name', 'training']).doUpdateSet({
            state: row.state,
            enrollment_id: row.enrollment_id,
            reach: row.reach,
            run_id: row.run_id,
            changed_ms: row.changed_ms,
          }),
        )
        .execute();
    },
  };
}
