import { type Kysely, sql } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';

/** How long what was asked and answered is kept, in ms. */
const keptMs = 24 * 3_600_000;

/** Asking the services of this store to look at their files: the way that works from any process, with any queue. */
export type ReloadStore = {
  readonly ask: (id: string, nowMs: number) => Promise<void>;
  /** What was asked since then and this service has not answered. */
  readonly open: (instance: string, sinceMs: number) => Promise<readonly string[]>;
  /** What a service made of it: one line a change. */
  readonly answer: (id: string, instance: string, lines: readonly string[], nowMs: number) => Promise<void>;
  readonly answers: (id: string) => Promise<readonly { instance: string; lines: readonly string[] }[]>;
};

/** Requests to reload in that database. */
export function createReloadStore(db: Kysely<Tables>): ReloadStore {
  return {
    ask: async (id, nowMs) => {
      await sql`delete from rollcall.reload_answers where done_ms < ${nowMs - keptMs}`.execute(db);
      await sql`delete from rollcall.reloads where asked_ms < ${nowMs - keptMs}`.execute(db);
      await db.insertInto('reloads').values({ id, asked_ms: nowMs }).execute();
    },
    open: async (instance, sinceMs) => {
      const { rows } = await sql<{ id: string }>`
        select id from rollcall.reloads r where asked_ms >= ${sinceMs}
          and not exists (select 1 from rollcall.reload_answers a where a.reload = r.id and a.instance = ${instance})
        order by asked_ms`.execute(db);
      return rows.map(({ id }) => id);
    },
    answer: async (reload, instance, lines, nowMs) => {
      await db
        .insertInto('reload_answers')
        .values({ reload, instance, lines: jsonb(lines), done_ms: nowMs })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    answers: async (id) => {
      const rows = await db
        .selectFrom('reload_answers')
        .select(['instance', 'lines'])
        .where('reload', '=', id)
        .orderBy('instance')
        .execute();
      // Written by us, as a list of texts.
      return rows.map(({ instance, lines }) => ({ instance, lines: lines as readonly string[] }));
    },
  };
}
