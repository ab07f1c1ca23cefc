import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import {
  type PostgresServer,
  type RedisServer,
  startPostgres,
  startRedis,
  whyNoPostgres,
  whyNoRedis,
} from '../test/support/servers.ts';

/** Where a benchmark's state and queue are. */
export type BenchStore = {
  readonly name: 'embedded' | 'postgres' | 'redis';
  readonly env: Readonly<Record<string, string>>;
  /** Size of the database, in bytes. */
  readonly sizeBytes: (dir: string) => Promise<number | null>;
  /** Batches that the runs so far have laid out; only where the database can be asked from outside. */
  readonly jobs: (dir: string) => Promise<number>;
  /** A fresh database for the next benchmark. */
  readonly reset: () => Promise<void>;
};

/** All stores there are on this machine, and how to stop them. */
export type BenchStores = {
  readonly stores: readonly BenchStore[];
  readonly missing: readonly string[];
  readonly stop: () => Promise<void>;
};

async function folderBytes(dir: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sum;
}

async function ask<T>(url: string, query: string): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(query)).rows[0] as T;
  } finally {
    await client.end();
  }
}

async function onPostgres(
  name: 'postgres' | 'redis',
  server: PostgresServer,
  redis: RedisServer | null,
): Promise<BenchStore> {
  const env: Record<string, string> = { DATABASE_URL: await server.database() };
  if (redis !== null) env['REDIS_URL'] = redis.url;
  return {
    name,
    env,
    sizeBytes: async () =>
      Number(
        (
          await ask<{ size: string }>(
            env['DATABASE_URL'] ?? '',
            'select pg_database_size(current_database()) as size',
          )
        ).size,
      ),
    jobs: async () =>
      Number(
        (
          await ask<{ count: string }>(
            env['DATABASE_URL'] ?? '',
            'select count(*) as count from rollcall.batches',
          )
        ).count,
      ),
    reset: async () => {
      env['DATABASE_URL'] = await server.database();
      // A Redis belongs to one store; the next one starts with an empty Redis.
      await redis?.restart();
    },
  };
}

/** Starts what the machine has: the embedded default always, PostgreSQL and Redis where they are installed. */
export async function openStores(): Promise<BenchStores> {
  const stores: BenchStore[] = [
    {
      name: 'embedded',
      env: {},
      sizeBytes: (dir) => folderBytes(join(dir, 'data')),
      jobs: async () => Number.NaN,
      reset: async () => undefined,
    },
  ];
  const missing: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  const noPostgres = await whyNoPostgres();
  if (noPostgres !== null) missing.push(`postgres: ${noPostgres}`);
  else {
    const server = await startPostgres({ durable: true });
    stops.push(() => server.stop());
    stores.push(await onPostgres('postgres', server, null));
    const noRedis = await whyNoRedis();
    if (noRedis !== null) missing.push(`redis: ${noRedis}`);
    else {
      const redis = await startRedis();
      stops.unshift(() => redis.stop());
      stores.push(await onPostgres('redis', server, redis));
    }
  }
  return {
    stores,
    missing,
    stop: async () => {
      for (const stop of stops) await stop();
    },
  };
}
