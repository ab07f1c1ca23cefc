import { expect, test, vi } from 'vitest';
import { reportUser, startReports } from '../../sandbox/deliveries/https.ts';
import { exampleKeys, startS3 } from '../../sandbox/deliveries/s3.ts';
import { hasSshd, startSftp } from '../../sandbox/deliveries/sftp.ts';
import { type DeliveryFault, signInPage } from '../../sandbox/deliveries/stage.ts';
import { changed, people, person, type Row, toCsv } from '../support/company.ts';
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
    const exports = await (await company.opened()).store.roster.recentExports('harbour', '', 10);
    expect(exports).toHaveLength(2);
    await company.rollcall('sync', '--yes', '--json');
    expect(await (await company.opened()).store.roster.recentExports('harbour', '', 10)).toHaveLength(2);
  } finally {
    await reports.close();
  }
});

test('a list of JSON in pages is a roster: people come, change and go; what is not all of it removes nobody', async () => {
  const reports = await startReports();
  const everyone = people(60);
  const records = (rows: readonly Row[]) =>
    rows.map(({ id, email, firstName, lastName, department, location, status }) => ({
      employee: { id, email, names: { first: firstName, last: lastName } },
      job: { department, location },
      ...(status === 'Active' ? {} : { status }),
    }));
  const all = records([...everyone.slice(0, 59), person(60, { status: 'On leave' })]);
  reports.list(all);
  const pages = { by: 'offset', size: 25, total: 'metadata.total' };
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: everyone,
    roster: {
      source: {
        type: 'https',
        url: `${reports.url}/people`,
        auth: reportUser,
        records: 'data.people',
        pages,
      },
      columns: {
        id: 'employee.id',
        email: 'employee.email',
        firstName: 'employee.names.first',
        lastName: 'employee.names.last',
        department: 'job.department',
        status: 'status',
      },
      attributes: ['job.location'],
      state: [
        { is: 'terminated', when: 'person.status == "Terminated"' },
        { is: 'leave', when: 'person.status == "On leave"' },
        { is: 'active', when: 'true' },
      ],
    },
  });
  try {
    const check = await company.rollcall('check');
    expect(check, check.out + check.err).toMatchObject({ exit: 0 });
    expect(check.out).toMatch(/JSON lines\n {2}60 records, 60 people: .*59 active, 1 leave/);
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 60 } });
    const gone = records([person(60, { status: 'Terminated' })]);
    for (const [what, strike, code] of [
      ['cut', () => reports.fail({ kind: 'cut', after: 0.5, times: 9 }), 'ROSTER_UNREACHABLE'],
      [
        'a total that is wrong',
        () => reports.list(all.slice(0, 40), { wrongTotal: { from: 1, total: 60 } }),
        'ROSTER_UNREACHABLE',
      ],
      [
        'a field that is renamed',
        () => reports.list(all.map(({ employee, ...rest }) => ({ ...rest, worker: employee }))),
        'ROSTER_HEADER',
      ],
      ['nobody', () => reports.list([]), 'ROSTER_EMPTY'],
      ['fewer', () => reports.list(all.slice(20)), 'ROSTER_SHRUNK'],
      [
        'lists for ids',
        () =>
          reports.list([
            ...all
              .slice(0, 59)
              .map(({ employee, ...rest }) => ({ ...rest, employee: { ...employee, id: [employee.id] } })),
            ...gone,
          ]),
        'ROSTER_REJECTED',
      ],
    ] as const) {
      company.sandbox.clearLog();
      strike();
      const run = await company.sync('--yes');
      expect([1, 3], what).toContain(run.exit);
      expect(
        run.reasons.map((reason) => reason.code),
        what,
      ).toContain(code);
      expect(
        company.sandbox.log.filter(({ kind }) => kind === 'write'),
        what,
      ).toEqual([]);
      reports.heal();
    }
    reports.list([...all.slice(0, 59), ...gone]);
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { deactivate: 1 } });
  } finally {
    await reports.close();
  }
});

/** A server with one delivery, and what can be done to it. */
type Drop = {
  readonly source: object;
  readonly put: (content: string) => void;
  readonly fail: (fault: DeliveryFault) => void;
  readonly heal: () => void;
  readonly close: () => Promise<void>;
};

const exportedMs = Date.now() - 3_600_000;
const drops: Readonly<Record<string, () => Promise<Drop>>> = {
  s3: async () => {
    const { put, fail, heal, close, ...server } = await startS3();
    const key = 'out/roster.csv';
    const { bucket, region, url } = server;
    return {
      source: { type: 's3', bucket, region, endpoint: url, path: 'out/*.csv', ...exampleKeys },
      put: (content) => put(key, content, exportedMs),
      fail: (fault) => fail(fault, key),
      heal,
      close,
    };
  },
  sftp: async () => {
    const { put, fail, heal, close, ...server } = await startSftp();
    const { port, user, hostKey, keys, folder } = server;
    const common = { type: 'sftp', host: '127.0.0.1', port, user, hostKey, settle: '1ms' };
    return {
      source: { ...common, path: `${folder}/*.csv`, privateKey: keys.known },
      put: (content) => put('roster.csv', content, exportedMs),
      fail: (fault) => fail(fault, 'roster.csv'),
      heal,
      close,
    };
  },
};

test.each(Object.keys(drops).filter((name) => name !== 'sftp' || hasSshd))(
  'a roster by %s that is cut off, or is a web page, removes nobody; the next one that comes applies',
  async (name) => {
    const drop = await (drops[name] as () => Promise<Drop>)();
    const everyone = people(300);
    const leavers = changed(
      everyone,
      Object.fromEntries(everyone.slice(0, 2).map((row) => [row.id, { status: 'Terminated' }])),
    );
    drop.put(toCsv(everyone));
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: everyone,
      roster: { source: drop.source },
    });
    try {
      expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({ exit: 0 });
      company.sandbox.clearLog();
      for (const fault of [
        { kind: 'cut', after: 0.5, times: Number.POSITIVE_INFINITY },
        { kind: 'page' },
      ] as const) {
        drop.put(toCsv(leavers));
        drop.fail(fault);
        const ended = await company.rollcall('sync', '--yes', '--json');
        expect(ended).toMatchObject({
          exit: 1,
          json: {
            runs: [
              {
                status: 'failed',
                reasons: [{ code: expect.stringMatching(/^ROSTER_(UNREACHABLE|FORMAT)$/) }],
              },
            ],
          },
        });
        drop.heal();
      }
      expect(company.sandbox.log.filter(({ kind }) => kind === 'write')).toEqual([]);
      drop.put(toCsv(leavers));
      expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({
        exit: 0,
        json: { runs: [{ status: 'applied', applied: { deactivate: 2 } }] },
      });
    } finally {
      await drop.close();
    }
  },
);
