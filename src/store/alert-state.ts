import { type Kysely, type Selectable, sql } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

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
  /** What one evaluation changed, in one transaction: the alerts that are open, those that ended, and the messages. */
  readonly record: (
    customer: string,
    changes: {
      readonly put: readonly AlertRow[];
      readonly closed: readonly string[];
      readonly queue: readonly OutboxRow[];
    },
  ) => Promise<void>;
  /** A customer's messages that some channel has not taken yet, oldest first. */
  readonly pending: (customer: string) => Promise<readonly OutboxRow[]>;
  /** A channel took the message; the row goes with its last channel. */
  readonly taken: (id: string, channel: number) => Promise<void>;
};

/** Alert state in that database. */
export function createAlertStore(db: Kysely<Tables>, times: StoredTimes): AlertStore {
  return {
    record: (customer, { put, closed, queue }) =>
      db.transaction().execute(async (tx) => {
        for (const row of put) {
          const alert = jsonb(row.alert);
          await tx
            .insertInto('alerts')
            .values({ ...row, alert })
            .onConflict((conflict) =>
              conflict.columns(['customer', 'key']).doUpdateSet({ alert, last_sent_ms: row.last_sent_ms }),
            )
            .execute();
        }
        if (closed.length > 0)
          await tx
            .deleteFrom('alerts')
            .where('customer', '=', customer)
            .where('key', 'in', [...closed])
            .execute();
        for (const row of queue)
          await tx
            .insertInto('outbox')
            .values({ ...row, message: jsonb(row.message), channels: jsonb(row.channels) })
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute();
      }),
    pending: (customer) =>
      db.selectFrom('outbox').selectAll().where('customer', '=', customer).orderBy('created_ms').execute(),
    taken: (id, channel) =>
      db.transaction().execute(async (tx) => {
        await tx
          .updateTable('outbox')
          .set({
            channels: sql<
              number[]
            >`(select coalesce(jsonb_agg(c), '[]'::jsonb) from jsonb_array_elements(channels) c
              where c <> ${JSON.stringify(channel)}::jsonb)`,
          })
          .where('id', '=', id)
          .execute();
        await tx
          .deleteFrom('outbox')
          .where('id', '=', id)
          .where('channels', '=', jsonb<number[]>([]))
          .execute();
      }),
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
        .where((eb) => eb.or([eb('next_ms', '<=', nowMs), eb('created_ms', '>', times.latestMs('created'))]))
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
