import {
  createPostgresBackend,
  type Job,
  type JobsOptions,
  Queue,
  QueueEvents,
  runMigrations,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import { RollcallError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Database } from '../../store/database.ts';
import { isOutOfReach } from '../../store/trouble.ts';

/** The queue that anybody may ask for a resync on (fixed). */
export const syncQueueName = 'rollcall-sync';
/** The queue of write requests; ours alone. */
export const batchQueueName = 'rollcall-batch';

/** A job's lock. Renewed at half of it; a process that is gone longer loses the job to another. */
const lockDurationMs = 15_000;
/** How often jobs of processes that died are looked for. */
const stalledIntervalMs = 5_000;
/** Runs asked for are kept this long, so that one slot is enqueued once however many schedulers there are. */
const keepSyncJobs = { age: 2 * 86_400, count: 5_000 } as const;

/** What the probe writes into Redis, and how long that lives. */
const probeBytes = 512;
const probeLivesMs = 60_000;

/** The queues of one backend. */
export type Queues = {
  readonly backend: 'postgres' | 'redis';
  readonly redis: Redis | null;
  readonly sync: Queue;
  readonly batch: Queue;
  readonly worker: <T>(
    name: string,
    process: (job: Job, signal: AbortSignal | undefined) => Promise<T>,
    options: { concurrency: number },
  ) => Worker;
  readonly events: (name: string) => QueueEvents;
  /** Rejects unless the queue's server can be written. Where it is the store's, the store is asked, and this does nothing. */
  readonly probe: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export type QueueOptions = {
  readonly database: Database;
  readonly redisUrl: string | undefined;
  readonly log: Log;
};

/** Opens the queues: on Redis when there is an address, else in the store's database. Throws QUEUE_UNAVAILABLE. */
export async function openQueues(options: QueueOptions): Promise<Queues> {
  return options.redisUrl === undefined
    ? openPostgresQueues(options)
    : openRedisQueues(options, options.redisUrl);
}

const syncJobs: JobsOptions = { removeOnComplete: keepSyncJobs, removeOnFail: keepSyncJobs, attempts: 1 };
const batchJobs: JobsOptions = { removeOnComplete: true, removeOnFail: true };
const workerDefaults = {
  lockDuration: lockDurationMs,
  stalledInterval: stalledIntervalMs,
  maxStalledCount: 1_000,
} as const;

async function openRedisQueues(options: QueueOptions, redisUrl: string): Promise<Queues> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, lazyConnect: true });
  let lastError = '';
  redis.on('error', (error: Error) => {
    // One line a kind of trouble, not one a retry.
    const reason = 'code' in error ? String(error.code) : error.name;
    if (reason !== lastError) options.log.error({ reason }, 'redis: connection trouble');
    lastError = reason;
  });
  redis.on('ready', () => {
    lastError = '';
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw new RollcallError('QUEUE_UNAVAILABLE', 'Redis cannot be reached.', {
      hint: 'Check REDIS_URL, and that the server is up.',
      cause: error,
    });
  }
  try {
    await claimRedis(redis, options.database.id);
  } catch (error) {
    redis.disconnect();
    throw isOutOfReach(error) ? queueUnavailable(error) : error;
  }
  await warnAboutEviction(redis, options.log);
  const sync = new Queue(syncQueueName, { connection: redis, defaultJobOptions: syncJobs });
  const batch = new Queue(batchQueueName, { connection: redis, defaultJobOptions: batchJobs });
  for (const queue of [sync, batch]) queue.on('error', () => undefined);
  return {
    backend: 'redis',
    redis,
    sync,
    batch,
    worker: (name, process, { concurrency }) => {
      const worker = new Worker(
        name,
        (job: Job, _token?: string, signal?: AbortSignal) => process(job, signal),
        {
          connection: redis,
          concurrency,
          ...workerDefaults,
        },
      );
      worker.on('error', () => undefined);
      return worker;
    },
    events: (name) => {
      const events = new QueueEvents(name, { connection: redis.duplicate({ lazyConnect: false }) });
      events.on('error', () => undefined);
      return events;
    },
    probe: async () => {
      // Without a connection a command would wait in line for one.
      if (redis.status !== 'ready') throw new Error('not connected');
      // Of the size of a small job: a full Redis still takes less.
      await redis.set('rollcall:probe', 'x'.repeat(probeBytes), 'PX', probeLivesMs);
    },
    close: async () => {
      await Promise.allSettled([sync.close(), batch.close()]);
      redis.disconnect();
    },
  };
}

/** The queue answers and takes nothing now. Redis' first word says why, such as READONLY or OOM. */
export function queueUnavailable(error: unknown): RollcallError {
  const word = error instanceof Error ? /\b[A-Z]{3,12}\b/.exec(error.message)?.[0] : undefined;
  return new RollcallError(
    'QUEUE_UNAVAILABLE',
    `the queue takes no jobs now${word === undefined ? '' : ` (${word})`}.`,
    { hint: 'It goes on by itself once the server does its work again: docs/runbook.md.', cause: error },
  );
}

/** One Redis serves one store: a second store's service would take the first one's jobs. */
async function claimRedis(redis: Redis, store: string): Promise<void> {
  await redis.set('rollcall:store', store, 'NX');
  const owner = await redis.get('rollcall:store');
  if (owner === store) return;
  throw new RollcallError(
    'STORE_MISMATCH',
    `this Redis belongs to the store ${owner}, and this one is ${store}.`,
    {
      hint: 'Give each database its own Redis (or its own database number in REDIS_URL), or delete the key rollcall:store if the other store is gone.',
    },
  );
}

/** BullMQ needs `noeviction`: any other policy may drop jobs. True when all is well. */
export async function redisKeepsEverything(redis: Redis): Promise<boolean> {
  const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1];
  return policy === undefined || policy === 'noeviction';
}

async function warnAboutEviction(redis: Redis, log: Log): Promise<void> {
  if (!(await redisKeepsEverything(redis)))
    log.warn({}, 'redis: maxmemory-policy is not noeviction; queued jobs may be dropped');
}

async function openPostgresQueues({ database }: QueueOptions): Promise<Queues> {
  const client = await database.queuePool.connect();
  try {
    await runMigrations(client, 'bullmq');
  } finally {
    client.release();
  }
  // One pool for all of them: given an address, each queue and each worker would open its own.
  const target = database.queuePool as never;
  const sync = new Queue(
    syncQueueName,
    { connection: target, defaultJobOptions: syncJobs },
    createPostgresBackend,
  );
  const batch = new Queue(
    batchQueueName,
    { connection: target, defaultJobOptions: batchJobs },
    createPostgresBackend,
  );
  for (const queue of [sync, batch]) queue.on('error', () => undefined);
  await sync.waitUntilReady();
  return {
    backend: 'postgres',
    redis: null,
    sync: sync as unknown as Queue,
    batch: batch as unknown as Queue,
    worker: (name, process, { concurrency }) => {
      const options: WorkerOptions<never> = { connection: target, concurrency, ...workerDefaults };
      const worker = new Worker(
        name,
        (job: Job, _token?: string, signal?: AbortSignal) => process(job, signal),
        options,
        createPostgresBackend as never,
      );
      worker.on('error', () => undefined);
      return worker as unknown as Worker;
    },
    events: (name) => {
      const events = new QueueEvents(name, { connection: target }, createPostgresBackend);
      events.on('error', () => undefined);
      return events as unknown as QueueEvents;
    },
    probe: async () => undefined,
    close: async () => {
      await Promise.allSettled([sync.close(), batch.close()]);
    },
  };
}
