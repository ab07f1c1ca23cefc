import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { createService, type Service } from '../../src/jobs/service/service.ts';
import { describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';

const running: Service[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop(5_000)));
});

type SparkwiseCompany = Awaited<ReturnType<typeof openSparkwiseCompany>>;

/** Starts a service for the company. Its runs are none while the store is out of reach. */
async function serving(company: SparkwiseCompany) {
  const { store, queues, engine } = await company.opened();
  const service = createService({ store, queues, engine, log: engine.deps.log });
  running.push(service);
  await service.start();
  return {
    service,
    list: () => store.runs.list({ customer: 'harbour', platform: platformName, limit: 200 }).catch(() => []),
    writes: () => company.sandbox.log.filter(({ kind }) => kind === 'write').length,
  };
}

/** Cuts every connection to the database, as a restart of PostgreSQL does. */
async function cutConnections(databaseUrl: string | undefined): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
  );
  await client.end();
}

describeOn('redis', 'servers that go away and come back, without a restart of the service', () => {
  test('Redis, emptied meanwhile, and PostgreSQL, twice within one run', { timeout: 120_000 }, async () => {
    const backend = await openBackend('redis');
    const { redis } = backend;
    if (redis === null) throw new Error('no Redis');
    try {
      await using company = await openSparkwiseCompany({
        backend: 'redis',
        on: backend,
        rows: people(300),
        rate: 10,
        platform: { schedule: '*/3 * * * * *', timezone: 'UTC', batch: 10 },
      });
      const { service, list, writes } = await serving(company);
      const good = async (sinceMs: number) =>
        (await list()).some(
          (run) =>
            run.trigger !== 'command' &&
            (run.slot_ms ?? 0) > sinceMs &&
            ['applied', 'unchanged'].includes(run.status),
        );

      // In the midst of the first run.
      await until('some writes', () => writes() > 3);
      for (const seen of [5, 9]) {
        await until('more writes', () => writes() > seen);
        await cutConnections(company.backend.databaseUrl);
      }
      await until('the first run to end', async () => (await list()).some((run) => run.status === 'applied'));
      const [first] = (await list()).filter((run) => run.status === 'applied');
      expect(first?.applied.create).toBe(300);
      expect(first?.failed.create).toBe(0);

      await redis.restart({ downMs: 4_500 });
      const backMs = Date.now();
      await until('a slot after Redis is back', () => good(backMs));
      await until('health', () => service.health().queue.ok && service.health().store.ok);
      expect(company.logged()).toContain('the queue is out of reach');
      expect(company.logged()).toContain('the queue is back');
      expect((await list()).filter((run) => run.status === 'failed')).toEqual([]);
    } finally {
      await backend.stop();
    }
  });

  test('a Redis that may throw jobs away is warned of', async () => {
    const backend = await openBackend('redis');
    try {
      await using company = await openSparkwiseCompany({ backend: 'redis', on: backend, rows: people(3) });
      const { store, queues, engine } = await company.opened();
      await queues.redis?.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const service = createService({ store, queues, engine, log: engine.deps.log });
      running.push(service);
      await service.start();
      expect(service.health().mayEvict).toBe(true);
      expect(company.logged()).toContain('maxmemory-policy is not noeviction');
    } finally {
      await backend.stop();
    }
  });
});

describeOn('postgres', 'a PostgreSQL that has the queue too', () => {
  test('goes away and comes back in the midst of a run', { timeout: 120_000 }, async () => {
    await using company = await openSparkwiseCompany({
      backend: 'postgres',
      rows: people(200),
      rate: 10,
      platform: { schedule: '*/3 * * * * *', timezone: 'UTC', batch: 10 },
    });
    const { list, writes } = await serving(company);
    for (const seen of [3, 6]) {
      await until('more writes', () => writes() > seen);
      await cutConnections(company.backend.databaseUrl);
    }
    await until('everybody to be there', () => company.state.users.length === 200);
    const cutMs = Date.now();
    await until('a later slot to run', async () =>
      (await list()).some(
        (run) => (run.slot_ms ?? 0) > cutMs && (run.status === 'unchanged' || run.status === 'applied'),
      ),
    );
    expect((await list()).filter((run) => run.status === 'failed')).toEqual([]);
  });
});
