import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  opsgenieReceiver,
  pagerdutyReceiver,
  slackReceiver,
  startMailReceiver,
  teamsReceiver,
  webhookReceiver,
} from '../../sandbox/receivers/index.ts';
import { type Sandbox, type SandboxPlatform, startSandbox } from '../../sandbox/server.ts';
import { type AlertLog, createNotifier, isRouted, testAlert } from '../../src/alerts/deliver.ts';
import { pingHeartbeat } from '../../src/alerts/heartbeat.ts';
import { attempt } from '../../src/alerts/http.ts';
import { longestWaitMs, type RetryPolicy } from '../../src/alerts/retry.ts';
import type { AlertChannelConfig } from '../../src/config/schema.ts';
import { lifeOf, sampleCondition, startMs } from './channels/sample.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serve(platform: SandboxPlatform): Promise<Sandbox> {
  const sandbox = await startSandbox(platform);
  cleanups.push(sandbox.close);
  return sandbox;
}

/** Waits are recorded, not waited. */
function patience(attempts = 3): { policy: RetryPolicy; waits: number[] } {
  const waits: number[] = [];
  return { waits, policy: { attempts, baseMs: 100, sleep: async (ms) => waits.push(ms) } };
}

function logOf(): { log: AlertLog; lines: string[] } {
  const lines: string[] = [];
  const line = (fields: Readonly<Record<string, unknown>>, text: string): void => {
    lines.push(JSON.stringify({ ...fields, text }));
  };
  return { lines, log: { info: line, warn: line } };
}

const routingKey = '0123456789abcdef0123456789abcdef';
const { begin, end } = lifeOf(sampleCondition());
const answer = (status: number, headers: Record<string, string> = {}) =>
  ({ do: 'answer', response: { status, headers, text: 'x' } }) as const;

async function slackAndPagerduty() {
  const slack = slackReceiver('/services/secret-path');
  const pagerduty = pagerdutyReceiver(routingKey);
  const slackServer = await serve(slack);
  const pagerdutyServer = await serve(pagerduty);
  const channels: AlertChannelConfig[] = [
    { type: 'slack', webhookUrl: `${slackServer.url}/services/secret-path` },
    { type: 'pagerduty', routingKey, url: pagerdutyServer.url },
  ];
  return { slack, pagerduty, slackServer, pagerdutyServer, channels };
}

describe('deliver', () => {
  it('tries a failing channel again, and backs off', async () => {
    const { channels, slackServer, slack } = await slackAndPagerduty();
    slackServer.fail({ times: 2, effect: answer(503) });
    const { policy, waits } = patience();
    const outcomes = await createNotifier({ channels, retry: policy }).deliver(begin);
    expect(outcomes).toEqual([
      { channel: 'slack', index: 0, ok: true },
      { channel: 'pagerduty', index: 1, ok: true },
    ]);
    expect(slackServer.log.map((entry) => entry.status)).toEqual([503, 503, 200]);
    expect(slack.state).toHaveLength(1);
    expect(waits).toHaveLength(2);
    expect(waits[0]).toBeGreaterThanOrEqual(50);
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(waits[1]).toBeGreaterThanOrEqual(100);
    expect(waits[1]).toBeLessThanOrEqual(200);
  });

  it.each([
    { status: 400, requests: 1 },
    { status: 403, requests: 1 },
    { status: 404, requests: 1 },
    { status: 302, requests: 1 },
    { status: 408, requests: 3 },
    { status: 429, requests: 3 },
    { status: 500, requests: 3 },
    { status: 503, requests: 3 },
  ])(
    'HTTP $status is sent $requests time(s), and the other channel has its message',
    async ({ status, requests }) => {
      const { channels, slackServer, pagerduty } = await slackAndPagerduty();
      slackServer.fail({
        times: Number.POSITIVE_INFINITY,
        effect: answer(status, { location: 'http://127.0.0.1:1/' }),
      });
      const outcomes = await createNotifier({ channels, retry: patience().policy }).deliver(begin);
      expect(outcomes.map(({ index, ok }) => [index, ok])).toEqual([
        [0, false],
        [1, true],
      ]);
      expect(outcomes[0]?.error).toMatch(new RegExp(`^HTTP ${status}\\b`));
      expect(slackServer.log).toHaveLength(requests);
      expect(pagerduty.state.size).toBe(1);
    },
  );

  it('waits as long as it is asked to, but not for ever', async () => {
    const { channels, slackServer } = await slackAndPagerduty();
    slackServer.fail({ effect: answer(429, { 'retry-after': '7' }) });
    const short = patience();
    const [first] = await createNotifier({ channels, retry: short.policy }).deliver(begin, [0]);
    expect(first?.ok).toBe(true);
    expect(short.waits).toEqual([7_000]);

    slackServer.fail({ effect: answer(429, { 'retry-after': String(longestWaitMs / 1_000 + 1) }) });
    const long = patience();
    const [second] = await createNotifier({ channels, retry: long.policy }).deliver(begin, [0]);
    expect(second?.ok).toBe(false);
    expect(long.waits).toEqual([]);
  });

  it.each(['0', '1795622400', 'Sun, 06 Nov 1994 08:49:37 GMT', 'tomorrow'])(
    'backs off by itself where no usable time is named (%s)',
    async (named) => {
      const { channels, slackServer } = await slackAndPagerduty();
      slackServer.fail({ effect: answer(429, { 'retry-after': named }) });
      const own = patience();
      const [first] = await createNotifier({ channels, retry: own.policy }).deliver(begin, [0]);
      expect(first?.ok).toBe(true);
      expect(own.waits).toHaveLength(1);
      expect(own.waits[0]).toBeGreaterThan(0);
      expect(own.waits[0]).toBeLessThan(longestWaitMs);
    },
  );

  it('is not held up by a channel that does not answer', async () => {
    const { channels, slackServer, pagerdutyServer } = await slackAndPagerduty();
    slackServer.fail({ effect: { do: 'hang' } });
    const delivering = createNotifier({ channels, retry: patience(1).policy }).deliver(begin);
    await expect.poll(() => pagerdutyServer.log[0]?.status).toBe(202);
    expect(slackServer.log.map((entry) => entry.status)).toEqual([0]);
    await slackServer.close();
    const outcomes = await delivering;
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([false, true]);
  });

  it('returns what failed, so that only those are sent again', async () => {
    const { channels, slackServer, slack, pagerdutyServer } = await slackAndPagerduty();
    const removeFault = slackServer.fail({ times: Number.POSITIVE_INFINITY, effect: { do: 'drop' } });
    const notifier = createNotifier({ channels, retry: patience(2).policy });
    const first = await notifier.deliver(begin);
    const failed = first.filter((outcome) => !outcome.ok).map((outcome) => outcome.index);
    expect(failed).toEqual([0]);
    removeFault();
    // As it comes back from an outbox.
    const again = await notifier.deliver(JSON.parse(JSON.stringify(begin)), failed);
    expect(again).toEqual([{ channel: 'slack', index: 0, ok: true }]);
    expect(slack.state).toHaveLength(1);
    expect(pagerdutyServer.log).toHaveLength(1);
    expect(await notifier.deliver(begin, [7])).toEqual([]);
  });

  it('tells channels of one type apart', async () => {
    const { channels } = await slackAndPagerduty();
    const outcomes = await createNotifier({ channels: [...channels, ...channels] }).deliver(begin);
    expect(outcomes.map((outcome) => outcome.channel)).toEqual([
      'slack',
      'pagerduty',
      'slack 2',
      'pagerduty 2',
    ]);
  });

  it('keeps addresses and keys out of outcomes and logs', async () => {
    const secrets = [
      'secret-path',
      'rk-secret',
      'genie-secret',
      'sig-secret',
      'hmac-secret',
      'smtp-secret',
      'oncall',
    ];
    const mail = await startMailReceiver({ login: { user: 'u', pass: 'other' } });
    cleanups.push(mail.close);
    const refusing = await serve({
      classify: () => ({ kind: 'write', items: 1 }),
      tooMany: () => ({ status: 429 }),
      // A rude server that repeats everything it was told.
      handle: (request) => ({
        status: 400,
        text: `${request.path}?${request.query} ${JSON.stringify(request.headers)} ${request.text}`,
      }),
    });
    const { url } = refusing;
    const channels: AlertChannelConfig[] = [
      { type: 'slack', webhookUrl: `${url}/secret-path` },
      { type: 'pagerduty', routingKey: 'rk-secret', url },
      { type: 'opsgenie', apiKey: 'genie-secret', url },
      { type: 'teams', webhookUrl: `${url}/t?sig=sig-secret` },
      { type: 'webhook', url: `${url}/secret-path`, secret: 'hmac-secret' },
      {
        type: 'email',
        smtp: `smtp://u:smtp-secret@${mail.address}?tls.rejectUnauthorized=false`,
        from: 'rollcall@acme.example',
        to: 'oncall@acme.example',
      },
      { type: 'slack', webhookUrl: 'http://127.0.0.1:1/secret-path' },
      { type: 'email', smtp: 'smtp-secret', from: 'a@b.example', to: 'oncall@acme.example' },
    ];
    const { log, lines } = logOf();
    const outcomes = await createNotifier({ channels, retry: patience(2).policy, log }).deliver(begin);
    expect(outcomes.map((outcome) => outcome.ok)).toEqual(channels.map(() => false));
    expect(lines.length).toBeGreaterThanOrEqual(channels.length);
    const said = JSON.stringify(outcomes) + lines.join('\n');
    for (const secret of secrets) expect(said).not.toContain(secret);
    expect(said).not.toContain('@');
  });
});

describe('routes', () => {
  it.each([
    ['no route', {}, {}, true],
    ['its platform', { platforms: ['academy'] }, {}, true],
    ['another platform', { platforms: ['awareness'] }, {}, false],
    [
      'the whole customer, to a channel of one platform',
      { platforms: ['awareness'] },
      { platform: null },
      true,
    ],
    ['its severity', { severity: ['warning' as const] }, {}, true],
    ['another severity', { severity: ['critical' as const] }, {}, false],
    [
      'an ending goes where the beginning went',
      { severity: ['warning' as const] },
      { event: 'end' as const },
      true,
    ],
    ['both must fit', { platforms: ['academy'], severity: ['info' as const] }, {}, false],
    [
      'a test goes everywhere',
      { platforms: ['x'], severity: ['critical' as const] },
      { event: 'test' as const },
      true,
    ],
  ])('%s', (_, route, change, expected) => {
    expect(isRouted(route, { ...begin, ...change })).toBe(expected);
  });

  it('sends nothing to, and says nothing of, a channel without the route', async () => {
    const { channels, slackServer } = await slackAndPagerduty();
    const routed = channels.map((channel) =>
      channel.type === 'slack' ? { ...channel, severity: ['critical' as const] } : channel,
    );
    const outcomes = await createNotifier({ channels: routed }).deliver(end);
    expect(outcomes.map((outcome) => outcome.channel)).toEqual(['pagerduty']);
    expect(slackServer.log).toEqual([]);
  });
});

describe('testAlert', () => {
  it('sends one message to each channel, past all routes, and reports each', async () => {
    const receivers = {
      pagerduty: pagerdutyReceiver(routingKey),
      opsgenie: opsgenieReceiver('k'),
      slack: slackReceiver('/s'),
      teams: teamsReceiver('/t'),
      webhook: webhookReceiver('s'),
    };
    const servers = {
      pagerduty: await serve(receivers.pagerduty),
      opsgenie: await serve(receivers.opsgenie),
      slack: await serve(receivers.slack),
      teams: await serve(receivers.teams),
      webhook: await serve(receivers.webhook),
    };
    const mail = await startMailReceiver();
    cleanups.push(mail.close);
    const route = { platforms: ['elsewhere'], severity: ['critical' as const] };
    const channels: AlertChannelConfig[] = [
      { type: 'pagerduty', routingKey, url: servers.pagerduty.url, ...route },
      { type: 'opsgenie', apiKey: 'k', url: servers.opsgenie.url, ...route },
      { type: 'slack', webhookUrl: `${servers.slack.url}/s`, ...route },
      { type: 'teams', webhookUrl: `${servers.teams.url}/t`, ...route },
      { type: 'webhook', url: servers.webhook.url, secret: 'wrong', ...route },
      {
        type: 'email',
        smtp: `smtp://${mail.address}?tls.rejectUnauthorized=false`,
        from: 'rollcall@acme.example',
        to: 'oncall@acme.example',
        ...route,
      },
    ];
    const outcomes = await testAlert(
      { customer: 'acme', alerts: { channels } },
      { nowMs: startMs, retry: patience().policy },
    );
    expect(outcomes.map(({ channel, ok }) => [channel, ok])).toEqual([
      ['pagerduty', true],
      ['opsgenie', true],
      ['slack', true],
      ['teams', true],
      ['webhook', false],
      ['email', true],
    ]);
    expect(outcomes[4]?.error).toBe('HTTP 401: it refused the credentials');
    expect(mail.mails).toHaveLength(1);
    for (const server of Object.values(servers)) expect(server.log).toHaveLength(1);
  });
});

describe('heartbeat', () => {
  const listener: SandboxPlatform = {
    classify: () => ({ kind: 'read', items: 0 }),
    tooMany: () => ({ status: 429 }),
    handle: (request) => ({ status: request.path === '/ping/secret' ? 200 : 404, text: 'OK' }),
  };

  it('pings with a GET', async () => {
    const server = await serve(listener);
    expect(await pingHeartbeat(`${server.url}/ping/secret`)).toEqual({ ok: true });
    expect(server.log.map((entry) => [entry.method, entry.path])).toEqual([['GET', '/ping/secret']]);
  });

  it('tries again after a passing failure', async () => {
    const server = await serve(listener);
    server.fail({ effect: { do: 'drop' } });
    expect(await pingHeartbeat(`${server.url}/ping/secret`, { retry: patience().policy })).toEqual({
      ok: true,
    });
    expect(server.log).toHaveLength(2);
  });

  it('returns what went wrong, without the address', async () => {
    const server = await serve(listener);
    const wrong = await pingHeartbeat(`${server.url}/ping/other-secret`);
    expect(wrong).toEqual({ ok: false, error: 'HTTP 404: no such integration there' });
    const nobody = await pingHeartbeat('http://127.0.0.1:1/secret', { retry: patience().policy });
    expect(nobody.ok).toBe(false);
    expect(JSON.stringify(nobody)).not.toContain('secret');
    server.fail({ effect: { do: 'hang' } });
    const slow = await pingHeartbeat(`${server.url}/ping/secret`, {
      retry: patience(1).policy,
      timeoutMs: 50,
    });
    expect(slow).toEqual({ ok: false, error: 'no answer within 0.05 s' });
  });
});

describe('attempt', () => {
  it('does not wait for the end of an answer that has none', async () => {
    const server = createServer((_request, response) => response.write('x'.repeat(4_096)));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    cleanups.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect(await attempt({ method: 'GET', url: `http://127.0.0.1:${port}/` })).toEqual({ ok: true });
  });
});
