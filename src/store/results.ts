import { type Kysely, type Selectable, sql } from 'kysely';
import { insertMany } from './database.ts';
import type { Tables } from './schema.ts';
import type { StoredTimes } from './times.ts';

export type ResultRecord = Selectable<Tables['results']>;
export type LaunchRow = Selectable<Tables['launches']>;

/** Which results are wanted. */
export type ResultFilter = {
  readonly customer: string;
  readonly platform?: string | undefined;
  readonly status?: 'completed' | 'open' | undefined;
};

/** Training results as last read, one row a person and target (or a vendor's result id). */
export type ResultStore = {
  readonly put: (rows: readonly ResultRecord[]) => Promise<void>;
  /** Page by page, by platform and target. */
  readonly list: (filter: ResultFilter) => AsyncIterable<readonly ResultRecord[]>;
  /** Open results that a whole read no longer had: their people left the target without completing it. */
  readonly dropOpen: (customer: string, platform: string, readBeforeMs: number) => Promise<number>;
  /** People known to have completed a target's course, as `target` and `person` joined by a line feed. */
  readonly completed: (
    customer: string,
    platform: string,
    courses: readonly { readonly target: string; readonly course: string }[],
  ) => Promise<ReadonlySet<string>>;
  readonly putCompletions: (
    customer: string,
    platform: string,
    completions: readonly { readonly target: string; readonly course: string; readonly person: string }[],
    nowMs: number,
  ) => Promise<void>;
  /** When these people were enrolled last, in ms, by platform, target and person joined by line feeds. */
  readonly enrolledAt: (customer: string, people: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  /** When the last read that came to its end began; null before the first. */
  readonly lastRead: (customer: string, platform: string) => Promise<number | null>;
  readonly readDone: (customer: string, platform: string, beganMs: number) => Promise<void>;
};

/** Trainings started for groups; each created and sent at most once. */
export type LaunchStore = {
  readonly find: (customer: string, platform: string) => Promise<readonly LaunchRow[]>;
  readonly put: (row: LaunchRow) => Promise<void>;
  /** Launches that wait for a person: their outcome is unknown, or a limit holds them and nobody has approved. */
  readonly waiting: (customer: string) => Promise<readonly LaunchRow[]>;
};

const pageSize = 5_000;

/** Results in that database. */
export function createResultStore(db: Kysely<Tables>, times: StoredTimes): ResultStore {
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
      let after: ResultRecord | undefined;
      for (;;) {
        let query = db.selectFrom('results').selectAll().where('customer', '=', customer);
        if (platform !== undefined) query = query.where('platform', '=', platform);
        if (status !== undefined) query = query.where('status', '=', status);
        if (after !== undefined)
          query = query.where(
            sql<boolean>`(platform, target, key) > (${after.platform}, ${after.target}, ${after.key})`,
          );
        const page = await query
          .orderBy(sql`platform`)
          .orderBy(sql`target`)
          .orderBy(sql`key`)
          .limit(pageSize)
          .execute();
        if (page.length > 0) yield page;
        if (page.length < pageSize) return;
        after = page.at(-1);
      }
    },
    dropOpen: async (customer, platform, readBeforeMs) => {
      const dropped = await db
        .deleteFrom('results')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .where('status', '=', 'open')
        .where('read_ms', '<', readBeforeMs)
        .executeTakeFirst();
      return Number(dropped.numDeletedRows);
    },
    completed: async (customer, platform, courses) => {
      const known = new Set<string>();
      for (const { target, course } of courses) {
        const rows = await db
          .selectFrom('completions')
          .select('person')
          .where('customer', '=', customer)
          .where('platform', '=', platform)
          .where('target', '=', target)
          .where('course', '=', course)
          .execute();
        for (const { person } of rows) known.add(`${target}\n${person}`);
      }
      return known;
    },
    putCompletions: (customer, platform, completions, nowMs) =>
      putCompletions(db, customer, platform, completions, nowMs),
    enrolledAt: async (customer, people) => {
      if (people.length === 0) return new Map();
      const { rows } = await sql<{ key: string; at: number }>`
        select platform || E'\\n' || target || E'\\n' || person as key, max(done_ms) as at from rollcall.journal
        where customer = ${customer} and kind = 'enroll' and outcome = 'done'
          and person in (select json_array_elements_text(${JSON.stringify(people)}::json) collate "C")
        group by platform, target, person`.execute(db);
      return new Map(rows.map(({ key, at }) => [key, Number(at)]));
    },
    lastRead: async (customer, platform) => {
      const row = await db
        .selectFrom('result_reads')
        .select('began_ms')
        .where('customer', '=', customer)
        .where('platform', '=', platform)
        .executeTakeFirst();
      return times.credible('resultsRead', row?.began_ms ?? null, `${customer}/${platform}`);
    },
    readDone: async (customer, platform, beganMs) => {
      await db
        .insertInto('result_reads')
        .values({ customer, platform, began_ms: beganMs })
        .onConflict((conflict) =>
          conflict.columns(['customer', 'platform']).doUpdateSet({ began_ms: beganMs }),
        )
        .execute();
    },
  };
}

/** Remembers who completed what; what is known already stays as it is. */
export async function putCompletions(
  db: Kysely<Tables>,
  customer: string,
  platform: string,
  completions: readonly { readonly target: string; readonly course: string; readonly person: string }[],
  nowMs: number,
): Promise<void> {
  for (let at = 0; at < completions.length; at += pageSize) {
    const json = JSON.stringify(completions.slice(at, at + pageSize));
    await sql`
      insert into rollcall.completions (customer, platform, target, course, person, seen_ms)
      select ${customer}::text, ${platform}::text, target, course, person, ${nowMs}::bigint
      from json_to_recordset(${json}::json) as c(target text, course text, person text)
      on conflict do nothing`.execute(db);
  }
}

/** Hands results and completions of a former employee id over to the new one. */
export async function movePerson(
  db: Kysely<Tables>,
  { customer, platform }: { readonly customer: string; readonly platform: string },
  from: string,
  to: string,
): Promise<void> {
  await sql`
    insert into rollcall.completions (customer, platform, target, course, person, seen_ms)
    select customer, platform, target, course, ${to}::text, seen_ms from rollcall.completions
    where customer = ${customer} and platform = ${platform} and person = ${from}
    on conflict do nothing`.execute(db);
  for (const table of ['results', 'aliases'] as const)
    await db
      .updateTable(table)
      .set({ person: to })
      .where('customer', '=', customer)
      .where('platform', '=', platform)
      .where('person', '=', from)
      .execute();
}

/** Keeps the email that a link is about to lose, to find the person's results by. */
export async function keepEmails(
  db: Kysely<Tables>,
  links: readonly {
    readonly customer: string;
    readonly platform: string;
    readonly person: string;
    readonly email: string | null;
  }[],
): Promise<void> {
  const named = links.filter(({ email }) => email !== null);
  if (named.length === 0) return;
  await sql`
    insert into rollcall.aliases (customer, platform, key, person)
    select distinct on (old.email) old.customer, old.platform, old.email, old.person from rollcall.links old
    join json_to_recordset(${JSON.stringify(named)}::json) as new(customer text, platform text, person text, email text)
      on old.customer = new.customer and old.platform = new.platform and old.person = new.person
    where old.email is not null and old.email <> new.email
    on conflict (customer, platform, key) do update set person = excluded.person`.execute(db);
}

/**
 * People reached by sends since then that needed no approval: they count against the limit on enrolling. A send of a run
 * that managed nobody yet was bound by no limit, and does not count.
 */
export async function recentReach(
  db: Kysely<Tables>,
  customer: string,
  platform: string,
  sinceMs: number,
): Promise<number> {
  const row = await db
    .selectFrom('launches')
    .select((eb) => eb.fn.sum<number | null>('reach').as('reach'))
    .where('customer', '=', customer)
    .where('platform', '=', platform)
    .where('sent_ms', '>', sinceMs)
    .where('approved_reach', 'is', null)
    .where('run_id', 'not in', (eb) =>
      eb
        .selectFrom('runs')
        .select('runs.id')
        .where('runs.customer', '=', customer)
        .where('runs.platform', '=', platform)
        .where('runs.managed', '=', 0),
    )
    .executeTakeFirst();
  return Number(row?.reach ?? 0);
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
        .orderBy('name')
        .execute(),
    waiting: (customer) =>
      db
        .selectFrom('launches')
        .selectAll()
        .where('customer', '=', customer)
        .where((eb) =>
          eb.or([
            eb('state', '=', 'unknown'),
            eb.and([eb('state', '=', 'created'), eb('held', '=', true), eb('approved_ms', 'is', null)]),
          ]),
        )
        .orderBy('platform')
        .execute(),
    put: async (row) => {
      const { customer: _c, platform: _p, target: _t, name: _n, training: _tr, ...rest } = row;
      await db
        .insertInto('launches')
        .values(row)
        .onConflict((conflict) =>
          conflict.columns(['customer', 'platform', 'target', 'name', 'training']).doUpdateSet(rest),
        )
        .execute();
    },
  };
}
