import { type Kysely, sql } from 'kysely';
import { insertMany, rowsOf } from './database.ts';
import { type LinkRow, putLinks, takeLinks } from './links.ts';
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

/** A row for each outcome. The key lets no change have a second one. */
export async function recordOutcomes(
  tx: Kysely<Tables>,
  run: string,
  outcomes: readonly ChangeOutcome[],
  nowMs: number,
): Promise<void> {
  if (outcomes.length === 0) return;
  const rows = outcomes.map(({ seq, outcome, code, message }) => ({
    run_id: run,
    seq,
    outcome,
    outcome_code: code,
    outcome_message: message,
    done_ms: nowMs,
  }));
  await sql`insert into rollcall.outcomes select * from ${rowsOf('outcomes', rows)} on conflict do nothing`.execute(
    tx,
  );
}

/** The links and aliases that the outcomes bring. `isContested`: see `storingLinks`. */
export async function storeLinks(
  tx: Kysely<Tables>,
  outcomes: readonly ChangeOutcome[],
  isContested: boolean,
): Promise<void> {
  const linksOf = (which: (outcome: ChangeOutcome) => boolean): readonly LinkRow[] =>
    outcomes.flatMap((outcome) => (outcome.link !== null && which(outcome) ? [outcome.link] : []));
  if (isContested)
    await takeLinks(
      tx,
      linksOf(() => true),
    );
  else {
    await insertMany(
      tx,
      'links',
      linksOf(({ isNewLink }) => isNewLink),
    );
    await putLinks(
      tx,
      linksOf(({ isNewLink }) => !isNewLink),
    );
  }
  for (const { alias, link } of outcomes) {
    if (alias === null || link === null) continue;
    await tx
      .insertInto('aliases')
      .values({ customer: link.customer, platform: link.platform, key: alias, person: link.person })
      .onConflict((conflict) =>
        conflict.columns(['customer', 'platform', 'key']).doUpdateSet({ person: link.person }),
      )
      .execute();
  }
}
