import { expect, test, vi } from 'vitest';
import { reportToken, startReports } from '../../../sandbox/deliveries/https.ts';
import { people, toCsv } from '../../support/company.ts';
import { openSparkwiseCompany } from '../../support/harness.ts';
import { serve, slotsOf } from '../../support/serving.ts';

vi.setConfig({ testTimeout: 120_000 });

test('a run by schedule tries to fetch the roster until waitFor; refused credentials fail it at once', async () => {
  const reports = await startReports();
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(20),
    clock: '2026-11-20T12:00:00Z',
    roster: {
      source: { type: 'https', url: `${reports.url}/report.csv`, auth: { token: reportToken } },
      waitFor: '90m',
    },
    platform: { schedule: '0 2 * * *', timezone: 'UTC' },
  });
  try {
    await serve(company);
    // Opening the company took a look at the roster.
    const before = reports.requests.length;
    const slots = await slotsOf(company);
    const { newest, ended, lookAgain } = slots;
    const waiting = (slot: string, requests: number) =>
      slots.waiting(slot, () => reports.requests.length - before === requests);
    const away = { status: 502 };

    // Away, and back within the time that it is waited for.
    reports.put(toCsv(people(20)));
    reports.answerNext(...Array.from({ length: 6 }, () => away));
    company.clock.set('2026-11-21T02:00:01Z');
    await waiting('2026-11-21T02:00:00Z', 3);
    expect((await newest())?.notes).toMatchObject([
      { code: 'ROSTER_UNREACHABLE', message: expect.stringContaining('HTTP 502. The run tries again in 5m') },
    ]);
    company.clock.advance(5 * 60_000);
    await lookAgain();
    await waiting('2026-11-21T02:00:00Z', 6);
    company.clock.advance(5 * 60_000);
    await lookAgain();
    expect(await ended('2026-11-21T02:00:00Z')).toMatchObject({ status: 'applied' });

    // Away for longer.
    reports.answerNext(...Array.from({ length: 6 }, () => away));
    company.clock.set('2026-11-22T02:00:01Z');
    await waiting('2026-11-22T02:00:00Z', 10);
    company.clock.advance(90 * 60_000);
    await lookAgain();
    expect(await ended('2026-11-22T02:00:00Z')).toMatchObject({
      status: 'failed',
      reasons: [{ code: 'ROSTER_UNREACHABLE' }],
    });

    // Nothing that waiting would mend.
    reports.answerNext({ status: 401 });
    company.clock.set('2026-11-23T02:00:01Z');
    expect(await ended('2026-11-23T02:00:00Z')).toMatchObject({
      status: 'failed',
      reasons: [{ code: 'ROSTER_UNREACHABLE', message: expect.stringContaining('HTTP 401') }],
    });
    expect(reports.requests.length - before).toBe(14);
  } finally {
    await reports.close();
  }
});
