import { type Kysely, sql } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';

/** The log of sends of a rate group. The decision is the caller's; this holds the log under a lock. */
export type PacerSlots = {
  /**
   * Reads the log, lets `decide` say how long to wait, and records the send, at `sentMs`, if that is at most `aheadMs`; null
   * if not. Times are the database's clock, the one clock that all processes share.
   */
  readonly take: (
    name: string,
    keep: number,
    aheadMs: number,
    decide: (sentMs: readonly number[], pausedUntilMs: number, nowMs: number) => number,
  ) => Promise<{ readonly waitMs: number; readonly sentMs: number | null }>;
  /** A recorded send was later than it was recorded. */
  readonly move: (name: string, fromMs: number, toMs: number) => Promise<void>;
  readonly pause: (name: string, pauseMs: number) => Promise<void>;
  /** Notes for people until when a platform asked to wait. */
  readonly noteAsked: (name: string, untilMs: number) => Promise<void>;
  /** Until when these groups were asked to wait, of those that were. */
  readonly asked: (names: readonly string[]) => Promise<ReadonlyMap<string, number>>;
};

/** A send is recorded at most so long before it leaves, and moved by at most so much. */
export const longestAheadMs = 60_000;
/** A pause that a platform asks for is 15 minutes at most; a little more is left for clocks. */
const longestPacerPauseMs = 20 * 60_000;

/** Pacer slots in that database, for PostgreSQL without Redis. */
export function createPacerSlots(db: Kysely<Tables>): PacerSlots {
  const clock = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::float8`;
  return {
    take: (name, keep, aheadMs, decide) =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto('pacers')
          .values({ name, sent_ms: jsonb([]), paused_until_ms: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
        const row = await tx
          .selectFrom('pacers')
          .select(['sent_ms', 'paused_until_ms', clock.as('now_ms')])
          .where('name', '=', name)
          .forUpdate()
          .executeTakeFirstOrThrow();
        // The clock is read again after the lock was waited for.
        const { rows } = await sql<{ now_ms: number }>`select ${clock} as now_ms`.execute(tx);
        const nowMs = rows[0]?.now_ms ?? row.now_ms;
        // By the rule for stored times: what lies too far ahead was stored before the clock was set back.
        const known = row.sent_ms.filter((ms) => ms <= nowMs + longestAheadMs);
        const pausedMs = Number(row.paused_until_ms);
        const waitMs = decide(known, pausedMs > nowMs + longestPacerPauseMs ? 0 : pausedMs, nowMs);
        if (waitMs > aheadMs) return { waitMs, sentMs: null };
        const sentMs = nowMs + waitMs;
        await tx
          .updateTable('pacers')
          .set({ sent_ms: jsonb([...known, sentMs].slice(-keep)) })
          .where('name', '=', name)
          .execute();
        return { waitMs, sentMs };
      }),
    move: (name, fromMs, toMs) =>
      db.transaction().execute(async (tx) => {
        const row = await tx
          .selectFrom('pacers')
          .select('sent_ms')
          .where('name', '=', name)
          .forUpdate()
          .executeTakeFirst();
        if (row === undefined) return;
        const moved = row.sent_ms.map((atMs) => (atMs === fromMs ? toMs : atMs)).sort((a, b) => a - b);
        await tx
          .updateTable('pacers')
          .set({ sent_ms: jsonb(moved) })
          .where('name', '=', name)
          .execute();
      }),
    pause: async (name, pauseMs) => {
      await sql`
        insert into rollcall.pacers as p (name, sent_ms, paused_until_ms) values (${name}, '[]', (${clock} + ${pauseMs})::bigint)
        on conflict (name) do update set paused_until_ms = case
          when p.paused_until_ms > ${clock} + ${longestPacerPauseMs} then excluded.paused_until_ms
          else greatest(p.paused_until_ms, excluded.paused_until_ms) end`.execute(db);
    },
    noteAsked: async (name, untilMs) => {
      await sql`
        insert into rollcall.pacers (name, sent_ms, paused_until_ms, asked_until_ms) values (${name}, '[]', 0, ${untilMs})
        on conflict (name) do update set asked_until_ms = excluded.asked_until_ms`.execute(db);
    },
    asked: async (names) => {
      if (names.length === 0) return new Map();
      const rows = await db
        .selectFrom('pacers')
        .select(['name', 'asked_until_ms'])
        .where('name', 'in', [...names])
        .execute();
      return new Map(
        rows.flatMap(({ name, asked_until_ms: untilMs }) =>
          untilMs === null ? [] : [[name, Number(untilMs)]],
        ),
      );
    },
  };
}
