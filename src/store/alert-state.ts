import type { Kysely, Selectable } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';

export type AlertRow = Selectable<Tables['alerts']>;
export type OutboxRow = Selectable<Tables['outbox']>;

/** Alerts that are open, and messages that still have to go out. */
export type AlertStore = {
  readonly open: (customer: string) => Promise<readonly AlertRow[]>;
  readonly put: (alert: AlertRow) => Promise<void>;
  readonly close: (customer: string, key: string) => Promise<void>;
  readonly queue: (row: OutboxRow) => Promise<void>;
  readonly due: (nowMs: number, limit: number) => Promise<readonly OutboxRow[]>;
  readonly retry: (id: string, channels: readonly number[], nextMs: number) => Promise<void>;
  readonly sent: (id: string) => Promise<void>;
};

/** Alert state in that database. */
export function createAlertStore(db: Kysely<Tables>): AlertStore {
  return {
    open: (customer) =>
      db.selectFrom('alerts').selectAll().where('customer', '=', customer).orderBy('began_ms').execute(),
    put: async (row) => {
      const alert = jsonb(row.alert);
      await db
        .insertInto('alerts')
        .values({ ...row, alert })
        .onConflict((conflict) =>
          conflict.columns(['customer', 'key']).doUpdateSet({ alert, last_sent_ms: row.last_sent_ms }),
        )
        .execute();
    },
    close: async (customer, key) => {
      await db.deleteFrom('alerts').where('customer', '=', customer).where('key', '=', key).execute();
    },
    queue: async (row) => {
      await db
        .insertInto('outbox')
        .values({ ...row, message: jsonb(row.message), channels: jsonb(row.channels) })
        .execute();
    },
    due: (nowMs, limit) =>
      db
        .selectFrom('outbox')
        .selectAll()
        .where('next_ms', '<=', nowMs)
        .orderBy('created_ms')
        .limit(limit)
        .execute(),
    retry: async (id, channels, nextMs) => {
      await db
        .updateTable('outbox')
        .set((eb) => ({ channels: jsonb([...channels]), next_ms: nextMs, tries: eb('tries', '+', 1) }))
        .where('id', '=', id)
        .execute();
    },
    sent: async (id) => {
      await db.deleteFrom('outbox').where('id', '=', id).execute();
    },
  };
}
