import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { scim } from '@better-auth/scim';
import { type BetterAuthPlugin, betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { expect, test } from 'vitest';
import { changed, people, person } from '../support/company.ts';
import { openCompany } from '../support/harness.ts';

const token = 'better-auth-scim-token-of-the-tests-0001';
const basePath = '/api/auth/scim/v2';

/** Better Auth's SCIM service on SQLite, on loopback: a server that is not ours, with pages of 100. */
async function startBetterAuth() {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const plugin = scim({ connections: [{ id: 'lms', credentials: [{ type: 'bearer', id: 'one', token }] }] });
  // Its types are not written for exactOptionalPropertyTypes.
  const auth = betterAuth({
    database: new DatabaseSync(':memory:'),
    baseURL: url,
    secret: 'sandbox-secret-8d1f6c3a9be24705-of-these-tests',
    logger: { disabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    plugins: [plugin as unknown as BetterAuthPlugin],
  });
  await (await getMigrations(auth.options)).runMigrations();

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await auth.handler(
      new Request(`${url}${basePath}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  server.on('request', async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? 'GET';
    const headers = Object.entries(request.headers).filter(
      (one): one is [string, string] => typeof one[1] === 'string',
    );
    const answer = await auth.handler(
      new Request(`${url}${request.url}`, {
        method,
        headers,
        ...(method === 'GET' ? {} : { body: Buffer.concat(chunks) }),
      }),
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  });

  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { baseUrl: `${url}${basePath}`, call, sandbox: { setRate: () => undefined, close } };
}

type User = { id: string; externalId?: string; active: boolean; name?: { familyName?: string } };
type Group = { id: string; members?: { value: string }[] };

test('Better Auth: a year of a company of 260, 130 of them in a group', { timeout: 240_000 }, async () => {
  const { baseUrl, call, sandbox } = await startBetterAuth();
  const group = (await call('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Warehouse safety',
  })) as Group;
  const rows = people(260).map((row, at) => ({ ...row, department: at < 130 ? 'Warehouse' : 'Finance' }));
  await using company = await openCompany(
    {
      backend: 'embedded',
      rows,
      platform: {
        mode: 'full',
        limits: { create: { percent: 100, floor: 1_000 }, enroll: { percent: 100, floor: 1_000 } },
        enrollments: [{ target: 'Warehouse safety', when: 'person.department == "Warehouse"' }],
      },
    },
    { sandbox, block: { provider: 'scim', baseUrl, token } },
  );
  const users = async (): Promise<User[]> => {
    const pages = await Promise.all(
      [1, 101, 201].map((from) => call('GET', `/Users?startIndex=${from}&count=100`)),
    );
    return pages.flatMap((page) => (page as { Resources: User[] }).Resources);
  };
  const userOf = async (id: string) => (await users()).find(({ externalId }) => externalId === id);
  const members = async () => ((await call('GET', `/Groups/${group.id}`)) as Group).members ?? [];
  const sync = async () => {
    const run = await company.sync();
    expect(run).toMatchObject({
      exit: 0,
      failed: { create: 0, update: 0, deactivate: 0, reactivate: 0, enroll: 0 },
    });
    return run;
  };

  expect(await sync()).toMatchObject({ applied: { create: 260, enroll: 130 } });
  expect(await users()).toHaveLength(260);
  expect(await members()).toHaveLength(130);
  expect(await sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });

  // A joiner, somebody who moves to another department and has another name, and a leaver, no. 255 of 260.
  const [mover, leaver, deleted] = [rows[3]?.id ?? '', rows[254]?.id ?? '', rows[200]?.id ?? ''];
  const next = changed([...rows, person(900, { department: 'Warehouse' })], {
    [mover]: { department: 'Finance', lastName: 'Married' },
    [leaver]: { status: 'Terminated' },
  });
  await company.export(next);
  expect(await sync()).toMatchObject({
    applied: { create: 1, deactivate: 1, enroll: 1, unenroll: 1 },
  });
  expect(await userOf(leaver)).toMatchObject({ active: false });
  expect(await userOf(mover)).toMatchObject({ name: { familyName: 'Married' } });
  expect(await members()).toHaveLength(130);
  const leaversAccount = (await userOf(leaver))?.id;

  // The leaver comes back to the same account, and somebody deletes one by hand, which is made anew.
  await company.export(changed(next, { [leaver]: { status: 'Active' } }));
  await call('DELETE', `/Users/${(await userOf(deleted))?.id}`);
  expect(await sync()).toMatchObject({ applied: { reactivate: 1, create: 1 } });
  expect(await userOf(leaver)).toMatchObject({ active: true, id: leaversAccount });
  expect(await userOf(deleted)).toMatchObject({ active: true });
  expect(await sync()).toMatchObject({ status: 'unchanged', requests: { writes: 0 } });
});
