import { type Kysely, type RawBuilder, sql } from 'kysely';
import { intoLinks, type LinkRow, linkRows, orReplaceLink } from './links.ts';
import type { Outcome, Tables } from './schema.ts';

/** What became of one change of a batch. */
export type ChangeOutcome = {
  readonly seq: number;
  readonly outcome: Outcome;
  readonly code: string | null;
  readonly message: string | null;
  /** The link to store, for a change that made or renewed one. */
  readonly link: LinkRow | null;
  /** The person had no link before. */
  readonly isNewLink: boolean;
  /** An earlier key of the person on the platform, to find their results by. */
  readonly alias: string | null;
};

/** Done, and nothing to say of it. */
export function isPlain({ outcome, code, message }: ChangeOutcome): boolean {
  return outcome === 'done' && code === null && message === null;
}

/**
 * Outcomes with what they bring, in one statement: it begins with the part `standing`, and where that gives no row
 * nothing else happens either. Says whether it gave one. A change has one outcome at most: the key lets no second one in.
 *
 * `isContested`: see `storingLinks`.
 */
export async function recordOutcomes(
  on: Kysely<Tables>,
  options: {
    readonly run: string;
    readonly standing: RawBuilder<unknown>;
    /** Those that have a row of their own. */
    readonly rows: readonly ChangeOutcome[];
    /** Those whose links and aliases are stored. */
    readonly outcomes: readonly ChangeOutcome[];
    readonly isContested: boolean;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const { run, standing, rows, outcomes, isContested, nowMs } = options;
  const parts: RawBuilder<unknown>[] = [];
  if (rows.length > 0)
    parts.push(sql`
      insert into rollcall.outcomes (run_id, seq, outcome, outcome_code, outcome_message, done_ms)
      select ${run}, given.*, ${nowMs}::bigint from unnest(${rows.map(({ seq }) => seq)}::integer[],
        ${rows.map(({ outcome }) => outcome)}::text[], ${rows.map(({ code }) => code)}::text[],
        ${rows.map(({ message }) => message)}::text[]) as given
      where exists (select from standing) on conflict do nothing`);
  const fresh = outcomes.filter(({ isNewLink }) => isNewLink && !isContested);
  const renewed = outcomes.filter(({ isNewLink }) => !isNewLink || isContested);
  if (linksOf(fresh).length > 0)
    parts.push(sql`${intoLinks} ${linkRows(linksOf(fresh))} where exists (select from standing)`);
  if (linksOf(renewed).length > 0)
    parts.push(
      sql`${intoLinks} ${linkRows(linksOf(renewed))} where exists (select from standing) ${orReplaceLink}`,
    );
  // A key that two changes bring belongs to the later one.
  const aliases = new Map(
    outcomes.flatMap(({ alias, link }) => (alias === null || link === null ? [] : [[alias, link] as const])),
  );
  if (aliases.size > 0) {
    const links = [...aliases.values()];
    parts.push(sql`
      insert into rollcall.aliases (customer, platform, person, key)
      select * from unnest(${links.map(({ customer }) => customer)}::text[], ${links.map(({ platform }) => platform)}::text[],
        ${links.map(({ person }) => person)}::text[], ${[...aliases.keys()]}::text[]) as given
      where exists (select from standing)
      on conflict (customer, platform, key) do update set person = excluded.person`);
  }
  const named = parts.map((part, at) => sql`, ${sql.raw(`part_${at}`)} as (${part})`);
  const { rows: counted } = await sql<{ count: number }>`
    with standing as (${standing})${sql.join(named, sql``)} select count(*)::integer as count from standing`.execute(
    on,
  );
  return (counted[0]?.count ?? 0) > 0;
}

/** The links that outcomes bring. */
export function linksOf(outcomes: readonly ChangeOutcome[]): readonly LinkRow[] {
  return outcomes.flatMap(({ link }) => link ?? []);
}
