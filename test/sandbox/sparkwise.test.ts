import { afterEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../sandbox/server.ts';
import { type SparkwiseOptions, startSparkwise } from '../../sandbox/sparkwise/index.ts';

let open: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(open.map((sandbox) => sandbox.close()));
  open = [];
});

type Body = {
  success: boolean;
  error: { message: string; metadata: object } | null;
  data: {
    items: { id: string; remoteId: string | null; email?: string }[];
    page: number;
    next: number | null;
    prev: number | null;
    totalPages: number;
    total: number;
    success: { id: string; remoteId: string; active: boolean }[];
    failed: { user: { remoteId: string }; error: string }[];
  };
};

async function start(options: SparkwiseOptions = {}) {
  const started = await startSparkwise(options);
  open.push(started.sandbox);
  const headers: Record<string, string> = { 'x-api-key': started.apiKey };
  const get = async (path: string) => {
    const response = await fetch(started.sandbox.url + path, { headers });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const post = async (path: string, body: unknown, type = 'application/json') => {
    const response = await fetch(started.sandbox.url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  return { ...started, get, post };
}

const person = (remoteId: string, more: object = {}) => ({
  firstName: 'Zoë',
  lastName: 'Okafor',
  active: true,
  remoteId,
  ...more,
});
const people = (count: number) => Array.from({ length: count }, (_, index) => person(`E${index}`));

describe('sign-in and paths', () => {
  it.each([undefined, 'wrong'])('refuses the key %s with 401', async (key) => {
    const { sandbox } = await start();
    const response = await fetch(
      `${sandbox.url}/users`,
      key === undefined ? {} : { headers: { 'x-api-key': key } },
    );
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ success: false, data: null, error: { metadata: {} } });
  });

  it('refuses unknown paths with 404 and wrong methods with 405', async () => {
    const { sandbox, apiKey, get, post } = await start();
    expect((await get('/people')).status).toBe(404);
    expect((await post('/users', {})).status).toBe(405);
    const response = await fetch(`${sandbox.url}/users/batch`, { headers: { 'x-api-key': apiKey } });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('puts errors under HTTP 200 when told to', async () => {
    const { get } = await start({ errorsUnder200: true });
    expect(await get('/nowhere')).toMatchObject({ status: 200, body: { success: false, data: null } });
  });
});

describe('reading users', () => {
  it('pages from 0, with the total on every page and null after the last', async () => {
    const { get, state } = await start({ users: people(5) });
    state.add({ firstName: 'By', lastName: 'Hand' });
    const first = (await get('/users?page=0&pageSize=4')).body.data;
    const last = (await get('/users?page=1&pageSize=4')).body.data;
    expect(first).toMatchObject({ page: 0, size: 4, next: 1, prev: null, totalPages: 2, total: 6 });
    expect(last).toMatchObject({ page: 1, next: null, prev: 0, total: 6 });
    expect([...first.items, ...last.items].map(({ remoteId }) => remoteId)).toEqual([
      'E0',
      'E1',
      'E2',
      'E3',
      'E4',
      null,
    ]);
    expect(first.items[0]?.id).toMatch(/^[0-9a-f]{64}$/);
    expect(first.items[0]).not.toHaveProperty('email');
  });

  it('gives 200 by default, and an empty first page of nobody', async () => {
    const { get } = await start({ users: people(201) });
    expect((await get('/users')).body.data.items).toHaveLength(200);
    const nobody = await start();
    expect((await nobody.get('/users')).body.data).toMatchObject({ items: [], total: 0, next: null });
  });

  it.each(['page=2', 'page=-1', 'page=x', 'pageSize=0', 'pageSize=201', 'pagesize=5', 'page=0&page=1'])(
    'refuses %s',
    async (query) => {
      const { get } = await start({ users: people(201) });
      expect((await get(`/users?${query}`)).status).toBe(400);
    },
  );
});

describe('batch upsert', () => {
  it('creates the unknown, updates and reactivates the known', async () => {
    const { post, state, sandbox } = await start({ users: [{ ...person('E1'), active: false }] });
    const { body } = await post('/users/batch', { users: [person('E1', { lastName: 'New' }), person('E2')] });
    expect(body.data.success.map(({ remoteId }) => remoteId)).toEqual(['E1', 'E2']);
    expect(body.data.failed).toEqual([]);
    expect(state.byRemoteId.get('E1')).toMatchObject({ lastName: 'New', active: true });
    expect(state.users).toHaveLength(2);
    expect(sandbox.counts()).toMatchObject({ writes: 1, items: 2 });
  });

  it('does not reactivate when told so', async () => {
    const { post } = await start({ users: [{ ...person('E1'), active: false }], reactivates: false });
    const { body } = await post('/users/batch', { users: [person('E1')] });
    expect(body.data.success).toMatchObject([{ remoteId: 'E1', active: false }]);
  });

  it.each([
    ['no users', { users: [] }],
    ['201 users', { users: people(201) }],
    ['no list', {}],
    ['a list that is none', { users: person('E1') }],
    ['an unknown field', { users: people(1), dryRun: true }],
    ['an unknown field of a user', { users: [person('E1', { department: 'Sales' })] }],
    ['a missing field', { users: [{ firstName: 'A', lastName: 'B', remoteId: 'E1' }] }],
    ['a wrong type', { users: [person('E1', { active: 'true' })] }],
    ['an empty name', { users: [person('E1', { firstName: '' })] }],
    ['what is not JSON', '{"users":'],
  ])('refuses %s as a whole', async (_name, body) => {
    const { post, state } = await start();
    expect(await post('/users/batch', body)).toMatchObject({
      status: 400,
      body: { success: false, data: null },
    });
    expect(state.users).toHaveLength(0);
  });

  it('takes 200 and refuses another content type', async () => {
    const { post } = await start();
    expect((await post('/users/batch', { users: people(200) })).body.data.success).toHaveLength(200);
    expect((await post('/users/batch', { users: people(1) }, 'text/plain')).status).toBe(415);
  });

  it('carries failures under success, and leaves some out of both lists', async () => {
    const { post, state } = await start();
    state.unprocessable.add('E2');
    state.omitted.add('E3');
    const users = [person('E1'), person('E1', { lastName: 'Twice' }), person('E2'), person('E3')];
    const { status, body } = await post('/users/batch', { users });
    expect([status, body.success]).toEqual([200, true]);
    expect(body.data.success.map(({ remoteId }) => remoteId)).toEqual(['E1']);
    expect(body.data.failed.map(({ user, error }) => [user.remoteId, error])).toEqual([
      ['E1', 'Duplicate remoteId in this batch'],
      ['E2', 'This user cannot be processed'],
    ]);
    expect(state.byRemoteId.get('E1')?.lastName).toBe('Okafor');
    expect(state.byRemoteId.has('E3')).toBe(false);
  });

  it('does not process users outside the trusted domains', async () => {
    const trustedDomains = ['example.com'];
    const users = [
      person('E1', { email: 'zoe@Example.com' }),
      person('E2', { email: 'x@elsewhere.org' }),
      person('E3'),
    ];
    const { post, get } = await start({ trustedDomains, showEmail: true });
    const { body } = await post('/users/batch', { users });
    expect(body.data.failed.map(({ user }) => user.remoteId)).toEqual(['E2', 'E3']);
    expect((await get('/users')).body.data.items).toMatchObject([
      { remoteId: 'E1', email: 'zoe@Example.com' },
    ]);
    const silent = await start({ trustedDomains, untrusted: 'omitted' });
    const answer = await silent.post('/users/batch', { users });
    expect([answer.body.data.success.length, answer.body.data.failed.length]).toEqual([1, 0]);
  });
});

describe('batch deactivate', () => {
  it('deactivates and reports who is not there, or twice there', async () => {
    const { post, state } = await start({ users: people(2) });
    const users = [{ remoteId: 'E0' }, { remoteId: 'E9' }, { remoteId: 'E0' }];
    const { body } = await post('/users/deactivate', { users });
    expect(body.data.success).toMatchObject([{ remoteId: 'E0', active: false }]);
    expect(body.data.failed.map(({ error }) => error)).toEqual([
      'User not found',
      'Duplicate remoteId in this batch',
    ]);
    expect(state.users.map(({ active }) => active)).toEqual([false, true]);
  });

  it('answers without lists when told to', async () => {
    const { post } = await start({ users: people(1), deactivateAnswer: 'bare' });
    const { body } = await post('/users/deactivate', { users: [{ remoteId: 'E0' }] });
    expect(body).toEqual({ success: true, error: null, data: null });
  });

  it.each([[[]], [people(1)], [[{ id: 'x' }]], [[{ remoteId: 7 }]]])('refuses %j', async (users) => {
    const { post, state } = await start({ users: people(1) });
    expect((await post('/users/deactivate', { users })).status).toBe(400);
    expect(state.users[0]?.active).toBe(true);
  });
});

describe('clusters and completions', () => {
  const cluster = (clusterId: string, createdAt: string) => ({
    createdAt,
    clusterId,
    moduleId: 'm1',
    moduleName: 'Phishing',
    moduleCategory: 'Security',
    moduleThumbnailUrl: 'https://example.com/t.png',
    moduleDescription: 'About phishing',
    duration: 45,
  });

  it('lists clusters by creation, from inclusive and to exclusive', async () => {
    const clusters = [
      cluster('a', '2026-01-01T00:00:00Z'),
      { ...cluster('b', '2026-02-01T00:00:00Z'), iframeCode: '<i>' },
    ];
    const { get } = await start({ clusters });
    expect((await get('/clusters')).body.data.total).toBe(2);
    const { items, total } = (await get('/clusters?from=2026-02-01&to=2026-02-02')).body.data;
    expect(total).toBe(1);
    expect(items[0]).toMatchObject({ clusterId: 'b', iframeCode: '<i>' });
    expect(items[0]).not.toHaveProperty('createdAt');
    expect((await get('/clusters?to=2026-02-01T00:00:00Z')).body.data.items).toMatchObject([
      { clusterId: 'a' },
    ]);
  });

  it('answers completions as a bare array, by the date of the session', async () => {
    const { get, state } = await start();
    state.complete('E2', { sessionScheduledStartAt: '2026-03-02T09:00:00Z', percentageStepsVisited: 40 });
    state.complete('E1', { sessionScheduledStartAt: '2026-03-01T00:00:00Z' });
    state.complete('E3', { sessionScheduledStartAt: '2026-03-03T00:00:00Z', attended: false });
    const { status, body } = await get('/completions?from=2026-03-01&to=2026-03-03');
    expect(status).toBe(200);
    expect(body).toMatchObject([
      { remoteUserId: 'E1', attended: true, percentageStepsVisited: 100 },
      { remoteUserId: 'E2', percentageStepsVisited: 40 },
    ]);
    state.complete('E2', { sessionScheduledStartAt: '2026-03-02T09:00:00Z' });
    expect((await get('/completions?from=2026-03-02&to=2026-03-03')).body).toMatchObject([
      { remoteUserId: 'E2', percentageStepsVisited: 100 },
    ]);
  });

  it.each([
    '/completions',
    '/completions?from=2026-03-01',
    '/completions?to=2026-03-01',
    '/completions?from=2026-03-02&to=2026-03-01',
    '/completions?from=2026-03-01&to=2026-03-01',
    '/completions?from=yesterday&to=2026-03-01',
    '/completions?from=2026-03-01&to=2026-13-01',
    '/clusters?from=2026-03-02&to=2026-03-01',
    '/clusters?page=1',
  ])('refuses %s', async (path) => {
    const { get } = await start();
    expect((await get(path)).status).toBe(400);
  });
});

describe('rate limit, faults and size', () => {
  it('answers one request too many with 429 and Retry-After', async () => {
    const { sandbox, apiKey } = await start({ rate: 1 });
    const ask = () => fetch(`${sandbox.url}/users`, { headers: { 'x-api-key': apiKey } });
    await ask();
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ success: false, data: null });
    expect(sandbox.counts()).toMatchObject({ tooMany: 1, busiestWindow: 2 });
  });

  it('can apply a batch and lose the answer, after which repeating it changes nothing', async () => {
    const { sandbox, post, state } = await start();
    sandbox.fail({ path: '/users/batch', effect: { do: 'drop', applied: true } });
    await expect(post('/users/batch', { users: people(2) })).rejects.toThrow();
    expect(state.users).toHaveLength(2);
    await post('/users/batch', { users: people(2) });
    expect(state.users).toHaveLength(2);
  });

  it('forgets users whom somebody deleted there', async () => {
    const { get, state } = await start({ users: people(3) });
    state.remove('E1');
    expect((await get('/users')).body.data.items.map(({ remoteId }) => remoteId)).toEqual(['E0', 'E2']);
  });
});
