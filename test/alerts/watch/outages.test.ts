import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { alertingLeaseName, createAlerting } from '../../../src/alerts/watch/alerting.ts';
import { createHealthProbe } from '../../../src/jobs/queue/health.ts';
import { openQueues } from '../../../src/jobs/queue/queues.ts';
import { createLog } from '../../../src/log.ts';
import { openPostgres } from '../../../src/store/database.ts';
import { type Backend, describeOn, openBackend } from '../../support/backends.ts';
import { people } from '../../support/company.ts';
import { type Gate, gateBefore } from './gate.ts';
import { minuteMs, openWorld, sparkwise, type TestCustomer, type World } from './world.ts';

/** What on-call is promised. */
const promisedMs = 10_000;
const quiet = createLog({ level: 'silent', destination: { write: () => undefined } });

describeOn('redis', 'outages of our own house', () => {
  let backend: Backend;
  let redisGate: Gate;
  let postgresGate: Gate;
  let academy: Awaited<ReturnType<typeof startSparkwise>>;
  let world: World;
  let acme: TestCustomer;
  /** Added to the time: what is asked once a minute need not be waited for. */
  const clock = {
    aheadMs: 0,
    get nowMs() {
      return Date.now() + this.aheadMs;
    },
    set nowMs(ms: number) {
      this.aheadMs = ms - Date.now();
    },
  };

  beforeAll(async () => {
    backend = await openBackend('redis');
    redisGate = await gateBefore(backend.redisUrl ?? '');
    postgresGate = await gateBefore(backend.databaseUrl ?? '');
    academy = await startSparkwise();
    world = await openWorld(
      { acme: { platforms: { academy: sparkwise(academy) } } },
      {
        clock,
        database: await openPostgres(postgresGate.url),
        queues: (database) => openQueues({ database, redisUrl: redisGate.url, log: quiet }),
        alerting: ({ store, queues }) => ({
          tickMs: 1_000,
          health: createHealthProbe({ store, queues, now: () => clock.nowMs }),
        }),
      },
    );
    acme = world.customer('acme');
  }, 180_000);
  afterAll(async () => {
    await world?.close();
    await academy?.sandbox.close();
    await redisGate?.close();
    await postgresGate?.close();
    await backend?.stop();
  });

  /** Waits for exactly this, no longer than promised, and a few looks more for what should not come. */
  async function expectHeard(wanted: readonly string[]): Promise<void> {
    const heard: string[] = [];
    await vi.waitFor(
      () => {
        heard.push(...acme.heard());
        expect(heard).toEqual(wanted);
      },
      { timeout: promisedMs, interval: 20 },
    );
    for (let look = 0; look < 20; look++) await world.alerting.tick();
    await world.alerting.settled(promisedMs);
    expect(acme.heard()).toEqual([]);
  }

  it('says nothing while all is well', async () => {
    await acme.export(people(20));
    expect((await acme.run()).status).toBe('applied');
    expect((await acme.run()).status).toBe('unchanged');
    await world.alerting.tick();
    expect(acme.heard()).toEqual([]);
  });

  it('tells of a queue out of reach, and when it is back', async () => {
    await redisGate.shut();
    await expectHeard(['begin QUEUE_UNREACHABLE']);
    expect(acme.messages.at(-1)?.nextStep).toContain('redis-cli');
    await redisGate.open();
    await expectHeard(['end QUEUE_UNREACHABLE']);
    expect((await acme.run()).status).toBe('unchanged');
  });

  it('tells of a database out of reach although it is, once for several processes, and when it is back', async () => {
    const twin = createAlerting({
      deps: { ...world.engine.deps, instance: 'twin', events: new EventEmitter() },
      health: createHealthProbe({
        store: world.store,
        queues: world.engine.deps.queues,
        now: () => clock.nowMs,
      }),
      tickMs: 1_000,
    });
    twin.start();
    expect(await twin.evaluate('acme')).toBe(false);
    await postgresGate.shut();
    await expectHeard(['begin STORE_UNREACHABLE']);
    expect(acme.messages.at(-1)?.severity).toBe('critical');
    await postgresGate.open();
    await expectHeard(['end STORE_UNREACHABLE']);
    expect(await world.store.alerts.open('acme')).toEqual([]);
    expect(await world.store.alerts.pending('acme')).toEqual([]);
    await twin.stop();
    expect((await acme.run()).status).toBe('unchanged');
    expect(acme.heard()).toEqual([]);
  });

  it('warns of a Redis that throws keys away', async () => {
    const redis = new Redis(backend.redisUrl ?? '');
    try {
      await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
      clock.aheadMs += 2 * minuteMs;
      await expectHeard(['begin REDIS_EVICTION']);
      await redis.config('SET', 'maxmemory-policy', 'noeviction');
      clock.aheadMs += 2 * minuteMs;
      await expectHeard(['end REDIS_EVICTION']);
    } finally {
      redis.disconnect();
    }
  });

  it('tells of a run that another process ended, by the one that has the alerting', async () => {
    await world.alerting.tick();
    const { store } = world;
    expect(await store.leases.take('acme', alertingLeaseName, 'somebody', minuteMs)).toMatchObject({
      mine: false,
    });
    // The run ends where nobody listens.
    world.engine.deps.events.removeAllListeners('runEnded');
    academy.sandbox.fail({
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 200, text: '<html></html>' } },
    });
    expect((await acme.run()).status).toBe('failed');
    await expectHeard(['begin RUN_FAILED']);
    academy.sandbox.clearFaults();
    await acme.run();
    await expectHeard(['end RUN_FAILED']);
  });

  it('goes over to another process when the one that has it stops', async () => {
    await world.alerting.stop();
    const next = createAlerting({
      deps: { ...world.engine.deps, instance: 'next', events: new EventEmitter() },
    });
    expect(await next.evaluate('acme')).toBe(true);
    expect(await world.alerting.evaluate('acme')).toBe(false);
    await next.stop();
  });
});
