import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  addEnrollment,
  addGroup,
  addTraining,
  addUser,
  completeTraining,
  joinGroup,
  type KeepnetOptions,
  type KeepnetSandbox,
  sendEnrollment,
  startKeepnet,
} from '../../sandbox/keepnet/index.ts';
import type { SandboxResponse } from '../../sandbox/server.ts';
import type { Account, AccountRef, Membership } from '../../src/account.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { AccountItem, CallContext, Provider, ResultRow } from '../../src/providers/contract.ts';
import { toIso } from '../../src/providers/keepnet/convert.ts';
import { keepnet } from '../../src/providers/keepnet/index.ts';
import { wasSent } from '../../src/providers/keepnet/launch.ts';
import { freePacer } from '../support/pacer.ts';

type Keys = Readonly<Record<string, unknown>>;
type Setup = KeepnetSandbox & {
  readonly provider: Provider;
  readonly ctx: CallContext;
  readonly block: PlatformConfig;
};

const open: KeepnetSandbox[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map(({ sandbox }) => sandbox.close()));
});

async function setUp(keys: Keys = {}, options: KeepnetOptions = {}): Promise<Setup> {
  const started = await startKeepnet(options);
  open.push(started);
  const block = keepnet.parse({
    baseUrl: started.sandbox.url,
    ...started.credentials,
    ...keys,
  });
  const provider = keepnet.create(block, {
    platform: 'awareness',
    pacer: freePacer(),
    log: { debug: () => undefined, warn: () => undefined },
    retryBaseMs: 1,
  });
  const ctx = { signal: new AbortController().signal, onRequest: () => undefined };
  return { ...started, provider, ctx, block };
}

async function readAll({ provider, ctx }: Setup): Promise<Account[]> {
  const accounts: Account[] = [];
  for await (const page of provider.readAccounts(ctx)) accounts.push(...page);
  return accounts;
}

function item(
  kind: AccountItem['kind'],
  fields: Record<string, string>,
  ref: Partial<AccountRef> = {},
): AccountItem {
  const known = { id: null, externalId: null, email: fields['email'] ?? null, ...ref };
  return { kind, person: 'E1', ref: known, fields, changed: [] };
}

function bodies({ sandbox }: Setup, path: RegExp): Record<string, unknown>[] {
  return sandbox.log.filter((entry) => path.test(entry.path)).map(({ body }) => JSON.parse(body));
}

describe('sign-in', () => {
  it('asks for one token, form-encoded, however many calls begin at once', async () => {
    const setup = await setUp();
    await Promise.all(Array.from({ length: 5 }, () => setup.provider.signIn(setup.ctx)));
    const auths = setup.sandbox.log.filter(({ kind }) => kind === 'auth');
    expect(auths).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(auths[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: setup.credentials.clientId,
      client_secret: setup.credentials.clientSecret,
      scope: 'api1',
    });
  });

  it('renews the token before it ends', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const setup = await setUp({}, { nowMs: () => Date.now() });
    await setup.provider.signIn(setup.ctx);
    vi.setSystemTime(Date.now() + 3_530_000);
    await setup.provider.signIn(setup.ctx);
    vi.setSystemTime(Date.now() + 15_000);
    await setup.provider.signIn(setup.ctx);
    expect(setup.sandbox.counts().auths).toBe(2);
    expect(setup.sandbox.log.every(({ status }) => status === 200)).toBe(true);
  });

  it('asks once more after a 401, one request for all who met it', async () => {
    const setup = await setUp();
    await setup.provider.signIn(setup.ctx);
    setup.revokeTokens();
    await Promise.all(Array.from({ length: 5 }, () => setup.provider.signIn(setup.ctx)));
    expect(setup.sandbox.counts().auths).toBe(2);
    expect(setup.sandbox.log.filter(({ status }) => status === 401).length).toBeGreaterThan(0);
  });

  it('gives up when the fresh token is refused too', async () => {
    const setup = await setUp();
    const response = { status: 401, json: { isSuccess: false, data: null, messages: [] } };
    setup.sandbox.fail({
      path: '/api/target-users/search',
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response },
    });
    await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      status: 401,
    });
    expect(setup.sandbox.counts()).toMatchObject({ auths: 2, reads: 2 });
  });

  it('names the settings when the client is refused', async () => {
    const setup = await setUp({ clientSecret: 'wrong' });
    await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      vendorCode: 'invalid_client',
      hint: 'Check platforms.awareness.clientId, platforms.awareness.clientSecret.',
    });
    expect(setup.sandbox.log).toHaveLength(1);
  });

  it('goes on when the caller who asked for the token gives up', async () => {
    const setup = await setUp();
    setup.sandbox.fail({ path: '/connect/token', effect: { do: 'hang' } });
    const first = new AbortController();
    const given = setup.provider.signIn({ ...setup.ctx, signal: first.signal });
    const patient = setup.provider.signIn(setup.ctx);
    await vi.waitFor(() => expect(setup.sandbox.counts().auths).toBe(1));
    first.abort();
    await expect(given).rejects.toThrow();
    await expect(patient).resolves.toBeUndefined();
    expect(setup.sandbox.counts().auths).toBe(2);
  });
});

describe('a reseller', () => {
  const companies = [{ name: 'Juniper' }, { name: 'Fern' }, { name: 'Twin' }, { name: 'Twin' }];

  it('names the company with every request but the search for it', async () => {
    const setup = await setUp(
      { company: 'Fern', enrollments: [{ target: 'G', when: 'true', training: 'T' }] },
      { reseller: true, companies },
    );
    const fern = setup.state.companies.rows()[1];
    if (fern === undefined) throw new Error('no such company');
    const group = addGroup(fern, { name: 'G' });
    addTraining(fern, { name: 'T' });
    addUser(fern, { email: 'ana@example.com' });
    expect(await readAll(setup)).toHaveLength(1);
    await setup.provider.launcher?.plan(setup.ctx);
    await Promise.all([setup.provider.signIn(setup.ctx), setup.provider.resolveTargets([], setup.ctx)]);
    expect((await setup.provider.listTargets(setup.ctx)).map(({ id }) => id)).toContain(group.resourceId);
    const { log } = setup.sandbox;
    expect(log.filter(({ path }) => path === '/api/companies/search')).toHaveLength(1);
    for (const { path, headers } of log) {
      const unscoped = path === '/api/companies/search' || path === '/connect/token';
      expect(headers['x-keepnet-company-id']).toBe(unscoped ? undefined : fern.resourceId);
      expect(headers['x-ir-company-id']).toBe(
        path === '/api/enrollments/search' ? fern.resourceId : undefined,
      );
    }
  });

  it('is told the candidates when a name fits none or several', async () => {
    const none = await setUp({ company: 'fern' }, { reseller: true, companies });
    await expect(none.provider.signIn(none.ctx)).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      message: expect.stringContaining('"Fern"'),
    });
    const twins = await setUp({ company: 'Twin' }, { reseller: true, companies });
    const ids = twins.state.companies
      .rows()
      .slice(2)
      .map(({ resourceId }) => resourceId);
    for (const id of ids) {
      await expect(twins.provider.signIn(twins.ctx)).rejects.toMatchObject({
        code: 'TARGET_UNKNOWN',
        message: expect.stringContaining(id),
      });
    }
  });

  it('whose credential is none is refused at once, and told to look at company', async () => {
    const setup = await setUp({ company: 'Fern' });
    await expect(setup.provider.signIn(setup.ctx)).rejects.toMatchObject({
      code: 'SIGN_IN_REFUSED',
      status: 403,
      hint: expect.stringContaining('platforms.awareness.company'),
    });
    expect(setup.sandbox.counts()).toMatchObject({ auths: 1, reads: 1 });
  });

  it('hears of companies over their licence', async () => {
    const over = { name: 'Fern', isTargetUserCountExceededLimit: true };
    const setup = await setUp(
      { company: 'Fern' },
      { reseller: true, companies: [{ name: 'Juniper' }, over] },
    );
    expect(await setup.provider.warnings?.(setup.ctx)).toEqual([expect.stringContaining('"Fern"')]);
    const own = await setUp();
    expect(await own.provider.warnings?.(own.ctx)).toEqual([]);
  });

  it('hears of a field for the employee id that nobody carries', async () => {
    const setup = await setUp({ employeeIdField: 'EmployeID', pageSize: 10 });
    const { company } = setup.state;
    // Nobody there yet: nothing speaks against the name.
    expect(await setup.provider.warnings?.(setup.ctx)).toEqual([]);
    for (let number = 0; number < 25; number++)
      addUser(company, {
        email: `p${number}@example.com`,
        customFields: [{ name: 'EmployeeID', value: `E${number}` }],
      });
    const [warning, ...others] = (await setup.provider.warnings?.(setup.ctx)) ?? [];
    expect(others).toEqual([]);
    expect(warning).toContain('"EmployeID"');
    expect(warning).toContain('25 target users');
    expect(warning).toContain('"EmployeeID"');
    // One is enough, wherever they stand.
    addUser(company, { email: 'last@example.com', customFields: [{ name: 'EmployeID', value: 'E99' }] });
    expect(await setup.provider.warnings?.(setup.ctx)).toEqual([]);
  });
});

describe('a write that is applied and answered `{}`', () => {
  const emptied = {
    do: 'rewrite',
    rewrite: (response: SandboxResponse) => ({ ...response, json: {} }),
  } as const;

  async function emptyHanded() {
    const setup = await setUp({ employeeIdField: 'EmployeeID' });
    const { company } = setup.state;
    const user = addUser(company, { email: 'ana@example.com', firstName: 'Ana', isActive: true });
    const group = addGroup(company, { name: 'Warehouse' });
    setup.sandbox.fail({ kind: 'write', times: Number.POSITIVE_INFINITY, effect: emptied });
    const ref = { id: user.resourceId, externalId: null, email: 'ana@example.com' };
    const there = () => company.users.rows().find(({ email }) => email === 'ana@example.com');
    return { ...setup, company, group, ref, there };
  }

  it('is a yes where nothing has to be told: an update, a deactivation, members', async () => {
    const { provider, ctx, group, ref, there } = await emptyHanded();
    const fields = { email: 'ana@example.com', firstName: 'Anna', lastName: 'Lind' };
    const accounts = async (kind: 'update' | 'deactivate') =>
      provider.write(
        {
          operation: kind,
          accounts: [{ ...item(kind, fields, ref), changed: ['firstName'] }],
          repeated: false,
        },
        ctx,
      );
    expect(await accounts('update')).toMatchObject([{ ok: true }]);
    expect(there()).toMatchObject({ firstName: 'Anna' });
    expect(await accounts('deactivate')).toMatchObject([{ ok: true }]);
    expect(there()).toMatchObject({ isActive: false });
    const members = async (operation: 'enroll' | 'unenroll') =>
      provider.write(
        { operation, target: group.resourceId, members: [{ person: 'E1', ref }], repeated: false },
        ctx,
      );
    expect(await members('enroll')).toMatchObject([{ ok: true }]);
    expect(group.members.size).toBe(1);
    expect(await members('unenroll')).toMatchObject([{ ok: true }]);
    expect(group.members.size).toBe(0);
  });

  it('is no account where the id has to be told: the create is repeated, and finds what it made', async () => {
    const { provider, ctx, company } = await emptyHanded();
    const joiner = item('create', { email: 'bo@example.com', firstName: 'Bo', lastName: 'Lind' });
    const create = async (repeated: boolean) =>
      provider.write({ operation: 'create', accounts: [joiner], repeated }, ctx);
    await expect(create(false)).rejects.toMatchObject({
      code: 'PLATFORM_BAD_ANSWER',
      applied: 'unknown',
      message: expect.stringContaining('data: nothing'),
    });
    const made = company.users.rows().filter(({ email }) => email === 'bo@example.com');
    expect(made).toHaveLength(1);
    expect(await create(true)).toMatchObject([
      { ok: true, account: { id: made[0]?.resourceId, externalId: 'E1' }, note: 'adopted' },
    ]);
    expect(company.users.rows().filter(({ email }) => email === 'bo@example.com')).toHaveLength(1);
  });
});

describe('reading', () => {
  it('never sends null in a search', async () => {
    const setup = await setUp();
    addUser(setup.state.company, { email: 'ana@example.com' });
    await readAll(setup);
    await setup.provider.listTargets(setup.ctx);
    const searches = setup.sandbox.log.filter(({ path }) => path.endsWith('/search'));
    expect(searches.length).toBeGreaterThan(1);
    for (const { body } of searches) expect(body).not.toContain('null');
  });

  it('keeps who joins meanwhile, and is incomplete when somebody leaves', async () => {
    const setup = await setUp({ pageSize: 10 });
    const { company } = setup.state;
    for (let number = 0; number < 35; number++) addUser(company, { email: `p${number}@example.com` });
    const ids: (string | null)[] = [];
    for await (const page of setup.provider.readAccounts(setup.ctx)) {
      // The first page said that there are four: those who join now open a fifth and a sixth.
      if (ids.length === 0) for (let n = 0; n < 20; n++) addUser(company, { email: `new${n}@example.com` });
      ids.push(...page.map(({ id }) => id));
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(55);

    const [first] = company.users.rows();
    setup.sandbox.fail({
      path: '/api/target-users/search',
      when: ({ json }) => (json as { pageNumber: number }).pageNumber === 2,
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          company.users.delete(first?.resourceId ?? '');
          const answer = response.json as { data: { totalNumberOfRecords: number } };
          const totalNumberOfRecords = answer.data.totalNumberOfRecords - 1;
          return { ...response, json: { ...answer, data: { ...answer.data, totalNumberOfRecords } } };
        },
      },
    });
    await expect(readAll(setup)).rejects.toMatchObject({ code: 'READ_INCOMPLETE', message: /shrank/ });
  });

  it('takes the phone number that stands for none as none', async () => {
    const setup = await setUp({ phoneNumber: '+000' });
    addUser(setup.state.company, { email: 'a@example.com', phoneNumber: '+000' });
    addUser(setup.state.company, { email: 'B@Example.com', phoneNumber: '+353 1', firstName: ' Zoë ' });
    expect(
      (await readAll(setup)).map(({ email, fields }) => [email, fields['phoneNumber'], fields['firstName']]),
    ).toEqual([
      ['a@example.com', '', ''],
      ['b@example.com', '+353 1', 'Zoë'],
    ]);
  });

  it('looks up by id, else by email', async () => {
    for (const nullWhenEmpty of [true, false]) {
      const setup = await setUp({}, { nullWhenEmpty });
      const { resourceId: id } = addUser(setup.state.company, { email: 'Ana@example.com' });
      const nobody = { id: null, externalId: null, email: null };
      for (const ref of [
        { ...nobody, id },
        { ...nobody, email: 'ana@example.com' },
      ]) {
        expect(await setup.provider.lookUp(ref, setup.ctx)).toMatchObject({ id, email: 'ana@example.com' });
      }
      for (const ref of [{ ...nobody, id: 'us404' }, { ...nobody, email: 'x@example.com' }, nobody]) {
        expect(await setup.provider.lookUp(ref, setup.ctx)).toBeNull();
      }
    }
  });
});

describe('creating', () => {
  const fields = { email: 'zoe@example.com', firstName: 'Zoë', lastName: 'Okafor', department: 'Warehouse' };
  const create = (setup: Setup, repeated = false) =>
    setup.provider.write({ operation: 'create', accounts: [item('create', fields)], repeated }, setup.ctx);

  it('sends what the platform asks for, the stand-in phone number and the employee id included', async () => {
    const setup = await setUp(
      { phoneNumber: '+000', employeeIdField: 'EmployeeId' },
      { phoneNumberRequired: true },
    );
    const [outcome] = await create(setup);
    const [user] = setup.state.company.users.rows();
    expect(outcome).toEqual({ ok: true, account: { id: user?.resourceId, externalId: 'E1' } });
    expect(user).toMatchObject({ ...fields, phoneNumber: '+000', priority: 'Medium', isActive: true });
    expect(await readAll(setup)).toMatchObject([{ externalId: 'E1' }]);
    expect(setup.provider.capabilities.matchBy).toBe('externalId');
  });

  it('adopts an active user of that email, whatever the refusal looks like', async () => {
    const shapes = [undefined, { status: 400, json: { error: 'duplicate' } }, { status: 409, text: 'taken' }];
    for (const duplicateEmail of shapes) {
      const setup = await setUp({}, { duplicateEmail });
      const { resourceId: id } = addUser(setup.state.company, { email: 'ZOE@example.com' });
      expect(await create(setup)).toEqual([{ ok: true, account: { id, externalId: null }, note: 'adopted' }]);
    }
  });

  it('never takes over an inactive one, nor one of somebody else', async () => {
    const setup = await setUp();
    const user = addUser(setup.state.company, { email: 'zoe@example.com', isActive: false });
    for (const repeated of [false, true]) {
      expect(await create(setup, repeated)).toMatchObject([{ ok: false, code: 'EXISTS_INACTIVE' }]);
    }
    expect(user.isActive).toBe(false);
    const other = await setUp({ employeeIdField: 'EmployeeId' });
    const customFields = [{ name: 'EmployeeId', value: 'E2' }];
    addUser(other.state.company, { email: 'zoe@example.com', customFields });
    expect(await create(other)).toMatchObject([{ ok: false, code: 'EXISTS_OTHER_PERSON' }]);
  });

  it('looks first when it is repeated, and then sends nothing', async () => {
    const setup = await setUp();
    await create(setup);
    const { writes } = setup.sandbox.counts();
    expect(await create(setup, true)).toMatchObject([{ ok: true }]);
    expect(setup.sandbox.counts().writes).toBe(writes);
    expect(setup.state.company.users.size).toBe(1);
  });

  it('reports another refusal as the outcome', async () => {
    for (const [envelope, code] of [
      ['status', 'VALIDATION_ERROR'],
      ['isSuccess', 'REFUSED'],
    ] as const) {
      const setup = await setUp({}, { phoneNumberRequired: true, envelope });
      const message = expect.stringMatching(/^Keepnet refused the change \(HTTP 400\)\. .*set phoneNumber/);
      expect(await create(setup)).toEqual([{ ok: false, code, message }]);
    }
  });
});

describe('changing', () => {
  const unmanaged = {
    phoneNumber: '+353 1',
    timeZoneId: 'Europe/Dublin',
    preferredLanguageId: 'en',
    priority: 'High',
    managerFirstName: 'Bo',
    managerLastName: 'Lind',
    managerEmail: 'bo@example.com',
    customFields: [
      { resourceId: 'cf1', name: 'Site', dataType: 'Text', value: 'Cork', timestampValue: null },
      {
        resourceId: 'cf2',
        name: 'Since',
        dataType: 'Date',
        value: null,
        timestampValue: '2026-01-02T00:00:00Z',
      },
    ],
  };

  it('keeps everything that it does not manage', async () => {
    const setup = await setUp({ employeeIdField: { name: 'EmployeeId', dataType: 'Text' } });
    const { company } = setup.state;
    const group = addGroup(company, { name: 'G' });
    const user = addUser(company, {
      email: 'a@example.com',
      firstName: 'Ana',
      lastName: 'Lind',
      ...unmanaged,
    });
    joinGroup(company, group, user);
    const ref = { id: user.resourceId };
    const accounts = [item('update', { email: 'b@example.com', lastName: 'Okafor' }, ref)];
    const write = { operation: 'update', accounts, repeated: false };
    expect(await setup.provider.write(write, setup.ctx)).toMatchObject([{ ok: true }]);
    expect(user).toMatchObject({
      ...unmanaged,
      email: 'b@example.com',
      firstName: 'Ana',
      lastName: 'Okafor',
      customFields: [...unmanaged.customFields, { name: 'EmployeeId', dataType: 'Text', value: 'E1' }],
      isActive: true,
    });
    expect(group.members.has(user.resourceId)).toBe(true);
  });

  it('deactivates with nothing else changed, but for what is too long to be sent back', async () => {
    const setup = await setUp();
    const long = `${'é'.repeat(39)}😀`;
    const user = addUser(setup.state.company, { email: 'a@example.com', firstName: long, ...unmanaged });
    const accounts = [item('deactivate', { firstName: 'Other' }, { id: user.resourceId })];
    const write = { operation: 'deactivate', accounts, repeated: false };
    for (const note of [undefined, 'was inactive']) {
      const [outcome] = await setup.provider.write(write, setup.ctx);
      expect(outcome).toMatchObject({ ok: true, ...(note === undefined ? {} : { note }) });
    }
    expect(user).toMatchObject({ ...unmanaged, firstName: 'é'.repeat(39), isActive: false });
    expect(setup.sandbox.counts().writes).toBe(1);
  });

  it('writes nothing over a record that is another than was asked for, or that hides its custom fields', async () => {
    const setup = await setUp();
    const user = addUser(setup.state.company, { email: 'a@example.com', ...unmanaged });
    const accounts = [item('deactivate', {}, { id: user.resourceId })];
    const write = { operation: 'deactivate', accounts, repeated: false };
    type Answer = { data: Record<string, unknown> };
    for (const change of [
      ({ customFieldValues: _gone, ...data }: Answer['data']) => data,
      ({ customFieldValues, ...data }: Answer['data']) => ({ ...data, customFields: customFieldValues }),
      (data: Answer['data']) => ({ ...data, resourceId: 'us404' }),
    ]) {
      const restore = setup.sandbox.fail({
        method: 'GET',
        effect: {
          do: 'rewrite',
          rewrite: (response) => {
            const answer = response.json as Answer;
            return { ...response, json: { ...answer, data: change(answer.data) } };
          },
        },
      });
      await expect(setup.provider.write(write, setup.ctx)).rejects.toMatchObject({
        code: 'PLATFORM_BAD_ANSWER',
        message: expect.stringMatching(/data\.(customFieldValues|resourceId): /),
      });
      restore();
    }
    expect(setup.sandbox.counts().writes).toBe(0);
    expect(user.isActive).toBe(true);
  });

  it('says so when the user is gone', async () => {
    const setup = await setUp();
    const accounts = [item('update', { email: 'a@example.com' }, { id: 'us404' })];
    const write = { operation: 'update', accounts, repeated: false };
    expect(await setup.provider.write(write, setup.ctx)).toMatchObject([{ ok: false, code: 'NOT_FOUND' }]);
  });
});

describe('target groups', () => {
  it('that something else owns, and names of several, are configuration errors', async () => {
    const setup = await setUp();
    const { company } = setup.state;
    addGroup(company, { name: 'Scim', isScimGroup: true });
    addGroup(company, { name: 'Google', isGoogleGroup: true });
    const twins = [addGroup(company, { name: 'Twin' }), addGroup(company, { name: 'Twin' })];
    const resolve = (target: string) =>
      setup.provider.resolveTargets([{ target, when: 'true', keepCompleted: true }], setup.ctx);
    for (const name of ['Scim', 'Google']) {
      await expect(resolve(name)).rejects.toMatchObject({
        code: 'CAPABILITY_MISSING',
        exitCode: 2,
        message: expect.stringContaining(`${name === 'Scim' ? 'SCIM' : name} owns its members`),
      });
    }
    for (const { resourceId } of twins) {
      await expect(resolve('Twin')).rejects.toMatchObject({
        code: 'TARGET_UNKNOWN',
        message: expect.stringContaining(resourceId),
      });
      expect(await resolve(resourceId)).toMatchObject([{ id: resourceId, name: 'Twin', isTraining: false }]);
    }
  });

  it('change in one request that selects nobody else, and who has no account is told', async () => {
    const setup = await setUp();
    const { company, violations } = setup.state;
    const group = addGroup(company, { name: 'G' });
    const user = addUser(company, { email: 'a@example.com' });
    const members = [
      { person: 'E1', ref: { id: null, externalId: null, email: 'a@example.com' } },
      { person: 'E2', ref: { id: null, externalId: null, email: 'x@example.com' } },
    ];
    const change = (operation: 'enroll' | 'unenroll') =>
      setup.provider.write({ operation, target: group.resourceId, members, repeated: false }, setup.ctx);
    expect(await change('enroll')).toMatchObject([{ ok: true }, { ok: false, code: 'NO_ACCOUNT' }]);
    expect(group.members.rows()).toEqual([user]);
    expect(bodies(setup, /target-groups\/users$/)).toMatchObject([
      { selectAll: false, excludedResourceIdList: [], targetUserResourceIds: [user.resourceId] },
    ]);
    expect(await change('unenroll')).toMatchObject([{ ok: true }, { ok: false, code: 'NO_ACCOUNT' }]);
    expect(group.members.size).toBe(0);
    expect(violations).toEqual([]);
  });

  it('refuse a batch as a whole, and one member as an outcome', async () => {
    const setup = await setUp();
    const { company } = setup.state;
    const target = addGroup(company, { name: 'G' }).resourceId;
    const { resourceId: id } = addUser(company, { email: 'a@example.com' });
    const member = (known: string) => ({ person: 'E1', ref: { id: known, externalId: null, email: null } });
    const enroll = (...ids: string[]) =>
      setup.provider.write(
        { operation: 'enroll', target, members: ids.map(member), repeated: false },
        setup.ctx,
      );
    await expect(enroll(id, 'us404')).rejects.toMatchObject({ code: 'PLATFORM_REFUSED', applied: 'no' });
    expect(await enroll('us404')).toMatchObject([{ ok: false }]);
    expect(await enroll(id)).toEqual([{ ok: true }]);
  });
});

describe('trainings', () => {
  const rule = { target: 'Staff', when: 'true', training: 'Lock it', name: 'Autumn', send: true };
  const reminder = {
    enrollmentReminder: { periodCount: 1, periodType: 'Week', endType: 'AfterOccurrences' },
  };

  async function withGroup(given: Keys = {}, options: KeepnetOptions = {}) {
    const setup = await setUp({ enrollments: [{ ...rule, ...given }] }, options);
    const { company } = setup.state;
    const group = addGroup(company, { name: 'Staff' });
    const training = addTraining(company, { name: 'Lock it' });
    const users = [1, 2, 3].map((number) => addUser(company, { email: `p${number}@example.com` }));
    for (const user of users) joinGroup(company, group, user);
    const { launcher } = setup.provider;
    if (launcher === undefined) throw new Error('there is no launcher');
    return { ...setup, launcher, company, group, training, users };
  }

  it('are planned, created and sent once to all members of the group', async () => {
    for (const enrollmentIdField of ['resourceId', 'id'] as const) {
      const setup = await withGroup(
        { options: { ...reminder, awardCertificate: true } },
        { enrollmentIdField },
      );
      const [launch] = await setup.launcher.plan(setup.ctx);
      expect(launch).toEqual({
        target: setup.group.resourceId,
        name: 'Autumn',
        training: setup.training.resourceId,
        send: true,
        autoEnroll: false,
        reach: 3,
        existing: null,
      });
      if (launch === undefined) return;
      expect(setup.sandbox.counts().writes).toBe(0);
      const id = await setup.launcher.create(launch, setup.ctx);
      expect((await setup.launcher.plan(setup.ctx))[0]?.existing).toEqual({ id, sent: false });
      await setup.launcher.send(id, setup.ctx);
      expect((await setup.launcher.plan(setup.ctx))[0]?.existing).toEqual({ id, sent: true });
      const [enrollment] = setup.company.enrollments.rows();
      expect(enrollment).toMatchObject({ sends: 1, request: { ...reminder, awardCertificate: true } });
      expect([...(enrollment?.mails.values() ?? [])]).toEqual([1, 1, 1]);
      expect(setup.sandbox.log.find(({ path }) => path.endsWith('/send'))?.body).toBe('');
    }
  });

  it('are sent once at most: an unknown outcome is handed on, not tried again', async () => {
    const setup = await withGroup();
    const [launch] = await setup.launcher.plan(setup.ctx);
    if (launch === undefined) throw new Error('nothing planned');
    const id = await setup.launcher.create(launch, setup.ctx);
    setup.sandbox.fail({ path: /\/send$/, effect: { do: 'drop', applied: true } });
    const unknown = { code: 'PLATFORM_UNAVAILABLE', applied: 'unknown' };
    await expect(setup.launcher.send(id, setup.ctx)).rejects.toMatchObject(unknown);
    expect(setup.company.enrollments.get(id)?.sends).toBe(1);
  });

  it('choose the one that was sent when several have the name, and none of another training', async () => {
    const setup = await withGroup();
    const targetGroupResourceIds = [setup.group.resourceId];
    const add = (trainingId: string) =>
      addEnrollment(setup.company, { name: 'Autumn', trainingId, targetGroupResourceIds });
    const other = addTraining(setup.company, { name: 'Other' });
    sendEnrollment(setup.company, add(other.resourceId));
    expect((await setup.launcher.plan(setup.ctx))[0]?.existing).toBeNull();
    const sent = add(setup.training.resourceId);
    sendEnrollment(setup.company, sent);
    add(setup.training.resourceId);
    expect((await setup.launcher.plan(setup.ctx))[0]?.existing).toEqual({ id: sent.resourceId, sent: true });
  });

  it('with options that are not offered, or an unknown training, are configuration errors', async () => {
    const year = { enrollmentReminder: { periodType: 'Year' } };
    const wrong = await withGroup({ options: year });
    await expect(wrong.launcher.plan(wrong.ctx)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/enrollmentReminder\.periodType "Year".*Day, Week, Month/),
    });
    const unknown = await withGroup({ training: 'Lock' });
    await expect(unknown.launcher.plan(unknown.ctx)).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      message: expect.stringContaining('"Lock it"'),
    });
    const auto = await withGroup({ options: { enrollmentAutoEnroll: { type: 'SameDay' } } });
    expect(await auto.launcher.plan(auto.ctx)).toMatchObject([{ autoEnroll: true }]);
  });

  it('say who completed them, in members and results', async () => {
    const setup = await withGroup({}, { trainingIdField: 'trainingId' });
    const { company, group, training, users, provider, ctx } = setup;
    const enrollment = addEnrollment(company, {
      name: 'Autumn',
      trainingId: training.resourceId,
      targetGroupResourceIds: [group.resourceId],
    });
    sendEnrollment(company, enrollment);
    const done = users[0]?.resourceId ?? '';
    completeTraining(company, enrollment, done, { atIso: '2026-03-02T10:00:00Z', examScore: 85 });
    const targets = await provider.resolveTargets(setup.block.enrollments, ctx);
    expect(targets).toEqual([{ id: group.resourceId, name: 'Staff', isTraining: true }]);
    const members: Membership[] = [];
    for await (const page of provider.readMembers(group.resourceId, ctx)) members.push(...page);
    expect(members.map(({ id, completed }) => [id, completed])).toEqual(
      users.map(({ resourceId }) => [resourceId, resourceId === done]),
    );
    const rows: ResultRow[] = [];
    for await (const page of provider.readResults([...targets, ...targets], null, ctx)) rows.push(...page);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toEqual({
      ref: { id: done, externalId: null, email: 'p1@example.com' },
      id: `${enrollment.resourceId}/${done}`,
      target: group.resourceId,
      targetName: 'Staff',
      status: 'completed',
      score: 85,
      at: '2026-03-02T10:00:00.000Z',
      rawStatus: 'Completed',
    });
    expect(rows[1]).toMatchObject({ status: 'open', score: null, at: null, rawStatus: 'Not Completed' });
  });
});

describe('what may be null', () => {
  it('is a report that does not say which user it is about: the email tells', async () => {
    const rule = { target: 'Staff', when: 'true', training: 'Lock it', name: 'Autumn' };
    const setup = await setUp({ enrollments: [rule] });
    const { company } = setup.state;
    const group = addGroup(company, { name: 'Staff' });
    const training = addTraining(company, { name: 'Lock it' });
    const users = ['a', 'b'].map((name) => addUser(company, { email: `${name}@example.com` }));
    for (const user of users) joinGroup(company, group, user);
    const targetGroupResourceIds = [group.resourceId];
    const enrollment = addEnrollment(company, {
      name: 'Autumn',
      trainingId: training.resourceId,
      targetGroupResourceIds,
    });
    sendEnrollment(company, enrollment);
    completeTraining(company, enrollment, users[0]?.resourceId ?? '');
    for (const result of enrollment.results.rows()) result.withoutId = true;
    const targets = await setup.provider.resolveTargets(setup.block.enrollments, setup.ctx);
    const members: Membership[] = [];
    for await (const page of setup.provider.readMembers(group.resourceId, setup.ctx)) members.push(...page);
    expect(members.map(({ completed }) => completed)).toEqual([true, false]);
    const rows: ResultRow[] = [];
    for await (const page of setup.provider.readResults(targets, null, setup.ctx)) rows.push(...page);
    expect(rows.map(({ ref, status }) => [ref.id, ref.email, status])).toEqual([
      [null, 'a@example.com', 'completed'],
      [null, 'b@example.com', 'open'],
    ]);
  });

  it('is the name of a group, which only its id can mean', async () => {
    const setup = await setUp();
    const group = addGroup(setup.state.company, { name: null });
    addGroup(setup.state.company, { name: 'Staff' });
    const resolve = (target: string) =>
      setup.provider.resolveTargets([{ target, when: 'true', keepCompleted: true }], setup.ctx);
    expect(await resolve('Staff')).toMatchObject([{ name: 'Staff' }]);
    expect(await resolve(group.resourceId)).toMatchObject([{ id: group.resourceId, name: group.resourceId }]);
  });

  it('is everything of a company that is empty yet', async () => {
    const rule = { target: 'Staff', when: 'true', training: 'Lock it', name: 'Autumn' };
    const setup = await setUp({ enrollments: [rule] });
    const { company } = setup.state;
    expect(await readAll(setup)).toEqual([]);
    expect(await setup.provider.listTargets(setup.ctx)).toEqual([]);
    addGroup(company, { name: 'Staff' });
    addTraining(company, { name: 'Lock it' });
    const targets = await setup.provider.resolveTargets(setup.block.enrollments, setup.ctx);
    for await (const page of setup.provider.readMembers(targets[0]?.id ?? '', setup.ctx))
      expect(page).toEqual([]);
    expect(await setup.provider.launcher?.plan(setup.ctx)).toMatchObject([{ reach: 0, existing: null }]);
  });
});

describe('a create that is refused', () => {
  it('is told as it was refused, when the look-up behind it is refused too', async () => {
    const setup = await setUp({ phoneNumber: '+1' });
    const refusal = (status: string) => ({ status: 400, json: { data: null, status, message: null } });
    setup.sandbox.fail({
      path: '/api/target-users',
      effect: { do: 'answer', response: refusal('LICENCE_EXCEEDED') },
    });
    setup.sandbox.fail({
      path: '/api/target-users/search-email',
      effect: { do: 'answer', response: refusal('INPUT_ERROR') },
    });
    const accounts = [item('create', { email: 'a@example.com' })];
    const write = { operation: 'create', accounts, repeated: false };
    expect(await setup.provider.write(write, setup.ctx)).toMatchObject([
      { ok: false, code: 'LICENCE_EXCEEDED' },
    ]);
  });
});

describe('small things', () => {
  it('an unknown status of an enrollment is no proof either way', () => {
    const row = { id: 'e', name: 'n', trainingId: null, trainingName: null };
    expect(['Draft', 'In Progress', 'Scheduled', null].map((status) => wasSent({ ...row, status }))).toEqual([
      false,
      true,
      null,
      null,
    ]);
  });

  it('times without a zone are UTC, and nonsense is none', () => {
    expect(
      ['2026-03-02T10:00:00', '2026-03-02 10:00', '2026-03-02T10:00:00+02:00', 'soon', ''].map(toIso),
    ).toEqual([
      '2026-03-02T10:00:00.000Z',
      '2026-03-02T10:00:00.000Z',
      '2026-03-02T08:00:00.000Z',
      null,
      null,
    ]);
  });

  it('the block refuses what could not mean anything, or would select all', () => {
    const messages = (keys: Keys) =>
      keepnet.settings
        .safeParse({ provider: 'keepnet', clientId: 'a', clientSecret: 'b', ...keys })
        .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
        .join('\n');
    const rule = { target: 'G', when: 'true' };
    expect(messages({})).toBeUndefined();
    expect(messages({ enrollments: [{ ...rule, send: true }] })).toMatch(
      /enrollments\.0\.send: means nothing/,
    );
    const twice = [1, 2].map(() => ({ ...rule, training: 'T' }));
    expect(messages({ enrollments: twice })).toMatch(/enrollments\.1\.name: must differ/);
    for (const options of [{ name: 'x' }, { a: { b: null } }, { a: [{ selectAll: true }] }]) {
      expect(messages({ enrollments: [{ ...rule, training: 'T', options }] })).toMatch(
        /enrollments\.0\.options/,
      );
    }
    expect(messages({ batch: 201 })).toMatch(/^batch/);
  });

  it('a company makes another tenant, not another rate', () => {
    const parse = (company?: string) =>
      keepnet.parse({
        clientId: 'a',
        clientSecret: 'b',
        ...(company === undefined ? {} : { company }),
      });
    expect(keepnet.tenantOf(parse('Fern'))).not.toBe(keepnet.tenantOf(parse('Juniper')));
    expect(keepnet.credentialOf(parse('Fern'))).toBe(keepnet.credentialOf(parse()));
  });
});
