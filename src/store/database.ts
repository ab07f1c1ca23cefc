import { randomUUID } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { RollcallError } from '../errors.ts';
import { openServer } from './embedded/server.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './schema.ts';
import { isRefusedWrite } from './trouble.ts';

/**
 * A transaction in which nothing is asked for so long is ended by the server: a process that was stopped in the middle of
 * one would keep its locks, and with them everybody else, for as long as it sleeps. Ours ask within milliseconds.
 */
const idleTransactionMs = 15_000;

/** The PostgreSQL schema that our tables live in; BullMQ has its own. */
export const schemaName = 'rollcall';
/** Connections of the store: a run holds at most one at a time. */
const poolSize = 10;
/** Connections of the queue: two of them listen. */
const queuePoolSize = 10;
/**
 * How long a refusal counts. What waits for room tries again every few seconds; a full disk may still take the few bytes of a
 * probe.
 */
const refusalMs = 20_000;
/** Less room than two segments of its log and the embedded database stops in the middle of a write. */
const leastRoomBytes = 32 * 1024 * 1024;
/** The advisory lock under which migrations run, one process at a time. */
export const migrationLock = 7_265_532;

/** An open store's connection. */
export type Database = {
  readonly kind: 'embedded' | 'postgres';
  /** Identifies this store: written to Redis, so that two stores never share one queue. */
  readonly id: string;
  readonly db: Kysely<Tables>;
  /** What BullMQ's PostgreSQL backend connects with: connections of its own, so that runs do not keep the queue waiting. */
  readonly queuePool: pg.Pool;
  /** The commands that other processes run on the embedded database; null where that cannot be known. */
  readonly others: () => Promise<readonly string[] | null>;
  /** Whether the disk of the embedded database has room for what it writes next; true where that is not ours to know. */
  readonly hasRoom: () => Promise<boolean>;
  /** What the database last refused for want of room or of the right to write, if that was a moment ago. */
  readonly refusal: () => unknown;
  readonly close: () => Promise<void>;
};

const parsers = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    // int8 as a number: the largest we store are milliseconds since 1970.
    oid === 20 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Makes the tables of one version those of a later one, in the transaction that `run` is in. */
export async function migrateFrom(
  run: (text: string) => Promise<unknown>,
  from: number,
  to: number,
): Promise<void> {
  for (const step of migrations) {
    if (step.version <= from || step.version > to) continue;
    await run(`set local search_path to ${schemaName}`);
    await run(step.sql);
  }
}

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
    await migrateFrom(run, version, newest);
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

/**
 * Opens the embedded database in `dataDir`: starts its server, or joins those who use it.
 *
 * @throws RollcallError as `openServer` does
 */
export async function openEmbedded(dataDir: string, command: string): Promise<Database> {
  const server = await openServer(dataDir, command);
  try {
    const pools = createPools(server.config);
    const id = await migrated(pools);
    return {
      kind: 'embedded',
      id,
      ...kysely(pools.store),
      queuePool: pools.queue,
      others: server.others,
      hasRoom: async () => {
        const { bavail, bsize } = await statfs(dataDir);
        return bavail * bsize >= leastRoomBytes;
      },
      close: async () => {
        await pools.end();
        await server.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Opens an outside PostgreSQL. Throws STORE_UNAVAILABLE when it does not answer. */
export async function openPostgres(connectionString: string): Promise<Database> {
  const pools = createPools({ connectionString, connectionTimeoutMillis: 10_000 });
  try {
    const id = await migrated(pools);
    return {
      kind: 'postgres',
      id,
      ...kysely(pools.store),
      queuePool: pools.queue,
      others: async () => null,
      hasRoom: async () => true,
      close: pools.end,
    };
  } catch (error) {
    if (error instanceof RollcallError) throw error;
    throw new RollcallError('STORE_UNAVAILABLE', `PostgreSQL cannot be used: ${describe(error)}.`, {
      hint: 'Check DATABASE_URL, and that the server is up.',
      cause: error,
    });
  }
}

type Pools = { readonly store: pg.Pool; readonly queue: pg.Pool; readonly end: () => Promise<void> };

function createPools(config: pg.ClientConfig): Pools {
  const bounded = { ...config, idle_in_transaction_session_timeout: idleTransactionMs };
  const store = new pg.Pool({ ...bounded, max: poolSize, types: parsers });
  const queue = new pg.Pool({ ...bounded, max: queuePoolSize, options: '-c search_path=bullmq' });
  // Each queue and worker listens to its errors.
  queue.setMaxListeners(0);
  for (const pool of [store, queue]) {
    // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
    pool.on('error', () => undefined);
    // The same for one that is in use: its query fails and says so; the event on top of that would end the process.
    pool.on('connect', (client) => client.on('error', () => undefined));
  }
  return {
    store,
    queue,
    end: async () => {
      await Promise.allSettled([store.end(), queue.end()]);
    },
  };
}

/** Brings the tables up to date; the store's id. What fails ends the pools. */
async function migrated(pools: Pools): Promise<string> {
  try {
    const client = await pools.store.connect();
    try {
      return await migrate((text, values) => client.query(text, values));
    } finally {
      client.release();
    }
  } catch (error) {
    await pools.end();
    throw error;
  }
}

function kysely(pool: pg.Pool): Pick<Database, 'db' | 'refusal'> {
  let refused: { readonly error: unknown; readonly atMs: number } | null = null;
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    log: (event) => {
      if (event.level === 'error' && isRefusedWrite(event.error))
        refused = { error: event.error, atMs: performance.now() };
    },
  }).withSchema(schemaName);
  return {
    db,
    refusal: () => (refused !== null && performance.now() - refused.atMs < refusalMs ? refused.error : null),
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
