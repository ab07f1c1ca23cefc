import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, timesApplied } from '../support/in-step.ts';
import type { startRedis } from '../support/servers.ts';
import { until } from '../support/until.ts';

const rate = 20;
const rows = people(200);

describeOn('redis', 'a queue that is lost during a run', () => {
  const losses = [
    {
      name: 'FLUSHALL',
      appendOnly: false,
      lose: async (url: string): Promise<void> => {
        const redis = new Redis(url);
        await redis.flushall();
        redis.disconnect();
      },
    },
    {
      name: 'Redis restarted, empty',
      appendOnly: false,
      lose: async (_url: string, redis: Awaited<ReturnType<typeof startRedis>>) =>
        redis.restart({ downMs: 500 }),
    },
    {
      name: 'Redis restarted with its data',
      appendOnly: true,
      lose: async (_url: string, redis: Awaited<ReturnType<typeof startRedis>>) =>
        redis.restart({ keep: true, downMs: 500 }),
    },
  ] as const;

  test.concurrent.for(losses)('$name', { timeout: 120_000 }, async ({ appendOnly, lose }) => {
    const backend = await openBackend('redis', { appendOnly });
    const { redis } = backend;
    if (redis === null) throw new Error('no Redis');
    try {
      await using company = await openSparkwiseCompany({
        backend: 'redis',
        on: backend,
        rows,
        rate,
        platform: { batch: 5 },
      });
      // One batch waits in the queue for its next try: it is what gets lost.
      company.sandbox.fail({
        path: '/users/batch',
        skip: 4,
        effect: { do: 'answer', response: { status: 503, text: '' } },
      });
      const { queues } = await company.opened();
      const running = company.sync();
      const waits = async (): Promise<boolean> => (await queues.batch.getDelayedCount()) === 1;
      await until('a batch that waits for its next try', waits);
      await lose(redis.url, redis);

      expect(await running).toMatchObject({ exit: 0, status: 'applied', applied: { create: rows.length } });

      const { writes, tooMany, busiestWindow } = company.sandbox.counts();
      expect(tooMany).toBe(0);
      expect(busiestWindow).toBeLessThanOrEqual(rate);
      // Each person is in exactly one request that was taken, and one request was refused.
      expect(writes).toBe(rows.length / 5 + 1);
      await expectEndsInStep(company, rows);
      const created = await timesApplied(company, 'create');
      expect(created.size).toBe(rows.length);
      expect([...created.values()].every((times) => times === 1)).toBe(true);
    } finally {
      await backend.stop();
    }
  });

  test('a request that was lost before its run began is asked again', { timeout: 60_000 }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'redis', rows });
    const { engine } = await company.opened();
    const job = await engine.request({
      customer: 'harbour',
      platform: 'academy',
      trigger: 'command',
      actor: null,
    });
    const redis = new Redis(company.backend.redisUrl ?? '');
    await redis.flushall();
    redis.disconnect();
    await engine.start();
    const result = await engine.result(job, { signal: new AbortController().signal });
    expect(result).toMatchObject({ run: { status: 'applied' } });
    await expectEndsInStep(company, rows);
  });
});
