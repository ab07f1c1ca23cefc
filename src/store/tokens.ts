import type { Kysely, Selectable } from 'kysely';
import type { Tables } from './schema.ts';

/** A token of the control API as stored: by the digest of what it is, which nobody can sign in with. */
export type TokenRow = Selectable<Tables['tokens']>;

/** How exact it is when a token was used last. */
const usedEveryMs = 60_000;

/** Tokens that were made by a command; those of the configuration are not among them. */
export type TokenStore = {
  /** False when the customer has one of that name that was not revoked. */
  readonly make: (token: Omit<TokenRow, 'last_used_ms' | 'revoked_ms'>) => Promise<boolean>;
  /** All that there were, the newest first. */
  readonly list: (customer: string) => Promise<readonly TokenRow[]>;
  readonly revoke: (customer: string, name: string, nowMs: number) => Promise<boolean>;
  /** The token with that digest, unless it was revoked; it was used now. */
  readonly use: (digest: string, nowMs: number) => Promise<TokenRow | undefined>;
};

/** Tokens in that database. */
export function createTokenStore(db: Kysely<Tables>): TokenStore {
  return {
    make: async (token) => {
      const made = await db
        .insertInto('tokens')
        .values({ ...token, last_used_ms: null, revoked_ms: null })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return (made.numInsertedOrUpdatedRows ?? 0n) > 0n;
    },
    list: (customer) =>
      db
        .selectFrom('tokens')
        .selectAll()
        .where('customer', '=', customer)
        .orderBy('created_ms', 'desc')
        .execute(),
    revoke: async (customer, name, nowMs) => {
      const revoked = await db
        .updateTable('tokens')
        .set({ revoked_ms: nowMs })
        .where('customer', '=', customer)
        .where('name', '=', name)
        .where('revoked_ms', 'is', null)
        .executeTakeFirst();
      return revoked.numUpdatedRows > 0n;
    },
    use: async (digest, nowMs) => {
      const row = await db
        .selectFrom('tokens')
        .selectAll()
        .where('digest', '=', digest)
        .where('revoked_ms', 'is', null)
        .executeTakeFirst();
      if (row !== undefined && (row.last_used_ms === null || row.last_used_ms + usedEveryMs < nowMs))
        await db.updateTable('tokens').set({ last_used_ms: nowMs }).where('digest', '=', digest).execute();
      return row;
    },
  };
}
