import { afterAll, beforeAll, expect, test } from 'vitest';
import { canaryPeople, startService, type TestService, tokens } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService(canaryPeople(30));
});
afterAll(async () => {
  await service.close();
});

const make = async (...args: string[]): Promise<string> => {
  const made = await service.rollcall(['tokens', 'make', ...args]);
  expect(made.exit, made.err).toBe(0);
  return made.out.trim();
};

test('a token is made and revoked while the service runs, and its name is what the journal has', async () => {
  const token = await make('jo.okafor', '--role', 'operator');
  expect(token).toMatch(/^rct_[\w-]{43}$/);
  expect((await service.get('/api/platforms', token)).status).toBe(200);
  await service.sync();
  await service.export(canaryPeople(30, 'Terminated').slice(0, 9).concat(canaryPeople(30).slice(9)));
  const run = await service.sync();
  expect(run.held.deactivate).toBe(9);
  expect((await service.post(`/api/runs/${run.id}/reject`, {}, token)).status).toBe(200);
  expect((await service.opened.store.runs.find(run.id))?.decided_by).toBe('jo.okafor, control API');

  // A browser that signed in with it is out as well, at once.
  const login = await fetch(`${service.url}/login`, {
    method: 'POST',
    headers: { origin: service.url },
    body: new URLSearchParams({ token }),
    redirect: 'manual',
  });
  const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  expect((await service.get('/', undefined, { cookie })).status).toBe(200);
  expect((await service.rollcall(['tokens', 'revoke', 'jo.okafor'])).exit).toBe(0);
  expect((await service.get('/api/platforms', token)).status).toBe(401);
  expect((await service.get('/api/platforms', undefined, { cookie })).status).toBe(401);
  expect((await service.get('/api/platforms', tokens.operator)).status).toBe(200);
});

test('a viewer is the default; a token is of one customer, listed without what it is, and kept by its digest only', async () => {
  const token = await make('reader');
  expect((await service.post('/api/resync', { platform: 'academy' }, token)).status).toBe(403);
  const seen = (await (await service.get('/api/customers', token)).json()) as { customers: unknown[] };
  expect(seen.customers).toMatchObject([{ customer: 'alpha', role: 'viewer' }]);
  const listed = await service.rollcall(['tokens', '--json']);
  const { tokens: all } = JSON.parse(listed.out) as { tokens: { name: string; lastUsed: string | null }[] };
  expect(all.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['viewer-a', 'operator-a', 'reseller', 'reader']),
  );
  expect(all.find(({ name }) => name === 'reader')?.lastUsed).not.toBeNull();
  const stored = JSON.stringify(await service.opened.store.tokens.list('alpha'));
  for (const text of [listed.out, stored, service.logged()]) expect(text).not.toContain(token.slice(4));
});

test('a name is taken once, and is a name', async () => {
  for (const name of ['operator-a', 'reader', '-x', 'a b', 'é'])
    expect.soft((await service.rollcall(['tokens', 'make', '--', name])).exit, name).toBe(2);
  expect((await service.rollcall(['tokens', 'revoke', 'operator-a'])).err).toContain('control.tokens');
  expect((await service.rollcall(['tokens', 'revoke', 'nobody'])).exit).toBe(2);
  await service.rollcall(['tokens', 'revoke', 'reader']);
  await make('reader');
});
