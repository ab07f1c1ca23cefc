import { mkdir, rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { createHealthProbe } from '../../src/jobs/queue/health.ts';
import { createHealth } from '../../src/web/health.ts';
import { describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, timesApplied } from '../support/in-step.ts';
import { until } from '../support/until.ts';

/** A Redis that answers and cannot do its work, and how it is put right. */
type Trouble = {
  readonly name: string;
  readonly begin: (redis: Redis, other: Redis, folder: string) => Promise<unknown>;
  readonly end: (redis: Redis, other: Redis, folder: string) => Promise<unknown>;
  readonly lastsMs: number;
};

const troubles: readonly Trouble[] = [
  {
    // Longer than a run may be out of reach of its queue before jobs lose their locks, nearly.
    name: 'READONLY: it became a replica',
    begin: (redis) => redis.replicaof('127.0.0.1', 1),
    end: (redis) => redis.replicaof('NO', 'ONE'),
    lastsMs: 12_000,
  },
  {
    name: 'OOM: its memory is full',
    begin: (redis) => redis.config('SET', 'maxmemory', '1mb'),
    end: (redis) => redis.config('SET', 'maxmemory', '0'),
    lastsMs: 6_000,
  },
  {
    name: 'NOREPLICAS: it has lost its replicas',
    begin: (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
    end: (redis) => redis.config('SET', 'min-replicas-to-write', '0'),
    lastsMs: 6_000,
  },
  {
    name: 'MISCONF: it cannot save',
    begin: async (redis, _other, folder) => {
      await redis.config('SET', 'save', '3600 1');
      await rm(folder, { recursive: true });
      await redis.bgsave();
    },
    end: async (redis, _other, folder) => {
      await mkdir(folder);
      await redis.config('SET', 'save', '');
    },
    lastsMs: 6_000,
  },
  {
    name: 'BUSY: a script does not end',
    begin: async (redis, other) => {
      await redis.config('SET', 'busy-reply-threshold', '100');
      // It comes back with an error once it is killed.
      other.eval('while true do end', 0).catch(() => undefined);
    },
    end: (redis) => redis.script('KILL'),
    lastsMs: 6_000,
  },
];

const rate = 20;
const batch = 5;
const rows = people(150);

// They wait most of the time.
describeOn(
  'redis',
  'a Redis that answers and cannot do its work, in the middle of a run',
  () => {
    test.for(troubles)('$name', { timeout: 150_000 }, async ({ begin, end, lastsMs }) => {
      const backend = await openBackend('redis');
      const redis = new Redis(backend.redisUrl ?? '');
      const folder = backend.redis?.folder ?? '';
      const other = new Redis(backend.redisUrl ?? '');
      for (const one of [redis, other]) one.on('error', () => undefined);
      try {
        await using company = await openSparkwiseCompany({
          backend: 'redis',
          on: backend,
          rows,
          rate,
          platform: { batch },
        });
        const { store, queues, engine } = await company.opened();
        const probe = createHealthProbe({ store, queues, now: Date.now });
        const ready = createHealth({ store, queues, engine, files: () => [], troubles: () => [] });
        expect(await ready.reasons()).toEqual([]);
        const running = company.sync();
        await until('the third batch', () => company.sandbox.counts().writes >= 3);

        await begin(redis, other, folder);
        const beganMs = performance.now();
        await until('the probe to see it', async () => !(await probe()).queue.ok, 10_000);
        expect((await ready.reasons()).map(({ code }) => code)).toEqual(['QUEUE_UNAVAILABLE']);
        await until('its time', () => performance.now() - beganMs >= lastsMs);
        await end(redis, other, folder);
        await until('the probe to see its end', async () => (await probe()).queue.ok, 10_000);
        expect(await ready.reasons()).toEqual([]);

        const run = await running;
        expect({ status: run.status, reasons: run.reasons, exit: run.exit }).toEqual({
          status: 'applied',
          reasons: [],
          exit: 0,
        });
        expect(run.applied.create).toBe(rows.length);
        await expectEndsInStep(company, rows);
        const created = await timesApplied(company, 'create');
        expect([...created.values()].every((times) => times === 1)).toBe(true);
        expect(company.sandbox.counts().tooMany).toBe(0);
      } finally {
        redis.disconnect();
        other.disconnect();
        await backend.stop();
      }
    });
  },
  { concurrent: true },
);
