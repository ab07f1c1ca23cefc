import { afterEach, describe, expect, test } from 'vitest';
import { type OutthinkOptions, startOutthink } from '../../sandbox/outthink/index.ts';
import type { Membership } from '../../src/account.ts';
import type { EnrollmentRule } from '../../src/config/schema.ts';
import type {
  AccountItem,
  CallContext,
  MemberItem,
  Provider,
  ResultRow,
} from '../../src/providers/contract.ts';
import { closedReason } from '../../src/providers/outthink/campaigns.ts';
import { outthink } from '../../src/providers/outthink/index.ts';
import { waitInBodyMs } from '../../src/providers/outthink/wait.ts';
import { freePacer } from '../support/pacer.ts';

const ctx: CallContext = { signal: new AbortController().signal, onRequest: () => undefined };
const always = { startDate: '2020-01-01', endDate: '2999-12-31' } as const;
const safety = { id: 'c1', name: 'Warehouse safety', ...always } as const;
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const people = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    userName: `E${index}`,
    givenName: 'Ada',
    familyName: `L${index}`,
    email: `u${index}@example.com`,
  }));

async function start(options: OutthinkOptions = {}, changed: Record<string, unknown> = {}) {
  const service = await startOutthink(options);
  open.push(service.sandbox.close);
  const { credentials, restUrl, scimUrl } = service;
  const block = outthink.parse({
    baseUrl: restUrl,
    customerId: credentials.customerId,
    apiKey: credentials.apiKey,
    scim: { baseUrl: scimUrl, token: credentials.scimToken },
    ...changed,
  });
  const pausesMs: number[] = [];
  const debugged: Record<string, unknown>[] = [];
  const provider = outthink.create(block, {
    platform: 'awareness',
    pacer: {
      ...freePacer(),
      limited: async ({ askedMs = 1_000 }) => {
        pausesMs.push(askedMs);
        service.sandbox.setRate(0);
        return askedMs;
      },
    },
    log: { debug: (fields) => void debugged.push(fields), warn: () => undefined },
    retryBaseMs: 1,
  });
  return { ...service, provider, pausesMs, debugged };
}

const rule = (target: string): EnrollmentRule => ({ target, when: 'true', keepCompleted: true });

function member(index: number, more: Partial<MemberItem['ref']> = {}): MemberItem {
  const person = `E${index}`;
  return { person, ref: { id: null, externalId: person, email: `u${index}@example.com`, ...more } };
}

async function membersOf(provider: Provider, target = 'c1'): Promise<Membership[]> {
  const members: Membership[] = [];
  for await (const page of provider.readMembers(target, ctx)) members.push(...page);
  return members;
}

function send(
  provider: Provider,
  operation: 'enroll' | 'unenroll',
  members: readonly MemberItem[],
  repeated = false,
) {
  return provider.write({ operation, target: 'c1', members, repeated }, ctx);
}

describe('signing in', () => {
  test.each([
    ['customerId', 'customerId', 'invalid_customer_id_header'],
    ['apiKey', 'apiKey', 'invalid_authorization_header'],
  ])('a wrong %s is a 400 that counts as refused', async (key, named, code) => {
    const { provider } = await start({}, { [key]: 'wrong' });
    await expect(provider.signIn(ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      vendorCode: code,
      hint: expect.stringContaining(`platforms.awareness.${named}`),
    });
  });

  test('a wrong SCIM token is told apart', async () => {
    const { provider, scimUrl } = await start();
    await provider.signIn(ctx);
    const { provider: wrong } = await start({}, { scim: { baseUrl: scimUrl, token: 'wrong' } });
    await expect(wrong.signIn(ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      hint: 'Check platforms.awareness.scim.token.',
    });
  });

  test('every request has a correlation id of its own, which is logged', async () => {
    const { provider, sandbox, debugged } = await start({ campaigns: [safety] });
    await provider.listTargets(ctx);
    const sent = sandbox.log.map(({ headers }) => headers['correlation-id']);
    expect(new Set(sent).size).toBe(sandbox.log.length);
    expect(debugged.map(({ correlationId }) => correlationId)).toEqual(sent);
  });
});

describe('a total', () => {
  const many = { users: people(250), campaigns: [safety], listShape: 'items' } as const;

  test.each([undefined, 'all', 'page'] as const)('%s, as it is, is read over', async (listTotal) => {
    const { provider, state } = await start({ ...many, ...(listTotal === undefined ? {} : { listTotal }) });
    for (const { userName } of people(250)) state.mark('c1', userName, 'notStarted');
    expect(await membersOf(provider)).toHaveLength(250);
  });

  test('that does not add up, or changes, makes the read incomplete', async () => {
    for (const skip of [0, 1]) {
      const { provider, sandbox, state } = await start({ ...many, listTotal: 'all' });
      for (const { userName } of people(250)) state.mark('c1', userName, 'notStarted');
      sandbox.fail({
        path: /users$/,
        skip,
        times: Number.POSITIVE_INFINITY,
        effect: {
          do: 'rewrite',
          rewrite: (response) => ({ ...response, json: { ...(response.json as object), total: 251 } }),
        },
      });
      await expect(membersOf(provider)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
    }
  });

  test.each([null, '250', -1.5, {}])('that is %j carries nothing', async (total) => {
    const { provider, sandbox } = await start({ ...many, listTotal: 'all' });
    sandbox.fail({
      times: Number.POSITIVE_INFINITY,
      effect: {
        do: 'rewrite',
        rewrite: (response) => ({ ...response, json: { ...(response.json as object), total } }),
      },
    });
    expect(await provider.listTargets(ctx)).toHaveLength(1);
  });
});

describe('being asked to wait', () => {
  test.each([
    ['header', 1_000],
    ['body', 1_000],
    ['none', 1_000],
  ] as const)('%s', async (retryAfter, expected) => {
    const { provider, pausesMs, sandbox } = await start({ retryAfter, campaigns: [safety] });
    sandbox.setRate(1);
    await provider.listTargets(ctx);
    expect(pausesMs).toEqual([expected]);
  });

  test.each([
    [{ retryAfter: 3 }, 3_000],
    [{ retryAfterSeconds: '2' }, 2_000],
    [{ retry_after_ms: 250 }, 250],
    [{ error: { 'retry-after': 1.5 } }, 1_500],
    [{ message: 'Limit of 10 requests a second exceeded. Try again in 4 seconds.' }, 4_000],
    [{ reason: 'wait 2 minutes' }, 120_000],
    [{ message: 'Too many requests: 10' }, undefined],
    ['busy', undefined],
  ])('%j', (body, expected) => {
    expect(waitInBodyMs(body)).toBe(expected);
  });
});

describe('lists', () => {
  test.each(['bare', 'items', 'data', 'users'] as const)(
    'come %s, and are read to an empty page',
    async (listShape) => {
      const { provider, state, sandbox } = await start({
        listShape,
        users: people(450),
        campaigns: [safety],
      });
      for (const { userName } of state.scim.users) state.mark('c1', userName, 'notStarted');
      const members = await membersOf(provider);
      expect(members.map(({ externalId }) => externalId)).toEqual(
        people(450).map(({ userName }) => userName),
      );
      expect(sandbox.log.every(({ query }) => Number(new URLSearchParams(query).get('take')) <= 100)).toBe(
        true,
      );
    },
  );

  test('a smaller page than asked for is gone on from', async () => {
    const { provider, state, sandbox } = await start({ users: people(130), campaigns: [safety] });
    for (const { userName } of state.scim.users) state.mark('c1', userName, 'notStarted');
    sandbox.fail({
      path: /\/users$/,
      times: Number.POSITIVE_INFINITY,
      effect: {
        do: 'rewrite',
        rewrite: (response) => ({ ...response, json: (response.json as unknown[]).slice(0, 30) }),
      },
    });
    expect(await membersOf(provider)).toHaveLength(130);
  });

  test('a list that repeats its rows is incomplete', async () => {
    const { provider, state, sandbox } = await start({ users: people(150), campaigns: [safety] });
    for (const { userName } of state.scim.users) state.mark('c1', userName, 'notStarted');
    let first: unknown;
    sandbox.fail({
      path: /\/users$/,
      times: Number.POSITIVE_INFINITY,
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          first ??= response.json;
          return { ...response, json: first };
        },
      },
    });
    await expect(membersOf(provider)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
  });
});

describe('campaigns', () => {
  const campaigns = [
    safety,
    { id: 'c2', name: 'Twice', ...always },
    { id: 'c3', name: 'Twice', ...always },
    { id: 'c4', name: 'Phish', type: 'attackSimulation', ...always },
    { id: 'c5', name: 'Old', startDate: '2019-01-01', endDate: '2020-01-01' },
    { id: 'c6', name: 'Done', status: 'completed', ...always },
    { id: 'c7', name: 'Later', startDate: '2998-01-01', endDate: '2999-01-01' },
    { id: 'c8', name: 'Open-ended', startDate: '2020-01-01', endDate: null },
    { id: 'c9', name: 'Safety', type: 'attackSimulation' },
  ] as const;

  test('are found by id or exact name', async () => {
    const { provider } = await start({ campaigns });
    expect(await provider.resolveTargets([rule('c2'), rule('Warehouse safety')], ctx)).toEqual([
      { id: 'c2', name: 'Twice', isTraining: true },
      { id: 'c1', name: 'Warehouse safety', isTraining: true },
    ]);
  });

  test.each([
    ['Twice', /c2.*c3/],
    ['Phish', /attack simulation/],
    ['Nope', /not found/],
  ])('%s is no target', async (target, message) => {
    const { provider } = await start({ campaigns });
    await expect(provider.resolveTargets([rule(target)], ctx)).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      message: expect.stringMatching(message),
    });
  });

  test('are closed when completed, outside their dates or without them', async () => {
    const { provider } = await start({ campaigns });
    const targets = await provider.resolveTargets(['c5', 'c6', 'c7', 'c8'].map(rule), ctx);
    expect(targets.map(({ closed }) => closed)).toEqual([
      expect.stringContaining('ended on 2020-01-01'),
      expect.stringContaining('completed'),
      expect.stringContaining('starts on 2998-01-01'),
      expect.stringContaining('no end date'),
    ]);
  });

  test.each([
    [{ endDate: '2026-03-02' }, '2026-03-02T23:00:00Z', undefined],
    [{ endDate: '2026-03-02' }, '2026-03-03T00:00:00Z', /ended/],
    [{ status: 'scheduled' }, '2026-03-02', /not started/],
    [{ status: 'scheduled', startDate: '2026-03-01' }, '2026-03-02', undefined],
    [{ instantTraining: false }, '2026-03-02', /instant/],
    [{}, '2026-03-02', undefined],
  ])('what is not said is fine: %j at %s', (said, now, expected) => {
    const reason = closedReason(
      {
        id: 'c',
        name: 'C',
        type: undefined,
        status: undefined,
        startDate: undefined,
        endDate: undefined,
        instantTraining: undefined,
        ...said,
      },
      Date.parse(now),
    );
    if (expected === undefined) expect(reason).toBeUndefined();
    else expect(reason).toMatch(expected);
  });

  test('are listed without attack simulations', async () => {
    const { provider } = await start({ campaigns });
    const listed = await provider.listTargets(ctx);
    expect(listed.map(({ id }) => id)).toEqual(['c1', 'c2', 'c3', 'c5', 'c6', 'c7', 'c8']);
    expect(listed[0]).toEqual({
      kind: 'campaign',
      id: 'c1',
      name: 'Warehouse safety',
      starts: '2020-01-01',
      ends: '2999-12-31',
      details: { status: 'inProgress' },
    });
  });
});

describe('enrolling', () => {
  test.each([
    ['userSourceIdentifier', 'E0'],
    ['userEmail', 'u0@example.com'],
    ['userId', 'id-0'],
  ])('by %s', async (identifier, value) => {
    const users = people(2).map((one, index) => ({ ...one, id: `id-${index}` }));
    const { provider, sandbox } = await start({ users, campaigns: [safety] }, { identifier });
    const some = [member(0, { id: 'id-0' }), member(1, { id: 'id-1' })];
    expect(await send(provider, 'enroll', some)).toEqual([{ ok: true }, { ok: true }]);
    expect(JSON.parse(sandbox.log.at(-1)?.body ?? '')).toMatchObject({
      users: [{ [identifier]: value }, {}],
    });
    expect(await membersOf(provider)).toEqual(
      [0, 1].map((index) => ({
        id: `id-${index}`,
        externalId: `E${index}`,
        email: `u${index}@example.com`,
        completed: false,
      })),
    );
    expect(await send(provider, 'unenroll', some.slice(1))).toEqual([{ ok: true }]);
    expect(await membersOf(provider)).toHaveLength(1);
  });

  test('each item has its own outcome, without the vendor’s words', async () => {
    const { provider } = await start({ users: people(2), campaigns: [safety] }, { identifier: 'userEmail' });
    const some = [member(0), member(7), member(1, { email: null }), member(1)];
    expect(await send(provider, 'enroll', some)).toEqual([
      { ok: true },
      { ok: false, code: 'REFUSED', message: 'the platform refused the user' },
      { ok: false, code: 'NO_IDENTIFIER', message: 'the person has no userEmail' },
      { ok: true },
    ]);
  });

  test('one in neither list has no outcome; an empty answer is success for all', async () => {
    const { provider, sandbox } = await start({ users: people(2), campaigns: [safety] });
    sandbox.fail({
      kind: 'write',
      effect: { do: 'answer', response: { status: 200, json: { success: ['E1'], failed: [] } } },
    });
    expect(await send(provider, 'enroll', [member(0), member(1)])).toMatchObject([
      { ok: false, code: 'NO_OUTCOME' },
      { ok: true },
    ]);
    const { provider: other } = await start({ users: people(2), campaigns: [safety], enrollAnswer: 'empty' });
    expect(await send(other, 'enroll', [member(0), member(1)])).toEqual([{ ok: true }, { ok: true }]);
    expect(await membersOf(other)).toHaveLength(2);
  });

  const no = (json: unknown) => ({
    kind: 'write' as const,
    effect: { do: 'answer' as const, response: { status: 200, json } },
  });

  test.each([
    ['success: false', { success: false }, undefined],
    ['ok: false', { ok: false }, undefined],
    ['a status that is a word for no', { status: 'failed', message: 'no' }, undefined],
    ['the status of an error', { status: 409, title: 'Conflict' }, undefined],
    ['with a code', { success: false, code: 'campaign_closed' }, 'campaign_closed'],
    [
      'a code alone',
      { code: 'invalid_parameter', field: 'users', reason: 'no such users' },
      'invalid_parameter',
    ],
    ['an error alone', { error: 'E0 is not known here' }, undefined],
    ['an error in an object', { error: { code: 'x' } }, undefined],
  ])('a no under HTTP 200 is a refusal: %s', async (_title, json, vendorCode) => {
    const { provider, sandbox } = await start({ users: people(2), campaigns: [safety] });
    sandbox.fail(no(json));
    const error: unknown = await send(provider, 'enroll', [member(0), member(1)]).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'PLATFORM_REFUSED', status: 200, vendorCode, applied: 'no' });
    expect(String(error)).not.toContain('E0');
  });

  test('a sign-in that is refused under HTTP 200 is one, and a read that is refused is no list', async () => {
    const { provider, sandbox } = await start({ campaigns: [safety] });
    const json = { success: false, code: 'invalid_customer_id_header' };
    sandbox.fail({ effect: { do: 'answer', response: { status: 200, json } } });
    await expect(provider.signIn(ctx)).rejects.toMatchObject({ code: 'SIGN_IN_REFUSED' });
    sandbox.fail({ effect: { do: 'answer', response: { status: 200, json: { success: false } } } });
    await expect(provider.listTargets(ctx)).rejects.toMatchObject({ code: 'PLATFORM_REFUSED' });
  });

  const ok = { ok: true };
  const refused = { ok: false, code: 'REFUSED' };
  const none = { ok: false, code: 'NO_OUTCOME' };
  test.each([
    [
      'results',
      { results: [{ userSourceIdentifier: 'E0', error: 'not known here' }, { userSourceIdentifier: 'E1' }] },
      [refused, ok],
    ],
    [
      'a bare list',
      [
        { userSourceIdentifier: 'E0', success: false },
        { user: 'E1', success: true },
      ],
      [refused, ok],
    ],
    [
      'results by status',
      {
        results: [
          { user: 'E0', status: 'Failed' },
          { user: 'E1', status: 'ok' },
        ],
      },
      [refused, ok],
    ],
    [
      'results by HTTP status',
      {
        results: [
          { user: 'E0', status: 404 },
          { user: 'E1', status: 200 },
        ],
      },
      [refused, ok],
    ],
    [
      'results with a code',
      { success: true, results: [{ user: 'E0', code: 'gone' }, { user: 'E1' }] },
      [{ ok: false, code: 'gone' }, ok],
    ],
    ['one that is left out', { results: [{ user: 'E1', success: true }] }, [none, ok]],
    [
      'success: false with failures',
      { success: false, failed: [{ user: 'E0', error: 'not known here' }] },
      [refused, ok],
    ],
    ['failures alone', { failed: [{ user: 'E0', error: 'not known here' }] }, [refused, ok]],
    ['errors alone', { errors: [{ user: 'E0', error: 'not known here' }] }, [refused, ok]],
    [
      'a failure of nobody that was sent',
      { failed: [{ user: { userId: 'x-9' }, error: 'not known here' }] },
      [none, none],
    ],
    ['how many failed', { failed: 1 }, [none, none]],
    ['an error beside', { errors: 'one of them' }, [none, none]],
    ['null', null, [ok, ok]],
    ['nothing but words', { message: 'accepted' }, [ok, ok]],
    ['success: true', { success: true }, [ok, ok]],
    ['nobody', { success: [], failed: [] }, [none, none]],
  ])('each user is judged alone: %s', async (_title, json, expected) => {
    const { provider, sandbox } = await start({ users: people(2), campaigns: [safety] });
    sandbox.fail(no(json));
    expect(await send(provider, 'enroll', [member(0), member(1)])).toMatchObject(expected);
  });

  test('one who already is as wanted is no failure', async () => {
    const { provider, state } = await start({ users: people(2), campaigns: [safety], repeatable: false });
    state.mark('c1', 'E0', 'inProgress');
    expect(await send(provider, 'enroll', [member(0), member(1)])).toEqual([
      { ok: true, note: 'was enrolled already' },
      { ok: true },
    ]);
    await send(provider, 'unenroll', [member(0)]);
    expect(await send(provider, 'unenroll', [member(0), member(1)])).toEqual([
      { ok: true, note: 'was not enrolled' },
      { ok: true },
    ]);
  });

  test('after a lost answer only the rest is sent', async () => {
    const { provider, sandbox } = await start({ users: people(3), campaigns: [safety] });
    sandbox.fail({ kind: 'write', effect: { do: 'drop', applied: true } });
    await expect(send(provider, 'enroll', [member(0), member(1)])).rejects.toMatchObject({
      applied: 'unknown',
    });
    const again = await send(provider, 'enroll', [member(0), member(1), member(2)], true);
    expect(again).toEqual([
      { ok: true, note: 'done by an earlier attempt' },
      { ok: true, note: 'done by an earlier attempt' },
      { ok: true },
    ]);
    expect(JSON.parse(sandbox.log.at(-1)?.body ?? '')).toEqual({ users: [{ userSourceIdentifier: 'E2' }] });
  });

  test('paths are settings', async () => {
    const paths = { enroll: 'PUT /elsewhere/{campaignId}/add' };
    const { provider, sandbox } = await start({ campaigns: [safety] }, { paths });
    await expect(send(provider, 'enroll', [member(0)])).rejects.toMatchObject({ code: 'PLATFORM_REFUSED' });
    expect(sandbox.log.at(-1)).toMatchObject({ method: 'PUT', path: '/analytics/v1/elsewhere/c1/add' });
  });
});

test('results are how everybody stands', async () => {
  const { provider, state } = await start({ users: people(3), campaigns: [safety] });
  state.mark('c1', 'E0', 'completedLate');
  state.mark('c1', 'E1', 'overdue');
  const targets = await provider.resolveTargets([rule('c1')], ctx);
  const rows: ResultRow[] = [];
  for await (const page of provider.readResults(targets, null, ctx)) rows.push(...page);
  expect(rows).toMatchObject([
    {
      ref: { externalId: 'E0' },
      target: 'c1',
      targetName: 'Warehouse safety',
      status: 'completed',
      score: null,
    },
    { ref: { externalId: 'E1' }, status: 'open', rawStatus: 'overdue', at: null },
  ]);
  expect((await membersOf(provider)).map(({ completed }) => completed)).toEqual([true, false]);
});

describe('accounts', () => {
  test('carry the employee id as userName and the title as primary role', async () => {
    const { provider, state } = await start();
    await provider.prepare?.(ctx);
    const create: AccountItem = {
      kind: 'create',
      person: 'E1',
      ref: { id: null, externalId: 'E1', email: 'zoe@example.com' },
      fields: {
        firstName: 'Zoë',
        lastName: 'Okafor',
        email: 'zoe@example.com',
        title: 'Clerk',
        department: 'Stores',
      },
      changed: [],
    };
    const accounts = [create];
    const [made] = await provider.write({ operation: 'accounts', accounts, repeated: false }, ctx);
    expect(made).toMatchObject({ ok: true, account: { externalId: 'E1' } });
    expect(state.scim.users[0]).toMatchObject({ userName: 'E1', roles: [{ value: 'Clerk', primary: true }] });
    const account = await provider.lookUp({ id: null, externalId: 'E1', email: null }, ctx);
    expect(account?.fields).toMatchObject(create.fields);
    if (account === null) throw new Error('it was made');
    const update = {
      ...create,
      kind: 'update',
      ref: account,
      fields: { title: 'Chef' },
      changed: ['title'],
    } as const;
    await provider.write({ operation: 'accounts', accounts: [update], repeated: false }, ctx);
    expect((await provider.lookUp(account, ctx))?.fields['title']).toBe('Chef');
    const { fields } = provider.capabilities;
    expect(['firstName', 'lastName', 'email'].every((name) => fields[name]?.required === true)).toBe(true);
  });

  test('use /Bulk only where the service says so', async () => {
    const { provider } = await start({ scim: { bulk: { maxOperations: 40 } } });
    await provider.prepare?.(ctx);
    expect(provider.capabilities.operations.map(({ name, limit }) => [name, limit])).toEqual([
      ['accounts', 40],
      ['deactivate', 40],
      ['enroll', 200],
      ['unenroll', 200],
    ]);
  });

  test('are none without SCIM, with the reason', async () => {
    const { provider, sandbox } = await start({}, { scim: undefined, identifier: 'userEmail' });
    await provider.prepare?.(ctx);
    expect(provider.capabilities).toMatchObject({ accounts: 'none', matchBy: 'email', lookUp: false });
    expect(provider.capabilities.missing.accounts).toContain('SCIM');
    const ref = { id: null, externalId: 'E1', email: null };
    await expect(provider.lookUp(ref, ctx)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' });
    expect(sandbox.log).toEqual([]);
  });

  test('userId without SCIM is refused as a setting', () => {
    const block = {
      provider: 'outthink',
      baseUrl: 'http://x.test',
      customerId: 'a',
      apiKey: 'b',
      identifier: 'userId',
    };
    expect(outthink.settings.safeParse(block).error?.issues).toMatchObject([{ path: ['identifier'] }]);
    const scim = { baseUrl: 'http://x.test/scim', token: 't' };
    expect(outthink.settings.safeParse({ ...block, scim }).success).toBe(true);
    const paths = { enroll: 'GET /nowhere' };
    expect(outthink.settings.safeParse({ ...block, scim, paths }).error?.issues).toMatchObject([
      { path: ['paths', 'enroll'] },
    ]);
  });
});
