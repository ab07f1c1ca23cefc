import { Queue } from 'bullmq';
import { expect, test, vi } from 'vitest';
import { createService } from '../../../src/jobs/service/service.ts';
import { describeOn, openBackend } from '../../support/backends.ts';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';
import { until } from '../../support/until.ts';

// Two companies, a service and a command: seconds by itself, and much longer on a machine with other work.
vi.setConfig({ testTimeout: 120_000 });

const minuteMs = 60_000;

describeOn('redis', 'a command on a queue that it shares', () => {
  test('leaves requests of customers that it does not know to the service, however old they are', async () => {
    const backend = await openBackend('redis');
    try {
      await using harbour = await openSparkwiseCompany({ backend: 'redis', on: backend, rows: people(12) });
      await using orchard = await openSparkwiseCompany({
        backend: 'redis',
        on: backend,
        rows: people(7),
        config: { customer: 'orchard' },
      });
      // Three requests for harbour while its service is down: the schedule's, one that has waited, and somebody's.
      const { engine, queues, store } = await harbour.opened();
      const slot = { customer: 'harbour', platform: platformName, trigger: 'schedule', actor: null } as const;
      const slotMs = Math.floor(Date.now() / minuteMs) * minuteMs;
      const fresh = await engine.request({ ...slot, slotMs, jobId: 'slot.fresh' });
      await using queue = Object.assign(
        new Queue('rollcall-sync', { connection: { url: backend.redisUrl ?? '' } }),
        { [Symbol.asyncDispose]: () => queue.close() },
      );
      const old = await queue.add(
        'sync',
        {
          customer: 'harbour',
          platform: platformName,
          trigger: 'schedule',
          slotMs: slotMs - 60 * minuteMs,
        },
        { jobId: 'slot.old', timestamp: Date.now() - 60 * minuteMs },
      );
      const asked = await queue.add('resync', {
        platform: platformName,
        customer: 'harbour',
        reason: 'asked',
      });
      const requests = [fresh, old, asked].map((job) => String(job.id));
      const answers = async () =>
        Promise.all(requests.map(async (id) => (await queue.getJob(id))?.returnvalue ?? null));

      // A command for orchard works on the same queue: the company keeps it open after its own run.
      expect(await orchard.sync()).toMatchObject({ status: 'applied', planned: { create: 7 } });
      await until('the command to have had each of them in its hands', async () => {
        const states = await Promise.all(requests.map((id) => queue.getJobState(id)));
        return states.every((state) => state === 'delayed' || state === 'completed');
      });
      expect(await answers()).toEqual([null, null, null]);
      expect(await store.runs.list({ customer: 'harbour', platform: platformName, limit: 10 })).toEqual([]);
      expect(harbour.state.users).toHaveLength(0);
      await orchard.close();

      const service = createService({ store, queues, engine, log: engine.deps.log });
      await service.start();
      try {
        await until('the service to have answered', async () =>
          (await answers()).every((answer) => answer !== null),
        );
        const statuses = (await answers()).map((answer: unknown) => Object.keys(answer as object).sort());
        // Of requests that ask for the same the youngest may do the work of all.
        expect(statuses.flat().filter((key) => key === 'refused')).toEqual([]);
        expect(harbour.state.users).toHaveLength(12);
        // Which of two slots that began in one millisecond does the work of both is nobody's business.
        const runs = await store.runs.list({ customer: 'harbour', platform: platformName, limit: 10 });
        expect(runs.filter((run) => run.status === 'applied')).toHaveLength(1);
        for (const run of runs.filter((each) => !['applied', 'unchanged'].includes(each.status)))
          expect(run).toMatchObject({ status: 'cancelled', reasons: [{ code: 'RUN_REPLACED' }] });
      } finally {
        await service.stop(5_000);
      }
    } finally {
      await backend.stop();
    }
  });
});
