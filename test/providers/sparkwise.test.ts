import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import { type SparkwiseOptions, sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import type { Account } from '../../src/account.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { AccountItem, CallContext, Provider, ResultRow } from '../../src/providers/contract.ts';
import { readFailure } from '../../src/providers/sparkwise/api.ts';
import { sparkwise } from '../../src/providers/sparkwise/index.ts';
import { firstReadMs, overlapMs, windowMs, windows } from '../../src/providers/sparkwise/read.ts';
import { freePacer } from '../support/pacer.ts';

const dayMs = 86_400_000;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function blockOf(baseUrl: string, settings: Record<string, unknown> = {}): PlatformConfig {
  const keys = { provider: 'sparkwise', baseUrl, apiKey: sparkwiseApiKey, ...settings };
  return sparkwise.parse(keys);
}

function providerOf(block: PlatformConfig): Provider {
  return sparkwise.create(block, {
    platform: 'academy',
    retryBaseMs: 1,
    pacer: freePacer(),
    log: { debug: () => undefined, warn: () => undefined },
  });
}

async function start(
  options: SparkwiseOptions = {},
  settings: Record<string, unknown> = {},
): Promise<{ sandbox: Sandbox; state: SparkwiseState; provider: Provider }> {
  const { sandbox, state } = await startSparkwise(options);
  closing.push(sandbox.close);
  return { sandbox, state, provider: providerOf(blockOf(sandbox.url, settings)) };
}

const ctx: CallContext = { signal: new AbortController().signal, onRequest: () => undefined };

function item(kind: AccountItem['kind'], person: string, over: Partial<AccountItem> = {}): AccountItem {
  return {
    kind,
    person,
    ref: { id: null, externalId: person, email: null },
    fields: { firstName: 'Ana', lastName: 'Okafor', email: 'ana@example.com' },
    changed: [],
    ...over,
  };
}

function bodies(sandbox: Sandbox): unknown[] {
  return sandbox.log.filter(({ kind }) => kind === 'write').map(({ body }) => JSON.parse(body));
}

async function readAll(provider: Provider): Promise<Account[]> {
  const accounts: Account[] = [];
  for await (const page of provider.readAccounts(ctx)) accounts.push(...page);
  return accounts;
}

async function resultsOf(provider: Provider, sinceIso: string | null): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for await (const page of provider.readResults([], sinceIso, ctx)) rows.push(...page);
  return rows;
}

describe('accounts', () => {
  test('a user made by hand has no external id; names are normalised, emails tolerated', async () => {
    const { provider } = await start({
      showEmail: true,
      users: [
        { firstName: ' Zoë ', lastName: 'Okafor', email: 'Zoe@Example.com', active: false },
        { firstName: 'Ana', lastName: 'De  Souza', remoteId: '00042' },
      ],
    });
    expect(await readAll(provider)).toMatchObject([
      { externalId: null, email: 'zoe@example.com', active: false, fields: { firstName: 'Zoë' } },
      { externalId: '00042', email: null, active: true, fields: { lastName: 'De Souza' } },
    ]);
  });

  test('are read in pages of 200, several at once', async () => {
    const users = Array.from({ length: 1_001 }, (_, index) => ({
      firstName: 'Ana',
      lastName: 'Okafor',
      remoteId: `E${index}`,
    }));
    const { provider, sandbox } = await start({ users });
    expect((await readAll(provider)).map(({ externalId }) => externalId)).toEqual(
      users.map(({ remoteId }) => remoteId),
    );
    expect(sandbox.log).toHaveLength(6);
    expect(sandbox.log[0]?.query).toBe('page=0&pageSize=200');

    sandbox.clearLog();
    sandbox.fail({ when: ({ query }) => query.get('page') === '1', effect: { do: 'hang' } });
    const run = new AbortController();
    const stuck = (async () => {
      for await (const _page of provider.readAccounts({ ...ctx, signal: run.signal }));
    })().catch((error: unknown) => error);
    await vi.waitFor(() => expect(sandbox.log).toHaveLength(6));
    run.abort();
    expect(await stuck).toHaveProperty('name', 'AbortError');
  });

  test.each([
    ['names another page', { page: 4 }, /page 1, got page 4/],
    ['has another total', { total: 999 }, /total was 500 on page 0 and is 999 on page 1/],
    ['has another number of pages', { totalPages: 4 }, /3 pages, and 4/],
    ['is the last too early', { next: null }, /page 1 of 3 names no next one/],
  ])('are incomplete when a page %s', async (_title, change, message) => {
    const users = Array.from({ length: 500 }, () => ({ firstName: 'Ana', lastName: 'Okafor' }));
    const { provider, sandbox } = await start({ users });
    sandbox.fail({
      when: ({ query }) => query.get('page') === '1',
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const page = response.json as { data: object };
          return { ...response, json: { ...page, data: { ...page.data, ...change } } };
        },
      },
    });
    await expect(readAll(provider)).rejects.toMatchObject({
      code: 'READ_INCOMPLETE',
      message: expect.stringMatching(message),
    });
  });

  test('the last page that names a next one is incomplete', async () => {
    const { provider, sandbox } = await start({ users: [{ firstName: 'Ana', lastName: 'Okafor' }] });
    sandbox.fail({
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const page = response.json as { data: object };
          return { ...response, json: { ...page, data: { ...page.data, next: 1 } } };
        },
      },
    });
    await expect(readAll(provider)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
  });
});

describe('writing', () => {
  test('sends the documented bodies, up to 200 items of all kinds in one', async () => {
    const { provider, sandbox, state } = await start();
    expect(provider.capabilities.operations).toEqual([
      { name: 'upsert', kinds: ['create', 'update', 'reactivate'], limit: 200 },
      { name: 'deactivate', kinds: ['deactivate'], limit: 200 },
    ]);
    const accounts = Array.from({ length: 200 }, (_, index) => item('create', `E${index}`));
    await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx);
    expect(state.users).toHaveLength(200);
    const leavers = [item('deactivate', 'E0'), item('deactivate', 'E1')];
    await provider.write({ operation: 'deactivate', accounts: leavers, repeated: false }, ctx);
    const [upsert, deactivate] = bodies(sandbox) as [{ users: unknown[] }, unknown];
    expect(upsert.users).toHaveLength(200);
    expect(upsert.users[7]).toEqual({ firstName: 'Ana', lastName: 'Okafor', active: true, remoteId: 'E7' });
    expect(deactivate).toEqual({ users: [{ remoteId: 'E0' }, { remoteId: 'E1' }] });
  });

  test('`batch` makes the batches smaller', async () => {
    const { provider } = await start({}, { batch: 20 });
    expect(provider.capabilities.operations.map(({ limit }) => limit)).toEqual([20, 20]);
  });

  test('the email is sent only when `sendEmail` is on, and then only where there is one', async () => {
    const { provider, sandbox } = await start({}, { sendEmail: true });
    expect(provider.capabilities.fields['email']).toEqual({ from: 'email', readBack: false });
    const without = { fields: { firstName: 'Bo', lastName: 'Li', email: '' } };
    const accounts = [item('create', 'E1'), item('create', 'E2', without)];
    await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx);
    expect(bodies(sandbox)).toEqual([
      {
        users: [
          { firstName: 'Ana', lastName: 'Okafor', active: true, remoteId: 'E1', email: 'ana@example.com' },
          { firstName: 'Bo', lastName: 'Li', active: true, remoteId: 'E2' },
        ],
      },
    ]);
  });

  test('an account keeps the remoteId it has when its person has a new id', async () => {
    const { provider, state } = await start({
      users: [{ firstName: 'Ana', lastName: 'Silva', remoteId: 'C7' }],
    });
    const ref = { id: state.users[0]?.id ?? null, externalId: 'C7', email: null };
    const accounts = [item('update', 'E7', { ref })];
    const outcomes = await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx);
    expect(outcomes).toEqual([{ ok: true, account: { id: ref.id, externalId: 'C7' } }]);
    expect(state.users).toMatchObject([{ remoteId: 'C7', lastName: 'Okafor' }]);
  });

  test('each item has its own outcome: done, failed, left out, not addressable, nameless', async () => {
    const { provider, state, sandbox } = await start();
    state.unprocessable.add('E2');
    state.omitted.add('E3');
    const ref = { id: 'abc', externalId: null, email: null };
    const accounts = [
      item('update', 'E4', { ref }),
      item('create', 'E1'),
      item('create', 'E2'),
      item('create', 'E5', { fields: { firstName: 'Ana', lastName: '' } }),
      item('create', 'E3'),
    ];
    expect(await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: false, code: 'NO_REMOTE_ID' },
      { ok: true, account: { id: state.byRemoteId.get('E1')?.id, externalId: 'E1' } },
      { ok: false, code: 'NOT_PROCESSED' },
      { ok: false, code: 'NAME_MISSING' },
      { ok: false, code: 'NO_OUTCOME' },
    ]);
    expect(sandbox.log.map(({ items }) => items)).toEqual([3]);
  });

  test('sends nothing when no item can be sent', async () => {
    const { provider, sandbox } = await start();
    const ref = { id: 'abc', externalId: null, email: null };
    const accounts = [item('deactivate', 'E4', { ref })];
    expect(await provider.write({ operation: 'deactivate', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: false, code: 'NO_REMOTE_ID' },
    ]);
    expect(sandbox.log).toHaveLength(0);
  });

  test.each(['failed', 'omitted'] as const)(
    'someone outside the trusted domains is %s, not done',
    async (untrusted) => {
      const { provider } = await start({ trustedDomains: ['example.org'], untrusted }, { sendEmail: true });
      const accounts = [item('create', 'E1')];
      expect(await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx)).toMatchObject([
        { ok: false, code: untrusted === 'failed' ? 'NOT_PROCESSED' : 'NO_OUTCOME' },
      ]);
    },
  );

  test('a reactivation that does not reactivate says so', async () => {
    const { provider } = await start({
      reactivates: false,
      users: [
        { firstName: 'Ana', lastName: 'Okafor', remoteId: 'E1', active: false },
        { firstName: 'Ana', lastName: 'Okafor', remoteId: 'E2', active: false },
      ],
    });
    const accounts = [item('reactivate', 'E1'), item('update', 'E2')];
    expect(await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: false, code: 'NOT_REACTIVATED' },
      { ok: false, code: 'NOT_ACTIVE' },
    ]);
  });

  test('a deactivation may be answered without lists', async () => {
    const { provider, state } = await start({
      deactivateAnswer: 'bare',
      users: [{ firstName: 'Ana', lastName: 'Okafor', remoteId: 'E1' }],
    });
    const accounts = [item('deactivate', 'E1')];
    expect(await provider.write({ operation: 'deactivate', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: true, account: { externalId: 'E1' } },
    ]);
    expect(state.users).toMatchObject([{ active: false, firstName: 'Ana' }]);
  });

  test('an upsert answered without lists has no outcomes', async () => {
    const { provider, sandbox } = await start();
    sandbox.fail({
      effect: { do: 'answer', response: { status: 200, json: { success: true, data: null } } },
    });
    const accounts = [item('create', 'E1')];
    expect(await provider.write({ operation: 'upsert', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: false, code: 'NO_OUTCOME' },
    ]);
  });

  test('a deactivation after which the user is still active says so', async () => {
    const { provider, sandbox } = await start();
    const user = { id: 'a', remoteId: 'E1', active: true };
    const json = { success: true, data: { success: [user], failed: [] } };
    sandbox.fail({ effect: { do: 'answer', response: { status: 200, json } } });
    const accounts = [item('deactivate', 'E1')];
    expect(await provider.write({ operation: 'deactivate', accounts, repeated: false }, ctx)).toMatchObject([
      { ok: false, code: 'NOT_DEACTIVATED' },
    ]);
  });
});

describe('errors', () => {
  test('a wrong key is a refused sign-in, under 401 and under 200', async () => {
    for (const errorsUnder200 of [false, true]) {
      const { provider } = await start({ errorsUnder200 }, { apiKey: 'wrong' });
      await expect(provider.signIn(ctx)).rejects.toMatchObject({
        code: 'SIGN_IN_REFUSED',
        hint: 'Check platforms.academy.apiKey, platforms.academy.apiKeyHeader.',
      });
    }
  });

  test('an error under HTTP 200 is an error', async () => {
    const { provider } = await start({ errorsUnder200: true }, { paths: { users: 'GET /people' } });
    await expect(provider.signIn(ctx)).rejects.toMatchObject({ code: 'PLATFORM_REFUSED', status: 200 });
  });

  test.each([
    ['Invalid API key', 'signIn'],
    ['Unauthorized', 'signIn'],
    ['Too many requests', 'rateLimited'],
    ['This is wrong', 'refused'],
    [null, 'refused'],
  ])('the message %j under HTTP 200 is %s', (message, kind) => {
    expect(readFailure(200, { success: false, error: { message }, data: null })).toMatchObject({ kind });
  });

  test('a refused key under HTTP 400 is a refused sign-in, a refused body is not', () => {
    const refusal = (message: string): unknown => readFailure(400, { success: false, error: { message } });
    expect(refusal('missing or invalid server API key')).toEqual({ kind: 'signIn' });
    expect(refusal('users[0].firstName is required')).toBeUndefined();
  });

  test('other statuses and good bodies are left to the status', () => {
    expect(readFailure(500, { success: false, error: { message: 'Unauthorized' } })).toBeUndefined();
    expect(readFailure(200, { success: true })).toBeUndefined();
    expect(readFailure(200, [])).toBeUndefined();
  });
});

describe('settings', () => {
  test('header, methods and paths are as configured', async () => {
    const { provider, sandbox } = await start(
      {},
      { apiKeyHeader: 'X-Server-Key', paths: { upsert: 'PUT /v2/people' } },
    );
    const response = { status: 200, json: { success: true, data: { success: [], failed: [] } } };
    sandbox.fail({ effect: { do: 'answer', response } });
    await provider.write({ operation: 'upsert', accounts: [item('create', 'E1')], repeated: false }, ctx);
    expect(sandbox.log).toMatchObject([
      { method: 'PUT', path: '/v2/people', headers: { 'x-server-key': sparkwiseApiKey } },
    ]);
  });

  test('two keys are two tenants, one key is one, whatever the address ends with', () => {
    const tenant = (baseUrl: string, apiKey: string): string =>
      sparkwise.tenantOf(blockOf(baseUrl, { apiKey }));
    expect(tenant('https://a.example', 'one')).toBe(tenant('https://a.example/', 'one'));
    expect(tenant('https://a.example', 'one')).not.toBe(tenant('https://a.example', 'two'));
    expect(tenant('https://a.example', 'one')).not.toContain('one');
  });
});

describe('clusters and completions', () => {
  const cluster = {
    createdAt: '2026-01-10T00:00:00Z',
    clusterId: 'c1',
    moduleId: 'm1',
    moduleName: 'Spotting phishing',
    moduleCategory: 'Security',
    moduleThumbnailUrl: 'https://example.com/m1.png',
    moduleDescription: 'A session',
    duration: 45,
  };

  test('clusters are listed', async () => {
    const second = { ...cluster, clusterId: 'c2', iframeCode: '<iframe></iframe>' };
    const { provider } = await start({ clusters: [cluster, second] });
    expect(await provider.listTargets(ctx)).toEqual([
      {
        kind: 'session cluster',
        id: 'c1',
        name: 'Spotting phishing',
        details: { category: 'Security', minutes: '45', selfRegistration: 'off' },
      },
      expect.objectContaining({ id: 'c2', details: expect.objectContaining({ selfRegistration: 'on' }) }),
    ]);
  });

  test('clusters that do not add up are incomplete', async () => {
    const { provider, sandbox } = await start();
    const json = { success: true, data: { items: [], total: 3 } };
    sandbox.fail({ effect: { do: 'answer', response: { status: 200, json } } });
    await expect(provider.listTargets(ctx)).rejects.toMatchObject({
      code: 'READ_INCOMPLETE',
      message: expect.stringContaining('0 of 3'),
    });
  });

  test('windows cover the range without gap or overlap', () => {
    const ranges = windows({ fromMs: 5, toMs: 5 + 2 * windowMs + 7 });
    expect(ranges).toEqual([
      { fromMs: 5, toMs: 5 + windowMs },
      { fromMs: 5 + windowMs, toMs: 5 + 2 * windowMs },
      { fromMs: 5 + 2 * windowMs, toMs: 5 + 2 * windowMs + 7 },
    ]);
    expect(windows({ fromMs: 9, toMs: 9 })).toEqual([]);
  });

  test('an incremental read goes back over the overlap, a first one five years', async () => {
    const { provider, sandbox } = await start();
    const since = new Date(Date.now() - 3 * dayMs);
    await resultsOf(provider, since.toISOString());
    expect(sandbox.log).toHaveLength(1);
    const from = new URLSearchParams(sandbox.log[0]?.query).get('from');
    expect(from).toBe(new Date(since.getTime() - overlapMs).toISOString());
    sandbox.clearLog();
    await resultsOf(provider, null);
    expect(sandbox.log).toHaveLength(Math.ceil((firstReadMs + dayMs) / windowMs));
  });

  test('a completion becomes a result; guests are left out', async () => {
    const { provider, state } = await start({ clusters: [cluster] });
    const start_ = new Date(Date.now() - 40 * dayMs).toISOString();
    const at = { sessionScheduledStartAt: start_ };
    state.complete('E1', at);
    state.complete('E2', { ...at, percentageStepsVisited: 79.9 });
    state.complete('E3', { ...at, attended: false });
    state.record({ ...state.complete('E4', at), id: 'guest', remoteUserId: null });
    const rows = await resultsOf(provider, null);
    expect(rows.map(({ ref, status }) => [ref.externalId, status])).toEqual([
      ['E1', 'completed'],
      ['E2', 'open'],
      ['E3', 'open'],
      ['E4', 'completed'],
    ]);
    expect(rows[1]).toEqual({
      ref: { id: null, externalId: 'E2', email: null },
      id: 'c1-E2',
      target: 'c1',
      targetName: 'Spotting phishing',
      status: 'open',
      score: null,
      at: start_,
      rawStatus: 'attended, 79.9 % of the steps visited',
    });
    expect(rows[2]).toMatchObject({ at: start_, rawStatus: 'not attended' });
  });

  test('`completedWhen` decides what is completed', async () => {
    const settings = { completedWhen: 'attended && timeInSessionMins >= 30 && moduleCategory == "Security"' };
    const { provider, state } = await start({ clusters: [cluster] }, settings);
    state.complete('E1', { percentageStepsVisited: 1, sessionScheduledStartAt: new Date().toISOString() });
    expect(await resultsOf(provider, null)).toMatchObject([{ status: 'completed' }]);
  });

  test('a rule that fails on a completion is an error that names the setting', async () => {
    const { provider, state } = await start(
      {},
      { completedWhen: 'moduleName.matches("(") || int(moduleId) > 3' },
    );
    state.complete('E1', { sessionScheduledStartAt: new Date().toISOString() });
    await expect(resultsOf(provider, null)).rejects.toMatchObject({
      hint: 'Check platforms.academy.completedWhen.',
    });
  });
});

test('one account cannot be looked up: the reason is given', async () => {
  const { provider, sandbox } = await start();
  const ref = { id: 'a', externalId: 'E1', email: null };
  await expect(provider.lookUp(ref, ctx)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
  expect(() => provider.readMembers('c1', ctx)).toThrow(/self-registration/);
  expect(sandbox.log).toHaveLength(0);
});
