import { afterEach, expect, test } from 'vitest';
import {
  addEnrollment,
  addGroup,
  addTraining,
  addUser,
  completeTraining,
  joinGroup,
  type KeepnetOptions,
  type KeepnetSandbox,
  startKeepnet,
} from '../../sandbox/keepnet/index.ts';

type Row = Readonly<Record<string, unknown>>;

/** The members of `data` that some answer has. */
type Data = {
  readonly resourceId: string;
  readonly id: string;
  readonly pageSize: number;
  readonly totalNumberOfRecords: number;
  readonly results: readonly Row[];
};

type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly json: { readonly access_token: string; readonly data: Data };
};

const running: KeepnetSandbox[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ sandbox }) => sandbox.close()));
});

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
}

async function signIn(keepnet: KeepnetSandbox, changes: Record<string, string> = {}): Promise<Answer> {
  const form = {
    grant_type: 'client_credentials',
    client_id: keepnet.credentials.clientId,
    client_secret: keepnet.credentials.clientSecret,
    scope: 'api1',
    ...changes,
  };
  return answerOf(
    await fetch(`${keepnet.sandbox.url}/connect/token`, { method: 'POST', body: new URLSearchParams(form) }),
  );
}

async function start(options: KeepnetOptions = {}) {
  const keepnet = await startKeepnet(options);
  running.push(keepnet);
  const token = (await signIn(keepnet)).json.access_token;
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    answerOf(
      await fetch(`${keepnet.sandbox.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  return { keepnet, company: keepnet.state.company, token, call };
}

/** The vendor's template of a search body. */
function query(pageNumber = 1, pageSize = 100, items: readonly unknown[] = [], extra: object = {}) {
  return {
    pageNumber,
    pageSize,
    orderBy: 'CreateTime',
    ascending: false,
    filter: {
      Condition: 'AND',
      SearchInputTextValue: '',
      FilterGroups: [
        { Condition: 'AND', FilterItems: items, FilterGroups: [] },
        { Condition: 'OR', FilterItems: [], FilterGroups: [] },
      ],
    },
    ...extra,
  };
}

test('a token needs the form, the right client and the scope', async () => {
  const { keepnet } = await start();
  const good = await signIn(keepnet);
  expect(good).toMatchObject({
    status: 200,
    json: { expires_in: 3_600, token_type: 'Bearer', scope: 'api1', permissions: [] },
  });
  const json = await fetch(`${keepnet.sandbox.url}/connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' }),
  });
  expect(json.status).toBe(500);
  expect(await signIn(keepnet, { client_secret: 'wrong' })).toMatchObject({
    status: 400,
    json: { error: 'invalid_client' },
  });
  expect((await signIn(keepnet, { scope: 'api2' })).status).toBe(400);
  expect((await signIn(keepnet, { grant_type: 'password' })).status).toBe(400);
});

test('a token ends when it expires or is revoked', async () => {
  let nowMs = 1_000_000;
  const { keepnet, call } = await start({ tokenLifetimeS: 60, nowMs: () => nowMs });
  expect((await call('GET', '/api/target-groups')).status).toBe(200);
  nowMs += 59_999;
  expect((await call('GET', '/api/target-groups')).status).toBe(200);
  nowMs += 1;
  expect((await call('GET', '/api/target-groups')).status).toBe(401);
  const other = await start();
  other.keepnet.revokeTokens();
  expect((await other.call('GET', '/api/target-groups')).status).toBe(401);
  expect((await fetch(`${keepnet.sandbox.url}/api/target-groups`)).status).toBe(401);
});

test('a reseller names the company in every request but the search for it', async () => {
  const { keepnet, call } = await start({
    reseller: true,
    companyIdField: 'companyResourceId',
    companies: [
      { resourceId: 'co-1', name: 'One' },
      { resourceId: 'co-2', name: 'Two', isTargetUserCountExceededLimit: true },
    ],
  });
  const search = { pageNumber: 1, pageSize: 100, orderBy: 'Name', ascending: true, filter: query().filter };
  const found = await call('POST', '/api/companies/search', search);
  expect(found.json.data.results.map((row) => row['companyResourceId'])).toEqual(['co-1', 'co-2']);
  const over = await call('POST', '/api/companies/search', {
    ...search,
    isTargetUserCountExceededLimit: true,
  });
  expect(over.json.data.results).toMatchObject([{ companyName: 'Two' }]);
  for (const left of Object.keys(search)) {
    const body = Object.fromEntries(Object.entries(search).filter(([name]) => name !== left));
    expect((await call('POST', '/api/companies/search', body)).status).toBe(400);
  }
  const [, second] = keepnet.state.companies.rows();
  if (second === undefined) throw new Error('there is no second company');
  addUser(second, { email: 'a@two.example' });
  const users = (headers?: Record<string, string>) =>
    call('POST', '/api/target-users/search', query(), headers);
  expect((await users()).status).toBe(403);
  expect((await users({ 'x-keepnet-company-id': 'co-9' })).status).toBe(403);
  expect((await users({ 'X-KEEPNET-Company-Id': 'co-1' })).json.data.totalNumberOfRecords).toBe(0);
  expect((await users({ 'X-KEEPNET-Company-Id': 'co-2' })).json.data.totalNumberOfRecords).toBe(1);
  const enrollments = (headers: Record<string, string>) =>
    call('POST', '/api/enrollments/search', query(), { 'X-KEEPNET-Company-Id': 'co-2', ...headers });
  expect((await enrollments({})).status).toBe(403);
  expect((await enrollments({ 'x-ir-company-id': 'co-1' })).status).toBe(403);
  expect((await enrollments({ 'x-ir-company-id': 'co-2' })).status).toBe(200);
});

test('a company administrator names no company and cannot search them', async () => {
  const { call } = await start();
  const search = { pageNumber: 1, pageSize: 100, orderBy: 'Name', ascending: true, filter: query().filter };
  expect((await call('POST', '/api/companies/search', search)).status).toBe(403);
  expect(
    (await call('GET', '/api/target-groups', undefined, { 'x-keepnet-company-id': 'co-1' })).status,
  ).toBe(403);
});

test('both envelopes come, in turn or as chosen', async () => {
  const { keepnet, call } = await start({ envelope: 'alternate' });
  const first = await call('GET', '/api/target-groups');
  const second = await call('GET', '/api/target-groups');
  expect(Object.keys(first.json)).toEqual(['isSuccess', 'data', 'messages']);
  expect(Object.keys(second.json)).toEqual(['data', 'status', 'message', 'validationMessages']);
  keepnet.settings.envelope = 'isSuccess';
  expect((await call('GET', '/api/target-users/none')).json).toMatchObject({ isSuccess: false, data: null });
  keepnet.settings.envelope = 'status';
  expect((await call('GET', '/api/target-users/none')).json).toMatchObject({
    status: 'NOT_FOUND',
    data: null,
  });
});

test.each([
  ['400', 400, 'BAD_REQUEST'],
  ['500', 500, 'ERROR'],
  ['inputError', 200, 'INPUT_ERROR'],
] as const)('null in a search is refused (%s)', async (nullAnswer, status, code) => {
  const { call } = await start({ nullAnswer });
  const bodies = [
    query(1, 10, [], { filter: null }),
    query(1, 10, [], { orderBy: null }),
    query(1, 10, [{ FieldName: 'email', Operator: 'Equal', Value: null }]),
    query(1, 10, [], { filter: { Condition: 'AND', SearchInputTextValue: null, FilterGroups: [] } }),
  ];
  for (const body of bodies) {
    expect(await call('POST', '/api/target-users/search', body)).toMatchObject({
      status,
      json: { status: code },
    });
  }
});

test('search pages count from 1 and add up, newest first', async () => {
  const { company, call } = await start();
  for (let at = 0; at < 25; at++) addUser(company, { email: `u${at}@example.com` });
  const emails: unknown[] = [];
  for (let page = 1; page <= 3; page++) {
    const { json } = await call('POST', '/api/target-users/search', query(page, 10));
    expect(json.data).toMatchObject({
      pageNumber: page,
      pageSize: 10,
      totalNumberOfPages: 3,
      totalNumberOfRecords: 25,
    });
    emails.push(...json.data.results.map((row) => row['email']));
  }
  expect(emails).toEqual(Array.from({ length: 25 }, (_, at) => `u${24 - at}@example.com`));
  const past = await call('POST', '/api/target-users/search', query(4, 10));
  expect(past.json.data.results).toBeNull();
  const oldest = await call('POST', '/api/target-users/search', query(1, 1, [], { ascending: true }));
  expect(oldest.json.data.results).toMatchObject([{ email: 'u0@example.com' }]);
  const byName = await call('POST', '/api/target-users/search', query(1, 2, [], { orderBy: 'Email' }));
  expect(byName.json.data.results).toMatchObject([{ email: 'u9@example.com' }, { email: 'u8@example.com' }]);
});

test('search refuses pages out of bounds, unknown fields and operators, and other content types', async () => {
  const { company, keepnet, token, call } = await start({ maxPageSize: 100 });
  addUser(company, { email: 'a@example.com' });
  const status = async (body: unknown) => (await call('POST', '/api/target-users/search', body)).status;
  expect(await status(query(0))).toBe(400);
  expect(await status(query(1, 0))).toBe(400);
  expect(await status(query(1, 101))).toBe(400);
  expect(await status(query(1, 10, [], { orderBy: 'Nothing' }))).toBe(400);
  expect(await status(query(1, 10, [{ FieldName: 'Nothing', Operator: 'Equal', Value: 'a' }]))).toBe(400);
  expect(await status(query(1, 10, [{ FieldName: 'Email', Operator: 'Like', Value: 'a' }]))).toBe(400);
  const plain = await fetch(`${keepnet.sandbox.url}/api/target-users/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
    body: JSON.stringify(query()),
  });
  expect(plain.status).toBe(415);
  keepnet.settings.clampPageSize = true;
  const cut = await call('POST', '/api/target-users/search', query(1, 500));
  expect(cut.json.data.pageSize).toBe(100);
});

test('filters and the search text select rows', async () => {
  const { company, call } = await start();
  addUser(company, { email: 'Ann@example.com', department: 'Sales' });
  addUser(company, { email: 'bob@example.com', department: 'Sales East', isActive: false });
  addUser(company, { email: 'cy@example.com', department: 'Stores' });
  const emails = async (items: readonly unknown[], extra = {}) =>
    (
      await call('POST', '/api/target-users/search', query(1, 10, items, { ascending: true, ...extra }))
    ).json.data.results.map((row) => row['email']);
  expect(await emails([{ FieldName: 'Email', Operator: 'Equal', Value: 'ann@example.com' }])).toEqual([
    'Ann@example.com',
  ]);
  expect(await emails([{ FieldName: 'department', Operator: 'Contains', Value: 'sales' }])).toHaveLength(2);
  expect(await emails([{ FieldName: 'department', Operator: 'Equal', Value: 'sales' }])).toHaveLength(1);
  expect(await emails([{ FieldName: 'status', Operator: 'Include', Value: 'Inactive' }])).toEqual([
    'bob@example.com',
  ]);
  const text = { filter: { Condition: 'AND', SearchInputTextValue: 'stores', FilterGroups: [] } };
  expect(await emails([], text)).toEqual(['cy@example.com']);
  addUser(company, { email: 'dee@example.com', department: 'Stores' });
  expect(await emails([], text)).toEqual(['cy@example.com', 'dee@example.com']);
});

test('users are created, read, changed and found by email', async () => {
  const { company, keepnet, call } = await start();
  const created = await call('POST', '/api/target-users', {
    email: 'Zoe@example.com',
    firstName: 'Zoë',
    lastName: 'Okafor',
    department: 'Stores',
    priority: 'Medium',
    isActive: true,
    customFields: [{ resourceId: 'cf1', name: 'EmployeeId', dataType: 'Text', value: '10442' }],
    timeZoneId: 'tz1',
    managerFirstName: 'Bo',
    managerLastName: 'Lind',
    managerEmail: 'bo@example.com',
  });
  expect(created.status).toBe(200);
  const id = created.json.data.resourceId;
  const single = await call('GET', `/api/target-users/${id}`);
  expect(single.json.data).toMatchObject({
    isActive: true,
    department: 'Stores',
    customFieldValues: [{ value: '10442', timestampValue: null }],
    timeZoneId: 'tz1',
    managerEmail: 'bo@example.com',
    managerFullName: 'Bo Lind',
  });
  for (const name of ['status', 'customFields', 'timeZone'])
    expect(single.json.data).not.toHaveProperty(name);
  const listed = (await call('POST', '/api/target-users/search', query())).json.data.results[0];
  expect(listed).toMatchObject({ status: 'Active', timeZone: expect.stringContaining('tz1') });
  for (const name of ['isActive', 'customFields', 'timeZoneId', 'managerEmail'])
    expect(listed).not.toHaveProperty(name);
  const put = await call('PUT', `/api/target-users/${id}`, {
    email: 'zoe.new@example.com',
    firstName: 'Zoë',
    isActive: false,
    // As reads call them: nothing that a write knows.
    customFieldValues: [{ name: 'EmployeeId', value: '10442' }],
    manager: { Email: 'bo@example.com' },
  });
  expect(put.status).toBe(200);
  expect(company.users.get(id)).toMatchObject({
    isActive: false,
    lastName: null,
    customFields: [],
    timeZoneId: null,
    managerEmail: null,
  });
  const row = (await call('POST', '/api/target-users/search', query())).json.data.results[0];
  expect(row).toMatchObject({ status: 'Inactive', email: 'zoe.new@example.com' });
  const byEmail = (email: string) =>
    call('POST', '/api/target-users/search-email', { email, pageNumber: 1, pageSize: 10 });
  expect((await byEmail('ZOE.NEW@example.com')).json.data.results).toMatchObject([{ resourceId: id }]);
  expect((await byEmail('zoe@example.com')).json.data).toMatchObject({
    totalNumberOfRecords: 0,
    results: null,
  });
  const unpaged = { email: 'zoe.new@example.com' };
  expect((await call('POST', '/api/target-users/search-email', unpaged)).status).toBe(400);
  keepnet.settings.nullWhenEmpty = false;
  expect((await byEmail('zoe@example.com')).json.data.results).toEqual([]);
  expect((await call('PUT', '/api/target-users/none', { email: 'x@example.com' })).status).toBe(404);
});

test('lengths and types of user fields are checked', async () => {
  const { company, keepnet, call } = await start();
  const post = async (body: object) => (await call('POST', '/api/target-users', body)).status;
  const long = (length: number) => 'x'.repeat(length);
  expect(await post({})).toBe(400);
  expect(await post({ email: 'nobody' })).toBe(400);
  expect(await post({ email: `${long(309)}@example.com` })).toBe(400);
  expect(await post({ email: 'a@example.com', department: long(257) })).toBe(400);
  expect(await post({ email: 'a@example.com', firstName: 5 })).toBe(400);
  expect(await post({ email: 'a@example.com', phoneNumber: '' })).toBe(400);
  expect(await post({ email: 'a@example.com', isActive: 'true' })).toBe(400);
  expect(await post({ email: 'a@example.com', customFields: {} })).toBe(400);
  expect(company.users.size).toBe(0);
  expect(await post({ email: `${long(308)}@example.com`, department: long(256), firstName: long(41) })).toBe(
    200,
  );
  const user = addUser(company, { email: 'b@example.com' });
  const put = async (body: object) =>
    (await call('PUT', `/api/target-users/${user.resourceId}`, { email: 'b@example.com', ...body })).status;
  expect(await put({ firstName: long(41) })).toBe(400);
  expect(await put({ lastName: long(41) })).toBe(400);
  expect(await put({ department: long(65) })).toBe(400);
  expect(await put({ managerFirstName: long(41) })).toBe(400);
  expect(await put({ firstName: '😀'.repeat(40), lastName: long(40), department: long(64) })).toBe(200);
  keepnet.settings.phoneNumberRequired = true;
  expect(await post({ email: 'c@example.com' })).toBe(400);
  expect(await post({ email: 'c@example.com', phoneNumber: '+353' })).toBe(200);
});

test('an email in use is refused, in any shape', async () => {
  const { company, keepnet, call } = await start();
  addUser(company, { email: 'a@example.com' });
  const other = addUser(company, { email: 'b@example.com' });
  const create = () => call('POST', '/api/target-users', { email: 'A@example.com' });
  expect((await create()).status).toBe(400);
  keepnet.settings.duplicateEmail = { status: 400, json: { errors: { Email: ['taken'] } } };
  expect(await create()).toMatchObject({ status: 400, json: { errors: { Email: ['taken'] } } });
  expect(
    (await call('PUT', `/api/target-users/${other.resourceId}`, { email: 'a@example.com' })).status,
  ).toBe(400);
  expect(company.users.size).toBe(2);
});

test('groups are created, listed and searched', async () => {
  const { company, call } = await start();
  const post = async (body: object) => (await call('POST', '/api/target-groups', body)).status;
  expect(await post({ name: 'Stores', priority: 'Medium' })).toBe(200);
  expect(await post({ name: 'Stores' })).toBe(400);
  expect(await post({ priority: 'Medium' })).toBe(400);
  expect(await post({ name: 'x'.repeat(65), priority: 'Medium' })).toBe(400);
  addGroup(company, { name: 'From SCIM', isScimGroup: true });
  const list = await call('GET', '/api/target-groups');
  expect(list.json.data).toMatchObject([
    { name: 'Stores', isEditable: true, isScimGroup: false, isGoogleGroup: false },
    { name: 'From SCIM', isScimGroup: true },
  ]);
  const found = await call('POST', '/api/target-groups/search/current-company', {
    ...query(1, 1),
    orderBy: 'Name',
    ascending: true,
  });
  expect(found.json.data).toMatchObject({ totalNumberOfRecords: 2, results: [{ name: 'From SCIM' }] });
});

test('members join, are listed and leave', async () => {
  const { company, keepnet, call } = await start();
  const [one, two] = [addGroup(company, { name: 'One' }), addGroup(company, { name: 'Two' })];
  const users = Array.from({ length: 5 }, (_, at) => addUser(company, { email: `u${at}@example.com` }));
  const ids = users.map((user) => user.resourceId);
  const add = (targetUserResourceIds: readonly string[], groups: readonly string[], extra: object = {}) =>
    call('PUT', '/api/target-groups/users', {
      targetUserResourceIds,
      targetGroupResourceIds: groups,
      selectAll: false,
      filter: {},
      excludedResourceIdList: [],
      ...extra,
    });
  expect((await add(ids, [one.resourceId, two.resourceId])).status).toBe(200);
  expect((await add(ids.slice(0, 1), [one.resourceId])).status).toBe(200);
  const list = async (extra: object = {}) =>
    (
      await call('POST', `/api/target-groups/${one.resourceId}/users`, {
        ...query(1, 2),
        excludeGroupUsers: false,
        ...extra,
      })
    ).json.data;
  expect(await list()).toMatchObject({ totalNumberOfRecords: 5, totalNumberOfPages: 3 });
  const remove = (body?: unknown) => call('DELETE', `/api/target-groups/${one.resourceId}/users`, body);
  expect((await remove()).status).toBe(400);
  expect((await remove({ targetUserResourceIds: ids.slice(0, 2) })).status).toBe(200);
  expect((await remove({ targetUserResourceIds: ids.slice(0, 2) })).status).toBe(200);
  expect(await list()).toMatchObject({ totalNumberOfRecords: 3, results: [{ status: 'Active' }, {}] });
  expect(await list({ excludeGroupUsers: true })).toMatchObject({ totalNumberOfRecords: 2 });
  expect(two.members.size).toBe(5);
  expect((await add(['none', ids[0] ?? ''], [one.resourceId])).status).toBe(400);
  expect(one.members.size).toBe(3);
  expect((await add(ids, ['none'])).status).toBe(404);
  expect((await add([], [one.resourceId])).status).toBe(400);
  expect((await add(ids, [one.resourceId], { selectAll: undefined })).status).toBe(400);
  const writes = keepnet.sandbox.log.filter((entry) => entry.kind === 'write');
  expect(writes.slice(0, 2).map((entry) => entry.items)).toEqual([5, 1]);
  expect(writes[3]?.items).toBe(2);
});

test('groups owned elsewhere and batches too large are refused', async () => {
  const { company, keepnet, call } = await start();
  const users = Array.from({ length: 201 }, (_, at) => addUser(company, { email: `u${at}@example.com` }));
  const ids = users.map((user) => user.resourceId);
  const group = addGroup(company, { name: 'Ours' });
  const add = async (groupId: string, userIds: readonly string[]) =>
    (
      await call('PUT', '/api/target-groups/users', {
        targetUserResourceIds: userIds,
        targetGroupResourceIds: [groupId],
        selectAll: false,
        excludedResourceIdList: [],
      })
    ).status;
  for (const owner of [{ isScimGroup: true }, { isGoogleGroup: true }, { isEditable: false }]) {
    const owned = addGroup(company, { name: 'Theirs', ...owner });
    expect(await add(owned.resourceId, ids.slice(0, 1))).toBe(400);
    const removed = await call('DELETE', `/api/target-groups/${owned.resourceId}/users`, {
      targetUserResourceIds: ids.slice(0, 1),
    });
    expect(removed.status).toBe(400);
  }
  expect(await add(group.resourceId, ids)).toBe(400);
  expect(await add(group.resourceId, ids.slice(0, 200))).toBe(200);
  keepnet.settings.maxBatch = 10;
  expect(await add(group.resourceId, ids.slice(0, 11))).toBe(400);
  expect(keepnet.sandbox.counts().largestItems).toBe(201);
});

test('deleting users and selecting all are refused and remembered', async () => {
  const { company, keepnet, call } = await start();
  const user = addUser(company, { email: 'a@example.com' });
  const group = addGroup(company, { name: 'One' });
  const deletes = await call('DELETE', '/api/target-users/bulk-delete', {
    selectAll: false,
    resourceIds: [user.resourceId],
  });
  const deleteOne = await call('DELETE', `/api/target-users/${user.resourceId}`);
  const selects = await call('PUT', '/api/target-groups/users', {
    targetUserResourceIds: [user.resourceId],
    targetGroupResourceIds: [group.resourceId],
    selectAll: true,
    excludedResourceIdList: [],
  });
  const hidden = await call('POST', '/api/target-users/search', { ...query(), extra: [{ SelectAll: true }] });
  expect([deletes, deleteOne, selects, hidden].map(({ status }) => status)).toEqual([400, 400, 400, 400]);
  expect(keepnet.state.violations.map(({ what }) => what)).toEqual([
    'bulkDelete',
    'delete',
    'selectAll',
    'selectAll',
  ]);
  expect(company.users.size).toBe(1);
  expect(group.members.size).toBe(0);
});

test('an enrollment is created with its required fields, and found', async () => {
  const { company, keepnet, call } = await start({ trainingIdField: 'trainingId' });
  const training = addTraining(company, { name: 'Phishing' });
  const group = addGroup(company, { name: 'Stores' });
  const found = await call('POST', '/api/trainings/search', query(1, 10, [], { orderBy: 'Name' }));
  expect(found.json.data.results).toMatchObject([
    { trainingId: training.resourceId, trainingName: 'Phishing' },
  ]);
  keepnet.settings.trainingIdField = 'resourceId';
  const renamed = await call('POST', '/api/trainings/search', query());
  expect(renamed.json.data.results).toMatchObject([{ resourceId: training.resourceId }]);
  expect((await call('GET', '/api/enrollments/form-details')).json.data).toMatchObject({
    enumNameValuePairs: { EmailPeriodTypeEnum: [{ id: 1, name: 'Day' }, {}, {}] },
  });
  const full = {
    trainingId: training.resourceId,
    name: 'Phishing 2026',
    targetGroupResourceIds: [group.resourceId],
  };
  const create = (extra: object = {}) => call('POST', '/api/enrollments', { ...full, ...extra });
  const created = await create();
  expect(created.status).toBe(201);
  expect(created.json.data.id).toBe(company.enrollments.rows()[0]?.resourceId);
  keepnet.settings.enrollmentIdField = 'resourceId';
  expect((await create()).json.data.resourceId).toBe(company.enrollments.rows()[1]?.resourceId);
  expect(company.enrollments.size).toBe(2);
  expect((await create({ trainingId: undefined })).status).toBe(400);
  expect((await create({ name: '' })).status).toBe(400);
  expect((await create({ targetGroupResourceIds: [] })).status).toBe(400);
  expect((await create({ trainingId: 'none' })).status).toBe(404);
  expect((await create({ targetGroupResourceIds: ['none'] })).status).toBe(404);
  expect((await create({ enrollmentReminder: { periodType: 'Year' } })).status).toBe(400);
  expect((await create({ enrollmentAutoEnroll: { type: 'Later' } })).status).toBe(400);
  keepnet.settings.schedulerRequired = true;
  expect((await create()).status).toBe(400);
  expect((await create({ enrollmentScheduler: { useOwnTimeZone: true } })).status).toBe(201);
  const rows = await call('POST', '/api/enrollments/search', query());
  expect(rows.json.data.totalNumberOfRecords).toBe(3);
  expect(rows.json.data.results[2]).toMatchObject({
    enrollmentId: created.json.data.id,
    name: 'Phishing 2026',
    trainingName: 'Phishing',
  });
  expect(rows.json.data.results[2]).not.toHaveProperty('trainingId');
});

test('sending mails every member, again each time; automatic enrollment reaches newcomers once', async () => {
  const { company, call } = await start();
  const training = addTraining(company, { name: 'Phishing' });
  const group = addGroup(company, { name: 'Stores' });
  const other = addGroup(company, { name: 'Stores too' });
  const [ann, bob, cy] = ['ann', 'bob', 'cy'].map((name) =>
    addUser(company, { email: `${name}@example.com` }),
  );
  if (ann === undefined || bob === undefined || cy === undefined) throw new Error('three users are expected');
  joinGroup(company, group, ann);
  joinGroup(company, other, ann);
  joinGroup(company, group, bob);
  const create = (extra: object) =>
    call('POST', '/api/enrollments', {
      trainingId: training.resourceId,
      name: 'Phishing',
      targetGroupResourceIds: [group.resourceId, other.resourceId],
      ...extra,
    });
  const plain = (await create({})).json.data.id;
  const auto = (await create({ enrollmentAutoEnroll: { type: 'SameDay' } })).json.data.id;
  const mails = (id: string) => Object.fromEntries(company.enrollments.get(id)?.mails ?? []);
  expect(mails(plain)).toEqual({});
  expect((await call('POST', `/api/enrollments/${plain}/send`, {})).status).toBe(400);
  expect((await call('POST', '/api/enrollments/none/send')).status).toBe(404);
  for (const id of [plain, plain, auto]) {
    expect((await call('POST', `/api/enrollments/${id}/send`)).status).toBe(200);
  }
  expect(mails(plain)).toEqual({ [ann.resourceId]: 2, [bob.resourceId]: 2 });
  const join = {
    targetUserResourceIds: [cy.resourceId],
    targetGroupResourceIds: [group.resourceId, other.resourceId],
    selectAll: false,
    excludedResourceIdList: [],
  };
  expect((await call('PUT', '/api/target-groups/users', join)).status).toBe(200);
  expect(mails(plain)).not.toHaveProperty(cy.resourceId);
  expect(mails(auto)).toEqual({ [ann.resourceId]: 1, [bob.resourceId]: 1, [cy.resourceId]: 1 });
});

test('the training report tells who completed', async () => {
  const { company, call } = await start();
  const training = addTraining(company, { name: 'Phishing' });
  const group = addGroup(company, { name: 'Stores' });
  const [ann, bob] = ['ann', 'bob'].map((name) => addUser(company, { email: `${name}@example.com` }));
  if (ann === undefined || bob === undefined) throw new Error('two users are expected');
  for (const user of [ann, bob]) joinGroup(company, group, user);
  const enrollment = addEnrollment(company, {
    name: 'Phishing',
    trainingId: training.resourceId,
    targetGroupResourceIds: [group.resourceId],
  });
  const report = (id: string, extra: object = {}) =>
    call(
      'POST',
      `/api/training-reports/${id}/users/search`,
      query(1, 10, [], { orderBy: 'Email', ascending: true, ...extra }),
    );
  expect((await report(enrollment.resourceId)).json.data.totalNumberOfRecords).toBe(0);
  await call('POST', `/api/enrollments/${enrollment.resourceId}/send`);
  completeTraining(company, enrollment, ann.resourceId, { atIso: '2026-03-02T10:00:00Z', examScore: 90 });
  const { json } = await report(enrollment.resourceId);
  expect(json.data.results).toEqual([
    expect.objectContaining({
      targetUserResourceId: ann.resourceId,
      email: 'ann@example.com',
      status: 'Completed',
      examScore: 90,
      firstCompletionDate: '2026-03-02T10:00:00Z',
      deliveryType: 'Email',
    }),
    expect.objectContaining({ targetUserResourceId: bob.resourceId, status: 'Not Completed' }),
  ]);
  expect((await report(enrollment.resourceId, { orderBy: 'CreateTime' })).status).toBe(400);
  expect((await report('none')).status).toBe(404);
});

test('requests are counted by what they do, and one too many is refused', async () => {
  const { keepnet, company, call } = await start({ rate: 5 });
  const user = addUser(company, { email: 'a@example.com' });
  await call('POST', '/api/target-users/search', query());
  await call('GET', `/api/target-users/${user.resourceId}`);
  await call('POST', '/api/target-groups/none/users', query());
  await call('PUT', `/api/target-users/${user.resourceId}`, { email: 'a@example.com' });
  const refused = await call('GET', '/api/target-groups');
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(keepnet.sandbox.counts()).toMatchObject({ auths: 1, reads: 4, writes: 1, items: 1, tooMany: 1 });
});

test('100,000 users page quickly, at the end as at the beginning', async () => {
  const { company, call } = await start({ keepBodies: false });
  for (let at = 0; at < 100_000; at++) addUser(company, { email: `u${at}@example.com` });
  const startedAtMs = performance.now();
  for (const page of [1, 2, 3, 4, 5, 996, 997, 998, 999, 1_000]) {
    const { json } = await call('POST', '/api/target-users/search', query(page, 100));
    expect(json.data).toMatchObject({ totalNumberOfPages: 1_000, totalNumberOfRecords: 100_000 });
    expect(json.data.results).toHaveLength(100);
  }
  const one = [{ FieldName: 'Email', Operator: 'Equal', Value: 'u77777@example.com' }];
  for (let time = 0; time < 20; time++) {
    const { json } = await call('POST', '/api/target-users/search', query(1, 1, one));
    expect(json.data.totalNumberOfRecords).toBe(1);
  }
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
});
