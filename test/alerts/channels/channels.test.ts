import { afterEach, describe, expect, it } from 'vitest';
import {
  type MailOptions,
  opsgenieReceiver,
  pagerdutyReceiver,
  slackReceiver,
  startMailReceiver,
  teamsReceiver,
  webhookReceiver,
} from '../../../sandbox/receivers/index.ts';
import { type Sandbox, type SandboxPlatform, startSandbox } from '../../../sandbox/server.ts';
import { createEmail, parseSmtp } from '../../../src/alerts/channels/email.ts';
import { createOpsgenie } from '../../../src/alerts/channels/opsgenie.ts';
import { createPagerduty } from '../../../src/alerts/channels/pagerduty.ts';
import { createSlack } from '../../../src/alerts/channels/slack.ts';
import { createTeams } from '../../../src/alerts/channels/teams.ts';
import { createWebhook, signWebhook } from '../../../src/alerts/channels/webhook.ts';
import { vendorUrl } from '../../../src/alerts/http.ts';
import { headline, testMessage } from '../../../src/alerts/message.ts';
import { lifeOf, sampleCondition, startMs } from './sample.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serve(platform: SandboxPlatform): Promise<Sandbox> {
  const sandbox = await startSandbox(platform);
  cleanups.push(sandbox.close);
  return sandbox;
}

async function serveMail(options: MailOptions = {}) {
  const receiver = await startMailReceiver(options);
  cleanups.push(receiver.close);
  return receiver;
}

const routingKey = '0123456789abcdef0123456789abcdef';
const life = lifeOf(sampleCondition());
/** As much of everything as a condition can hold, with every character that a format might trip over. */
const awkward = '<!channel> & `rm` *b* [x](http://e.invalid) "q" \\ 🙂 ünï';
const huge = lifeOf(
  sampleCondition({
    kind: 'LAUNCH_UNKNOWN',
    customer: 'c'.repeat(63),
    platform: 'p'.repeat(63),
    summary: `${awkward} `.repeat(400),
    notDone: `${awkward} `.repeat(400),
    nextStep: `rollcall show "r" ${awkward.repeat(300)}`,
    details: Object.fromEntries(
      Array.from({ length: 80 }, (_, index) => [`${awkward}${index}`, awkward.repeat(200)]),
    ),
    runId: awkward.repeat(50),
    subject: awkward.repeat(50),
  }),
);

describe('pagerduty', () => {
  it('triggers, triggers again under the same key, and resolves', async () => {
    const receiver = pagerdutyReceiver(routingKey);
    const { url } = await serve(receiver);
    const channel = createPagerduty({ type: 'pagerduty', routingKey, url });
    for (const message of [life.begin, life.reminder])
      expect(await channel.send(message)).toEqual({ ok: true });
    const incident = receiver.state.get(life.begin.key);
    expect([...receiver.state.keys()]).toEqual([life.begin.key]);
    expect(incident?.triggers).toHaveLength(2);
    expect(incident?.triggers[0]).toMatchObject({
      payload: {
        summary: `${headline(life.begin)}. ${life.begin.summary}`,
        severity: 'warning',
        source: 'rollcall/acme',
        timestamp: '2026-03-02T02:00:07.000Z',
        component: 'academy',
        class: 'RUN_HELD',
        custom_details: { 'Next step': 'rollcall show r-20260302-0200', Runbook: 'docs/runbook.md#RUN_HELD' },
      },
    });
    expect(incident?.resolved).toBe(false);
    expect(await channel.send(life.end)).toEqual({ ok: true });
    expect(incident?.resolved).toBe(true);
  });

  it.each([
    ['a short key', { routingKey: 'short' }],
    ['an unknown key', { routingKey: 'f'.repeat(32) }],
  ])('fails with %s, once, and does not say it', async (_, { routingKey: wrong }) => {
    const { url, log } = await serve(pagerdutyReceiver(routingKey));
    const result = await createPagerduty({ type: 'pagerduty', routingKey: wrong, url }).send(life.begin);
    expect(result).toEqual({ ok: false, error: 'HTTP 400: it refused the message or the key', retry: false });
    expect(log).toHaveLength(1);
  });
});

describe('the receiver of pagerduty refuses what PagerDuty refuses', () => {
  const payload = { summary: 's', source: 'x', severity: 'info' };
  const good = { routing_key: routingKey, event_action: 'trigger', dedup_key: 'k', payload };
  it.each([
    ['nothing wrong', good, 202],
    ['no routing key', { ...good, routing_key: undefined }, 400],
    ['an unknown action', { ...good, event_action: 'end' }, 400],
    ['a long dedup key', { ...good, dedup_key: 'k'.repeat(256) }, 400],
    ['a resolve without key', { routing_key: routingKey, event_action: 'resolve' }, 400],
    ['a long summary', { ...good, payload: { ...payload, summary: 's'.repeat(1_025) } }, 400],
    ['no source', { ...good, payload: { ...payload, source: undefined } }, 400],
    ['an unknown severity', { ...good, payload: { ...payload, severity: 'P1' } }, 400],
    ['an unknown field', { ...good, dedupKey: 'k' }, 400],
  ])('%s', async (_, body, status) => {
    const { url } = await serve(pagerdutyReceiver(routingKey));
    const answer = await fetch(`${url}/v2/enqueue`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(status);
  });
});

describe('opsgenie', () => {
  it('creates by alias, counts up, and closes by alias', async () => {
    const receiver = opsgenieReceiver('genie-key');
    const { url } = await serve(receiver);
    const channel = createOpsgenie({ type: 'opsgenie', apiKey: 'genie-key', url });
    for (const message of [life.begin, life.reminder])
      expect(await channel.send(message)).toEqual({ ok: true });
    const alert = receiver.state.get(life.begin.key);
    expect([...receiver.state.keys()]).toEqual([life.begin.key]);
    expect(alert).toMatchObject({
      count: 2,
      closed: false,
      body: { message: headline(life.begin), priority: 'P3', entity: 'academy', source: 'rollcall' },
    });
    expect(await channel.send(life.end)).toEqual({ ok: true });
    expect(alert?.closed).toBe(true);
  });

  it('fails with another key, once', async () => {
    const { url, log } = await serve(opsgenieReceiver('genie-key'));
    const result = await createOpsgenie({ type: 'opsgenie', apiKey: 'wrong', url }).send(life.begin);
    expect(result).toEqual({ ok: false, error: 'HTTP 403: it refused the credentials', retry: false });
    expect(log).toHaveLength(1);
  });
});

describe('slack', () => {
  it('posts blocks with a text for notifications', async () => {
    const receiver = slackReceiver('/services/T0/B0/secret');
    const { url } = await serve(receiver);
    const channel = createSlack({ type: 'slack', webhookUrl: `${url}/services/T0/B0/secret` });
    expect(await channel.send(life.begin)).toEqual({ ok: true });
    expect(await channel.send(life.end)).toEqual({ ok: true });
    const [begin, end] = receiver.state;
    expect(begin?.['text']).toBe(`${headline(life.begin)}. ${life.begin.summary}`);
    expect(JSON.stringify(begin)).toContain('```rollcall show r-20260302-0200```');
    expect(JSON.stringify(end)).not.toContain('Next step');
  });

  it("passes on Slack's own word for a webhook that is gone, not the address", async () => {
    const { url } = await serve(slackReceiver('/services/T0/B0/secret'));
    const result = await createSlack({ type: 'slack', webhookUrl: `${url}/services/T0/B0/other` }).send(
      life.begin,
    );
    expect(result).toEqual({
      ok: false,
      error: 'HTTP 404 no_service: no such integration there',
      retry: false,
    });
  });
});

describe('teams', () => {
  it('posts one Adaptive Card', async () => {
    const receiver = teamsReceiver('/workflows/w/triggers/manual/paths/invoke');
    const { url } = await serve(receiver);
    const webhookUrl = `${url}/workflows/w/triggers/manual/paths/invoke?api-version=1&sig=secret`;
    const channel = createTeams({ type: 'teams', webhookUrl });
    expect(await channel.send(life.begin)).toEqual({ ok: true });
    expect(JSON.stringify(receiver.state[0])).toContain('rollcall show r-20260302-0200');
  });
});

describe('webhook', () => {
  it('signs each body with its timestamp', async () => {
    const receiver = webhookReceiver('hook-secret');
    const { url, log } = await serve(receiver);
    const channel = createWebhook({ type: 'webhook', url: `${url}/alerts`, secret: 'hook-secret' });
    expect(await channel.send(life.begin)).toEqual({ ok: true });
    expect(receiver.state[0]).toMatchObject({
      version: 1,
      event: 'begin',
      kind: 'RUN_HELD',
      customer: 'acme',
      platform: 'academy',
      run: 'r-20260302-0200',
      since: '2026-03-02T02:00:07.000Z',
      nextStep: 'rollcall show r-20260302-0200',
      details: { deactivate: 61, limit: 50 },
    });
    expect(log[0]?.headers['x-rollcall-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
  });

  it('is refused with another secret, or when the message is old', async () => {
    const { url } = await serve(webhookReceiver('hook-secret'));
    const wrong = createWebhook({ type: 'webhook', url, secret: 'other' });
    const refused = { ok: false, error: 'HTTP 401: it refused the credentials', retry: false };
    expect(await wrong.send(life.begin)).toEqual(refused);
    const old = createWebhook({ type: 'webhook', url, secret: 'hook-secret' }, () => startMs);
    expect(await old.send(life.begin)).toEqual(refused);
  });

  it('signs as documented', () => {
    // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
    expect(signWebhook('key', '1700000000', '{"a":1}')).toBe(
      'sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03',
    );
  });
});

describe('every channel over HTTP', () => {
  it('fits the vendor whatever a message holds, and a test message too', async () => {
    const receivers = {
      pagerduty: pagerdutyReceiver(routingKey),
      opsgenie: opsgenieReceiver('k'),
      slack: slackReceiver('/s'),
      teams: teamsReceiver('/t'),
      webhook: webhookReceiver('s'),
    };
    const urls = Object.fromEntries(
      await Promise.all(
        Object.entries(receivers).map(async ([type, receiver]) => [type, (await serve(receiver)).url]),
      ),
    ) as Record<keyof typeof receivers, string>;
    const channels = [
      createPagerduty({ type: 'pagerduty', routingKey, url: urls.pagerduty }),
      createOpsgenie({ type: 'opsgenie', apiKey: 'k', url: urls.opsgenie }),
      createSlack({ type: 'slack', webhookUrl: `${urls.slack}/s` }),
      createTeams({ type: 'teams', webhookUrl: `${urls.teams}/t` }),
      createWebhook({ type: 'webhook', url: urls.webhook, secret: 's' }),
    ];
    const long = { ...huge.begin, summary: 's'.repeat(2_900) };
    for (const message of [huge.begin, huge.reminder, huge.end, long, testMessage('acme', startMs)])
      for (const channel of channels) expect(await channel.send(message)).toEqual({ ok: true });
  });
});

describe('vendorUrl', () => {
  it.each([
    ['https://events.eu.pagerduty.com', 'https://events.eu.pagerduty.com/v2/enqueue'],
    ['https://events.eu.pagerduty.com/', 'https://events.eu.pagerduty.com/v2/enqueue'],
    ['https://events.eu.pagerduty.com/v2/enqueue', 'https://events.eu.pagerduty.com/v2/enqueue'],
    ['https://proxy.example/pd/', 'https://proxy.example/pd/v2/enqueue'],
  ])('%s', (base, url) => expect(vendorUrl(base, '/v2/enqueue')).toBe(url));
});

describe('email', () => {
  const from = 'Rollcall <rollcall@acme.example>';
  const to = ['oncall@acme.example', 'second@acme.example'];
  const login = { user: 'rollcall@acme', pass: 'p@ss:w/rd' };
  const credentials = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.pass)}`;
  const selfSigned = 'tls.rejectUnauthorized=false';
  const header = (raw: string, name: string): string | undefined =>
    new RegExp(`^${name}: (.*(?:\\r\\n .*)*)$`, 'im').exec(raw)?.[1]?.replace(/\r\n /g, ' ');

  it('sends plain text to all, with STARTTLS and a login, as one thread', async () => {
    const server = await serveMail({ login });
    const smtp = `smtp://${credentials}@${server.address}?${selfSigned}`;
    const channel = createEmail({ type: 'email', smtp, from, to });
    for (const message of [life.begin, life.reminder, life.end])
      expect(await channel.send(message)).toEqual({ ok: true });
    const [begin, reminder, end] = server.mails;
    expect(begin).toMatchObject({ from: 'rollcall@acme.example', to, user: login.user, encrypted: true });
    const raw = begin?.raw ?? '';
    expect(header(raw, 'Subject')).toBe(headline(life.begin));
    expect(header(raw, 'Content-Type')).toMatch(/^text\/plain/);
    expect(header(raw, 'Auto-Submitted')).toBe('auto-generated');
    expect(raw).toContain('Next step: rollcall show r-20260302-0200');
    const id = header(raw, 'Message-ID');
    expect(id).toMatch(/^<[0-9a-f]{32}@acme\.example>$/);
    expect(header(reminder?.raw ?? '', 'In-Reply-To')).toBe(id);
    expect(header(end?.raw ?? '', 'References')).toBe(id);
  });

  it('works with a relay that wants neither', async () => {
    const server = await serveMail({ plain: true });
    const channel = createEmail({
      type: 'email',
      smtp: `smtp://${server.address}`,
      from,
      to: 'oncall@acme.example',
    });
    expect(await channel.send(life.begin)).toEqual({ ok: true });
    expect(server.mails).toHaveLength(1);
  });

  it('sends no password to a server without TLS', async () => {
    const server = await serveMail({ login, plain: true });
    const smtp = `smtp://${credentials}@${server.address}`;
    const result = await createEmail({ type: 'email', smtp, from, to }).send(life.begin);
    expect(result).toMatchObject({ ok: false, error: expect.stringMatching(/^SMTP: ETLS/) });
    expect(server.logins()).toBe(0);
  });

  it('does not trust an unknown certificate', async () => {
    const server = await serveMail({ login });
    const smtp = `smtp://${credentials}@${server.address}`;
    const result = await createEmail({ type: 'email', smtp, from, to }).send(life.begin);
    expect(result.ok).toBe(false);
    expect(server.logins()).toBe(0);
  });

  it.each([
    ['a wrong password', { login: { ...login, pass: 'other' } }, 'SMTP: EAUTH, reply 535', false],
    ['recipients that do not exist', { login, refuse: () => 550 }, 'SMTP: EENVELOPE, reply 550', false],
    ['a server that is busy', { login, refuse: () => 451 }, 'SMTP: EENVELOPE, reply 451', true],
  ])('fails with %s, naming nobody', async (_, options: MailOptions, error, retry) => {
    const server = await serveMail(options);
    const smtp = `smtp://${credentials}@${server.address}?${selfSigned}`;
    const result = await createEmail({ type: 'email', smtp, from, to }).send(life.begin);
    expect(result).toEqual({ ok: false, error, retry });
  });

  it('counts as delivered when some have it, and says that others have not', async () => {
    const server = await serveMail({ refuse: (address) => (address.startsWith('second') ? 550 : undefined) });
    const smtp = `smtp://${server.address}?${selfSigned}`;
    const result = await createEmail({ type: 'email', smtp, from, to }).send(life.begin);
    expect(result).toEqual({ ok: true, note: '1 of 2 recipients were refused' });
    expect(server.mails).toHaveLength(1);
  });

  it('tries again later when nobody answers', async () => {
    const server = await startMailReceiver();
    await server.close();
    const result = await createEmail({ type: 'email', smtp: `smtp://${server.address}`, from, to }).send(
      life.begin,
    );
    expect(result).toMatchObject({ ok: false, retry: true });
  });

  it.each([
    ['smtp://mail.example', { host: 'mail.example', port: 587, secure: false, requireTLS: false }],
    ['smtp://u:p@mail.example:25', { port: 25, requireTLS: true, auth: { user: 'u', pass: 'p' } }],
    ['smtp://u:p@mail.example?requireTLS=false', { requireTLS: false }],
    ['smtps://u:p%40@[::1]', { host: '::1', port: 465, secure: true, auth: { user: 'u', pass: 'p@' } }],
    ['smtp://mail.example?logger=true', { rejectUnauthorized: true }],
  ])('reads %s', (smtp, expected) => expect(parseSmtp(smtp)).toMatchObject(expected));

  it.each(['mail.example:25', 'https://mail.example', 'smtp://', 'smtp://%zz:p@mail.example'])(
    'does not read %s',
    async (smtp) => {
      expect(parseSmtp(smtp)).toBeUndefined();
      const result = await createEmail({ type: 'email', smtp, from, to }).send(life.begin);
      expect(result).toEqual({ ok: false, error: 'smtp is no smtp:// or smtps:// address', retry: false });
    },
  );
});
