/** The provider against a SCIM server that nobody wrote for it: SCIMMY, an implementation of its own of both RFCs. */
import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Account } from '../../src/account.ts';
import type { AccountItem, CallContext, ItemOutcome, Provider } from '../../src/providers/contract.ts';
import { scim } from '../../src/providers/scim/index.ts';
import { freePacer } from '../support/pacer.ts';

/** Express comes without types; this is all that is used of it. */
type ExpressApp = RequestListener & {
  readonly use: (path: string, router: unknown) => void;
  readonly set: (setting: string, value: string | ((query: string) => object)) => void;
};
const express = createRequire(import.meta.url)('express') as () => ExpressApp;

type Stored = { id: string; [attribute: string]: unknown };
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const users = new Map<string, Stored>();
const groups = new Map<string, Stored>();
const requests: string[] = [];
const token = 'scimmy-token';
let baseUrl = '';
let close: () => Promise<void>;

/** What SCIMMY hands to a handler, as far as it is used. */
type Handle = {
  readonly id?: string;
  readonly filter?: { readonly match: (all: Stored[]) => Stored[] };
};

function read(all: Map<string, Stored>, { id, filter }: Handle): Stored | Stored[] {
  if (id !== undefined) {
    const found = all.get(id);
    if (found === undefined) throw new SCIMMY.Types.Error(404, '', 'not found');
    return structuredClone(found);
  }
  const copies = structuredClone([...all.values()]);
  return filter === undefined ? copies : filter.match(copies);
}

function store(all: Map<string, Stored>, unique: string, id: string | undefined, data: unknown): Stored {
  const next: Stored = { ...(JSON.parse(JSON.stringify(data)) as object), id: id ?? randomUUID() };
  for (const other of all.values()) {
    if (other.id !== next.id && other[unique] === next[unique])
      throw new SCIMMY.Types.Error(409, 'uniqueness', 'taken');
  }
  all.set(next.id, next);
  return structuredClone(next);
}

beforeAll(async () => {
  SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
  SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .ingress((resource, data) => store(users, 'userName', resource.id, data) as never)
    .egress((resource) => read(users, resource as Handle) as never)
    .degress(() => undefined);
  SCIMMY.Resources.declare(SCIMMY.Resources.Group)
    .ingress((resource, data) => store(groups, 'displayName', resource.id, data) as never)
    .egress((resource) => read(groups, resource as Handle) as never)
    .degress(() => undefined);
  const app = express();
  // Its errors with status 500 and more would be printed otherwise.
  app.set('env', 'test');
  // The routers turn startIndex and count into numbers in place, which Express 5 forgets: it parses anew on each look.
  app.set('query parser', (query: string) =>
    Object.fromEntries(
      [...new URLSearchParams(query)].map(([name, value]) => [
        name,
        /^\d+$/.test(value) ? Number(value) : value,
      ]),
    ),
  );
  app.use(
    '/scim',
    new SCIMMYRouters({
      type: 'bearer',
      handler: (request) => {
        const { authorization } = (request as { headers: Record<string, string | undefined> }).headers;
        if (authorization !== `Bearer ${token}`) throw new Error('not signed in');
        return 'rollcall';
      },
    }),
  );
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/, '{id}')}`);
    app(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim`;
  close = async () => {
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  };
});
afterAll(() => close());

beforeEach(() => {
  users.clear();
  groups.clear();
  requests.length = 0;
});

const ctx: CallContext = { signal: new AbortController().signal, onRequest: () => undefined };

function connect(bulk: boolean, block: Record<string, unknown> = {}): Provider {
  SCIMMY.Config.set({ patch: true, filter: true, bulk });
  const settings = scim.parse({ baseUrl, token, ...block });
  return scim.create(settings, {
    platform: 'scimmy',
    pacer: freePacer(),
    log: { debug: () => undefined, warn: () => undefined },
    retryBaseMs: 1,
  });
}

async function readAll(provider: Provider): Promise<Account[]> {
  const all: Account[] = [];
  for await (const page of provider.readAccounts(ctx)) all.push(...page);
  return all;
}

async function writeAll(provider: Provider, items: readonly AccountItem[]): Promise<ItemOutcome[]> {
  await provider.prepare?.(ctx);
  const limit = provider.capabilities.operations[0]?.limit ?? 0;
  const outcomes: ItemOutcome[] = [];
  for (let from = 0; from < items.length; from += limit) {
    const accounts = items.slice(from, from + limit);
    outcomes.push(...(await provider.write({ operation: 'accounts', accounts, repeated: false }, ctx)));
  }
  return outcomes;
}

function joiner(person: string): AccountItem {
  const email = `${person.toLowerCase()}@example.com`;
  return {
    kind: 'create',
    person,
    ref: { id: null, externalId: person, email },
    fields: {
      firstName: 'Zoë',
      lastName: 'Okafor',
      email,
      department: 'Stores',
      title: 'Clerk',
      country: 'IE',
      language: 'en-IE',
    },
    changed: [],
  };
}

describe.each([
  ['one by one', false],
  ['through /Bulk', true],
])('SCIMMY, %s', (_, bulk) => {
  test('what is created and changed is read back the same', async () => {
    const provider = connect(bulk);
    await provider.signIn(ctx);
    expect(await readAll(provider)).toEqual([]);
    const made = await writeAll(provider, ['E1', 'E2', 'E3'].map(joiner));
    expect(made).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    const before = await readAll(provider);
    for (const [index, account] of before.entries()) {
      const { person, fields, ref } = joiner(`E${index + 1}`);
      expect(account).toMatchObject({ externalId: person, email: ref.email, active: true, fields });
      expect(made[index]).toMatchObject({ account: { id: account.id, externalId: person } });
    }

    const [one, two, three] = before;
    if (one === undefined || two === undefined || three === undefined) throw new Error('three were made');
    const change = (
      account: Account,
      kind: AccountItem['kind'],
      fields: Record<string, string>,
    ): AccountItem => ({
      kind,
      person: account.externalId ?? '',
      ref: account,
      fields: { ...account.fields, ...fields },
      changed: Object.keys(fields),
    });
    const outcomes = await writeAll(provider, [
      change(one, 'update', { email: 'new@example.com', department: 'Sales', title: '', nickName: 'Z' }),
      change(two, 'update', { lastName: 'Byron', department: '', country: '' }),
      change(three, 'deactivate', {}),
    ]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    const after = await readAll(provider);
    expect(after[0]).toMatchObject({
      email: 'new@example.com',
      fields: { ...one.fields, email: 'new@example.com', department: 'Sales', title: '', nickName: 'Z' },
    });
    expect(after[1]?.fields).toEqual({ ...two.fields, lastName: 'Byron', department: '', country: '' });
    expect(after[2]).toEqual({ ...three, active: false });
    expect(users.get(one.id ?? '')).toMatchObject({ userName: 'e1@example.com' });

    await writeAll(provider, [change(three, 'reactivate', { title: 'Chef' }), change(two, 'reactivate', {})]);
    expect((await readAll(provider))[2]).toMatchObject({ active: true, fields: { title: 'Chef' } });
    const used = requests.some((request) => request === 'POST /scim/Bulk');
    expect(used).toBe(bulk);
  });

  test('a joiner who exists is adopted, and one who was switched off is left alone', async () => {
    const provider = connect(bulk);
    await writeAll(provider, [joiner('E1'), joiner('E2')]);
    const second = [...users.values()][1];
    if (second === undefined) throw new Error('two were made');
    second['active'] = false;
    expect(await writeAll(provider, [joiner('E1'), joiner('E2')])).toMatchObject([
      { ok: true, note: 'adopted', account: { externalId: 'E1' } },
      { ok: false, code: 'EXISTS_INACTIVE' },
    ]);
    expect(users.size).toBe(2);
  });
});

describe('SCIMMY', () => {
  test('has a whole enterprise extension added to a user without one', async () => {
    const provider = connect(false);
    users.set('u1', { id: 'u1', userName: 'bare', externalId: 'E1' });
    const update: AccountItem = {
      ...joiner('E1'),
      kind: 'update',
      ref: { id: 'u1', externalId: 'E1', email: null },
      changed: ['firstName', 'email', 'department'],
    };
    expect(await writeAll(provider, [update])).toMatchObject([{ ok: true, account: { id: 'u1' } }]);
    expect(users.get('u1')).toMatchObject({
      name: { givenName: 'Zoë' },
      emails: [{ value: 'e1@example.com', type: 'work' }],
      [enterprise]: { department: 'Stores' },
    });
  });

  test('takes a manager by the id of a user, and lets go of them', async () => {
    const provider = connect(false);
    for (const id of ['boss', 'u1']) users.set(id, { id, userName: id, externalId: id });
    const update = (manager: string): AccountItem => ({
      kind: 'update',
      person: 'u1',
      ref: { id: 'u1', externalId: 'u1', email: null },
      fields: { manager },
      changed: ['manager'],
    });
    const read = async () => (await readAll(provider)).find(({ id }) => id === 'u1')?.fields['manager'];
    expect(await writeAll(provider, [update('boss')])).toMatchObject([{ ok: true }]);
    expect(users.get('u1')).toMatchObject({ [enterprise]: { manager: { value: 'boss' } } });
    expect(await read()).toBe('boss');
    expect(await writeAll(provider, [update('')])).toMatchObject([{ ok: true }]);
    expect(await read()).toBe('');
  });

  test('pages add up, and one account is found by id, externalId and email', async () => {
    const provider = connect(false);
    for (let index = 0; index < 450; index++) {
      const email = `u${index}@example.com`;
      const user = {
        id: `id-${index}`,
        userName: `u${index}`,
        externalId: `E${index}`,
        emails: [{ value: email }],
      };
      users.set(user.id, user);
    }
    expect(await readAll(provider)).toHaveLength(450);
    // Three pages, and one behind the end.
    expect(requests.filter((request) => request === 'GET /scim/Users')).toHaveLength(4);
    const wanted = { id: 'id-7', externalId: 'E7', email: 'u7@example.com' };
    const none = { id: null, externalId: null, email: null };
    for (const key of ['id', 'externalId', 'email'] as const) {
      expect(await provider.lookUp({ ...none, [key]: wanted[key] }, ctx)).toMatchObject(wanted);
      expect(await provider.lookUp({ ...none, [key]: 'nobody' }, ctx)).toBeNull();
    }
  });

  test('takes members in and out of a group', async () => {
    const provider = connect(false);
    groups.set('g1', { id: 'g1', displayName: 'Warehouse safety', members: [] });
    for (const id of ['u1', 'u2', 'u3']) users.set(id, { id, userName: id });
    const rule = { target: 'Warehouse safety', when: 'true', keepCompleted: true };
    const [target] = await provider.resolveTargets([rule], ctx);
    expect(target).toEqual({ id: 'g1', name: 'Warehouse safety', isTraining: false });
    const members = ['u1', 'u2', 'u3'].map((id) => ({
      person: id,
      ref: { id, externalId: null, email: null },
    }));
    const send = (operation: 'enroll' | 'unenroll', some: typeof members) =>
      provider.write({ operation, target: 'g1', members: some, repeated: false }, ctx);
    const now = async () => {
      const ids: (string | null)[] = [];
      for await (const page of provider.readMembers('g1', ctx)) for (const { id } of page) ids.push(id);
      return ids;
    };
    expect(await send('enroll', members)).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
    expect(await now()).toEqual(['u1', 'u2', 'u3']);
    expect(await send('unenroll', members.slice(0, 2))).toEqual([{ ok: true }, { ok: true }]);
    expect(await now()).toEqual(['u3']);
  });

  test('refuses a wrong token', async () => {
    const provider = connect(false, { token: 'wrong' });
    await expect(provider.signIn(ctx)).rejects.toMatchObject({ code: 'SIGN_IN_REFUSED' });
  });
});
