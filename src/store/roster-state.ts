import { type Kysely, type Selectable, sql } from 'kysely';
import { insertMany } from './database.ts';
import { jsonb } from './json.ts';
import type { RunReason, Tables } from './schema.ts';
import { legalSpansMs, type StoredTimes } from './times.ts';

export type ExportRow = Selectable<Tables['exports']>;
export type RejectedRowRecord = Omit<Selectable<Tables['rejected_rows']>, 'customer' | 'export' | 'part'>;
export type Absentee = { readonly exports: number; readonly sinceMs: number };

/** One reading of an export. `key` tells it from others: its content or its time differs. */
export type ExportRead = {
  /** The part of the roster; '' is the only one. */
  readonly part: string;
  readonly fingerprint: string;
  readonly modifiedMs: number;
  readonly rows: number;
  readonly usable: number;
  readonly rejected: number;
  readonly perValue: Readonly<Record<string, number>>;
  readonly complete: boolean;
  readonly reasons: readonly RunReason[];
  /** Whether the last line had its line break. */
  readonly endsInLine: boolean;
};

/** The maxima of the exports of the last 30 days. */
export type Baseline = {
  /** Delivered and rejected ones together. */
  readonly maxPeople: number | null;
  readonly maxPerValue: Readonly<Record<string, number>>;
  /** Whether the last line of the last good export had its line break; null when there is none. */
  readonly endsInLine: boolean | null;
};

/** How far back a roster is compared with its own past. */
export const baselineWindowMs = 30 * 24 * 3_600_000;

/** What is remembered of the roster: its sizes, who is missing from it, and whose rows are rejected. */
export type RosterStateStore = {
  readonly baseline: (customer: string, part: string, nowMs: number) => Promise<Baseline>;
  readonly lastExport: (customer: string, part: string) => Promise<ExportRow | undefined>;
  /** The exports of a part that were read last, the latest first. */
  readonly recentExports: (customer: string, part: string, limit: number) => Promise<readonly ExportRow[]>;
  readonly absences: (
    customer: string,
  ) => Promise<ReadonlyMap<string, Absentee & { readonly lastExport: string }>>;
  readonly rejectedRows: (
    customer: string,
    limit: number,
  ) => Promise<readonly (RejectedRowRecord & { readonly part: string })[]>;
  /** The rejected rows of one person in the last export that was read. */
  readonly rejectedRowsOf: (customer: string, person: string) => Promise<readonly RejectedRowRecord[]>;
  readonly rejectedPeople: (
    customer: string,
    minExports: number,
  ) => Promise<readonly { person: string; exports: number; code: string; since_ms: number }[]>;
  readonly absentPeople: (
    customer: string,
  ) => Promise<readonly { person: string; exports: number; since_ms: number }[]>;
};

/** The key of an export, counted once however often and for however many platforms it is read. */
export function exportKey(read: Pick<ExportRead, 'fingerprint' | 'modifiedMs'>): string {
  return `${read.fingerprint.slice(0, 32)}@${read.modifiedMs}`;
}

/** Records a reading of the roster and its rejected rows. */
export async function recordExport(
  db: Kysely<Tables>,
  customer: string,
  read: ExportRead,
  rejectedRows: readonly RejectedRowRecord[],
  nowMs: number,
): Promise<void> {
  await db
    .insertInto('exports')
    .values({
      customer,
      part: read.part,
      fingerprint: read.fingerprint,
      modified_ms: read.modifiedMs,
      first_read_ms: nowMs,
      last_read_ms: nowMs,
      rows: read.rows,
      usable: read.usable,
      rejected: read.rejected,
      per_value: jsonb({ ...read.perValue }),
      complete: read.complete,
      reasons: jsonb([...read.reasons]),
      ends_in_line: read.endsInLine,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['customer', 'part', 'fingerprint', 'modified_ms'])
        .doUpdateSet({ last_read_ms: nowMs, complete: read.complete, reasons: jsonb([...read.reasons]) }),
    )
    .execute();
  const key = exportKey(read);
  const known = await db
    .selectFrom('rejected_rows')
    .select('export')
    .where('customer', '=', customer)
    .where('part', '=', read.part)
    .limit(1)
    .executeTakeFirst();
  if (known?.export === key || (known === undefined && rejectedRows.length === 0)) return;
  const { part } = read;
  await db.deleteFrom('rejected_rows').where('customer', '=', customer).where('part', '=', part).execute();
  await insertMany(
    db,
    'rejected_rows',
    rejectedRows.map((row) => ({ customer, part, export: key, ...row })),
  );
  // In a row: who is not rejected in this export begins anew.
  const people = [
    ...new Map(rejectedRows.flatMap((row) => (row.person === null ? [] : [[row.person, row.code] as const]))),
  ];
  const json = JSON.stringify(people.map(([person, code]) => ({ person, code })));
  await sql`
    delete from rollcall.rejected_people where customer = ${customer} and part = ${part}
      and person not in (select person from json_to_recordset(${json}::json) as r(person text))`.execute(db);
  await sql`
    insert into rollcall.rejected_people as p (customer, person, exports, since_ms, last_export, code, part)
    select ${customer}, person, 1, ${nowMs}, ${key}, code, ${part} from json_to_recordset(${json}::json) as r(person text, code text)
    on conflict (customer, person) do update set exports = p.exports + 1, last_export = excluded.last_export,
      code = excluded.code, part = excluded.part
    where p.last_export <> excluded.last_export`.execute(db);
}

/** People who are missing from the same exports: of the part that they were in last, or of all. */
export type Missing = {
  /** The keys of these exports. */
  readonly exports: readonly string[];
  readonly people: readonly string[];
};

/** The keys of exports as absences keep them. */
function keysOf(exports: readonly string[]): string {
  return exports.join(' ');
}

/** Whether somebody who was counted at one list of exports is missing from another one now: none of them was counted. */
export function isCountedAnew(lastExport: string, exports: readonly string[]): boolean {
  const counted = new Set(lastExport.split(' '));
  return !exports.some((key) => counted.has(key));
}

/**
 * Counts exports for the people missing from them, each once, and forgets those who are back. Missing are linked people
 * without a row; `present` asks whether somebody counted before has a row now, be it a rejected one.
 */
export async function recordAbsences(
  db: Kysely<Tables>,
  customer: string,
  missing: readonly Missing[],
  present: (person: string) => boolean,
  nowMs: number,
): Promise<void> {
  const counted = await db.selectFrom('absences').select('person').where('customer', '=', customer).execute();
  const back = counted.map((row) => row.person).filter(present);
  if (back.length > 0)
    await db.deleteFrom('absences').where('customer', '=', customer).where('person', 'in', back).execute();
  for (const { exports, people } of missing) {
    if (people.length > 0) await countAbsences(db, customer, exports, people, nowMs);
  }
}

async function countAbsences(
  db: Kysely<Tables>,
  customer: string,
  exports: readonly string[],
  missing: readonly string[],
  nowMs: number,
): Promise<void> {
  const key = keysOf(exports);
  await sql`
    insert into rollcall.absences as a (customer, person, exports, since_ms, last_export)
    select ${customer}, person, 1, ${nowMs}, ${key} from json_to_recordset(${JSON.stringify(missing.map((person) => ({ person })))}::json) as r(person text)
    on conflict (customer, person) do update set last_export = excluded.last_export,
      -- Counted first under another clock: counted anew.
      exports = case when a.since_ms > ${nowMs + legalSpansMs.rosterRead} then 1 else a.exports + 1 end,
      since_ms = case when a.since_ms > ${nowMs + legalSpansMs.rosterRead} then excluded.since_ms else a.since_ms end
    -- None of the exports was counted: with several, somebody may be missing from one of them for long.
    where not string_to_array(a.last_export, ' ') && string_to_array(excluded.last_export, ' ')`.execute(db);
}

/** Roster state in that database. */
export function createRosterStateStore(db: Kysely<Tables>, times: StoredTimes): RosterStateStore {
  return {
    baseline: async (customer, part, nowMs) => {
      const since = nowMs - baselineWindowMs;
      const rows = await db
        .selectFrom('exports')
        .select(['rows', 'usable', 'rejected', 'per_value', 'complete', 'ends_in_line'])
        .where('customer', '=', customer)
        .where('part', '=', part)
        .where('last_read_ms', '>=', since)
        .where('last_read_ms', '<=', times.latestMs('rosterRead'))
        .orderBy('last_read_ms', 'desc')
        .execute();
      const maxPerValue: Record<string, number> = {};
      let maxPeople: number | null = null;
      let endsInLine: boolean | null = null;
      for (const row of rows) {
        // What cannot be read counts as people only where all the rest is as it should be.
        const people = row.complete ? row.usable + row.rejected : row.usable;
        maxPeople = Math.max(maxPeople ?? 0, people);
        if (row.complete) endsInLine ??= row.ends_in_line;
        // Rows that stand twice count once: after an export that was doubled, no value has shrunk to half.
        const share = row.rows === 0 ? 1 : Math.min(1, people / row.rows);
        for (const [value, count] of Object.entries(row.per_value))
          maxPerValue[value] = Math.max(maxPerValue[value] ?? 0, Math.floor(count * share));
      }
      return { maxPeople, maxPerValue, endsInLine };
    },
    lastExport: (customer, part) =>
      db
        .selectFrom('exports')
        .selectAll()
        .where('customer', '=', customer)
        .where('part', '=', part)
        .where('last_read_ms', '<=', times.latestMs('rosterRead'))
        .orderBy('last_read_ms', 'desc')
        .limit(1)
        .executeTakeFirst(),
    recentExports: (customer, part, limit) =>
      db
        .selectFrom('exports')
        .selectAll()
        .where('customer', '=', customer)
        .where('part', '=', part)
        .where('last_read_ms', '<=', times.latestMs('rosterRead'))
        .orderBy('last_read_ms', 'desc')
        .orderBy('first_read_ms', 'desc')
        .limit(limit)
        .execute(),
    absences: async (customer) => {
      const rows = await db.selectFrom('absences').selectAll().where('customer', '=', customer).execute();
      return new Map(
        rows.map((row) => [
          row.person,
          { exports: row.exports, sinceMs: row.since_ms, lastExport: row.last_export },
        ]),
      );
    },
    rejectedRows: (customer, limit) =>
      db
        .selectFrom('rejected_rows')
        .select(['part', 'line', 'person', 'field', 'code', 'message'])
        .where('customer', '=', customer)
        .orderBy('part')
        .orderBy('line')
        .limit(limit)
        .execute(),
    rejectedRowsOf: (customer, person) =>
      db
        .selectFrom('rejected_rows')
        .select(['line', 'person', 'field', 'code', 'message'])
        .where('customer', '=', customer)
        .where('person', '=', person)
        .orderBy('line')
        .execute(),
    rejectedPeople: (customer, minExports) =>
      db
        .selectFrom('rejected_people')
        .select(['person', 'exports', 'code', 'since_ms'])
        .where('customer', '=', customer)
        .where('exports', '>=', minExports)
        .orderBy('person')
        .execute(),
    absentPeople: (customer) =>
      db
        .selectFrom('absences')
        .select(['person', 'exports', 'since_ms'])
        .where('customer', '=', customer)
        .orderBy('person')
        .execute(),
  };
}
