import { type Kysely, sql } from 'kysely';
import { jsonb } from './json.ts';
import type { Tables } from './schema.ts';

/** The log of sends of a rate group. The decision is the caller's; this keeps the log. */
export type PacerSlots = {
  /**
   * Reads the log, lets `decide` say how long to wait, and records the send, at `sentMs`, if that is at most `aheadMs`; null
   * if not. Asks `decide` again when another process has changed the log meanwhile. Times are the database's clock, the one
   * clock that all processes share.
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
  const turns = new Map<string, Promise<unknown>>();
  /** This process' own statements about a group come in turn: they would only undo each other's comparison. */
  function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const mine = (turns.get(name) ?? Promise.resolve()).then(work, work);
    turns.set(name, mine);
    const end = (): void => {
      if (turns.get(name) === mine) turns.delete(name);
    };
    mine.then(end, end);
    return mine;
  }
  async function take(...[name, keep, aheadMs, decide]: Parameters<PacerSlots['take']>) {
    for (;;) {
      const row = await db
        .selectFrom('pacers')
        .select(['sent_ms', sql<string>`sent_ms::text`.as('as_read'), 'paused_until_ms', clock.as('now_ms')])
        .where('name', '=', name)
        .executeTakeFirst();
      if (row === undefined) {
        await db
          .insertInto('pacers')
          .values({ name, sent_ms: jsonb([]), paused_until_ms: 0 })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute();
        continue;
      }
      const nowMs = row.now_ms;
      // By the rule for stored times: what lies too far ahead was stored before the clock was set back.
      const known = row.sent_ms.filter((ms) => ms <= nowMs + longestAheadMs);
      const pausedMs = Number(row.paused_until_ms);
      const waitMs = decide(known, pausedMs > nowMs + longestPacerPauseMs ? 0 : pausedMs, nowMs);
      if (waitMs > aheadMs) return { waitMs, sentMs: null };
      const sentMs = nowMs + waitMs;
      // Compared with what was read rather than locked: two statements instead of six, and nobody waits behind a process
      // that stands still between them. Whoever came between has changed the log, and the slot is decided anew.
      const { numUpdatedRows } = await db
        .updateTable('pacers')
        .set({ sent_ms: jsonb([...known, sentMs].slice(-keep)) })
        .where('name', '=', name)
        .where('sent_ms', '=', sql<number[]>`${row.as_read}::jsonb`)
        .where('paused_until_ms', '=', row.paused_until_ms)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) return { waitMs, sentMs };
    }
  }
  return {
    take: (...asked) => inTurn(asked[0], () => take(...asked)),
    move: async (name, fromMs, toMs) => {
      await inTurn(name, () =>
        sql`
        update rollcall.pacers set sent_ms = (
          select jsonb_agg(moved.at order by moved.at) from (
            select case when sent.at = ${fromMs}::float8 then ${toMs}::float8 else sent.at end as at
            from (select value::text::float8 as at from jsonb_array_elements(sent_ms)) sent
          ) moved)
        where name = ${name} and jsonb_array_length(sent_ms) > 0`.execute(db),
      );
    },
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
