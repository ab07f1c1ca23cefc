import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';

describe('check finds what start would refuse', async () => {
  test.each([
    ['0 25 * * *', '25 is a invalid expression for hour'],
    ['0 2 30 2 *', '30 2 is an impossible day'],
  ])('the schedule %s', async (schedule, what) => {
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: people(3),
      platform: { schedule },
    });
    const { exit, err } = await company.rollcall('check', '--quick');
    expect(exit).toBe(2);
    expect(err).toContain('CONFIG_INVALID');
    expect(err).toContain(what);
  });
});

test('check warns of what works and is not as it should be, and a good configuration has no warning', async () => {
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(12),
    platform: { maxShrink: '100%' },
    config: {
      control: { tokens: [{ name: 'ops', role: 'operator', token: 'secret' }] },
      alerts: {
        channels: [
          { type: 'pagerduty', routingKey: 'R0123' },
          { type: 'opsgenie', apiKey: 'key' },
          { type: 'slack', webhookUrl: 'https://hooks.slack.com/workflows/T1' },
        ],
      },
    },
  });
  const warned = await company.rollcall('check');
  expect(warned.exit, warned.out).toBe(0);
  for (const line of [
    'platforms.academy: has no schedule',
    'platforms.academy.maxShrink: is 100%: whatever the platform answers counts as all of it',
    'platforms.academy.apiKey: is a secret that stands in the file',
    'control.tokens[0].token: is a secret that stands in the file',
    'control.tokens[0].token: is a weak token: make one with openssl rand -base64 33',
    'alerts.channels[0].routingKey: is not what a routing key looks like: 32 letters and digits',
    'alerts.channels[1].apiKey: is not what an API key of Opsgenie looks like',
    'alerts.channels[2].webhookUrl: is not what an incoming webhook of Slack looks like',
  ])
    expect(warned.out).toMatch(
      new RegExp(`^warning: .*rollcall\\.yaml:\\d+:\\d+ ${line.replace(/[.[\]]/g, '\\$&')}`, 'm'),
    );
  // No secret is repeated.
  expect(warned.out).not.toContain('R0123');

  const secret = join(company.folder, 'key');
  await writeFile(secret, 'sandbox-sparkwise-key\n');
  const settings = JSON.parse(JSON.stringify((await company.rollcall('check', '--json', '--quick')).json));
  expect(settings.configuration.warnings).toHaveLength(8 + 3);

  const { apiKey } = await import('../../sandbox/sparkwise/index.ts').then((it) => ({
    apiKey: it.sparkwiseApiKey,
  }));
  await writeFile(secret, `${apiKey}\n`);
  await chmod(secret, 0o644);
  await company.configure({
    platform: { apiKey: `\${file:key}`, schedule: '0 2 * * *', maxShrink: '10%' },
    config: { control: {}, alerts: {} },
  });
  const open = await company.rollcall('check');
  expect(open.out).toContain(
    `warning: ${secret}: holds a secret, and everybody on this machine may read it: chmod o-r`,
  );
  await chmod(secret, 0o640);
  await company.configure({});
  expect((await company.rollcall('check')).out).not.toContain('warning:');
});

test('check names the rules that match nobody, and an address that answers 404 to everything', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(6) });
  await company.configure({ platform: { accounts: 'person.department == "warehouse"' } });
  expect((await company.rollcall('check')).out).toContain(
    'warning: platforms.academy.accounts (person.department == "warehouse") matches nobody on the roster; comparing minds upper and lower case',
  );
  await company.configure({
    platform: { accounts: 'person.state == "active"', baseUrl: `${company.sandbox.url}/wrong/v9` },
  });
  company.sandbox.fail({
    times: Number.POSITIVE_INFINITY,
    effect: { do: 'answer', response: { status: 404, text: 'no such page' } },
  });
  const wrong = await company.rollcall('check');
  expect(wrong.exit).toBe(1);
  expect(wrong.out).toContain(
    `warning: baseUrl is ${company.sandbox.url}/wrong/v9, and what is there answers 404`,
  );
});

test('a platform without a mode observes: nothing is written, and every command says so and how to go on', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(6) });
  await company.configure({ platform: { mode: undefined } });
  const said =
    /observes: nothing is written there\. To apply, set mode: additive \(nobody is removed\) or mode: full under platforms\.academy/;
  for (const name of ['check', 'plan', 'sync']) {
    const { out, exit } = await company.rollcall(name);
    expect(exit, out).toBe(0);
    expect(out, name).toMatch(said);
  }
  expect((await company.rollcall('status')).out).toMatch(
    /observes {2}nothing is written there; to apply, set mode/,
  );
  expect(company.sandbox.log.filter(({ kind }) => kind === 'write')).toEqual([]);
  await company.configure({ platform: { mode: 'full' } });
  expect(await company.sync(platformName)).toMatchObject({ status: 'applied', applied: { create: 6 } });
  for (const name of ['check', 'plan', 'sync', 'status'])
    expect((await company.rollcall(name)).out, name).not.toContain('observes');
});
