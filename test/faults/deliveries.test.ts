import { expect, test, vi } from 'vitest';
import { reportUser, startReports } from '../../sandbox/deliveries/https.ts';
import { signInPage } from '../../sandbox/deliveries/stage.ts';
import { changed, people, toCsv } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';

vi.setConfig({ testTimeout: 120_000 });

test('a roster over HTTPS that does not come removes nobody; the next one that comes applies', async () => {
  const reports = await startReports();
  const everyone = people(40);
  const leavers = changed(
    everyone,
    Object.fromEntries(everyone.slice(0, 2).map((row) => [row.id, { status: 'Terminated' }])),
  );
  reports.put(toCsv(everyone));
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: everyone,
    roster: { source: { type: 'https', url: `${reports.url}/report.csv?key=k3y`, auth: reportUser } },
  });
  try {
    expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({ exit: 0 });
    expect((await company.rollcall('status', '--json')).json).toMatchObject({
      roster: { lastRead: { rows: 40, complete: true } },
    });
    reports.put(toCsv(leavers));
    const faults: readonly [string, () => void][] = [
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((eighth): [string, () => void] => [
        `cut after ${eighth} eighths`,
        () => reports.fail({ kind: 'cut', after: eighth / 8, times: Number.POSITIVE_INFINITY }),
      ]),
      ['a page to sign in', () => reports.fail({ kind: 'page' })],
      ['refused', () => reports.answerNext({ status: 401 })],
      ['away', () => reports.answerNext({ status: 502 }, { status: 502 }, { status: 502 })],
    ];
    for (const [what, strike] of faults) {
      company.sandbox.clearLog();
      strike();
      const ended = await company.rollcall('sync', '--yes', '--json');
      expect(ended.exit, what).toBe(1);
      expect(ended.json, what).toMatchObject({
        runs: [{ status: 'failed', reasons: [{ code: 'ROSTER_UNREACHABLE' }] }],
      });
      expect(ended.out + ended.err, what).not.toMatch(/k3y|p%ss/);
      expect(
        company.sandbox.log.filter(({ kind }) => kind === 'write'),
        what,
      ).toEqual([]);
      reports.heal();
    }
    for (const [content, code] of [
      ['', 'ROSTER_HEADER'],
      [signInPage, 'ROSTER_FORMAT'],
    ] as const) {
      reports.put(content);
      expect((await company.rollcall('sync', '--yes', '--json')).json).toMatchObject({
        runs: [{ status: 'failed', reasons: [{ code }] }],
      });
    }
    reports.put(toCsv(leavers));
    expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({
      exit: 0,
      json: { runs: [{ status: 'applied', applied: { deactivate: 2 } }] },
    });
    // The same content without a date is the same export.
    const exports = await (await company.opened()).store.roster.recentExports('harbour', 10);
    expect(exports).toHaveLength(2);
    await company.rollcall('sync', '--yes', '--json');
    expect(await (await company.opened()).store.roster.recentExports('harbour', 10)).toHaveLength(2);
  } finally {
    await reports.close();
  }
});
