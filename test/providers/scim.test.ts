import { afterEach, describe, expect, test } from 'vitest';
import { type ScimOptions, scimToken, startScim } from '../../sandbox/scim/index.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import type { Account } from '../../src/account.ts';
import type { AccountItem, CallContext, ItemOutcome, Provider } from '../../src/providers/contract.ts';
import { ProviderError } from '../../src/providers/error.ts';
import { scim } from '../../src/providers/scim/index.ts';
import { freePacer } from '../support/pacer.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const ctx: CallContext = { signal: new AbortController().signal, onRequest: () => undefined };
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function start(options: ScimOptions = {}, block: Record<string, unknown> = {}) {
  const service = await startScim(options);
  open.push(service.sandbox.close);
  const settings = scim.parse({
    baseUrl: service.baseUrl,
    token: scimToken,
    ...block,
  });
  const provider = scim.create(settings, {
    platform: 'lms',
    pacer: freePacer(),
    log: { debug: () => undefined, warn: () => undefined },
    retryBaseMs: 1,
  });
  return { ...service, provider };
}

function item(person: string, more: Partial<AccountItem> = {}): AccountItem {
  return {
    kind: 'create',
    person,
    ref: { id: null, externalId: person, email: `${person.toLowerCase()}@example.com` },
    fields: { firstName: 'Ada', lastName: `L${person}`, email: `${person.toLowerCase()}@example.com` },
    changed: [],
    ...more,
  };
}

async function write(provider: Provider, items: readonly AccountItem[], repeated = false) {
  const name = items[0]?.kind === 'deactivate' ? 'deactivate' : 'accounts';
  return provider.write({ operation: name, accounts: items, repeated }, ctx);
}

async function readAll(provider: Provider): Promise<Account[]> {
  const all: Account[] = [];
  for await (const page of provider.readAccounts(ctx)) all.push(...page);
  return all;
}

function idOf(outcome: ItemOutcome | undefined): string {
  if (outcome?.ok !== true || !outcome.account?.id) throw new Error(`no id in ${JSON.stringify(outcome)}`);
  return outcome.account.id;
}

const people = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    userName: `u${index}@example.com`,
    externalId: `E${index}`,
    givenName: 'Ada',
    familyName: `L${index}`,
    email: `U${index}@Example.com`,
  }));

describe('reading', () => {
  test('adds up over pages smaller than asked for, and is normalised', async () => {
    const { provider, sandbox } = await start({ users: people(23), maxCount: 5 });
    let total = 0;
    const accounts: Account[] = [];
    for await (const page of provider.readAccounts(ctx, (count) => (total = count))) accounts.push(...page);
    expect(total).toBe(23);
    expect(accounts.map(({ externalId }) => externalId)).toEqual(people(23).map((one) => one.externalId));
    expect(accounts[3]).toMatchObject({ email: 'u3@example.com', active: true });
    expect(accounts[3]?.fields).toMatchObject({ email: 'u3@example.com', lastName: 'L3', department: '' });
    // Discovery, five pages, and one behind the end.
    expect(sandbox.counts()).toMatchObject({ reads: 7, writes: 0 });
  });

  test('a page that comes short is read on from where it ended', async () => {
    const { provider, sandbox } = await start({ users: people(20), maxCount: 5 });
    sandbox.fail({
      path: '/scim/v2/Users',
      skip: 2,
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const body = response.json as { Resources: unknown[] };
          return { ...response, json: { ...body, Resources: body.Resources.slice(0, 2) } };
        },
      },
    });
    expect(new Set((await readAll(provider)).map(({ id }) => id)).size).toBe(20);
  });

  /** Makes every list say of `active` what `told` gives for the user. */
  function tellActive(sandbox: Sandbox, told: (userName: unknown) => unknown): void {
    sandbox.fail({
      path: '/scim/v2/Users',
      times: Number.POSITIVE_INFINITY,
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const body = response.json as { Resources?: Record<string, unknown>[] };
          const resources = (body.Resources ?? []).map((user) => {
            const { active: _active, ...rest } = user;
            const active = told(user['userName']);
            return active === undefined ? rest : { ...rest, active };
          });
          return { ...response, json: { ...body, Resources: resources } };
        },
      },
    });
  }

  test.each([
    ['of nobody', () => undefined],
    ['null of everybody', () => null],
    ['of the inactive alone', (name: unknown) => (name === 'u1@example.com' ? false : undefined)],
  ])('a service that tells active %s means active by nothing', async (_what, told) => {
    const { provider, sandbox } = await start({ users: people(12), maxCount: 5 });
    tellActive(sandbox, told);
    const inactive = told('u1@example.com') === false ? ['E1'] : [];
    const accounts = await readAll(provider);
    expect(accounts.filter(({ active }) => !active).map(({ externalId }) => externalId)).toEqual(inactive);
  });

  test.each([
    ['on an earlier page', 'u1@example.com', undefined],
    ['on a later page', 'u11@example.com', undefined],
    ['by null', 'u7@example.com', null],
  ])(
    'somebody of whom active is not told %s, where it is of others, is nobody to guess',
    async (_where, whom, told) => {
      const { provider, sandbox } = await start({ users: people(12), maxCount: 5 });
      const pageOf = (name: unknown): number => Math.floor(Number(/\d+/.exec(String(name))?.[0]) / 5);
      // On the page of that user nobody is said to be active.
      tellActive(sandbox, (name) => (name === whom ? told : pageOf(name) !== pageOf(whom)));
      await expect(readAll(provider)).rejects.toMatchObject({
        code: 'PLATFORM_BAD_ANSWER',
        message: expect.stringContaining('active'),
      });
    },
  );

  test('an attribute that nobody manages may be anything', async () => {
    const odd = { title: 7, addresses: 'Cork', roles: [null, 'x'], nickName: ['A'] };
    const [one] = people(1);
    if (one === undefined) throw new Error('nobody');
    const { provider } = await start({ users: [{ ...one, attributes: odd }] });
    const [account] = await readAll(provider);
    if (account === undefined) throw new Error('nobody was read');
    expect(account.fields).toMatchObject({ title: '', country: '', lastName: 'L0' });
  });

  test('an attribute that a rule fills has to be a text', async () => {
    const [one] = people(1);
    if (one === undefined) throw new Error('nobody');
    const { provider } = await start(
      { users: [{ ...one, attributes: { title: 7 } }] },
      { fields: { title: '"Clerk"' } },
    );
    await expect(readAll(provider)).rejects.toMatchObject({
      code: 'PLATFORM_BAD_ANSWER',
      message: expect.stringContaining('Resources.0.title: number, expected string'),
    });
  });

  const rewrites: Record<string, (body: { Resources?: unknown[]; totalResults: number }) => unknown> = {
    'a page that is empty': (body) => ({ ...body, Resources: [] }),
    'a total that changes': (body) => ({ ...body, totalResults: body.totalResults + 1 }),
    'a page that repeats users': (body) => ({
      ...body,
      Resources: [body.Resources?.[1], ...(body.Resources?.slice(1) ?? [])],
    }),
  };
  for (const [what, rewrite] of Object.entries(rewrites)) {
    test(`${what} makes the read incomplete`, async () => {
      const { provider, sandbox } = await start({ users: people(12), maxCount: 5 });
      sandbox.fail({
        path: '/scim/v2/Users',
        skip: 1,
        times: Number.POSITIVE_INFINITY,
        effect: {
          do: 'rewrite',
          rewrite: (response) => ({ ...response, json: rewrite(response.json as never) }),
        },
      });
      await expect(readAll(provider)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
    });
  }

  describe.each([
    ['the total is the length of the page', { totals: 'page' }],
    ['the total is right', {}],
    ['what lies behind the end is the last page', { startIndex: 'clamped' }],
    ['there are no pages', { startIndex: 'unpaged' }],
  ] as const)('%s', (_, behaviour) => {
    test.each([1, 2, 4, 5, 6, 10, 54])('%i users, five on a page, are all read', async (count) => {
      const { provider } = await start({ ...behaviour, users: people(count), maxCount: 5 });
      const ids = (await readAll(provider)).map(({ externalId }) => externalId);
      expect(ids).toEqual(people(count).map(({ externalId }) => externalId));
    });
  });

  test.each(['all', 'page'] as const)(
    'a service that ignores startIndex is incomplete, the total being %s',
    async (totals) => {
      const { provider } = await start({ totals, startIndex: 'ignored', users: people(12), maxCount: 5 });
      await expect(readAll(provider)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
      const { provider: small } = await start({
        totals,
        startIndex: 'ignored',
        users: people(4),
        maxCount: 5,
      });
      await expect(readAll(small)).rejects.toThrow('nobody knows whether it is all');
    },
  );

  test.each(['all', 'page'] as const)(
    'somebody who is deleted or made while it is read makes it incomplete, or is read: the total is %s',
    async (totals) => {
      for (const event of ['deleted', 'made'] as const) {
        const { provider, sandbox, state } = await start({ totals, users: people(54), maxCount: 10 });
        sandbox.fail({
          path: '/scim/v2/Users',
          skip: 3,
          effect: {
            do: 'rewrite',
            rewrite: (response) => {
              const [gone] = state.users;
              if (event === 'made') state.add({ ...people(55)[54], userName: 'new@example.com' });
              else if (gone !== undefined) state.remove(gone.id);
              return response;
            },
          },
        });
        const read = readAll(provider);
        if (totals === 'all') await expect(read).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
        // Without a total, one may be passed by; the size of the last good read is the bound then.
        else expect((await read).length).toBe(event === 'made' ? 55 : 53);
      }
    },
  );

  test('a filter that is ignored, where the total is the length of the page, finds nobody by accident', async () => {
    const { provider, sandbox } = await start({ totals: 'page', users: people(12), maxCount: 5 });
    sandbox.fail({
      path: '/scim/v2/Users',
      times: Number.POSITIVE_INFINITY,
      effect: {
        do: 'rewrite',
        rewrite: () => ({
          status: 200,
          json: { totalResults: 1, Resources: [{ id: 'x', userName: 'x', externalId: 'E900' }] },
        }),
      },
    });
    await expect(provider.lookUp({ id: null, externalId: 'E7', email: null }, ctx)).rejects.toMatchObject({
      code: 'READ_INCOMPLETE',
    });
  });

  test('an empty service is an empty read', async () => {
    const { provider } = await start();
    expect(await readAll(provider)).toEqual([]);
  });
});

describe('discovery', () => {
  test('is asked for once; before it, one account a request', async () => {
    const { provider, sandbox } = await start({ bulk: { maxOperations: 50 } });
    const limit = () => provider.capabilities.operations.find(({ name }) => name === 'accounts')?.limit;
    expect(limit()).toBe(1);
    await provider.prepare?.(ctx);
    await provider.prepare?.(ctx);
    await readAll(provider);
    expect(limit()).toBe(50);
    expect(sandbox.log.filter(({ path }) => path.endsWith('/ServiceProviderConfig'))).toHaveLength(1);
  });

  test.each([
    [{ maxOperations: 1_000 }, {}, 200],
    [{ maxOperations: 1_000 }, { batch: 30 }, 30],
    [{ maxOperations: 100, maxPayloadSize: 20_480 }, {}, 10],
  ])('bulk %j with %j takes %i', async (bulk, block, expected) => {
    const { provider } = await start({ bulk }, block);
    await provider.prepare?.(ctx);
    expect(provider.capabilities.operations[0]?.limit).toBe(expected);
  });

  test('a service without discovery gets single requests', async () => {
    const { provider, sandbox } = await start();
    const path = '/scim/v2/ServiceProviderConfig';
    sandbox.fail({ path, effect: { do: 'answer', response: { status: 404, json: {} } } });
    await provider.prepare?.(ctx);
    expect(provider.capabilities.operations[0]?.limit).toBe(1);
    expect(provider.capabilities.missing.enrollments).toBeUndefined();
  });

  test('without filters nobody is looked up; without PATCH there are no enrollments', async () => {
    const { provider } = await start({ filter: false, patch: false });
    await provider.prepare?.(ctx);
    const { lookUp, missing, operations } = provider.capabilities;
    expect(lookUp).toBe(false);
    expect(missing.lookUp).toContain('filter');
    expect(missing.enrollments).toContain('PATCH');
    expect(operations.map(({ name }) => name)).toEqual(['accounts', 'deactivate']);
  });
});

describe.each([
  ['one by one', { bulk: false }],
  ['through /Bulk', { bulk: { maxOperations: 100 } }],
  ['through /Bulk with PUT', { bulk: { maxOperations: 100 }, patch: false }],
  ['one by one, PATCH answers 204', { bulk: false, patchAnswer: 204 }],
  ['one by one, PATCH answers 200 {}', { bulk: false, patchAnswer: '200 {}' }],
  ['one by one, PATCH answers 202 {}', { bulk: false, patchAnswer: '202 {}' }],
  ['one by one, PATCH answers 202', { bulk: false, patchAnswer: 202 }],
] as const)('writing %s', (_, options) => {
  async function started() {
    const service = await start({ ...options, hidden: (userName) => userName === 'hidden@example.com' });
    await service.provider.prepare?.(ctx);
    const limit = service.provider.capabilities.operations[0]?.limit ?? 0;
    const writeAll = async (items: readonly AccountItem[]): Promise<readonly ItemOutcome[]> => {
      const outcomes: ItemOutcome[] = [];
      for (let from = 0; from < items.length; from += limit) {
        outcomes.push(...(await write(service.provider, items.slice(from, from + limit))));
      }
      return outcomes;
    };
    return { ...service, writeAll };
  }

  test('create, update, deactivate and reactivate arrive, and others’ attributes stay', async () => {
    const { provider, state, writeAll } = await started();
    const made = await writeAll(
      ['E1', 'E2'].map((id) =>
        item(id, { fields: { ...item(id).fields, department: 'Stores', title: 'Clerk', country: 'IE' } }),
      ),
    );
    const [first, second] = made.map(idOf);
    if (first === undefined || second === undefined) throw new Error('two were made');
    state.edit(first, {
      nickName: 'Countess',
      emails: [
        { value: 'home@example.org', type: 'home' },
        { value: 'e1@example.com', type: 'work', primary: true },
      ],
    });
    const ref = (id: string, person: string) => ({ id, externalId: person, email: null });
    const updates = [
      item('E1', {
        kind: 'update',
        ref: ref(first, 'E1'),
        fields: {
          firstName: 'Augusta',
          lastName: 'LE1',
          email: 'ada@example.com',
          department: '',
          title: 'Chef',
        },
        changed: ['firstName', 'email', 'department', 'title'],
      }),
      item('E2', {
        kind: 'update',
        ref: ref(second, 'E2'),
        fields: { lastName: 'Byron', department: 'Sales' },
        changed: ['lastName', 'department'],
      }),
    ];
    expect((await writeAll(updates)).every(({ ok }) => ok)).toBe(true);
    expect(state.byId.get(first)).toMatchObject({
      userName: 'e1@example.com',
      externalId: 'E1',
      nickName: 'Countess',
      title: 'Chef',
      name: { givenName: 'Augusta', familyName: 'LE1' },
      addresses: [{ country: 'IE' }],
      emails: [
        { value: 'home@example.org', type: 'home' },
        { value: 'ada@example.com', type: 'work', primary: true },
      ],
    });
    const accounts = await readAll(provider);
    expect(accounts[0]).toMatchObject({ id: first, externalId: 'E1', email: 'ada@example.com' });
    expect(accounts[0]?.fields).toMatchObject({ department: '', country: 'IE', nickName: 'Countess' });
    expect(accounts[1]?.fields).toMatchObject({ lastName: 'Byron', department: 'Sales', title: 'Clerk' });

    const before = structuredClone(state.byId.get(first));
    const leave = item('E1', { kind: 'deactivate', ref: ref(first, 'E1'), fields: {}, changed: [] });
    expect(await writeAll([leave])).toMatchObject([{ ok: true, account: { id: first } }]);
    expect(state.byId.get(first)).toEqual({ ...before, active: false });
    const back = item('E1', {
      kind: 'reactivate',
      ref: ref(first, 'E1'),
      fields: { title: 'Cook' },
      changed: ['title'],
    });
    expect(await writeAll([back, { ...back, ref: ref(second, 'E2'), changed: [] }])).toMatchObject([
      { ok: true },
      { ok: true },
    ]);
    expect(state.byId.get(first)).toMatchObject({ active: true, title: 'Cook', nickName: 'Countess' });
  });

  test('each item has its own outcome, in order', async () => {
    const { state, writeAll } = await started();
    const { id } = state.add({ userName: 'taken', externalId: 'E2' });
    const missing = { id: 'no-such-id', externalId: 'E1', email: null };
    const update = { kind: 'update', fields: { title: 'Chef' }, changed: ['title'] } as const;
    const outcomes = await writeAll([
      item('E1', { ...update, ref: missing }),
      item('E2', { ...update, ref: { id, externalId: 'E2', email: null } }),
      item('E3'),
    ]);
    expect(outcomes).toMatchObject([
      { ok: false, code: 'NOT_FOUND' },
      { ok: true, account: { id } },
      { ok: true, account: { externalId: 'E3' } },
    ]);
  });

  test('one who exists is adopted when active and of the same id, and left alone otherwise', async () => {
    const { state, writeAll } = await started();
    const same = state.add({ userName: 'e1@example.com', externalId: 'E1' });
    state.add({ userName: 'e2@example.com', externalId: 'E2', active: false });
    state.add({ userName: 'e3@example.com', externalId: 'X3' });
    const outcomes = await writeAll([item('E1'), item('E2'), item('E3')]);
    expect(outcomes).toMatchObject([
      { ok: true, account: { id: same.id, externalId: 'E1' }, note: 'adopted' },
      { ok: false, code: 'EXISTS_INACTIVE' },
      { ok: false, code: 'EXISTS_OTHER' },
    ]);
    expect(state.users).toHaveLength(3);
    expect(state.users.map(({ active }) => active)).toEqual([true, false, true]);
    expect(JSON.stringify(outcomes)).not.toContain('@');
  });

  test('what is said of a name in the way is what was found', async () => {
    const { state, writeAll } = await started();
    state.add({ userName: 'e1@example.com', externalId: 'X1' });
    state.add({ userName: 'e2@example.com' });
    state.add({ userName: 'hidden@example.com' });
    const hidden = item('E3', { fields: { ...item('E3').fields, email: 'hidden@example.com' } });
    const outcomes = await writeAll([item('E1'), item('E2'), hidden]);
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : [outcome.code, outcome.message]))).toEqual([
      ['EXISTS_OTHER', 'an account of the same userName exists with another externalId'],
      ['EXISTS_OTHER', 'an account of the same userName exists without externalId'],
      [
        'EXISTS_OTHER',
        'the service says that the account exists, and finds none of this externalId or userName: it may be deleted there, or hidden from this token',
      ],
    ]);
  });
});

describe('the answer of /Bulk, one field not as documented', () => {
  type Result = Record<string, unknown>;
  async function created(change: (first: Result) => unknown) {
    const { provider, sandbox } = await start({ bulk: { maxOperations: 10 } });
    await provider.prepare?.(ctx);
    sandbox.fail({
      path: '/scim/v2/Bulk',
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const { Operations: [first = {}, ...others] = [], ...body } = response.json as {
            Operations?: Result[];
          };
          return { ...response, json: { ...body, Operations: [change(first), ...others] } };
        },
      },
    });
    return write(provider, [item('E1'), item('E2')]);
  }

  test.each<[string, (first: Result) => unknown]>([
    ['null', () => null],
    ['a text', () => 'x'],
    ['status null', (first) => ({ ...first, status: null })],
    ['status true', (first) => ({ ...first, status: true })],
    ['bulkId a number', (first) => ({ ...first, bulkId: 7 })],
    ['location a number', (first) => ({ ...first, location: 7 })],
  ])('fails the call and says where: %s', async (_what, change) => {
    await expect(created(change)).rejects.toMatchObject({
      code: 'PLATFORM_BAD_ANSWER',
      message: expect.stringContaining('Operations.0'),
    });
  });

  test.each<[string, (first: Result) => unknown]>([
    ['status a word', (first) => ({ ...first, status: 'done' })],
    ['bulkId of another', (first) => ({ ...first, bulkId: 'other' })],
    ['no bulkId', ({ bulkId: _bulkId, ...first }) => first],
  ])('leaves one without an outcome, and the other with its own: %s', async (_what, change) => {
    expect(await created(change)).toMatchObject([{ ok: false, code: 'NO_OUTCOME' }, { ok: true }]);
  });

  test.each<[string, (first: Result) => unknown]>([
    ['response null', (first) => ({ ...first, response: null })],
    ['response a text', (first) => ({ ...first, response: 'x' })],
    ['no location', ({ location: _location, ...first }) => first],
  ])('does not matter: %s', async (_what, change) => {
    expect(await created(change)).toMatchObject([{ ok: true }, { ok: true }]);
  });
});

describe('requests', () => {
  test.each([
    ['an error', { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '403' }],
    ['something else', { message: 'sign in, please' }],
  ])('a change that is answered 200 with %s is not taken for done', async (_title, json) => {
    const { provider, sandbox, state } = await start({ users: people(1), bulk: false });
    const [user] = state.users;
    sandbox.fail({ method: 'PATCH', effect: { do: 'answer', response: { status: 200, json } } });
    const ref = { id: user?.id ?? '', externalId: 'E0', email: null };
    await expect(write(provider, [item('E0', { kind: 'deactivate', ref })])).rejects.toMatchObject({
      code: 'PLATFORM_BAD_ANSWER',
      applied: 'unknown',
    });
  });

  test('an update sends only what changed, in one request', async () => {
    const { provider, state, sandbox } = await start();
    const { id } = state.add({ userName: 'a', externalId: 'E1' });
    await provider.prepare?.(ctx);
    sandbox.clearLog();
    await write(provider, [
      item('E1', {
        kind: 'update',
        ref: { id, externalId: 'E1', email: null },
        fields: { firstName: 'Ada', lastName: 'L', department: 'Sales', title: '' },
        changed: ['department', 'title'],
      }),
    ]);
    expect(sandbox.log).toHaveLength(1);
    expect(sandbox.log[0]?.headers['content-type']).toBe('application/scim+json');
    expect(JSON.parse(sandbox.log[0]?.body ?? '')).toMatchObject({
      Operations: [
        { op: 'replace', path: `${enterprise}:department`, value: 'Sales' },
        { op: 'remove', path: 'title' },
      ],
    });
  });

  test('a body larger than the service takes is for the caller to split, and is not sent', async () => {
    const { provider, sandbox } = await start({ bulk: { maxOperations: 10, maxPayloadSize: 5_000 } });
    const large = (id: string) => item(id, { fields: { ...item(id).fields, title: 'x'.repeat(3_000) } });
    await expect(write(provider, [large('E1'), large('E2')])).rejects.toMatchObject({
      code: 'PLATFORM_REFUSED',
      applied: 'no',
    });
    expect(sandbox.counts().writes).toBe(0);
    expect(await write(provider, [large('E1')])).toMatchObject([{ ok: true }]);
  });

  test('several accounts without /Bulk are for the caller to split', async () => {
    const { provider } = await start({ bulk: false });
    await expect(write(provider, [item('E1'), item('E2')])).rejects.toMatchObject({
      code: 'PLATFORM_REFUSED',
    });
  });

  test('a create whose answer was lost is found again', async () => {
    const { provider, sandbox, state } = await start({ bulk: { maxOperations: 10 } });
    sandbox.fail({ method: 'POST', effect: { do: 'drop', applied: true } });
    const items = [item('E1'), item('E2')];
    await expect(write(provider, items)).rejects.toMatchObject({ applied: 'unknown' });
    expect(await write(provider, items, true)).toMatchObject([
      { ok: true, note: 'adopted' },
      { ok: true, note: 'adopted' },
    ]);
    expect(state.users).toHaveLength(2);
  });

  test('results are matched by bulkId; one that is missing has no outcome', async () => {
    const { provider, sandbox } = await start({ bulk: { maxOperations: 10 } });
    sandbox.fail({
      path: '/scim/v2/Bulk',
      effect: {
        do: 'rewrite',
        rewrite: (response) => {
          const { Operations: operations } = response.json as { Operations: unknown[] };
          return { ...response, json: { Operations: operations.toReversed().slice(0, 2) } };
        },
      },
    });
    const [first, second, third] = await write(provider, [item('E1'), item('E2'), item('E3')]);
    expect(first).toMatchObject({ ok: false, code: 'NO_OUTCOME' });
    expect(idOf(second)).not.toBe(idOf(third));
    expect((await provider.lookUp({ id: idOf(third), externalId: null, email: null }, ctx))?.externalId).toBe(
      'E3',
    );
  });

  test('a wrong token is a refused sign-in that names the setting', async () => {
    const { provider } = await start({}, { token: 'wrong' });
    const error = await provider.signIn(ctx).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'SIGN_IN_REFUSED', hint: 'Check platforms.lms.token.' });
    expect((error as Error).message).not.toContain('wrong');
  });

  test('a user that may not be changed is refused alone; the sign-in stands', async () => {
    const { provider, sandbox, state } = await start();
    const { id } = state.add({ userName: 'owner', externalId: 'E1' });
    const json = { status: '403', detail: 'the owner owner@example.com is protected' };
    sandbox.fail({ method: 'PATCH', effect: { do: 'answer', response: { status: 403, json } } });
    const ref = { id, externalId: 'E1', email: null };
    expect(await write(provider, [item('E1', { kind: 'deactivate', ref })])).toEqual([
      { ok: false, code: 'HTTP_403', message: 'the service refused the account, HTTP 403' },
    ]);
  });

  test('a message never shows the id of a user', async () => {
    const { provider, sandbox } = await start();
    await provider.prepare?.(ctx);
    sandbox.fail({
      path: /Users/,
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 500 } },
    });
    const ref = { id: 'zoe@example.com', externalId: null, email: null };
    const error = await provider.lookUp(ref, ctx).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProviderError);
    expect((error as Error).message).not.toContain('zoe');
    expect((error as Error).message).toContain('/Users/{id}');
  });
});

describe('matchBy', () => {
  test.each([
    ['externalId', { userName: 'e1@example.com', externalId: 'E1' }, 'E1', 'externalId'],
    ['userName', { userName: 'E1' }, 'E1', 'externalId'],
    ['email', { userName: 'e1@example.com' }, null, 'email'],
  ])('%s', async (matchBy, wire, externalId, capability) => {
    const { provider, state } = await start({}, { matchBy });
    expect(provider.capabilities.matchBy).toBe(capability);
    await write(provider, [item('E1')]);
    expect(state.users[0]).toMatchObject(wire);
    expect(state.users[0]?.externalId).toBe(matchBy === 'externalId' ? 'E1' : undefined);
    const [account] = await readAll(provider);
    expect(account).toMatchObject({ externalId, email: 'e1@example.com' });
    const ref = { id: null, externalId, email: 'e1@example.com' };
    expect(await provider.lookUp(ref, ctx)).toEqual(account);
    expect(await provider.lookUp({ ...ref, externalId: 'E9', email: 'e9@example.com' }, ctx)).toBeNull();
  });

  test('a filter that the service ignores finds nobody by accident', async () => {
    const { provider, sandbox } = await start({ users: people(3) });
    const ignore = (json: unknown) => ({ status: 200, json });
    const Resources = [{ id: 'x', userName: 'x', externalId: 'E77' }];
    sandbox.fail({
      path: '/scim/v2/Users',
      effect: { do: 'answer', response: ignore({ totalResults: 1, Resources }) },
    });
    const ref = { id: null, externalId: 'E1', email: null };
    expect(await provider.lookUp(ref, ctx)).toBeNull();
    sandbox.fail({
      path: '/scim/v2/Users',
      effect: { do: 'answer', response: ignore({ totalResults: 3, Resources }) },
    });
    await expect(provider.lookUp(ref, ctx)).rejects.toMatchObject({ code: 'READ_INCOMPLETE' });
  });
});

describe('groups', () => {
  const groups = [
    { id: 'g1', displayName: 'Safety' },
    { id: 'g2', displayName: 'Twice' },
    { id: 'g3', displayName: 'Twice' },
  ];
  const rule = (target: string) => ({ target, when: 'true', keepCompleted: true });

  test('are found by id and by name; several of one name are listed', async () => {
    const { provider, sandbox } = await start({ groups });
    expect(await provider.resolveTargets([rule('g2'), rule('Safety')], ctx)).toEqual([
      { id: 'g2', name: 'Twice', isTraining: false },
      { id: 'g1', name: 'Safety', isTraining: false },
    ]);
    expect(sandbox.log.at(-1)?.query).toContain('excludedAttributes=members');
    await expect(provider.resolveTargets([rule('Twice')], ctx)).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      message: expect.stringMatching(/g2.*g3/),
    });
    await expect(provider.resolveTargets([rule('Nope')], ctx)).rejects.toMatchObject({
      code: 'TARGET_UNKNOWN',
      hint: expect.stringContaining('Safety'),
    });
    expect(await provider.listTargets(ctx)).toHaveLength(3);
  });

  async function withMembers(options: ScimOptions = {}) {
    const service = await start({ users: people(4), groups, ...options });
    const ids = service.state.users.map(({ id }) => id);
    const members = ids.map((id, index) => ({
      person: `E${index}`,
      ref: { id, externalId: null, email: null },
    }));
    const send = (operation: 'enroll' | 'unenroll', from: number, to: number, repeated = false) =>
      service.provider.write({ operation, target: 'g1', members: members.slice(from, to), repeated }, ctx);
    const now = () =>
      ids.filter((id) => service.state.groups.get('g1')?.members.has(id)).map((id) => ids.indexOf(id));
    return { ...service, ids, send, now };
  }

  test('members are added, read and removed, several in one request', async () => {
    const { provider, sandbox, send, now, ids } = await withMembers();
    expect(await send('enroll', 0, 3)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
    expect(sandbox.counts()).toMatchObject({ writes: 1, largestItems: 3 });
    const members: unknown[] = [];
    for await (const page of provider.readMembers('g1', ctx)) members.push(...page);
    expect(members).toEqual(
      ids.slice(0, 3).map((id) => ({ id, externalId: null, email: null, completed: false })),
    );
    expect(await send('unenroll', 1, 3)).toEqual([{ ok: true }, { ok: true }]);
    expect(now()).toEqual([0]);
    expect(sandbox.counts()).toMatchObject({ writes: 2, largestItems: 3 });
  });

  test('groups within a group are no members of ours', async () => {
    const { provider, sandbox, ids } = await withMembers();
    const members = [{ value: ids[0], type: 'User' }, { value: 'g2', type: 'Group' }, { value: ids[1] }];
    const json = { id: 'g1', displayName: 'Safety', members };
    sandbox.fail({ path: '/scim/v2/Groups/g1', effect: { do: 'answer', response: { status: 200, json } } });
    const read: (string | null)[] = [];
    for await (const page of provider.readMembers('g1', ctx)) for (const { id } of page) read.push(id);
    expect(read).toEqual(ids.slice(0, 2));
  });

  test('a removal whose answer was lost is finished, not refused', async () => {
    const { sandbox, send, now } = await withMembers();
    await send('enroll', 0, 3);
    sandbox.fail({ method: 'PATCH', effect: { do: 'drop', applied: true } });
    await expect(send('unenroll', 0, 2)).rejects.toMatchObject({ applied: 'unknown' });
    expect(await send('unenroll', 0, 3, true)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
    expect(now()).toEqual([]);
    expect(await send('enroll', 0, 1, true)).toEqual([{ ok: true }]);
    expect(now()).toEqual([0]);
  });

  test('who is no member is out: alone at once, among others after a split', async () => {
    const { send, now } = await withMembers();
    await send('enroll', 0, 1);
    await expect(send('unenroll', 0, 2)).rejects.toMatchObject({ code: 'PLATFORM_REFUSED' });
    expect(await send('unenroll', 1, 2)).toEqual([{ ok: true, note: 'was not a member' }]);
    expect(await send('unenroll', 0, 1)).toEqual([{ ok: true }]);
    expect(now()).toEqual([]);
  });

  test('a member that the service refuses is that item’s failure', async () => {
    const { provider } = await withMembers();
    const members = [{ person: 'E9', ref: { id: 'no-such-user', externalId: null, email: null } }];
    expect(
      await provider.write({ operation: 'enroll', target: 'g1', members, repeated: false }, ctx),
    ).toMatchObject([{ ok: false, code: 'invalidValue' }]);
  });
});
