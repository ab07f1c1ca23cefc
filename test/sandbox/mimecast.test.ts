import { createHmac, randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import {
  addCampaign,
  addGroup,
  addParticipant,
  addUser,
  completeCampaign,
  joinFolder,
  type MimecastOptions,
  type MimecastSandbox,
  startMimecast,
} from '../../sandbox/mimecast/index.ts';

type Row = Readonly<Record<string, unknown>>;

/** The members of `data[0]` that some answer has. */
type Data = Row & {
  readonly items: readonly Row[];
  readonly folders: readonly Row[];
  readonly groupMembers: readonly Row[];
  readonly users: readonly Row[];
  readonly campaigns: readonly Row[];
};

type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly json: {
    readonly access_token: string;
    readonly meta: { readonly status: number; readonly pagination?: Row };
    readonly data: readonly Data[];
    readonly fail: readonly { readonly key?: Row; readonly errors: readonly Row[] }[];
  };
};

const running: MimecastSandbox[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(({ sandbox }) => sandbox.close()));
});

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? {} : JSON.parse(text) };
}

/** `Tue, 24 Nov 2015 12:50:11 UTC` */
function dateOf(atMs: number): string {
  return new Date(atMs).toUTCString().replace('GMT', 'UTC');
}

type Signed = {
  readonly date: string;
  readonly id: string;
  readonly applicationId: string;
  readonly accessKey: string;
  readonly uri: string;
  readonly key: Buffer;
};

/** The headers of the documented recipe, with parts of it spoilt at will. */
function sign({ keys }: MimecastSandbox, path: string, changes: Partial<Signed> = {}) {
  const signed: Signed = {
    date: dateOf(Date.now()),
    id: randomUUID(),
    applicationId: keys.applicationId,
    accessKey: keys.accessKey,
    uri: path,
    key: Buffer.from(keys.secretKey, 'base64'),
    ...changes,
  };
  const signature = createHmac('sha1', signed.key)
    .update([signed.date, signed.id, signed.uri, keys.applicationKey].join(':'))
    .digest('base64');
  return {
    'x-mc-date': signed.date,
    'x-mc-req-id': signed.id,
    'x-mc-app-id': signed.applicationId,
    authorization: `MC ${signed.accessKey}:${signature}`,
    'content-type': 'application/json',
  };
}

async function start(options: MimecastOptions = {}) {
  const mimecast = await startMimecast(options);
  running.push(mimecast);
  const send = async (path: string, body: unknown, headers: Record<string, string>, method = 'POST') =>
    answerOf(
      await fetch(`${mimecast.sandbox.url}${path}`, {
        method,
        headers,
        ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
      }),
    );
  const call = (
    path: string,
    data: readonly unknown[] = [],
    pagination?: Row,
    changes: Partial<Signed> = {},
  ) =>
    send(
      path,
      pagination === undefined ? { data } : { meta: { pagination }, data },
      sign(mimecast, path, changes),
    );
  return { mimecast, state: mimecast.state, send, call };
}

const groupsPath = '/api/directory/find-groups';
const membersPath = '/api/directory/get-group-members';
const addPath = '/api/directory/add-group-member';
const removePath = '/api/directory/remove-group-member';
const usersPath = '/api/user/get-internal-users';
const createPath = '/api/user/create-user';
const updatePath = '/api/user/update-user';
const campaignsPath = '/api/awareness-training/campaign/get-campaigns';
const userDataPath = '/api/awareness-training/campaign/get-user-data';

function codes({ json }: Answer): unknown[] {
  return json.fail.flatMap(({ errors }) => errors.map((error) => error['code']));
}

test('a request signed by the recipe is taken, the query left out of the signature', async () => {
  const { mimecast, send, call } = await start();
  expect(await call(groupsPath)).toMatchObject({ status: 200, json: { meta: { status: 200 }, fail: [] } });
  const withQuery = await send(`${groupsPath}?a=1`, { data: [] }, sign(mimecast, groupsPath));
  expect(withQuery.json.fail).toEqual([]);
  const signedQuery = await send(
    `${groupsPath}?a=1`,
    { data: [] },
    sign(mimecast, groupsPath, { uri: `${groupsPath}?a=1` }),
  );
  expect(signedQuery.status).toBe(401);
});

test('the signature is checked strictly', async () => {
  const { mimecast, call } = await start();
  const nowMs = Date.now();
  const minuteMs = 60_000;
  const spoilt: readonly Partial<Signed>[] = [
    { key: Buffer.from('another key') },
    { key: Buffer.from(mimecast.keys.secretKey) },
    { uri: membersPath },
    { uri: `${mimecast.sandbox.url}${groupsPath}` },
    { accessKey: 'another' },
    { id: 'not-a-guid' },
    { date: new Date(nowMs).toUTCString() },
    { date: new Date(nowMs).toISOString() },
    { date: dateOf(nowMs - 16 * minuteMs) },
    { date: dateOf(nowMs + 16 * minuteMs) },
  ];
  for (const changes of spoilt) {
    const answer = await call(groupsPath, [], undefined, changes);
    expect(answer.status).toBe(401);
    expect(codes(answer)).toEqual(['err_xdk_invalid_signature']);
  }
  const tolerated = await call(groupsPath, [], undefined, { date: dateOf(nowMs - 14 * minuteMs) });
  expect(tolerated.json.fail).toEqual([]);
});

test('a request id serves once, also when the first request never got an answer', async () => {
  const { mimecast, call } = await start();
  const id = randomUUID();
  expect((await call(groupsPath, [], undefined, { id })).status).toBe(200);
  expect((await call(groupsPath, [], undefined, { id })).status).toBe(401);
  mimecast.sandbox.fail({ effect: { do: 'drop' } });
  const dropped = randomUUID();
  await expect(call(groupsPath, [], undefined, { id: dropped })).rejects.toThrow();
  expect((await call(groupsPath, [], undefined, { id: dropped })).status).toBe(401);
});

test('a bad application id is HTTP 200, and expired keys are 418', async () => {
  const { mimecast, call } = await start();
  const unknown = await call(groupsPath, [], undefined, { applicationId: 'another' });
  expect(unknown.status).toBe(200);
  expect(codes(unknown)).toEqual(['err_developer_key']);
  mimecast.settings.keysExpired = true;
  const expired = await call(groupsPath);
  expect(expired.status).toBe(418);
  expect(codes(expired)).toEqual(['err_xdk_binding_expired']);
});

test('API 2.0 tokens come from the form, serve as bearer and end', async () => {
  let nowMs = 1_000_000;
  const { mimecast, send } = await start({ nowMs: () => nowMs, tokenLifetimeS: 60 });
  const token = async (changes: Record<string, string> = {}) =>
    answerOf(
      await fetch(`${mimecast.sandbox.url}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          client_id: mimecast.client.clientId,
          client_secret: mimecast.client.clientSecret,
          grant_type: 'client_credentials',
          ...changes,
        }),
      }),
    );
  expect((await token({ client_secret: 'wrong' })).status).toBe(401);
  expect((await token({ grant_type: 'password' })).status).toBe(400);
  expect((await send('/oauth/token', {}, { 'content-type': 'application/json' })).status).toBe(400);
  const granted = await token();
  expect(granted).toMatchObject({ status: 200, json: { token_type: 'Bearer', expires_in: 60 } });
  const headers = {
    authorization: `Bearer ${granted.json.access_token}`,
    'content-type': 'application/json',
  };
  expect((await send(groupsPath, { data: [] }, headers)).status).toBe(200);
  nowMs += 60_000;
  expect((await send(groupsPath, { data: [] }, headers)).status).toBe(401);
  const fresh = { ...headers, authorization: `Bearer ${(await token()).json.access_token}` };
  expect((await send(groupsPath, { data: [] }, fresh)).status).toBe(200);
  mimecast.revokeTokens();
  expect((await send(groupsPath, { data: [] }, fresh)).status).toBe(401);
  expect((await send(groupsPath, { data: [] }, { authorization: 'Basic x' })).status).toBe(401);
  expect(mimecast.sandbox.counts().auths).toBe(5);
});

test('one of the two sign-ins can be switched off', async () => {
  const { mimecast, call, send } = await start({ api: '2.0' });
  expect((await call(groupsPath)).status).toBe(401);
  mimecast.settings.api = '1.0';
  expect((await call(groupsPath)).status).toBe(200);
  expect((await send('/oauth/token', {}, {})).status).toBe(404);
});

test('everything is a POST of an envelope', async () => {
  const { mimecast, send, call } = await start();
  expect((await send(groupsPath, undefined, sign(mimecast, groupsPath), 'GET')).status).toBe(405);
  expect((await call('/api/user/delete-user', [{}])).status).toBe(404);
  for (const body of [{}, [], { data: {} }, { data: [1] }, { data: [], meta: { pagination: 1 } }]) {
    const answer = await send(groupsPath, body, sign(mimecast, groupsPath));
    expect(answer.status).toBe(200);
    expect(answer.json.fail).toHaveLength(1);
  }
});

test('every answer says what is left of the rate; Reset is in milliseconds', async () => {
  const { mimecast, call } = await start({ rate: 3, windowMs: 10_000 });
  const first = await call(groupsPath);
  expect(first.headers.get('x-ratelimit-limit')).toBe('3');
  expect(first.headers.get('x-ratelimit-remaining')).toBe('2');
  expect(Number(first.headers.get('x-ratelimit-reset'))).toBeGreaterThan(9_000);
  expect((await call(groupsPath)).headers.get('x-ratelimit-remaining')).toBe('1');
  await call(groupsPath);
  const refused = await call(groupsPath);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('x-ratelimit-remaining')).toBe('0');
  expect(Number(refused.headers.get('x-ratelimit-reset'))).toBeGreaterThan(5_000);
  expect(refused.headers.get('retry-after')).toBeNull();
  expect(mimecast.sandbox.counts().tooMany).toBe(1);
});

test('pages report the rows returned, and next is absent on the last one', async () => {
  const { mimecast, state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  for (let at = 0; at < 25; at++) joinFolder(state, group, `u${at}@example.com`);
  const emails: unknown[] = [];
  const sizes: unknown[] = [];
  let pagination: Row | undefined = { pageSize: 10 };
  while (pagination !== undefined) {
    const { json }: Answer = await call(membersPath, [{ id: group.id }], pagination);
    expect(json.meta.pagination?.['totalCount']).toBe(25);
    expect(json.meta.pagination?.['previous'] === undefined).toBe(sizes.length === 0);
    sizes.push(json.meta.pagination?.['pageSize']);
    emails.push(...(json.data[0]?.groupMembers ?? []).map((member) => member['emailAddress']));
    const next: unknown = json.meta.pagination?.['next'];
    pagination = next === undefined ? undefined : { pageSize: 10, pageToken: next };
  }
  expect(sizes).toEqual([10, 10, 5]);
  expect(emails).toEqual(Array.from({ length: 25 }, (_, at) => `u${at}@example.com`));
  mimecast.settings.maxPageSize = 7;
  mimecast.settings.tellTotal = false;
  const cut = await call(membersPath, [{ id: group.id }], { pageSize: 500 });
  expect(cut.json.meta.pagination).toEqual({ pageSize: 7, next: expect.any(String) });
  for (const bad of [{ pageSize: 0 }, { pageSize: '10' }, { pageSize: 10, pageToken: 'nonsense' }]) {
    expect((await call(membersPath, [{ id: group.id }], bad)).json.fail).toHaveLength(1);
  }
  const elsewhere = await call(groupsPath, [], {
    pageSize: 5,
    pageToken: cut.json.meta.pagination?.['next'],
  });
  expect(codes(elsewhere)).toEqual(['err_validation_page_token']);
});

test('groups are found by the text of their description, and by source', async () => {
  const { state, call } = await start();
  const stores = addGroup(state, { description: 'Stores' });
  addGroup(state, { description: 'Stores from the directory', source: 'ldap' });
  addGroup(state, { description: 'Sales' });
  const names = async (item: object) =>
    (await call(groupsPath, [item])).json.data[0]?.folders.map((folder) => folder['description']);
  expect(await names({})).toHaveLength(3);
  expect(await names({ query: 'stores' })).toEqual(['Stores', 'Stores from the directory']);
  expect(await names({ query: 'stores', source: 'cloud' })).toEqual(['Stores']);
  expect(await names({ source: 'ldap' })).toEqual(['Stores from the directory']);
  expect(codes(await call(groupsPath, [{ source: 'both' }]))).toHaveLength(1);
  joinFolder(state, stores, 'a@example.com');
  joinFolder(state, stores, 'b@elsewhere.example');
  const members = await call(membersPath, [{ id: stores.id }]);
  expect(members.json.data[0]?.groupMembers).toEqual([
    {
      emailAddress: 'a@example.com',
      name: '',
      type: 'created_manually',
      internal: true,
      domain: 'example.com',
    },
    expect.objectContaining({ emailAddress: 'b@elsewhere.example', internal: false }),
  ]);
  expect(codes(await call(membersPath, [{ id: 'none' }]))).toEqual(['err_folder_not_found']);
});

test('members are added and removed, failures hiding under HTTP 200', async () => {
  const { state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  const ldap = addGroup(state, { description: 'Theirs', source: 'ldap' });
  const item = { id: group.id, emailAddress: 'a@example.com' };
  expect(await call(addPath, [item])).toMatchObject({
    status: 200,
    json: { fail: [], data: [{ emailAddress: 'a@example.com' }] },
  });
  const again = await call(addPath, [{ ...item, emailAddress: 'A@example.com' }]);
  expect(again.status).toBe(200);
  expect(codes(again)).toEqual(['err_folder_group_member_already_exists']);
  expect(group.members.size).toBe(1);
  expect((await call(removePath, [item])).json.fail).toEqual([]);
  const gone = await call(removePath, [item]);
  expect(gone.status).toBe(200);
  expect(codes(gone)).toEqual(['err_folder_email_address_not_found']);
  expect(codes(await call(addPath, [{ ...item, id: 'none' }]))).toEqual(['err_folder_not_found']);
  expect(codes(await call(addPath, [{ ...item, emailAddress: 'nobody' }]))).toHaveLength(1);
  expect(codes(await call(addPath, [{ ...item, id: ldap.id }]))).toEqual(['err_folder_read_only']);
  joinFolder(state, ldap, 'a@example.com');
  expect(codes(await call(removePath, [{ ...item, id: ldap.id }]))).toEqual(['err_folder_read_only']);
  expect(ldap.members.size).toBe(1);
  expect(group.members.size).toBe(0);
});

test('several data items are refused as a whole unless allowed, and fail one by one', async () => {
  const { mimecast, state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  joinFolder(state, group, 'b@example.com');
  const items = ['a', 'b', 'c'].map((name) => ({ id: group.id, emailAddress: `${name}@example.com` }));
  const refused = await call(addPath, items);
  expect(refused.status).toBe(200);
  expect(codes(refused)).toEqual(['err_validation_data']);
  expect(group.members.size).toBe(1);
  mimecast.settings.maxDataItems = 3;
  const { json } = await call(addPath, items);
  expect(json.data).toHaveLength(2);
  expect(json.fail).toEqual([
    {
      key: items[1],
      errors: [expect.objectContaining({ code: 'err_folder_group_member_already_exists', retryable: false })],
    },
  ]);
  expect(group.members.size).toBe(3);
  expect(codes(await call(addPath, []))).toEqual(['err_validation_data']);
  expect(mimecast.sandbox.counts()).toMatchObject({ writes: 3, items: 6, largestItems: 3 });
});

test('users are created, changed and listed by domain', async () => {
  const { mimecast, state, call } = await start({ domains: ['example.com', 'example.org'] });
  const user = { emailAddress: 'Ann@example.com', name: 'Ann' };
  expect((await call(createPath, [user])).json.fail).toEqual([]);
  expect(codes(await call(createPath, [{ emailAddress: 'ann@example.com' }]))).toHaveLength(1);
  expect(codes(await call(createPath, [{ name: 'Nobody' }]))).toHaveLength(1);
  expect(codes(await call(createPath, [{ emailAddress: 'a@elsewhere.example' }]))).toHaveLength(1);
  addUser(state, { emailAddress: 'bob@example.org' });
  const update = (change: object) => call(updatePath, [{ emailAddress: 'ann@example.com', ...change }]);
  expect((await update({ accountDisabled: true })).json.fail).toEqual([]);
  expect(state.users.get('ann@example.com')).toMatchObject({ name: 'Ann', accountDisabled: true });
  expect((await update({ name: 'Anna' })).json.fail).toEqual([]);
  expect(state.users.get('ann@example.com')).toMatchObject({ name: 'Anna', accountDisabled: true });
  expect(codes(await update({ accountDisabled: 'true' }))).toHaveLength(1);
  expect(codes(await call(updatePath, [{ emailAddress: 'none@example.com' }]))).toEqual([
    'err_user_not_found',
  ]);
  const list = await call(usersPath, [{ domain: 'example.com' }]);
  expect(list.json.data[0]?.users).toMatchObject([
    { emailAddress: 'Ann@example.com', accountDisabled: true },
  ]);
  mimecast.settings.tellDisabled = false;
  const silent = await call(usersPath, [{ domain: 'example.com' }]);
  expect(silent.json.data[0]?.users[0]).not.toHaveProperty('accountDisabled');
  expect(codes(await call(usersPath, [{}]))).toHaveLength(1);
  expect(codes(await call(usersPath, [{ domain: 'elsewhere.example' }]))).toHaveLength(1);
});

test('campaigns tell their group and how far people are', async () => {
  const { state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  for (const name of ['a', 'b', 'c', 'd']) joinFolder(state, group, `${name}@example.com`);
  const campaign = addCampaign(state, {
    name: 'Phishing',
    group,
    launchedAtMs: Date.UTC(2022, 0, 11, 23, 32),
  });
  completeCampaign(campaign, 'a@example.com');
  completeCampaign(campaign, 'b@example.com', 'incorrect');
  const { json } = await call(campaignsPath);
  expect(json.data[0]?.campaigns).toEqual([
    {
      id: campaign.id,
      name: 'Phishing',
      title: expect.objectContaining({ title: 'Phishing', titleForCustomModule: false }),
      group: {
        id: group.id,
        description: 'Stores',
        source: 'cloud',
        parentId: 'root',
        userCount: 4,
        folderCount: 0,
      },
      launchDate: '2022-01-11T23:32:00+0000',
      createDate: '2022-01-10T23:32:00+0000',
      numSent: 4,
      numCompleted: 2,
      percentComplete: 50,
      percentCorrect: 25,
      locked: false,
      emailCustomized: false,
      emailMsg: {},
      allOtherCampaigns: {},
      numCorrectAnswers: { forQuestion1: 3 },
    },
  ]);
  expect(codes(await call(campaignsPath, [{}]))).toHaveLength(1);
});

test('campaign rows come nested or flat, in upper or lower case, paged or not', async () => {
  const { mimecast, state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  for (let at = 0; at < 30; at++) joinFolder(state, group, `u${at}@example.com`);
  const campaign = addCampaign(state, { name: 'Phishing', group, questions: 4 });
  completeCampaign(campaign, 'u0@example.com');
  const paged = await call(userDataPath, [{ id: campaign.id }], { pageSize: 20 });
  expect(paged.json.data[0]?.items).toHaveLength(20);
  expect(paged.json.meta.pagination).toMatchObject({
    pageSize: 20,
    totalCount: 30,
    next: expect.any(String),
  });
  expect(paged.json.data[0]?.items[0]).toEqual({
    email: 'u0@example.com',
    name: '',
    department: '',
    acknowledgement: false,
    results: {
      forQuestion1: 'CORRECT',
      forQuestion2: 'CORRECT',
      forQuestion3: 'CORRECT',
      forQuestion4: 'CORRECT',
    },
    userState: 'ACTIVE',
    watchlistCount: 0,
  });
  Object.assign(mimecast.settings, {
    resultCase: 'lower',
    userDataRows: 'flat',
    pageUserData: false,
    userDataEmailField: 'emailAddress',
  });
  const { json } = await call(userDataPath, [{ id: campaign.id }]);
  expect(json.meta.pagination).toBeUndefined();
  expect(json.data).toHaveLength(30);
  expect(json.data[1]).toMatchObject({ emailAddress: 'u1@example.com', results: { forQuestion1: 'sent' } });
});

test('campaign rows are filtered and searched as documented', async () => {
  const { state, call } = await start();
  const campaign = addCampaign(state, {
    name: 'Phishing',
    group: addGroup(state, { description: 'Stores' }),
  });
  addParticipant(campaign, { emailAddress: 'ann@example.com', name: 'Ann', attributes: { a1: 'Dublin' } });
  addParticipant(campaign, {
    emailAddress: 'bob@example.com',
    department: 'Sales',
    attributes: { a2: 'Cork' },
  });
  addParticipant(campaign, { emailAddress: 'cy@example.com' });
  completeCampaign(campaign, 'ann@example.com');
  completeCampaign(campaign, 'bob@example.com', 'incorrect');
  const ask = (item: object) => call(userDataPath, [{ id: campaign.id, ...item }]);
  const emails = async (item: object) =>
    (await ask(item)).json.data[0]?.items.map((row) => String(row['email']).split('@')[0]);
  expect(await emails({})).toEqual(['ann', 'bob', 'cy']);
  for (const [value, expected] of [
    ['sent', 'cy'],
    ['correct', 'ann'],
    ['incorrect', 'bob'],
  ]) {
    expect(await emails({ filterBy: [{ fieldName: 'status', value }] })).toEqual([expected]);
  }
  expect(await emails({ searchBy: { fieldName: 'name', value: 'ann' } })).toEqual(['ann']);
  expect(await emails({ searchBy: { fieldName: 'email', value: 'cy@' } })).toEqual(['cy']);
  expect(await emails({ searchBy: { fieldName: 'department', value: 'Sales' } })).toEqual(['bob']);
  const byAttribute = { searchBy: { fieldName: 'customAttribute', value: 'cork' } };
  expect(await emails({ ...byAttribute, attributeIds: ['a1', 'a2'] })).toEqual(['bob']);
  expect(await emails({ ...byAttribute, attributeIds: ['a1'] })).toEqual([]);
  const refused = [
    byAttribute,
    { ...byAttribute, attributeIds: [] },
    { ...byAttribute, attributeIds: ['1', '2', '3', '4'] },
    { filterBy: [{ fieldName: 'status', value: 'SENT' }] },
    { filterBy: { fieldName: 'status', value: 'sent' } },
    { searchBy: { fieldName: 'phone', value: '1' } },
    { id: undefined },
    { id: 'none' },
  ];
  for (const item of refused) expect((await ask(item)).json.fail).toHaveLength(1);
});

test('joining after launch enrolls only where it is so configured', async () => {
  const { mimecast, state, call } = await start();
  const group = addGroup(state, { description: 'Stores' });
  const campaign = addCampaign(state, { name: 'Phishing', group });
  await call(addPath, [{ id: group.id, emailAddress: 'a@example.com' }]);
  expect(campaign.participants.size).toBe(0);
  mimecast.settings.joinEnrolls = true;
  await call(addPath, [{ id: group.id, emailAddress: 'b@example.com' }]);
  expect([...campaign.participants.keys()]).toEqual(['b@example.com']);
});

test('100,000 users page quickly, at the end as at the beginning', async () => {
  const { state, call } = await start({ keepBodies: false });
  for (let at = 0; at < 100_000; at++) addUser(state, { emailAddress: `u${at}@example.com` });
  const startedAtMs = performance.now();
  for (let at = 0; at < 100_000; at += 5_000) {
    const pageToken = at === 0 ? undefined : Buffer.from(`${usersPath}#${at}`).toString('base64url');
    const { json } = await call(usersPath, [{ domain: 'example.com' }], { pageSize: 100, pageToken });
    expect(json.data[0]?.users[0]).toMatchObject({ emailAddress: `u${at}@example.com` });
    expect(json.meta.pagination).toMatchObject({ pageSize: 100, totalCount: 100_000 });
  }
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
});
