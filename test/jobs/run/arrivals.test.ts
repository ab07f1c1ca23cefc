import { expect, test, vi } from 'vitest';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';
import { serve, slotsOf } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

// Each test starts a service: seconds by itself, and much longer on a machine with other work.
vi.setConfig({ testTimeout: 120_000 });

const hourMs = 3_600_000;

test('a run waits for the roster it expects, takes it when it comes, and gives up at the deadline', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(50),
    clock: '2026-11-20T12:00:00Z',
    roster: { expected: { cron: '0 1 * * *', timezone: 'UTC', grace: '30m' }, waitFor: '90m' },
    platform: { schedule: '0 2 * * *', timezone: 'UTC' },
  });
  const { queues } = await company.opened();
  await serve(company);
  // Opening the company took a look at the platform.
  company.sandbox.clearLog();
  const { newest, waiting, ended, lookAgain } = await slotsOf(company);

  // Yesterday's file: today's was due at one.
  company.clock.set('2026-11-21T02:00:01Z');
  await waiting('2026-11-21T02:00:00Z');
  expect((await newest())?.notes).toMatchObject([
    { code: 'ROSTER_AWAITED', message: expect.stringContaining('2026-11-21T03:30:00.000Z') },
  ]);
  const status = (await company.rollcall('status', '--json')).json;
  expect(status).toMatchObject({
    platforms: [{ underWay: [{ status: 'waiting' }] }],
    roster: { ageMs: 14 * hourMs + 1_000 },
  });
  expect(company.sandbox.log.filter(({ kind }) => kind !== 'auth')).toEqual([]);

  // It comes, and is left to settle for two seconds.
  await company.export(people(51));
  await lookAgain();
  await until('the job to wait again', async () => (await queues.sync.getDelayedCount()) === 1);
  expect((await newest())?.status).toBe('waiting');
  company.clock.advance(10_000);
  await lookAgain();
  expect(await ended('2026-11-21T02:00:00Z')).toMatchObject({
    status: 'applied',
    trigger: 'schedule',
    notes: [{ code: 'VALUES_NOT_COMPARED' }],
  });

  // The next day it does not come: after the deadline the run goes on, and removes nobody.
  company.clock.set('2026-11-22T02:00:01Z');
  await waiting('2026-11-22T02:00:00Z');
  company.clock.set('2026-11-22T03:30:01Z');
  await lookAgain();
  const late = await ended('2026-11-22T02:00:00Z');
  expect(late).toMatchObject({ status: 'withheld', reasons: [{ code: 'ROSTER_STALE' }] });
  expect(late?.notes.map(({ code }) => code)).toEqual(['ROSTER_LATE', 'ROSTER_UNCHANGED']);
});

test('without an expectation the same file is still said to be the same', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(5),
    clock: '2026-11-20T12:00:00Z',
    platform: { schedule: '0 2 * * *', timezone: 'UTC' },
  });
  const { store } = await company.opened();
  await serve(company);
  const notes: string[][] = [];
  for (const day of ['21', '22', '23']) {
    if (day === '23') await company.export(people(5));
    company.clock.set(`2026-11-${day}T02:00:03Z`);
    await until(`the run of ${day}`, async () => {
      const [run] = await store.runs.list({ customer: 'harbour', platform: platformName, limit: 1 });
      const isIt = run?.slot_ms === Date.parse(`2026-11-${day}T02:00:00Z`) && run.ended_ms !== null;
      if (isIt) notes.push(run.notes.map(({ code }) => code));
      return isIt;
    });
  }
  expect(notes).toEqual([['VALUES_NOT_COMPARED'], ['ROSTER_UNCHANGED'], []]);
});
