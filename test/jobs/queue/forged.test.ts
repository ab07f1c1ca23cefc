import { expect, test } from 'vitest';
import { describeOn } from '../../support/backends.ts';
import { changed, people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';
import { differences } from '../../support/in-step.ts';
import { until } from '../../support/until.ts';

const rows = people(30);
const signal = new AbortController().signal;

describeOn('redis', 'jobs that somebody else put on the queues', () => {
  test('are references at most: what they claim is refused, logged, and stops nothing', {
    timeout: 120_000,
  }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'redis', rows });
    const { id: run } = await company.sync();
    if (run === null) throw new Error('no run');
    const { engine, queues, store } = await company.opened();
    company.sandbox.clearLog();
    const runs = async () =>
      (await store.runs.list({ customer: 'harbour', platform: platformName, limit: 50 })).map(({ id }) => id);
    const before = await runs();

    // Batches: of another platform, of a run that is over, under a made-up lease, under an id of their own.
    const batches = [
      { customer: 'harbour', platform: 'other', run, batch: 1 },
      { run, batch: 1 },
      { run, batch: 1, lease: 99, platform: 'other' },
      { run, batch: 1, lease: 1 },
      { run: 'none', batch: 1, lease: 1 },
    ];
    for (const [at, data] of batches.entries())
      await queues.batch.add('batch', data, { jobId: `forged-${at}`, removeOnComplete: false });
    await queues.batch.add('batch', batches[3], { jobId: `${run}-b1-l1`, removeOnComplete: false });
    await until('the forged batches', async () => (await queues.batch.getCompletedCount()) === 6);

    // Runs: an undo that names its actor, an approval, a slot that nobody's calendar has, a run that is none.
    const asked = [
      { customer: 'harbour', platform: platformName, trigger: 'undo', undoes: run, actor: 'the boss' },
      { customer: 'harbour', platform: platformName, trigger: 'approval', approval: 'x', actor: 'the boss' },
      { customer: 'harbour', platform: platformName, trigger: 'schedule', slotMs: 1e300 },
      { customer: 'harbour', platform: platformName, trigger: 'schedule', slotMs: Date.now() + 3_600_000 },
      { run: 'none' },
      'nothing',
    ];
    for (const data of asked) {
      const job = await queues.sync.add('sync', data);
      await until('its answer', async () => (await queues.sync.getJob(String(job.id)))?.returnvalue != null);
      const answered = await queues.sync.getJob(String(job.id));
      expect(answered?.returnvalue, JSON.stringify(data)).toMatchObject({ refused: {} });
    }

    // One that waits for a time that cannot be breaks neither a listing nor a start.
    await queues.sync.add(
      'sync',
      { customer: 'harbour', platform: platformName, trigger: 'schedule', slotMs: 1e300 },
      { delay: 3_600_000 },
    );
    await queues.sync.add('resync', { platform: platformName }, { delay: 3_600_000, timestamp: 8.65e15 });
    await engine.sweep();

    expect(await runs()).toEqual(before);
    expect(company.sandbox.log).toEqual([]);
    expect(company.logged().split('was refused').length).toBeGreaterThan(4);
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged' });
  });

  test('a resync that was asked for later does not take the place of one that waits now', {
    timeout: 120_000,
  }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'redis', rows });
    await company.sync();
    const { queues } = await company.opened();
    await queues.sync.add('resync', { platform: platformName }, { delay: 3_600_000 });
    const now = await queues.sync.add('resync', { platform: platformName });
    await queues.sync.add('resync', { platform: platformName }, { delay: 3_600_000 });
    await until('its run', async () => (await queues.sync.getJob(String(now.id)))?.returnvalue != null);
    expect((await queues.sync.getJob(String(now.id)))?.returnvalue).toMatchObject({ status: 'unchanged' });
  });

  test('hundreds of requests for people keep no slot waiting, and more than are of use are turned down', {
    timeout: 240_000,
  }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'redis', rows: people(300), rate: 5 });
    const { queues, engine, store } = await company.opened();
    // A run under way, behind which everything waits.
    const first = company.sync();
    await until('the first run', async () => {
      const open = await store.runs.open('harbour');
      return open.some(({ status }) => status === 'applying');
    });
    await queues.sync.addBulk(
      people(400).map(({ id }) => ({ name: 'resync', data: { platform: platformName, person: id } })),
    );
    const slotMs = Date.now();
    const slot = await engine.request({
      customer: 'harbour',
      platform: platformName,
      trigger: 'schedule',
      actor: null,
      slotMs,
      jobId: 'slot-of-the-test',
    });
    expect(await first).toMatchObject({ status: 'applied' });
    const endedMs = Date.now();
    const result = await engine.result(slot, { signal });
    if (!('run' in result)) throw new Error(JSON.stringify(result));
    // No more than the one-person run that may have been just under way comes before it.
    expect((result.run.started_ms ?? 0) - endedMs).toBeLessThan(10_000);
    await until('the requests that are too many', async () => {
      const jobs = await queues.sync.getJobs(['completed'], 0, 500);
      return jobs.some(({ returnvalue }) => returnvalue?.refused?.code === 'TOO_MANY_REQUESTS');
    });
    expect(differences(company.state, changed(people(300), {}))).toEqual([]);
    await queues.sync.obliterate({ force: true });
  });
});
