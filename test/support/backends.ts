import { afterAll, describe } from 'vitest';
import {
  type PostgresServer,
  type RedisServer,
  serversRequired,
  startPostgres,
  startRedis,
  whyNoPostgres,
  whyNoRedis,
} from './servers.ts';

/** Where queue and store live: all in the data directory, on Redis and PostgreSQL, or both in PostgreSQL. */
export type BackendName = 'embedded' | 'redis' | 'postgres';

/** A backend for one test: nobody else's queue or store is in it. */
export type Backend = {
  readonly name: BackendName;
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly redis: RedisServer | null;
  readonly stop: () => Promise<void>;
};

const missing: Readonly<Record<BackendName, string | null>> = {
  embedded: null,
  redis: (await whyNoRedis()) ?? (await whyNoPostgres()),
  postgres: await whyNoPostgres(),
};

let postgres: Promise<PostgresServer> | undefined;
/** Suites of this file that may still need it. */
let suites = 0;

async function stopAfterTheLast(): Promise<void> {
  suites--;
  if (suites > 0) return;
  const server = postgres;
  postgres = undefined;
  await (await server)?.stop();
}

/** The PostgreSQL that the suites of one file share. */
export function sharedPostgres(): Promise<PostgresServer> {
  postgres ??= startPostgres();
  return postgres;
}

/** A fresh backend of that kind. */
export async function openBackend(
  name: BackendName,
  options: { readonly appendOnly?: boolean } = {},
): Promise<Backend> {
  if (name === 'embedded')
    return { name, redisUrl: undefined, databaseUrl: undefined, redis: null, stop: async () => undefined };
  const databaseUrl = await (await sharedPostgres()).database();
  if (name === 'postgres')
    return { name, redisUrl: undefined, databaseUrl, redis: null, stop: async () => undefined };
  const redis = await startRedis(options);
  return { name, redisUrl: redis.url, databaseUrl, redis, stop: redis.stop };
}

/**
 * A suite on one backend. Without its servers it is skipped and says so, unless ROLLCALL_TEST_SERVERS=required: then it
 * runs, and fails. Concurrent suites run side by side.
 */
export function describeOn(
  name: BackendName,
  title: string,
  suite: () => void,
  options: { readonly concurrent?: boolean } = {},
): void {
  const why = missing[name];
  const skip = why !== null && !serversRequired;
  if (skip) process.stderr.write(`skipped: ${title} on ${name}: ${why}\n`);
  describe.skipIf(skip)(`${title} [${name}]`, { concurrent: options.concurrent === true }, () => {
    if (name !== 'embedded' && !skip) {
      suites++;
      afterAll(stopAfterTheLast);
    }
    suite();
  });
}
