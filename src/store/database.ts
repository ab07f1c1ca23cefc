import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { RollcallError } from '../errors.ts';
import { type DataDirLock, lockDataDir } from './data-dir.ts';
import { migrations } from './migrations.ts';
import { PglitePool } from './pglite-pool.ts';
import { openPgliteSession } from './pglite-session.ts';
import type { Tables } from './schema.ts';

/** The PostgreSQL schema that our tables live in; BullMQ has its own. */
export const schemaName = 'rollcall';
/** Connections to an outside PostgreSQL: the queue has its own, and a run holds at most one. */
const poolSize = 10;
/** How often an embedded database is vacuumed: PGlite has no autovacuum. */
export const vacuumEveryMs = 10 * 60_000;
/** The advisory lock under which migrations run, one process at a time. */
const migrationLock = 7_265_532;

/** An open store's connection. */
export type Database = {
  readonly kind: 'embedded' | 'postgres';
  /** Identifies this store: written to Redis, so that two stores never share one queue. */
  readonly id: string;
  readonly db: Kysely<Tables>;
  /** What BullMQ's PostgreSQL backend connects with. */
  readonly queueConnection: PglitePool | { readonly connectionString: string };
  readonly vacuum: () => Promise<void>;
  /** Tells others where the control API of this process is. Does nothing outside the embedded database. */
  readonly announce: (control: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

const parsers = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    // int8 as a number: the largest we store are milliseconds since 1970.
    oid === 20 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

async function migrate(
  run: (text: string, values?: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>,
): Promise<string> {
  await run('begin');
  try {
    await run(`select pg_advisory_xact_lock(${migrationLock})`);
    await run(`create schema if not exists ${schemaName}`);
    await run(`create table if not exists ${schemaName}.meta (key text primary key, value text not null)`);
    const known = await run(`select value from ${schemaName}.meta where key = 'version'`);
    const version = Number(known.rows[0]?.['value'] ?? 0);
    const newest = migrations.at(-1)?.version ?? 0;
    if (version > newest) {
      throw new RollcallError(
        'STORE_NEWER',
        `the database has version ${version}; this Rollcall knows ${newest}.`,
        {
          hint: 'Start the newer Rollcall again, or restore a backup from before its upgrade.',
        },
      );
    }
    for (const step of migrations) {
      if (step.version <= version) continue;
      await run(`set local search_path to ${schemaName}`);
      await run(step.sql);
    }
    await run(
      `insert into ${schemaName}.meta values ('version', $1) on conflict (key) do update set value = excluded.value`,
      [String(newest)],
    );
    await run(`insert into ${schemaName}.meta values ('store', $1) on conflict (key) do nothing`, [
      randomUUID(),
    ]);
    const store = await run(`select value from ${schemaName}.meta where key = 'store'`);
    await run('commit');
    return String(store.rows[0]?.['value']);
  } catch (error) {
    await run('rollback').catch(() => undefined);
    throw error;
  }
}

/** Opens the embedded database in `dataDir`, which this process then holds. Throws DATA_DIR_LOCKED. */
export async function openEmbedded(dataDir: string, command: string): Promise<Database> {
  const lock: DataDirLock = await lockDataDir(dataDir, command);
  let opened: { readonly close: () => Promise<void> } | undefined;
  try {
    const lite = await openPgliteSession(join(dataDir, 'pgdata'));
    opened = lite;
    const pool = new PglitePool(lite);
    const client = await pool.connect();
    const id = await migrate(
      (text, values) => client.query(text, values) as Promise<{ rows: Record<string, unknown>[] }>,
    );
    client.release();
    await pool.query(`set search_path to bullmq, ${schemaName}`);
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool as never }) }).withSchema(
      schemaName,
    );
    return {
      kind: 'embedded',
      id,
      db,
      queueConnection: pool,
      vacuum: async () => {
        await pool.query('vacuum (analyze)');
        // Nobody else does this either: without it the write-ahead log grows to a gigabyte before it is used again.
        await pool.query('checkpoint');
      },
      announce: lock.announce,
      close: async () => {
        await lite.close();
        await lock.release();
      },
    };
  } catch (error) {
    await opened?.close().catch(() => undefined);
    await lock.release();
    throw error;
  }
}

/** Opens an outside PostgreSQL. Throws STORE_UNAVAILABLE when it does not answer. */
export async function openPostgres(connectionString: string): Promise<Database> {
  const pool = new pg.Pool({
    connectionString,
    max: poolSize,
    types: parsers,
    connectionTimeoutMillis: 10_000,
  });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  // The same for one that is in use: its query fails and says so; the event on top of that would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  let id: string;
  try {
    const client = await pool.connect();
    try {
      id = await migrate((text, values) => client.query(text, values));
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    if (error instanceof RollcallError) throw error;
    throw new RollcallError('STORE_UNAVAILABLE', `PostgreSQL cannot be used: ${describe(error)}.`, {
      hint: 'Check DATABASE_URL, and that the server is up.',
      cause: error,
    });
  }
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schemaName);
  return {
    kind: 'postgres',
    id,
    db,
    queueConnection: { connectionString },
    // The server's autovacuum does it.
    vacuum: async () => undefined,
    announce: async () => undefined,
    close: () => pool.end(),
  };
}

function describe(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown failure';
}

/**
 * Rows of a table as one JSON parameter, however many there are. What is the same in all of them stands there once: to read
 * them is most of what storing them costs.
 */
function rowsOf<T extends keyof Tables>(table: T, rows: readonly object[]) {
  const name = sql.table(`${schemaName}.${table}`);
  const common = new Map<string, unknown>(
    Object.entries(rows[0] ?? {}).filter(([, value]) => typeof value !== 'object' || value === null),
  );
  for (const row of rows)
    for (const [key, value] of common)
      if ((row as Record<string, unknown>)[key] !== value) common.delete(key);
  const others = rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([key]) => !common.has(key))),
  );
  const json = JSON.stringify(others);
  const base = sql`json_populate_record(null::${name}, ${JSON.stringify(Object.fromEntries(common))}::json)`;
  return sql`json_populate_recordset(${base}, ${json}::json)`;
}

/** Rows into a table at once. */
export async function insertMany<T extends keyof Tables>(
  db: Kysely<Tables>,
  table: T,
  rows: readonly object[],
  chunk = 5_000,
): Promise<void> {
  for (let at = 0; at < rows.length; at += chunk) {
    const some = rowsOf(table, rows.slice(at, at + chunk));
    await sql`insert into ${sql.table(`${schemaName}.${table}`)} select * from ${some}`.execute(db);
  }
}
