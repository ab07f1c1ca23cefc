import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  addCampaign,
  addGroup,
  addParticipant,
  addUser,
  completeCampaign,
  joinDomain,
  joinFolder,
  type MimecastOptions,
  type MimecastSandbox,
  startMimecast,
} from '../../sandbox/mimecast/index.ts';
import type { SandboxResponse } from '../../sandbox/server.ts';
import type { Account, Membership } from '../../src/account.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type {
  AccountItem,
  CallContext,
  Provider,
  ProviderDeps,
  RequestKind,
  ResultRow,
} from '../../src/providers/contract.ts';
import { createApi, type UserDataFilter, userDataItem } from '../../src/providers/mimecast/api.ts';
import { standingOf, toIso } from '../../src/providers/mimecast/convert.ts';
import { mimecast } from '../../src/providers/mimecast/index.ts';
import { toOutcomes } from '../../src/providers/mimecast/outcomes.ts';
import type { MimecastSettings } from '../../src/providers/mimecast/settings.ts';
import { headerDate, signedHeaders } from '../../src/providers/mimecast/sign-in.ts';
import { freePacer } from '../support/pacer.ts';

type Keys = Readonly<Record<string, unknown>>;
type Setup = MimecastSandbox & {
  readonly provider: Provider;
  readonly ctx: CallContext;
  readonly block: PlatformConfig;
  readonly deps: ProviderDeps;
  readonly pausesMs: number[];
  readonly warnings: Record<string, unknown>[];
  readonly announced: RequestKind[];
};

const open: MimecastSandbox[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map(({ sandbox }) => sandbox.close()));
});

async function setUp(
  keys: Keys = {},
  options: MimecastOptions = {},
  slot: (signal: AbortSignal) => Promise<void> = async (signal) => signal.throwIfAborted(),
): Promise<Setup> {
  const started = await startMimecast(options);
  open.push(started);
  const credentials = 'clientId' in keys ? {} : started.keys;
  const block = mimecast.parse({
    baseUrl: started.sandbox.url,
    ...credentials,
    ...keys,
  });
  const pausesMs: number[] = [];
  const warnings: Record<string, unknown>[] = [];
  const announced: RequestKind[] = [];
  const deps: ProviderDeps = {
    platform: 'mail',
    pacer: { ...freePacer(pausesMs), slot },
    log: { debug: () => undefined, warn: (fields) => void warnings.push(fields) },
    retryBaseMs: 1,
  };
  const ctx = {
    signal: new AbortController().signal,
    onRequest: (kind: RequestKind) => void announced.push(kind),
  };
  const provider = mimecast.create(block, deps);
  return { ...started, provider, ctx, block, deps, pausesMs, warnings, announced };
}

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}

function envelope(fail: unknown[], data: unknown[] = []): SandboxResponse {
  return { status: 200, json: { meta: { status: 200 }, data, fail } };
}

const failure = (code: string, more: Keys = {}, key?: unknown) => ({
  ...(key === undefined ? {} : { key }),
  errors: [{ code, message: 'Ana Lind <ana@example.com>', retryable: false, ...more }],
});
const forever = Number.POSITIVE_INFINITY;
const rule = { target: 'Staff', when: 'true', keepCompleted: true };

describe('API 1.0', () => {
  it('signs date, id, path and application key with the decoded secret key', () => {
    const atMs = Date.UTC(2015, 10, 24, 12, 50, 11);
    expect(headerDate(atMs)).toBe('Tue, 24 Nov 2015 12:50:11 UTC');
    const keys = {
      applicationId: 'app',
      applicationKey: 'appKey',
      accessKey: 'access',
      secretKey: 'c2VjcmV0',
    };
    const text = 'Tue, 24 Nov 2015 12:50:11 UTC:11111111-0000-4000-8000-000000000000:/api/x/y:appKey';
    expect(
      signedHeaders(keys, { path: '/api/x/y', id: '11111111-0000-4000-8000-000000000000', atMs }),
    ).toEqual({
      authorization: `MC access:${createHmac('sha1', 'secret').update(text).digest('base64')}`,
      'x-mc-app-id': 'app',
      'x-mc-date': 'Tue, 24 Nov 2015 12:50:11 UTC',
      'x-mc-req-id': '11111111-0000-4000-8000-000000000000',
    });
  });

  it('makes a retry a new request', async () => {
    const setup = await setUp();
    setup.sandbox.fail({ times: 2, effect: { do: 'answer', response: { status: 503, text: '' } } });
    await setup.provider.signIn(setup.ctx);
    const { log } = setup.sandbox;
    expect(log.map(({ status }) => status)).toEqual([503, 503, 200]);
    for (const header of ['x-mc-req-id', 'authorization']) {
      expect(new Set(log.map(({ headers }) => headers[header])).size).toBe(3);
    }
  });

  it('signs when the slot has come, not before', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const setup = await setUp({}, { nowMs: () => Date.now() }, async () => {
      vi.setSystemTime(Date.now() + 20 * 60_000);
    });
    await expect(setup.provider.signIn(setup.ctx)).resolves.toBeUndefined();
  });

  it('names its settings for each way in which sign-in is refused', async () => {
    const secretKey = Buffer.from('another').toString('base64');
    const cases: [Keys, MimecastOptions, number, string][] = [
      [{ applicationId: 'other' }, {}, 200, 'err_developer_key'],
      [{ secretKey }, {}, 401, 'err_xdk_invalid_signature'],
      [{}, { keysExpired: true }, 418, 'err_xdk_binding_expired'],
    ];
    for (const [keys, options, status, vendorCode] of cases) {
      const setup = await setUp(keys, options);
      const refused = {
        code: 'SIGN_IN_REFUSED',
        status,
        vendorCode,
        hint: expect.stringContaining('mail.secretKey'),
      };
      await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject(refused);
      const members = [{ person: 'E1', ref: { id: null, externalId: null, email: 'a@example.com' } }];
      const write = { operation: 'enroll', target: 'g', members, repeated: false } as const;
      await expect(setup.provider.write(write, setup.ctx)).rejects.toMatchObject(refused);
      // Each once, and once more where the refusal is known to come and go.
      expect(setup.sandbox.log).toHaveLength(vendorCode === 'err_developer_key' ? 4 : 2);
    }
  });

  it('asks once more when a good application is refused, as happens', async () => {
    for (const keys of [{}, { clientId: 'mimecast-client', clientSecret: 'mimecast-secret' }]) {
      const setup = await setUp(keys);
      const group = addGroup(setup.state, { description: 'Staff' });
      const refuseOnce = () =>
        setup.sandbox.fail({
          path: /^\/api\//,
          effect: { do: 'answer', response: envelope([failure('err_developer_key')]) },
        });
      refuseOnce();
      await setup.provider.signIn(setup.ctx);
      refuseOnce();
      const members = [{ person: 'E1', ref: { id: null, externalId: null, email: 'a@example.com' } }];
      const write = { operation: 'enroll', target: group.id, members, repeated: false } as const;
      expect(await setup.provider.write(write, setup.ctx)).toEqual([{ ok: true }]);
      expect(group.members.size).toBe(1);
      expect(setup.sandbox.log.filter(({ path }) => path.startsWith('/api/'))).toHaveLength(4);
    }
  });
});

describe('API 2.0', () => {
  const client = { clientId: 'mimecast-client', clientSecret: 'mimecast-secret' };

  it('shares one token, and asks once more after a 401', async () => {
    const setup = await setUp(client, { api: '2.0' });
    await Promise.all([1, 2, 3].map(() => setup.provider.signIn(setup.ctx)));
    expect(setup.sandbox.counts().auths).toBe(1);
    setup.revokeTokens();
    await Promise.all([1, 2, 3].map(() => setup.provider.signIn(setup.ctx)));
    expect(setup.sandbox.counts().auths).toBe(2);
    expect(setup.announced.filter((kind) => kind === 'auth')).toHaveLength(2);
    expect(setup.sandbox.log.every(({ headers }) => headers['x-mc-req-id'] === undefined)).toBe(true);
  });

  it('gets its token from tokenUrl when that is another server', async () => {
    const tokens = await setUp(client, { api: '2.0' });
    const setup = await setUp({ ...client, tokenUrl: `${tokens.sandbox.url}/oauth/token` }, { api: '2.0' });
    await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      status: 401,
    });
    expect(tokens.sandbox.counts().auths).toBe(2);
    expect(setup.sandbox.counts()).toMatchObject({ auths: 0, reads: 2 });
  });

  it('names its settings when the client is refused', async () => {
    const setup = await setUp({ ...client, clientSecret: 'wrong' }, { api: '2.0' });
    await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      hint: 'Check platforms.mail.clientId, platforms.mail.clientSecret.',
    });
    expect(setup.sandbox.log).toHaveLength(1);
  });
});

describe('the envelope', () => {
  it('with fail under HTTP 200 fails a read, and one that may pass is asked again', async () => {
    const setup = await setUp();
    setup.sandbox.fail({ effect: { do: 'answer', response: envelope([failure('err_some_thing')]) } });
    const error = await setup.provider.signIn(setup.ctx).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'PLATFORM_REFUSED', status: 200, vendorCode: 'err_some_thing' });
    expect(String(error)).not.toContain('Ana');
    const passing = envelope([failure('err_busy', { retryable: true })]);
    setup.sandbox.fail({ times: 2, effect: { do: 'answer', response: passing } });
    await setup.provider.signIn(setup.ctx);
    expect(setup.sandbox.log).toHaveLength(4);
  });

  it('of a 429 says in milliseconds how long to wait', async () => {
    const setup = await setUp();
    const headers = { 'x-ratelimit-reset': '2345' };
    setup.sandbox.fail({ effect: { do: 'answer', response: { ...envelope([]), status: 429, headers } } });
    await setup.provider.signIn(setup.ctx);
    expect(setup.pausesMs).toEqual([2_345]);
  });

  it('ends the pages only where next is absent', async () => {
    const setup = await setUp({}, { maxPageSize: 10, tellTotal: false });
    const group = addGroup(setup.state, { description: 'Staff' });
    for (let number = 0; number < 25; number++) joinFolder(setup.state, group, `p${number}@example.com`);
    const members = () => collect(setup.provider.readMembers(group.id, setup.ctx));
    expect(await members()).toHaveLength(25);
    expect(JSON.parse(setup.sandbox.log[0]?.body ?? '')).toMatchObject({
      meta: { pagination: { pageSize: 100 } },
    });
    // The second page is empty, and there is a third.
    setup.sandbox.fail({
      skip: 1,
      effect: {
        do: 'rewrite',
        rewrite: (response) => ({
          ...response,
          json: { ...(response.json as object), data: [{ groupMembers: [] }] },
        }),
      },
    });
    expect(await members()).toHaveLength(15);
  });

  it('whose page token comes twice, or whose rows do not add up, is incomplete', async () => {
    const setup = await setUp({}, { maxPageSize: 10 });
    const group = addGroup(setup.state, { description: 'Staff' });
    for (let number = 0; number < 25; number++) joinFolder(setup.state, group, `p${number}@example.com`);
    const members = () => collect(setup.provider.readMembers(group.id, setup.ctx));
    type Answer = { meta: { pagination: Record<string, unknown> } };
    const broken = (change: (pagination: Record<string, unknown>) => Record<string, unknown>) =>
      setup.sandbox.fail({
        times: forever,
        effect: {
          do: 'rewrite',
          rewrite: (response) => {
            const { meta, ...rest } = response.json as Answer;
            return { ...response, json: { ...rest, meta: { ...meta, pagination: change(meta.pagination) } } };
          },
        },
      });
    let first: unknown;
    broken((pagination) => {
      first ??= pagination['next'];
      return { ...pagination, next: first };
    });
    await expect(members()).rejects.toMatchObject({ code: 'READ_INCOMPLETE', message: /token.*\d/ });
    setup.sandbox.clearFaults();
    broken(({ next: _next, ...pagination }) => pagination);
    await expect(members()).rejects.toMatchObject({ code: 'READ_INCOMPLETE', message: /10 rows .* 25/ });
  });
});

describe('outcomes', () => {
  const emails = ['a@example.com', 'B@example.com', 'c@example.com'];
  const outcomes = (fail: ReturnType<typeof failure>[], data: unknown[] = [{}]) =>
    toOutcomes(emails, { data, fail }, 'mail');
  const key = (emailAddress: string) => ({ id: 'g', emailAddress });

  it('are found by the key of a failure', () => {
    expect(outcomes([failure('err_x', {}, key('b@example.com'))])).toMatchObject([
      { ok: true },
      { ok: false, code: 'err_x' },
      { ok: true },
    ]);
  });

  it('are all failures where there are as many', () => {
    expect(outcomes(['err_a', 'err_b', 'err_c'].map((code) => failure(code)))).toMatchObject([
      { ok: false, code: 'err_a' },
      { ok: false, code: 'err_b' },
      { ok: false, code: 'err_c' },
    ]);
    const disguised = failure('err_folder_group_member_already_exists');
    expect(outcomes([disguised, disguised, disguised])).toMatchObject([
      { ok: true },
      { ok: true },
      { ok: true },
    ]);
  });

  it('are none where it cannot be told', () => {
    const none = emails.map(() => ({ ok: false, code: 'NO_OUTCOME' }));
    expect(outcomes([failure('err_x')])).toMatchObject(none);
    expect(outcomes([failure('err_x', {}, key('x@example.com'))])).toMatchObject(none);
    const disguised = failure('err_folder_group_member_already_exists');
    expect(outcomes([disguised, failure('err_x'), failure('err_x')])).toMatchObject(none);
  });

  it('are left to smaller calls when the whole call was refused', async () => {
    expect(() => outcomes([failure('err_x')], [])).toThrow(
      expect.objectContaining({ code: 'PLATFORM_REFUSED', vendorCode: 'err_x', applied: 'no' }),
    );
    const setup = await setUp({ batch: 3 }, { maxDataItems: 1 });
    const group = addGroup(setup.state, { description: 'Staff' });
    const members = emails.map((email) => ({ person: 'E1', ref: { id: null, externalId: null, email } }));
    const write = { operation: 'enroll', target: group.id, members, repeated: false } as const;
    await expect(setup.provider.write(write, setup.ctx)).rejects.toMatchObject({ code: 'PLATFORM_REFUSED' });
  });

  it('of one item that may pass later are the queue to try again', () => {
    const fail = [failure('err_busy', { retryable: true })];
    expect(() => toOutcomes(['a@example.com'], { data: [], fail }, 'mail')).toThrow(
      expect.objectContaining({ code: 'PLATFORM_UNAVAILABLE', passing: true, applied: 'no' }),
    );
  });

  it('never quote the vendor', () => {
    expect(JSON.stringify(outcomes([failure('Ana Lind', {}, key('c@example.com'))]))).not.toMatch(
      /Ana|Lind|@/,
    );
  });

  it('take for done what was so already', async () => {
    const setup = await setUp();
    const group = addGroup(setup.state, { description: 'Staff' });
    joinFolder(setup.state, group, 'in@example.com');
    const change = (operation: 'enroll' | 'unenroll', email: string | null) => {
      const members = [{ person: 'E1', ref: { id: null, externalId: null, email } }];
      return setup.provider.write({ operation, target: group.id, members, repeated: false }, setup.ctx);
    };
    expect(await change('enroll', 'in@example.com')).toEqual([{ ok: true, note: 'was a member' }]);
    expect(await change('unenroll', 'out@example.com')).toEqual([{ ok: true, note: 'was no member' }]);
    expect(await change('enroll', null)).toMatchObject([{ ok: false, code: 'NO_EMAIL' }]);
    expect([...group.members.keys()]).toEqual(['in@example.com']);
  });
});

describe('groups and campaigns', () => {
  it('of the directory, and unknown campaigns, are configuration errors', async () => {
    const setup = await setUp({ enrollments: [{ ...rule, campaign: 'Autumn' }] });
    addGroup(setup.state, { description: 'Directory', source: 'ldap' });
    addGroup(setup.state, { description: 'Staff' });
    const resolve = (target: string) => setup.provider.resolveTargets([{ ...rule, target }], setup.ctx);
    await expect(resolve('Directory')).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining('ldap'),
    });
    await expect(resolve('Staff')).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      message: expect.stringContaining('campaign "Autumn"'),
    });
  });

  it('say who answered, in whatever way the rows are written', async () => {
    const ways: MimecastOptions[] = [
      {},
      { resultCase: 'lower', userDataRows: 'flat', userDataEmailField: 'emailAddress', pageUserData: false },
    ];
    for (const options of ways) {
      const setup = await setUp(
        {
          enrollments: [
            { ...rule, campaign: 'Autumn' },
            { ...rule, target: 'Plain' },
          ],
        },
        options,
      );
      const { state, provider, ctx } = setup;
      const group = addGroup(state, { description: 'Staff' });
      addGroup(state, { description: 'Plain' });
      for (const name of ['Right', 'half', 'open']) joinFolder(state, group, `${name}@example.com`);
      const campaign = addCampaign(state, { name: 'Autumn', group, questions: 2 });
      completeCampaign(campaign, 'right@example.com');
      const half = campaign.participants.get('half@example.com');
      if (half !== undefined) half.answers = ['correct', 'incorrect'];
      const targets = await provider.resolveTargets(setup.block.enrollments, ctx);
      expect(targets.map(({ isTraining }) => isTraining)).toEqual([true, false]);
      const members: Membership[] = await collect(provider.readMembers(group.id, ctx));
      expect(members.map(({ email, completed }) => [email, completed])).toEqual([
        ['right@example.com', true],
        ['half@example.com', true],
        ['open@example.com', false],
      ]);
      const rows: ResultRow[] = await collect(provider.readResults(targets, null, ctx));
      expect(rows.map(({ ref, status, score, target }) => [ref.email, status, score, target])).toEqual([
        ['right@example.com', 'completed', 100, group.id],
        ['half@example.com', 'completed', 50, group.id],
        ['open@example.com', 'open', null, group.id],
      ]);
      expect(setup.warnings).toEqual([]);
    }
  });

  it('warn when the rows are not as many as were sent to', async () => {
    const setup = await setUp({ enrollments: [{ ...rule, campaign: 'Autumn' }] });
    const group = addGroup(setup.state, { description: 'Staff' });
    joinFolder(setup.state, group, 'a@example.com');
    const { id } = addCampaign(setup.state, { name: 'Autumn', group });
    setup.sandbox.fail({
      path: /get-campaigns$/,
      times: forever,
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const answer = response.json as { data: { campaigns: object[] }[] };
          const data = answer.data.map(({ campaigns }) => ({
            campaigns: campaigns.map((row) => ({ ...row, numSent: 7 })),
          }));
          return { ...response, json: { ...answer, data } };
        },
      },
    });
    await collect(setup.provider.readMembers(group.id, setup.ctx));
    expect(setup.warnings).toEqual([{ platform: 'mail', campaign: id, numSent: 7, rows: 1 }]);
  });

  it('are listed with their dates and owners', async () => {
    const setup = await setUp();
    const group = addGroup(setup.state, { description: 'Directory', source: 'ldap' });
    const launchedAtMs = Date.UTC(2022, 0, 11, 23, 32);
    addCampaign(setup.state, { name: 'Autumn', group, launchedAtMs });
    expect(await setup.provider.listTargets(setup.ctx)).toMatchObject([
      { kind: 'group', name: 'Directory', size: 0, details: { source: 'ldap', closed: /directory/ } },
      {
        kind: 'campaign',
        name: 'Autumn',
        starts: '2022-01-11T23:32:00.000Z',
        details: { group: 'Directory' },
      },
    ]);
    expect(toIso('2022-01-11T23:32:00+0130')).toBe('2022-01-11T22:02:00.000Z');
    expect([toIso('soon'), toIso(undefined)]).toEqual([null, null]);
  });

  it('filter by status, person and attribute', async () => {
    const setup = await setUp();
    const group = addGroup(setup.state, { description: 'Staff' });
    const campaign = addCampaign(setup.state, { name: 'Autumn', group });
    const add = (name: string, more: object = {}) =>
      addParticipant(campaign, { emailAddress: `${name}@example.com`, name, department: 'Sales', ...more });
    add('ana');
    add('bo', { department: 'Stores', attributes: { 7: 'Cork' } });
    add('cai');
    completeCampaign(campaign, 'ana@example.com');
    completeCampaign(campaign, 'cai@example.com', 'incorrect');
    const api = createApi(setup.block as unknown as MimecastSettings, setup.deps);
    const found = async (filter: UserDataFilter) => {
      const names: string[] = [];
      for await (const { rows } of api.userData(campaign.id, filter, setup.ctx)) {
        names.push(...rows.map(({ email }) => (email ?? '').split('@')[0] ?? ''));
      }
      return names.join(' ');
    };
    expect(await found({})).toBe('ana bo cai');
    expect(await found({ status: ['sent'] })).toBe('bo');
    expect(await found({ status: ['correct', 'incorrect'] })).toBe('ana cai');
    expect(await found({ searchBy: { fieldName: 'department', value: 'Stores' } })).toBe('bo');
    expect(await found({ status: ['sent'], searchBy: { fieldName: 'email', value: 'cai' } })).toBe('');
    const byAttribute = {
      fieldName: 'customAttribute',
      value: 'Cork',
      attributeIds: ['6', '7', '8'],
    } as const;
    expect(await found({ searchBy: byAttribute })).toBe('bo');
    expect(userDataItem('c', { searchBy: byAttribute })).toEqual({
      id: 'c',
      searchBy: { fieldName: 'customAttribute', value: 'Cork' },
      attributeIds: ['6', '7', '8'],
    });
  });

  it('an answer that is unknown, or null, is no answer', () => {
    const standing = (acknowledgement: boolean | null, ...answers: unknown[]) =>
      standingOf({
        email: 'a@example.com',
        emailAddress: null,
        acknowledgement,
        results: Object.fromEntries(answers.map((answer, at) => [`forQuestion${at + 1}`, answer])),
      });
    const open = { completed: false, score: null };
    expect(standing(true)).toEqual({ completed: true, score: null, rawStatus: 'acknowledged' });
    expect(standing(false)).toEqual({ ...open, rawStatus: 'not acknowledged' });
    expect(standing(null)).toMatchObject(open);
    expect(standing(true, 'CORRECT', 'SENT')).toEqual({ ...open, rawStatus: 'CORRECT SENT' });
    for (const other of ['LATE', '', null, 1, {}, true]) {
      expect(standing(true, 'CORRECT', other)).toMatchObject(open);
      expect(standing(true, other)).toMatchObject(open);
    }
    expect(standing(false, 'CORRECT')).toMatchObject({ completed: true, score: 100 });
    expect(standing(false, 'CORRECT', 'INCORRECT', 'correct', 'CORRECT')).toMatchObject({ score: 75 });
  });

  it('has domains among its members, who are nobody in particular', async () => {
    const setup = await setUp({ enrollments: [{ ...rule, campaign: 'Autumn' }] });
    const group = addGroup(setup.state, { description: 'Staff' });
    joinFolder(setup.state, group, 'a@example.com');
    joinDomain(setup.state, group, 'example.org');
    addCampaign(setup.state, { name: 'Autumn', group });
    joinFolder(setup.state, group, 'b@example.com');
    const targets = await setup.provider.resolveTargets(setup.block.enrollments, setup.ctx);
    const members = await collect(setup.provider.readMembers(group.id, setup.ctx));
    expect(members.map(({ email }) => email)).toEqual(['a@example.com', 'b@example.com']);
    const rows = await collect(setup.provider.readResults(targets, null, setup.ctx));
    expect(rows.map(({ ref }) => ref.email)).toEqual(['a@example.com', 'b@example.com']);
  });
});

describe('users', () => {
  const managed = { manageUsers: true, domains: ['Example.com', 'example.org'] };
  const domains = ['example.com', 'example.org'];
  const item = (kind: AccountItem['kind'], fields: Record<string, string>, email?: string): AccountItem => ({
    kind,
    person: 'E1',
    ref: { id: email ?? null, externalId: null, email: email ?? fields['email'] ?? null },
    fields,
    changed: [],
  });
  const write = (setup: Setup, ...accounts: AccountItem[]) =>
    setup.provider.write({ operation: accounts[0]?.kind ?? '', accounts, repeated: false }, setup.ctx);

  it('are the directory’s unless manageUsers says otherwise', async () => {
    const setup = await setUp();
    expect(setup.provider.capabilities).toMatchObject({ accounts: 'none', matchBy: 'email', fields: {} });
    expect(setup.provider.capabilities.missing.accounts).toMatch(/directory/);
    await expect(write(setup, item('create', { email: 'a@example.com' }))).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
    });
    expect(setup.sandbox.log).toEqual([]);
  });

  it('are read for every domain, without aliases and lists', async () => {
    const setup = await setUp(managed, { domains });
    addUser(setup.state, { emailAddress: 'Ana@example.com', name: ' Ana  Lind' });
    addUser(setup.state, { emailAddress: 'al@example.com', alias: true });
    addUser(setup.state, { emailAddress: 'all@example.com', addressType: 'dl_from_ldap' });
    addUser(setup.state, { emailAddress: 'bo@example.org', accountDisabled: true });
    const read = (): Promise<Account[]> => collect(setup.provider.readAccounts(setup.ctx));
    expect(await read()).toEqual([
      {
        id: 'ana@example.com',
        externalId: null,
        email: 'ana@example.com',
        active: true,
        fields: { displayName: 'Ana Lind', email: 'ana@example.com' },
      },
      expect.objectContaining({ email: 'bo@example.org', active: false }),
    ]);
    setup.settings.tellDisabled = false;
    expect((await read()).map(({ active }) => active)).toEqual([true, true]);
  });

  it('are created, adopted, or left to a person to decide', async () => {
    const setup = await setUp(managed, { domains });
    const { state } = setup;
    addUser(state, { emailAddress: 'Active@example.com' });
    addUser(state, { emailAddress: 'off@example.com', accountDisabled: true });
    addUser(state, { emailAddress: 'alias@example.com', alias: true });
    const create = async (email: string) =>
      (await write(setup, item('create', { email, displayName: 'Zoë Okafor' })))[0];
    expect(await create('new@example.com')).toEqual({
      ok: true,
      account: { id: 'new@example.com', externalId: null },
    });
    expect(state.users.get('new@example.com')?.name).toBe('Zoë Okafor');
    expect(await create('active@example.com')).toMatchObject({ ok: true, note: 'adopted' });
    expect(await create('off@example.com')).toMatchObject({ ok: false, code: 'EXISTS_INACTIVE' });
    expect(await create('alias@example.com')).toMatchObject({ ok: false, code: 'EXISTS_ALIAS' });
    const { writes } = setup.sandbox.counts();
    expect(await create('x@elsewhere.example')).toMatchObject({ ok: false, code: 'DOMAIN_NOT_CONFIGURED' });
    expect(setup.sandbox.counts().writes).toBe(writes);
    expect(state.users.get('off@example.com')?.accountDisabled).toBe(true);
  });

  it('are disabled with the name untouched, and keep their address', async () => {
    const setup = await setUp(managed, { domains });
    const user = addUser(setup.state, { emailAddress: 'a@example.com', name: 'Ana Lind' });
    await write(setup, item('deactivate', { displayName: 'Other', email: 'b@example.com' }, 'a@example.com'));
    expect(user).toMatchObject({ name: 'Ana Lind', accountDisabled: true });
    const moved = item('update', { displayName: 'Other', email: 'b@example.com' }, 'a@example.com');
    expect(await write(setup, moved)).toMatchObject([{ ok: false, code: 'EMAIL_FIXED' }]);
    expect(setup.sandbox.counts().writes).toBe(1);
  });
});

describe('the block', () => {
  const signed = { applicationId: 'i', applicationKey: 'k', accessKey: 'a', secretKey: 'c2VjcmV0' };
  const oauth = { clientId: 'c', clientSecret: 's' };
  const problems = (keys: Keys) =>
    mimecast.settings
      .safeParse({ provider: 'mimecast', baseUrl: 'https://eu-api.mimecast.com', ...keys })
      .error?.issues.map(({ path }) => path.join('.'));

  it('takes one set of credentials, whole', () => {
    expect(problems(signed)).toBeUndefined();
    expect(problems({ ...oauth, tokenUrl: 'https://api.services.mimecast.com/oauth/token' })).toBeUndefined();
    expect(problems({})).toEqual(['applicationId']);
    expect(problems({ ...signed, ...oauth })).toEqual(['clientId']);
    expect(problems({ accessKey: 'a' })).toEqual(['applicationId', 'applicationKey', 'secretKey']);
    expect(problems({ clientSecret: 's' })).toEqual(['clientId']);
    expect(problems({ ...signed, tokenUrl: 'https://example.com/oauth' })).toEqual(['tokenUrl']);
  });

  it('takes domains with manageUsers, and only then', () => {
    expect(problems({ ...oauth, manageUsers: true })).toEqual(['domains']);
    expect(problems({ ...oauth, domains: ['example.com'] })).toEqual(['domains']);
    expect(problems({ ...oauth, manageUsers: true, domains: ['example.com'] })).toBeUndefined();
  });
});
