import { afterAll, expect, test } from 'vitest';
import { busiestWindow } from '../../sandbox/server.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { until } from '../support/until.ts';

/** The product's patience, a fiftieth of its seconds and a three-thousandth of its minutes: what is tried is the same. */
const limits = { firstPauseMs: 20, longestPauseMs: 300, giveUpAfterMs: 600 };
/** Thirty seconds of the back-off. */
const windowMs = 30 * limits.firstPauseMs;

const forms: readonly (readonly [string, string | undefined])[] = [
  ['none', undefined],
  ['zero', '0'],
  ['a second', '1'],
  ['an hour', '3600'],
  ['a time since 1970', String(Math.floor(Date.now() / 1_000) + 60)],
  ['a time since 1970, in ms', String(Date.now() + 60_000)],
  ['a date that is past', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  ['a date that is to come', 'Wed, 21 Oct 2099 07:28:00 GMT'],
  ['an ISO date', '2026-03-04T00:00:00Z'],
  ['a word', 'soon'],
  ['a negative number', '-1'],
];

const company = await openSparkwiseCompany({
  backend: 'embedded',
  rows: people(3),
  limits,
  platform: { batch: 1, limits: { create: { percent: 100, floor: 1_000 } } },
});
await company.sync();
let hired = 3;
afterAll(() => company[Symbol.asyncDispose]());

test.each(forms)(
  'every write is answered 429 for ever, Retry-After %s',
  { timeout: 60_000 },
  async (_form, header) => {
    const { sandbox } = company;
    const headers = header === undefined ? {} : { 'retry-after': header };
    const removed = sandbox.fail({
      kind: 'write',
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 429, headers, text: '' } },
    });
    hired += 12;
    await company.export(people(hired));
    sandbox.clearLog();
    const beganMs = performance.now();
    const run = await company.sync();
    const tookMs = performance.now() - beganMs;
    expect(run).toMatchObject({ exit: 1, status: 'failed', applied: { create: 0 } });
    expect(run.reasons[0]).toMatchObject({
      code: 'PLATFORM_RATE_LIMITED',
      message: expect.stringMatching(/HTTP 429, asked to wait until \d{4}-\d\d-\d\d \d\d:\d\d UTC\./),
    });
    const writes = sandbox.log.filter(({ kind }) => kind === 'write').map(({ atMs }) => atMs);
    expect(writes.length).toBeGreaterThan(1);
    expect(busiestWindow(writes, windowMs)).toBeLessThanOrEqual(15);
    // The last pause began within the half hour, and it is the last.
    expect(tookMs).toBeLessThan(limits.giveUpAfterMs + limits.longestPauseMs + 15_000);
    removed();
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied', applied: { create: 12 } });
  },
);

test('check and status say until when a platform asked to wait, and check does not wait for it', async () => {
  await using other = await openSparkwiseCompany({ backend: 'embedded', rows: people(3) });
  expect(await other.sync()).toMatchObject({ exit: 0 });
  other.sandbox.fail({
    times: Number.POSITIVE_INFINITY,
    effect: { do: 'answer', response: { status: 429, headers: { 'retry-after': '600' }, text: '' } },
  });
  const beganMs = performance.now();
  const checked = await other.rollcall('check');
  expect(performance.now() - beganMs).toBeLessThan(30_000);
  expect(checked.exit).toBe(1);
  expect(checked.out).toMatch(
    /FAILED: PLATFORM_RATE_LIMITED: .*asked to wait until \d{4}-\d\d-\d\d \d\d:\d\d UTC/,
  );
  expect(other.sandbox.log.filter(({ status }) => status === 429)).toHaveLength(1);
  await until('the pause is noted', async () =>
    (await other.rollcall('status')).out.includes('asked to wait until'),
  );
  const { json } = await other.rollcall('status', '--json');
  const [platform] = (json as { platforms: { askedToWaitUntil: string }[] }).platforms;
  const leftMs = Date.parse(platform?.askedToWaitUntil ?? '') - Date.now();
  expect(leftMs).toBeGreaterThan(500_000);
  expect(leftMs).toBeLessThanOrEqual(600_000);
  // Who asks again before that is told, and nothing is sent.
  expect((await other.rollcall('check', '--quick')).out).toContain(
    'not sent, the platform asked to wait until',
  );
  expect(other.sandbox.log.filter(({ status }) => status === 429)).toHaveLength(1);
  // Who would wait for it says so, and until when, before it waits; whoever asks.
  const planned = await other.spawn('plan');
  await until('the plan says that it waits', async () =>
    /^academy: asked to wait until \d\d:\d\d:\d\d \S+; going on then$/m.test(other.logged()),
  );
  await planned.kill();
  expect(other.sandbox.log.filter(({ status }) => status === 429)).toHaveLength(1);
});
