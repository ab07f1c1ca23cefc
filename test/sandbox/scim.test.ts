import { afterEach, describe, expect, it } from 'vitest';
import { type ScimOptions, startScim } from '../../sandbox/scim/index.ts';
import { enterpriseSchema, userSchema } from '../../sandbox/scim/attributes.ts';
import { patchSchema } from '../../sandbox/scim/patch.ts';
import type { Sandbox } from '../../sandbox/server.ts';

let open: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(open.map((sandbox) => sandbox.close()));
  open = [];
});

type Body = {
  id: string;
  status: string;
  scimType?: string;
  totalResults: number;
  startIndex: number;
  itemsPerPage: number;
  Resources?: { id: string; userName: string }[];
  Operations: { status: string; bulkId?: string; location?: string; response?: { scimType?: string } }[];
};

async function start(options: ScimOptions = {}) {
  const started = await startScim(options);
  open.push(started.sandbox);
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(started.baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${started.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as Body,
    };
  };
  const patch = (path: string, ...operations: object[]) =>
    call('PATCH', path, { schemas: [patchSchema], Operations: operations });
  return { ...started, call, patch };
}

const seeds = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `id-${index}`,
    userName: `User${index}`,
    externalId: `E${index}`,
    givenName: 'Zoë',
    familyName: 'Okafor',
    email: `user${index}@example.com`,
    department: 'Stores',
  }));
const newUser = (more: object = {}) => ({
  schemas: [userSchema],
  userName: 'new',
  externalId: 'E9',
  ...more,
});

describe('sign-in, media types and paths', () => {
  it('refuses a missing or wrong token with 401, in the RFC shape', async () => {
    const { call } = await start();
    for (const authorization of ['', 'Bearer wrong']) {
      const { status, body, headers } = await call('GET', '/Users', undefined, { authorization });
      expect(status).toBe(401);
      expect(body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '401' });
      expect(headers.get('www-authenticate')).toBe('Bearer');
      expect(headers.get('content-type')).toBe('application/scim+json');
    }
    expect((await call('GET', '/ServiceProviderConfig', undefined, { authorization: '' })).status).toBe(401);
  });

  it('takes application/scim+json and application/json only', async () => {
    const { call } = await start();
    const write = (type: string, userName: string) =>
      call('POST', '/Users', newUser({ userName }), { 'content-type': type });
    expect((await write('application/json; charset=utf-8', 'a')).status).toBe(201);
    expect((await write('application/scim+json', 'b')).status).toBe(201);
    expect((await write('text/plain', 'c')).status).toBe(415);
    expect((await call('GET', '/Users', undefined, { accept: 'text/html' })).status).toBe(406);
    expect((await call('POST', '/Users', '{')).body).toMatchObject({
      status: '400',
      scimType: 'invalidSyntax',
    });
  });

  it('refuses unknown paths and methods, and deletes nobody', async () => {
    const { call, sandbox, state } = await start({ users: seeds(1) });
    expect((await call('GET', '/Persons')).status).toBe(404);
    expect((await call('GET', '/Users/id-7')).status).toBe(404);
    expect((await call('PUT', '/Users', newUser())).status).toBe(405);
    const { status, headers } = await call('DELETE', '/Users/id-0');
    expect([status, headers.get('allow')]).toEqual([405, 'GET, PUT, PATCH']);
    expect(sandbox.log.at(-1)).toMatchObject({
      method: 'DELETE',
      path: '/scim/v2/Users/id-0',
      kind: 'write',
    });
    expect(state.users).toHaveLength(1);
  });

  it('says what it supports', async () => {
    const { call } = await start({ bulk: { maxOperations: 7 }, patch: false, filter: false, maxCount: 50 });
    expect((await call('GET', '/ServiceProviderConfig')).body).toMatchObject({
      patch: { supported: false },
      bulk: { supported: true, maxOperations: 7, maxPayloadSize: 1_048_576 },
      filter: { supported: false, maxResults: 50 },
      etag: { supported: false },
    });
  });
});

describe('listing', () => {
  it('pages from 1, returns fewer than asked, and omits Resources when there are none', async () => {
    const { call } = await start({ users: seeds(5), maxCount: 2 });
    const page = async (query: string) => (await call('GET', `/Users?${query}`)).body;
    expect(await page('startIndex=1&count=100')).toMatchObject({
      totalResults: 5,
      startIndex: 1,
      itemsPerPage: 2,
    });
    expect((await page('startIndex=5&count=2')).Resources).toMatchObject([{ userName: 'User4' }]);
    expect((await page('startIndex=-3')).Resources).toMatchObject([
      { userName: 'User0' },
      { userName: 'User1' },
    ]);
    expect(await page('count=0')).toMatchObject({ totalResults: 5, itemsPerPage: 0 });
    expect(await page('startIndex=6')).not.toHaveProperty('Resources');
    expect((await call('GET', '/Users?count=x')).body.scimType).toBe('invalidValue');
  });

  it.each([
    ['userName eq "USER1"', ['id-1']],
    ['externalId eq "E2"', ['id-2']],
    ['externalId eq "e2"', []],
    ['emails.value eq "User0@Example.com"', ['id-0']],
    ['id eq "id-1"', ['id-1']],
    ['userName eq "a \\"quoted\\" one"', []],
  ])('filters by %s', async (filter, ids) => {
    const { call } = await start({ users: seeds(3) });
    const { body } = await call('GET', `/Users?filter=${encodeURIComponent(filter)}`);
    expect((body.Resources ?? []).map(({ id }) => id)).toEqual(ids);
    expect(body.totalResults).toBe(ids.length);
  });

  it.each(['userName co "a"', 'active eq true', 'userName eq a', 'userName eq "a" or userName eq "b"'])(
    'refuses the filter %s',
    async (filter) => {
      const { call } = await start();
      const { status, body } = await call('GET', `/Users?filter=${encodeURIComponent(filter)}`);
      expect([status, body.scimType]).toEqual([400, 'invalidFilter']);
    },
  );

  it('refuses every filter where filters are not supported', async () => {
    const { call } = await start({ filter: false });
    expect((await call('GET', '/Users?filter=userName%20eq%20%22a%22')).body.scimType).toBe('invalidFilter');
  });

  it('leaves out attributes that are not asked for', async () => {
    const { call } = await start({ users: seeds(1) });
    const { body } = await call('GET', '/Users?attributes=userName,name.givenName');
    expect(Object.keys(body.Resources?.[0] ?? {}).sort()).toEqual(['id', 'name', 'schemas', 'userName']);
    expect((await call('GET', '/Users/id-0?excludedAttributes=name,emails')).body).not.toHaveProperty('name');
  });
});

describe('creating and replacing', () => {
  it('creates with 201 and a location, active by default', async () => {
    const { call, state } = await start();
    const { status, headers, body } = await call('POST', '/Users', newUser());
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/scim/v2/Users/${body.id}`);
    expect(body).toMatchObject({ userName: 'new', active: true, meta: { resourceType: 'User' } });
    expect(state.find('externalId', 'E9')).toHaveLength(1);
  });

  it('refuses a userName that is taken, in any case, with 409 uniqueness', async () => {
    const { call } = await start({ users: seeds(1) });
    const { status, body } = await call('POST', '/Users', newUser({ userName: 'USER0' }));
    expect([status, body.status, body.scimType]).toEqual([409, '409', 'uniqueness']);
    expect((await call('POST', '/Users', newUser({ externalId: 'E0' }))).status).toBe(201);
  });

  it('refuses more than userName being taken when told to', async () => {
    const { call } = await start({ users: seeds(1), unique: ['externalId', 'email'] });
    expect((await call('POST', '/Users', newUser({ externalId: 'E0' }))).status).toBe(409);
    const emails = [{ value: 'USER0@example.com', type: 'work' }];
    expect((await call('POST', '/Users', newUser({ emails }))).status).toBe(409);
  });

  it.each([
    ['no schemas', { userName: 'a' }, 'invalidSyntax'],
    ['no userName', { schemas: [userSchema] }, 'invalidValue'],
    ['an unknown attribute', newUser({ shoeSize: 42 }), 'invalidSyntax'],
    ['an unknown part', newUser({ name: { given: 'Zoë' } }), 'invalidSyntax'],
    ['active as text', newUser({ active: 'False' }), 'invalidValue'],
    ['emails as text', newUser({ emails: 'a@example.com' }), 'invalidValue'],
    [
      'two primaries',
      newUser({
        emails: [
          { value: 'a', primary: true },
          { value: 'b', primary: true },
        ],
      }),
      'invalidValue',
    ],
    [
      'a manager who is nobody there',
      {
        ...newUser({ [enterpriseSchema]: { manager: { value: 'nobody' } } }),
        schemas: [userSchema, enterpriseSchema],
      },
      'invalidValue',
    ],
    ['an extension not named', newUser({ [enterpriseSchema]: { department: 'Sales' } }), 'invalidSyntax'],
    ['what is no object', [], 'invalidSyntax'],
  ])('refuses %s', async (_name, body, scimType) => {
    const { call, state } = await start();
    expect((await call('POST', '/Users', body)).body).toMatchObject({ status: '400', scimType });
    expect(state.users).toHaveLength(0);
  });

  it('replaces all of a user with PUT, activating who is not said to be inactive', async () => {
    const { call, state } = await start({
      users: [{ ...seeds(1)[0], userName: 'u', id: 'id-0', active: false }],
    });
    const { status } = await call('PUT', '/Users/id-0', newUser({ userName: 'renamed' }));
    expect(status).toBe(200);
    expect(state.byId.get('id-0')).toEqual({
      id: 'id-0',
      userName: 'renamed',
      externalId: 'E9',
      active: true,
    });
    expect(state.find('userName', 'u')).toEqual([]);
    expect(state.find('userName', 'Renamed')).toHaveLength(1);
  });

  it('fails on users that it cannot process', async () => {
    const { call, state } = await start();
    state.unprocessable.add('new');
    expect((await call('POST', '/Users', newUser())).status).toBe(500);
  });
});

describe('patching users', () => {
  it('replaces at a path', async () => {
    const { patch, state } = await start({ users: seeds(2) });
    const { status, body } = await patch(
      '/Users/id-0',
      { op: 'replace', path: 'active', value: false },
      { op: 'replace', path: 'name.familyName', value: 'New' },
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'new@example.com' },
      { op: 'replace', path: `${enterpriseSchema}:department`, value: 'Sales' },
      { op: 'add', path: `${enterpriseSchema}:manager.value`, value: 'id-1' },
      { op: 'add', path: `${userSchema}:title`, value: 'Clerk' },
      { op: 'remove', path: 'externalId' },
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ active: false, title: 'Clerk' });
    expect(state.byId.get('id-0')).toEqual({
      id: 'id-0',
      userName: 'User0',
      active: false,
      title: 'Clerk',
      name: { givenName: 'Zoë', familyName: 'New' },
      emails: [{ value: 'new@example.com', type: 'work', primary: true }],
      [enterpriseSchema]: { department: 'Sales', manager: { value: 'id-1' } },
    });
    expect(state.find('email', 'new@example.com')).toHaveLength(1);
  });

  it('replaces without a path, merging what has parts', async () => {
    const { patch, state } = await start({ users: seeds(1), patchAnswer: 204 });
    const value = { active: false, name: { givenName: 'Zoe' }, [enterpriseSchema]: { division: 'North' } };
    const answer = await patch('/Users/id-0', { op: 'replace', value });
    expect([answer.status, answer.body]).toEqual([204, undefined]);
    expect(state.byId.get('id-0')).toMatchObject({
      active: false,
      name: { givenName: 'Zoe', familyName: 'Okafor' },
      [enterpriseSchema]: { department: 'Stores', division: 'North' },
    });
  });

  it.each([
    ['active as text', { op: 'replace', path: 'active', value: 'False' }, 'invalidValue'],
    ['an operation in capitals', { op: 'Replace', path: 'active', value: false }, 'invalidSyntax'],
    ['an unknown attribute', { op: 'replace', path: 'shoeSize', value: '42' }, 'invalidPath'],
    ['an unknown schema', { op: 'replace', path: 'urn:x:department', value: 'a' }, 'invalidPath'],
    ['a dotted name as a key', { op: 'replace', value: { 'name.givenName': 'a' } }, 'invalidPath'],
    ['a broken path', { op: 'replace', path: 'emails[type', value: 'a' }, 'invalidPath'],
    [
      'a filter that matches nothing',
      { op: 'replace', path: 'emails[type eq "home"].value', value: 'a' },
      'noTarget',
    ],
    [
      'a filter that is not eq',
      { op: 'replace', path: 'emails[type co "w"].value', value: 'a' },
      'invalidFilter',
    ],
    ['another id', { op: 'replace', path: 'id', value: 'id-1' }, 'mutability'],
    ['no userName', { op: 'remove', path: 'userName' }, 'mutability'],
    ['a removal of nothing', { op: 'remove' }, 'noTarget'],
    ['no value', { op: 'replace', path: 'active' }, 'invalidValue'],
    ['an unknown key', { op: 'replace', path: 'active', value: true, note: '' }, 'invalidSyntax'],
  ])('refuses %s and changes nothing', async (_name, operation, scimType) => {
    const { patch, state } = await start({ users: seeds(2) });
    const before = structuredClone(state.byId.get('id-0'));
    const answer = await patch('/Users/id-0', { op: 'replace', path: 'nickName', value: 'Z' }, operation);
    expect(answer.body).toMatchObject({ status: '400', scimType });
    expect(state.byId.get('id-0')).toEqual(before);
  });

  it('refuses a body that is no PatchOp, a name that is taken, and PATCH where it is not supported', async () => {
    const { call, patch } = await start({ users: seeds(2) });
    const operations = [{ op: 'replace', path: 'active', value: false }];
    expect((await call('PATCH', '/Users/id-0', { Operations: operations })).body.scimType).toBe(
      'invalidSyntax',
    );
    expect((await patch('/Users/id-0')).body.scimType).toBe('invalidSyntax');
    const taken = await patch('/Users/id-0', { op: 'replace', path: 'userName', value: 'user1' });
    expect([taken.status, taken.body.scimType]).toEqual([409, 'uniqueness']);
    const without = await start({ users: seeds(1), patch: false });
    expect((await without.patch('/Users/id-0', ...operations)).status).toBe(501);
  });
});

describe('groups', () => {
  const groups = [
    { id: 'g1', displayName: 'Warehouse safety', members: ['id-0', 'id-1'] },
    { id: 'g2', displayName: 'Finance' },
  ];
  const options = { users: seeds(4), groups };

  it('lists, finds and shows groups, with members unless they are excluded', async () => {
    const { call } = await start(options);
    expect((await call('GET', '/Groups?count=1')).body).toMatchObject({ totalResults: 2, itemsPerPage: 1 });
    const found = await call('GET', `/Groups?filter=${encodeURIComponent('displayName eq "finance"')}`);
    expect(found.body.Resources).toMatchObject([{ id: 'g2' }]);
    expect((await call('GET', '/Groups/g1')).body).toMatchObject({
      members: [{ value: 'id-0' }, { value: 'id-1' }],
    });
    expect((await call('GET', '/Groups/g1?excludedAttributes=members')).body).not.toHaveProperty('members');
    expect((await call('GET', '/Groups/g3')).status).toBe(404);
    expect((await call('DELETE', '/Groups/g1')).status).toBe(405);
  });

  it('adds and removes members, and counts them as items', async () => {
    const { patch, state, sandbox } = await start(options);
    const added = await patch('/Groups/g1', {
      op: 'add',
      path: 'members',
      value: [{ value: 'id-1' }, { value: 'id-2' }],
    });
    expect(added.status).toBe(204);
    expect([...(state.groups.get('g1')?.members ?? [])]).toEqual(['id-0', 'id-1', 'id-2']);
    await patch(
      '/Groups/g1',
      { op: 'remove', path: 'members[value eq "id-0"]' },
      { op: 'remove', path: 'members[value eq "id-1" or value eq "id-2"]' },
    );
    expect(state.groups.get('g1')?.members.size).toBe(0);
    await patch('/Groups/g1', { op: 'add', value: { members: [{ value: 'id-3' }] } });
    expect([...(state.groups.get('g1')?.members ?? [])]).toEqual(['id-3']);
    expect(sandbox.log.map(({ items }) => items)).toEqual([2, 3, 1]);
  });

  it('applies a PATCH as a whole or not at all', async () => {
    const { patch, state } = await start(options);
    const answer = await patch(
      '/Groups/g1',
      { op: 'replace', path: 'members', value: [{ value: 'id-3' }] },
      { op: 'add', path: 'members', value: [{ value: 'nobody' }] },
    );
    expect(answer.body.scimType).toBe('invalidValue');
    expect([...(state.groups.get('g1')?.members ?? [])]).toEqual(['id-0', 'id-1']);
    await patch('/Groups/g1', { op: 'replace', path: 'members', value: [{ value: 'id-3' }] });
    expect([...(state.groups.get('g1')?.members ?? [])]).toEqual(['id-3']);
  });

  it('refuses a removal with a value, and of somebody who is not there unless told otherwise', async () => {
    const { patch, state } = await start(options);
    const withValue = await patch('/Groups/g1', {
      op: 'remove',
      path: 'members',
      value: [{ value: 'id-0' }],
    });
    expect(withValue.body.scimType).toBe('invalidSyntax');
    const absent = { op: 'remove', path: 'members[value eq "id-3"]' };
    expect((await patch('/Groups/g1', absent)).body.scimType).toBe('noTarget');
    expect(state.groups.get('g1')?.members.size).toBe(2);
    const lenient = await start({ ...options, absentMember: 'ignored' });
    expect((await lenient.patch('/Groups/g1', absent)).status).toBe(204);
  });
});

describe('/Bulk', () => {
  const bulk = (operations: unknown, more: object = {}) => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: operations,
    ...more,
  });
  const post = (bulkId: string, userName: string) => ({
    method: 'POST',
    path: '/Users',
    bulkId,
    data: newUser({ userName }),
  });

  it('answers every operation on its own, its status as text', async () => {
    const { call, state, sandbox } = await start({
      users: seeds(1),
      groups: [{ id: 'g1', displayName: 'G' }],
    });
    const deactivation = {
      schemas: [patchSchema],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    };
    const { status, body } = await call(
      'POST',
      '/Bulk',
      bulk([
        post('a', 'first'),
        post('b', 'user0'),
        { method: 'PATCH', path: '/Users/id-0', data: deactivation },
        { method: 'DELETE', path: '/Users/id-0' },
        { method: 'PATCH', path: '/Users/id-9', bulkId: 'c', data: deactivation },
        {
          method: 'PATCH',
          path: '/Groups/g1',
          data: {
            schemas: [patchSchema],
            Operations: [{ op: 'add', path: 'members', value: [{ value: 'bulkId:a' }] }],
          },
        },
        { method: 'POST', path: '/Users', data: newUser() },
      ]),
    );
    expect(status).toBe(200);
    expect(body.Operations.map((one) => one.status)).toEqual([
      '201',
      '409',
      '200',
      '405',
      '404',
      '204',
      '400',
    ]);
    expect(body.Operations[1]).toMatchObject({ bulkId: 'b', response: { scimType: 'uniqueness' } });
    expect(body.Operations[0]?.location).toMatch(/^\/scim\/v2\/Users\//);
    expect(state.byId.get('id-0')?.active).toBe(false);
    expect(state.groups.get('g1')?.members.has(state.find('userName', 'first')[0]?.id ?? '')).toBe(true);
    expect(sandbox.counts()).toMatchObject({ writes: 1, items: 7 });
  });

  it('stops after failOnErrors and leaves the rest without an outcome', async () => {
    const { call, state } = await start({ users: seeds(1) });
    const operations = [post('a', 'user0'), post('b', 'later')];
    const { body } = await call('POST', '/Bulk', bulk(operations, { failOnErrors: 1 }));
    expect(body.Operations).toHaveLength(1);
    expect(state.users).toHaveLength(1);
    expect((await call('POST', '/Bulk', bulk(operations, { failOnErrors: 0 }))).status).toBe(400);
  });

  it('refuses too many operations and too large a body with 413', async () => {
    const { call, state } = await start({ bulk: { maxOperations: 2, maxPayloadSize: 600 } });
    const three = [post('a', 'a'), post('b', 'b'), post('c', 'c')];
    expect((await call('POST', '/Bulk', bulk(three))).body).toMatchObject({ status: '413' });
    expect((await call('POST', '/Bulk', bulk([post('a', 'a'.repeat(600))]))).status).toBe(413);
    expect((await call('POST', '/Bulk', bulk([]))).status).toBe(400);
    expect((await call('POST', '/Bulk', { Operations: three.slice(2) })).status).toBe(400);
    expect(state.users).toHaveLength(0);
  });

  it('is 501 where it is not supported', async () => {
    const { call } = await start({ bulk: false });
    expect((await call('POST', '/Bulk', bulk([post('a', 'a')]))).status).toBe(501);
    expect((await call('GET', '/ServiceProviderConfig')).body).toMatchObject({ bulk: { supported: false } });
  });
});

describe('rate limit and changes by others', () => {
  it('answers one request too many with 429 in the RFC shape', async () => {
    const { call } = await start({ rate: 1 });
    await call('GET', '/Users');
    const { status, headers, body } = await call('GET', '/Users');
    expect([status, headers.get('retry-after'), body.status]).toEqual([429, '1', '429']);
  });

  it('shows what somebody else changed or deleted', async () => {
    const { call, state } = await start({ users: seeds(3) });
    state.edit('id-0', { userName: 'other' });
    state.remove('id-1');
    const { body } = await call('GET', '/Users');
    expect(body.Resources?.map(({ userName }) => userName)).toEqual(['other', 'User2']);
    expect(state.find('userName', 'user0')).toEqual([]);
  });
});
