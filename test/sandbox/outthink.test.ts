import { afterEach, describe, expect, it } from 'vitest';
import { type OutthinkOptions, startOutthink } from '../../sandbox/outthink/index.ts';
import { enterpriseSchema, userSchema } from '../../sandbox/scim/attributes.ts';
import { patchSchema } from '../../sandbox/scim/patch.ts';
import type { Sandbox } from '../../sandbox/server.ts';

let open: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(open.map((sandbox) => sandbox.close()));
  open = [];
});

type Member = { userId: string; userSourceIdentifier: string; userEmail: string; trainingStatus: string };
type Lists = { success: Member[]; failed: { user: object; error: string }[] };

async function start(options: OutthinkOptions = {}) {
  const started = await startOutthink(options);
  open.push(started.sandbox);
  const signIn: Record<string, string> = {
    'ot-customer-id': started.credentials.customerId,
    authorization: `Bearer ${started.credentials.apiKey}`,
  };
  const rest = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = signIn,
  ) => {
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(started.restUrl + path, {
      method,
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = /json/.test(response.headers.get('content-type') ?? '')
      ? JSON.parse(text)
      : undefined;
    return { status: response.status, headers: response.headers, text, json };
  };
  const scim = async (
    method: string,
    path: string,
    body?: unknown,
    token: string = started.credentials.scimToken,
  ) => {
    const response = await fetch(started.scimUrl + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      json: (await response.json()) as Record<string, unknown> & { id: string },
    };
  };
  return { ...started, signIn, rest, scim };
}

const users = Array.from({ length: 4 }, (_, index) => ({
  id: `id-${index}`,
  userName: `E${index}`,
  givenName: 'Zoë',
  familyName: 'Okafor',
  email: `e${index}@example.com`,
}));
const campaigns = [
  { id: 'c1', name: 'Warehouse safety', members: ['id-0'] },
  { id: 'c2', name: 'Phish of March', type: 'attackSimulation', status: 'completed' },
  { id: 'c3', name: 'Not instant', instantTraining: false, status: 'scheduled' },
  { id: 'c4', name: 'No dates', startDate: null, endDate: null, status: 'notStarted' },
] as const;
const bySource = (...ids: string[]) => ({
  users: ids.map((userSourceIdentifier) => ({ userSourceIdentifier })),
});

describe('the REST sign-in', () => {
  it('answers the four documented codes under 400', async () => {
    const { rest, signIn } = await start();
    const { 'ot-customer-id': customer = '', authorization = '' } = signIn;
    const code = async (headers: Record<string, string>) => {
      const { status, json } = await rest('GET', '/campaigns', undefined, headers);
      expect(status).toBe(400);
      return (json as { code: string }).code;
    };
    expect(await code({ authorization })).toBe('missing_customer_id_header');
    expect(await code({ authorization, 'ot-customer-id': 'x' })).toBe('invalid_customer_id_header');
    expect(await code({ 'ot-customer-id': customer })).toBe('missing_authorization_header');
    expect(await code({ 'ot-customer-id': customer, authorization: 'Bearer x' })).toBe(
      'invalid_authorization_header',
    );
  });

  it('sends a Correlation-Id, and the client its own back', async () => {
    const { rest, signIn } = await start();
    const { headers } = await rest('GET', '/nowhere', undefined, { ...signIn, 'correlation-id': 'mine' });
    expect(headers.get('client-correlation-id')).toBe('mine');
    expect(headers.get('correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await rest('GET', '/campaigns')).headers.has('client-correlation-id')).toBe(false);
  });
});

describe('campaigns', () => {
  it('lists trainings and attack simulations with dates, status and type', async () => {
    const { rest, state } = await start({ campaigns });
    const { json } = await rest('GET', '/campaigns');
    expect(json).toMatchObject([
      {
        id: 'c1',
        name: 'Warehouse safety',
        type: 'training',
        status: 'inProgress',
        startDate: '2026-01-01T00:00:00Z',
        endDate: '2026-12-31T23:59:59Z',
        targetOrgId: state.orgId,
      },
      { id: 'c2', type: 'attackSimulation', status: 'completed' },
      { id: 'c3' },
      { id: 'c4', startDate: null },
    ]);
    expect((await rest('GET', '/campaigns?status=completed')).json).toMatchObject([{ id: 'c2' }]);
    expect((await rest('GET', '/campaigns?targetOrgId=other')).json).toEqual([]);
    expect((await rest('GET', '/campaigns?status=done')).json).toMatchObject({
      code: 'invalid_parameter',
      field: 'status',
    });
    expect((await rest('GET', '/organizations')).json).toMatchObject([{ id: state.orgId }]);
  });

  it('clamps skip and take without a word', async () => {
    const many = Array.from({ length: 250 }, (_, index) => ({ id: `c${index}`, name: `Campaign ${index}` }));
    const { rest } = await start({ campaigns: many });
    const count = async (query: string) =>
      ((await rest('GET', `/campaigns${query}`)).json as unknown[]).length;
    expect(await count('')).toBe(10);
    expect(await count('?take=200')).toBe(100);
    expect(await count('?take=0')).toBe(1);
    expect(await count('?skip=240&take=100')).toBe(10);
    expect(await count('?skip=250&take=100')).toBe(0);
    expect((await rest('GET', '/campaigns?skip=-5&take=1')).json).toMatchObject([{ id: 'c0' }]);
    expect((await rest('GET', '/campaigns?take=all')).json).toMatchObject({
      code: 'invalid_parameter',
      field: 'take',
    });
  });

  it.each(['items', 'data', 'users'] as const)('puts lists under %s', async (listShape) => {
    const { rest } = await start({ campaigns, listShape });
    expect((await rest('GET', '/campaigns?take=1')).json).toMatchObject({ [listShape]: [{ id: 'c1' }] });
  });

  it('knows one training campaign, and no attack simulation among them', async () => {
    const { rest } = await start({ campaigns });
    expect((await rest('GET', '/trainingCampaigns/c1')).json).toMatchObject({ id: 'c1', type: 'training' });
    for (const id of ['c2', 'c9']) expect((await rest('GET', `/trainingCampaigns/${id}`)).status).toBe(404);
  });

  it('refuses unknown paths and wrong methods', async () => {
    const { rest } = await start({ campaigns });
    for (const path of ['/users', '/trainingCampaigns', '/trainingCampaigns/c1/people', '/campaigns/c1']) {
      expect((await rest('GET', path)).status).toBe(404);
    }
    for (const path of ['/campaigns', '/trainingCampaigns/c1', '/trainingCampaigns/c1/users']) {
      expect((await rest('DELETE', path)).status).toBe(405);
    }
    expect((await rest('GET', '/trainingCampaigns/c1/users/remove')).status).toBe(405);
  });
});

describe('the users of a campaign', () => {
  it('shows them by status, one by one and as CSV', async () => {
    const { rest, state } = await start({ users, campaigns });
    state.mark('c1', 'E1');
    state.mark('c1', 'E2', 'completedLate');
    const all = (await rest('GET', '/trainingCampaigns/c1/users')).json;
    expect(all).toEqual([
      {
        userId: 'id-0',
        userSourceIdentifier: 'E0',
        userEmail: 'e0@example.com',
        trainingStatus: 'notStarted',
      },
      {
        userId: 'id-1',
        userSourceIdentifier: 'E1',
        userEmail: 'e1@example.com',
        trainingStatus: 'completed',
      },
      {
        userId: 'id-2',
        userSourceIdentifier: 'E2',
        userEmail: 'e2@example.com',
        trainingStatus: 'completedLate',
      },
    ]);
    const ask = (path: string) => rest('GET', `/trainingCampaigns/c1/users${path}`);
    expect((await ask('?trainingStatus=completed')).json).toMatchObject([{ userId: 'id-1' }]);
    expect((await ask('?skip=1&take=1')).json).toMatchObject([{ userId: 'id-1' }]);
    expect((await ask('?trainingStatus=perhaps')).json).toMatchObject({ field: 'trainingStatus' });
    expect((await ask('/id-2')).json).toMatchObject({ trainingStatus: 'completedLate' });
    expect((await ask('/id-3')).status).toBe(404);
    const csv = await ask('/bulk');
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.split('\r\n')[1]).toBe('"id-0","E0","e0@example.com","notStarted"');
  });

  it('keeps the training history of a deactivated user', async () => {
    const { rest, scim, state } = await start({ users, campaigns });
    state.mark('c1', 'E1');
    const operations = [{ op: 'replace', path: 'active', value: false }];
    await scim('PATCH', '/Users/id-1', { schemas: [patchSchema], Operations: operations });
    expect(state.scim.byId.get('id-1')?.active).toBe(false);
    expect((await rest('GET', '/trainingCampaigns/c1/users/id-1')).json).toMatchObject({
      trainingStatus: 'completed',
    });
  });
});

describe('enrolling and removing', () => {
  it('enrolls by each identifier, with an outcome for each user', async () => {
    const { rest, state, sandbox } = await start({ users, campaigns });
    state.scim.edit('id-3', { active: false });
    const { status, json } = await rest('POST', '/trainingCampaigns/c1/users', {
      users: [
        { userId: 'id-1' },
        { userEmail: 'E2@Example.com' },
        { userSourceIdentifier: 'E2' },
        { userSourceIdentifier: 'E0' },
        { userSourceIdentifier: 'E3' },
        { userSourceIdentifier: 'E9' },
      ],
    });
    expect(status).toBe(200);
    const { success, failed } = json as Lists;
    expect(success.map(({ userId }) => userId)).toEqual(['id-1', 'id-2', 'id-0']);
    expect(failed).toEqual([
      { user: { userSourceIdentifier: 'E2' }, error: 'Duplicate user in this batch' },
      { user: { userSourceIdentifier: 'E3' }, error: 'User is not active' },
      { user: { userSourceIdentifier: 'E9' }, error: 'User not found' },
    ]);
    expect(state.campaigns.get('c1')?.members.size).toBe(3);
    expect(sandbox.counts()).toMatchObject({ writes: 1, items: 6 });
  });

  it('removes users and keeps their history in the audit log', async () => {
    const { rest, state } = await start({ users, campaigns });
    state.mark('c1', 'E1');
    const { json } = await rest('POST', '/trainingCampaigns/c1/users/remove', bySource('E1', 'E2'));
    expect((json as Lists).success).toHaveLength(2);
    expect((await rest('GET', '/trainingCampaigns/c1/users')).json).toMatchObject([{ userId: 'id-0' }]);
    expect(state.campaigns.get('c1')?.members.audit).toEqual([
      { userId: 'id-1', trainingStatus: 'completed' },
    ]);
  });

  it('does not touch how an enrolled person stands', async () => {
    const { rest, state } = await start({ users, campaigns });
    state.mark('c1', 'E0');
    await rest('POST', '/trainingCampaigns/c1/users', bySource('E0'));
    expect(state.campaigns.get('c1')?.members.status('id-0')).toBe('completed');
  });

  it('fails repeated changes, or answers nothing at all, when told to', async () => {
    const strict = await start({ users, campaigns, repeatable: false });
    const again = await strict.rest('POST', '/trainingCampaigns/c1/users', bySource('E0'));
    expect((again.json as Lists).failed).toHaveLength(1);
    const gone = await strict.rest('POST', '/trainingCampaigns/c1/users/remove', bySource('E3'));
    expect((gone.json as Lists).failed).toHaveLength(1);
    const silent = await start({ users, campaigns, enrollAnswer: 'empty' });
    const answer = await silent.rest('POST', '/trainingCampaigns/c1/users', bySource('E1'));
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(silent.state.campaigns.get('c1')?.members.size).toBe(2);
  });

  it.each([
    ['no list', {}, 'missing_parameter'],
    ['nobody', { users: [] }, 'invalid_parameter'],
    ['201 users', bySource(...Array.from({ length: 201 }, (_, index) => `E${index}`)), 'invalid_parameter'],
    ['no identifier', { users: [{}] }, 'missing_parameter'],
    ['two identifiers', { users: [{ userId: 'id-1', userEmail: 'e1@example.com' }] }, 'invalid_parameter'],
    ['an unknown identifier', { users: [{ email: 'e1@example.com' }] }, 'invalid_parameter'],
    ['a number', { users: [{ userId: 1 }] }, 'invalid_parameter'],
    ['an unknown field', { ...bySource('E1'), notify: false }, 'invalid_parameter'],
    ['what is no object', [], 'invalid_parameter'],
  ])('refuses %s', async (_name, body, code) => {
    const { rest, state } = await start({ users, campaigns });
    const { status, json } = await rest('POST', '/trainingCampaigns/c1/users', body);
    expect([status, (json as { code: string }).code]).toEqual([400, code]);
    expect(state.campaigns.get('c1')?.members.size).toBe(1);
  });

  it('refuses another content type and campaigns that take no single users', async () => {
    const { rest, signIn } = await start({ users, campaigns });
    const plain = { ...signIn, 'content-type': 'text/plain' };
    expect((await rest('POST', '/trainingCampaigns/c1/users', bySource('E1'), plain)).status).toBe(415);
    for (const id of ['c3', 'c4']) {
      const { json } = await rest('POST', `/trainingCampaigns/${id}/users`, bySource('E1'));
      expect(json).toMatchObject({ code: 'invalid_parameter', field: 'campaignId' });
    }
    expect((await rest('POST', '/trainingCampaigns/c2/users', bySource('E1'))).status).toBe(404);
  });
});

describe('the SCIM side', () => {
  const body = (more: object = {}) => ({
    schemas: [userSchema, enterpriseSchema],
    userName: 'E7',
    name: { givenName: 'Ada', familyName: 'Byrne' },
    emails: [{ value: 'e7@example.com', type: 'work' }],
    ...more,
  });

  it('makes users whom campaigns see', async () => {
    const { scim, rest } = await start({ campaigns });
    const { status, json } = await scim('POST', '/Users', body());
    expect(status).toBe(201);
    await rest('POST', '/trainingCampaigns/c1/users', bySource('E7'));
    expect((await rest('GET', `/trainingCampaigns/c1/users/${json.id}`)).json).toMatchObject({
      userSourceIdentifier: 'E7',
      userEmail: 'e7@example.com',
    });
  });

  it('requires names and a work email, and ignores what it does not keep', async () => {
    const { scim } = await start();
    for (const lacking of [
      { name: { givenName: 'Ada' } },
      { emails: [] },
      { emails: [{ value: 'a@example.com', type: 'home' }] },
    ]) {
      expect((await scim('POST', '/Users', body(lacking))).json).toMatchObject({
        status: '400',
        scimType: 'invalidValue',
      });
    }
    const { json } = await scim(
      'POST',
      '/Users',
      body({
        title: 'Clerk',
        shoeSize: 42,
        roles: [{ value: 'Clerk', primary: true }],
        [enterpriseSchema]: { department: 'Stores', costCenter: '7' },
      }),
    );
    expect(json).toMatchObject({ roles: [{ value: 'Clerk', primary: true }] });
    expect(json).not.toHaveProperty('title');
    expect(json[enterpriseSchema]).toEqual({ department: 'Stores' });
    const operations = [{ op: 'replace', path: 'title', value: 'Manager' }];
    const patched = await scim('PATCH', `/Users/${json.id}`, {
      schemas: [patchSchema],
      Operations: operations,
    });
    expect(patched.status).toBe(200);
    expect(patched.json).not.toHaveProperty('title');
  });

  it('has a token of its own, and an open ServiceProviderConfig', async () => {
    const { scim, scimUrl, credentials, rest } = await start();
    expect((await scim('GET', '/Users', undefined, credentials.apiKey)).status).toBe(401);
    const config = await fetch(`${scimUrl}/ServiceProviderConfig`);
    expect(config.status).toBe(200);
    expect(await config.json()).toMatchObject({ bulk: { supported: false }, patch: { supported: true } });
    const other = scimUrl.replace(credentials.orgId, 'another');
    expect(
      (await fetch(`${other}/Users`, { headers: { authorization: `Bearer ${credentials.scimToken}` } }))
        .status,
    ).toBe(404);
    const swapped = {
      'ot-customer-id': credentials.customerId,
      authorization: `Bearer ${credentials.scimToken}`,
    };
    expect((await rest('GET', '/campaigns', undefined, swapped)).json).toMatchObject({
      code: 'invalid_authorization_header',
    });
  });
});

describe('the rate limit', () => {
  it.each([
    ['header', '1', undefined],
    ['body', null, 1],
    ['none', null, undefined],
  ] as const)('says how long to wait: %s', async (retryAfter, header, inBody) => {
    const { rest } = await start({ rate: 1, retryAfter });
    await rest('GET', '/campaigns');
    const { status, headers, json } = await rest('GET', '/campaigns');
    expect([status, headers.get('retry-after')]).toEqual([429, header]);
    expect((json as { retryAfter?: number }).retryAfter).toBe(inBody);
    expect(headers.has('correlation-id')).toBe(true);
  });

  it('is counted for REST and SCIM apart', async () => {
    const { rest, scim, sandbox } = await start({ rate: 1 });
    await rest('GET', '/campaigns');
    expect((await scim('GET', '/Users')).status).toBe(200);
    expect((await scim('GET', '/Users')).json).toMatchObject({ status: '429' });
    expect(sandbox.counts()).toMatchObject({ tooMany: 1, busiestWindow: 2 });
  });
});
