import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createControlServer } from '../../src/web/server.ts';
import { canaryPeople, startService, type TestService, tokens } from './service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService(canaryPeople(3));
});
afterAll(async () => {
  await service.close();
});

const open = ['GET /healthz', 'GET /readyz', 'GET /login', 'POST /login'];
const viewerPosts = ['POST /api/plan', 'POST /logout', 'POST /people'];

/** A route's address with parameters that nothing answers to. */
const addressOf = (route: string): [string, string] => {
  const [method = '', path = ''] = route.split(' ');
  return [method, path.replace(/:\w+/g, 'none')];
};
const call = (route: string, token?: string, headers: Record<string, string> = {}): Promise<Response> => {
  const [method, path] = addressOf(route);
  return method === 'GET' ? service.get(path, token, headers) : service.post(path, {}, token, headers);
};
const codeOf = async (response: Response): Promise<string> => {
  const body = (await response.json()) as { error: { code: string } };
  return `${response.status} ${body.error.code}`;
};
async function login(token: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${service.url}/login`, {
    method: 'POST',
    headers: { origin: service.url, ...headers },
    body: new URLSearchParams({ token }),
    redirect: 'manual',
  });
}
async function cookieOf(token: string): Promise<string> {
  const answer = await login(token);
  expect(answer.status).toBe(303);
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

describe('who may do what', () => {
  test('everything but health and the login form needs a token that somebody has', async () => {
    const closed = [
      // The two files of the pages are not secret: the login form has the same looks.
      ...service.server.routes.filter((route) => !open.includes(route) && !route.includes('/assets/')),
      'GET /queues/',
      'GET /none',
    ];
    expect(closed.length).toBeGreaterThan(15);
    for (const route of closed) {
      expect.soft(await codeOf(await call(route)), route).toBe('401 UNAUTHORIZED');
      expect.soft(await codeOf(await call(route, 'wrong-token')), route).toBe('401 UNAUTHORIZED');
      const basic = await call(route, undefined, { authorization: `Basic ${btoa(`x:${tokens.operator}`)}` });
      expect.soft(basic.status, route).toBe(401);
      const cookie = await call(route, undefined, { cookie: `rollcall_session=${tokens.operator}` });
      expect.soft(cookie.status, route).toBe(401);
    }
  });

  test('a viewer looks and does not act', async () => {
    const posts = service.server.routes.filter(
      (route) => route.startsWith('POST') && !open.includes(route) && !viewerPosts.includes(route),
    );
    expect(posts).toContain('POST /api/runs/:id/approve');
    for (const route of posts)
      expect.soft(await codeOf(await call(route, tokens.viewer)), route).toBe('403 FORBIDDEN');
    expect((await service.get('/api/platforms', tokens.viewer)).status).toBe(200);
    const stranger = await service.post('/api/platforms/college/pause', { customer: 'beta' }, tokens.both);
    expect(await codeOf(stranger)).toBe('403 FORBIDDEN');
  });

  test('a token sees its own customer only', async () => {
    const run = await service.sync();
    const seen = async (token: string): Promise<unknown> => {
      const answer = (await (await service.get('/api/platforms', token)).json()) as {
        platforms: { platform: string }[];
      };
      return answer.platforms.map(({ platform }) => platform);
    };
    expect(await seen(tokens.operator)).toEqual(['academy']);
    expect(await seen(tokens.other)).toEqual(['college']);
    expect(await seen(tokens.both)).toEqual(['academy', 'college']);
    for (const path of [`/api/runs/${run.id}`, `/api/runs/${run.id}/changes`]) {
      expect.soft((await service.get(path, tokens.operator)).status, path).toBe(200);
      expect.soft(await codeOf(await service.get(path, tokens.other)), path).toBe('404 NOT_FOUND');
    }
    expect(await codeOf(await service.get('/api/runs?customer=alpha', tokens.other))).toBe(
      '404 CUSTOMER_UNKNOWN',
    );
    expect(await (await service.get('/api/runs', tokens.other)).json()).toEqual({ runs: [] });
    for (const path of ['/api/resync', '/api/plan'])
      expect
        .soft(await codeOf(await service.post(path, { platform: 'academy' }, tokens.other)), path)
        .toBe('404 NOT_FOUND');
    const metrics = await (await service.get('/metrics', tokens.other)).text();
    expect(metrics).toContain('customer="beta"');
    expect(metrics).not.toContain('alpha');
    expect(await codeOf(await service.get('/queues/api/queues', tokens.other))).toBe('403 FORBIDDEN');
  });
});

describe('browsers', () => {
  test('without a session a page leads to the form; the form sets a cookie that scripts cannot read', async () => {
    const page = await service.get('/', undefined, { accept: 'text/html' });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/login']);
    expect(await (await service.get('/login')).text()).toContain('<form method="post" action="/login">');
    const answer = await login(tokens.viewer);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^rollcall_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(tokens.viewer);
    const home = await service.get('/', undefined, { cookie });
    expect(home.status).toBe(200);
    expect(await home.text()).toContain('academy');
  });

  test('a wrong token gets the form again, and no cookie', async () => {
    const answer = await login('<script>alert(1)</script>');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('set-cookie')).toBeNull();
    const text = await answer.text();
    expect(text).toContain('nobody has this token');
    expect(text).not.toContain('alert(1)');
  });

  test('what changes something has to come from a page of ours', async () => {
    const cookie = await cookieOf(tokens.operator);
    const pause = (headers: Record<string, string>) =>
      service.post('/api/platforms/academy/pause', { reason: 'test' }, undefined, { cookie, ...headers });
    expect(await codeOf(await pause({}))).toBe('403 FORBIDDEN');
    expect(await codeOf(await pause({ origin: 'https://evil.example' }))).toBe('403 FORBIDDEN');
    expect(await codeOf(await pause({ origin: 'null' }))).toBe('403 FORBIDDEN');
    expect(await codeOf(await pause({ origin: `${service.url}0` }))).toBe('403 FORBIDDEN');
    expect((await service.opened.store.platforms.find('alpha', 'academy'))?.paused_ms ?? null).toBeNull();
    expect((await pause({ origin: service.url })).status).toBe(200);
    const state = await service.opened.store.platforms.find('alpha', 'academy');
    expect([state?.paused_by, state?.pause_reason]).toEqual(['operator-a', 'test']);
    const form = await fetch(`${service.url}/api/platforms/academy/resume`, {
      method: 'POST',
      headers: { cookie, origin: service.url },
      body: new URLSearchParams({ customer: 'alpha' }),
    });
    expect(form.status).toBe(415);
    expect((await service.post('/api/platforms/academy/resume', {}, tokens.operator)).status).toBe(200);
    expect((await login(tokens.operator, { origin: 'https://evil.example' })).status).toBe(403);
  });

  test('signing out ends the session; a form has to be of the session it changes', async () => {
    const cookie = await cookieOf(tokens.operator);
    const csrfOf = async (of: string): Promise<string> => {
      const text = await (await service.get('/', undefined, { cookie: of })).text();
      return /name="csrf" value="([\w-]{32})"/.exec(text)?.[1] ?? '';
    };
    const leave = (fields: Record<string, string>) =>
      fetch(`${service.url}/logout`, {
        method: 'POST',
        headers: { cookie, origin: service.url },
        body: new URLSearchParams(fields),
        redirect: 'manual',
      });
    const another = await csrfOf(await cookieOf(tokens.operator));
    for (const fields of [{}, { csrf: '' }, { csrf: another }, { csrf: 'ä' }] as Record<string, string>[])
      expect.soft((await leave(fields)).status, JSON.stringify(fields)).toBe(403);
    expect((await service.get('/api/platforms', undefined, { cookie })).status).toBe(200);
    const out = await leave({ csrf: await csrfOf(cookie) });
    expect([out.status, out.headers.get('location')]).toEqual([303, '/login']);
    expect((await service.get('/api/platforms', undefined, { cookie })).status).toBe(401);
  });
});

test('the board is to look at: every button is refused, and job data is references', async () => {
  await service.opened.queues.sync.add('resync', { platform: 'nowhere', reason: 'Canarina0 asked' });
  await expect
    .poll(async () => (await service.opened.queues.sync.getJobCounts('completed'))['completed'], {
      timeout: 10_000,
    })
    .toBeGreaterThan(1);
  const page = await service.get('/queues/', tokens.both);
  expect(page.status).toBe(200);
  const script = /src="(static\/js\/main[^"]+)"/.exec(await page.text())?.[1];
  expect((await service.get(`/queues/${script}`, tokens.both)).status).toBe(200);
  const listed = await service.get(
    '/queues/api/queues?activeQueue=rollcall-sync&page=1&jobsPerPage=10',
    tokens.both,
  );
  const text = await listed.text();
  const { queues } = JSON.parse(text) as {
    queues: { name: string; readOnlyMode: boolean; allowRetries: boolean; jobs: { data: object }[] }[];
  };
  expect(queues.map(({ name, readOnlyMode, allowRetries }) => [name, readOnlyMode, allowRetries])).toEqual([
    ['rollcall-sync', true, false],
    ['rollcall-batch', true, false],
  ]);
  expect(queues[0]?.jobs.map(({ data }) => data)).toContainEqual({ platform: 'nowhere', reason: '…' });
  expect(text).not.toContain('Canarina');
  const before = await service.opened.queues.sync.getJobCounts();
  for (const [method, path] of [
    ['PUT', '/queues/api/queues/pause'],
    ['PUT', '/queues/api/queues/rollcall-sync/pause'],
    ['PUT', '/queues/api/queues/rollcall-sync/retry/completed'],
    ['PUT', '/queues/api/queues/rollcall-sync/clean/completed'],
    ['POST', '/queues/api/queues/rollcall-sync/add'],
    ['DELETE', '/queues/api/queues/rollcall-sync'],
    ['PUT', '/queues/api/queues/rollcall-sync/obliterate'],
    ['PATCH', '/queues/api/queues/rollcall-sync/1/update-data'],
  ] as const) {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens.both}` },
    });
    // 404 where Bull Board itself has no such route.
    expect.soft([404, 405], `${method} ${path}`).toContain(answer.status);
    expect.soft(answer.ok, `${method} ${path}`).toBe(false);
  }
  expect(await service.opened.queues.sync.getJobCounts()).toEqual(before);
});

test('every answer forbids frames and guessing of types, and the page runs nothing', async () => {
  for (const path of ['/', '/login', '/healthz', '/api/runs', '/none', '/queues/']) {
    const { headers } = await service.get(path, tokens.both);
    expect.soft(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect.soft(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    expect.soft(headers.get('content-security-policy'), path).toContain("default-src 'none'");
    expect.soft(headers.get('content-security-policy'), path).not.toContain("script-src 'unsafe");
    expect.soft(headers.get('cache-control'), path).toBe('no-store');
  }
});

test('open to other machines: long tokens only, and the cookie travels over TLS only', async () => {
  const { opened } = service;
  const options = {
    ...opened,
    log: opened.engine.deps.log,
    nextRunMs: () => null,
  };
  const token = { customer: 'alpha', name: 'ops', role: 'viewer' } as const;
  await expect(
    createControlServer({ ...options, listen: '0.0.0.0:0', tokens: [{ ...token, token: 'x'.repeat(31) }] }),
  ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  const server = await createControlServer({
    ...options,
    listen: '0.0.0.0:0',
    tokens: [{ ...token, token: tokens.viewer }],
  });
  try {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(`${server.url}/login`, {
      method: 'POST',
      headers: { origin: server.url },
      body: new URLSearchParams({ token: tokens.viewer }),
      redirect: 'manual',
    });
    expect(answer.headers.get('set-cookie')).toMatch(/; Secure/);
    await expect(
      createControlServer({ ...options, listen: server.url.replace('http://', ''), tokens: [] }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('another process') });
  } finally {
    await server.close();
  }
});

/** A request with headers that `fetch` does not let one choose. */
function raw(url: string, headers: Readonly<Record<string, string>>, path = '/api/runs'): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('on loopback only names of this machine are served, and the one that is configured', async () => {
  const authorization = `Bearer ${tokens.operator}`;
  const { port } = new URL(service.url);
  const status = (host: string, path?: string) => raw(service.url, { authorization, host }, path);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'rollcall.localhost'])
    expect.soft(await status(host), host).toBe(200);
  for (const host of [`attacker.example:${port}`, 'attacker.example', 'localhost.attacker.example'])
    expect.soft(await status(host), host).toBe(421);
  // Not even what needs no token: a page that sees an answer may go on.
  for (const path of ['/healthz', '/login', '/none'])
    expect.soft(await status('attacker.example', path), path).toBe(421);
  const { opened } = service;
  const server = await createControlServer({
    ...opened,
    log: opened.engine.deps.log,
    nextRunMs: () => null,
    listen: '127.0.0.1:0',
    hosts: ['rollcall.example:8443'],
    tokens: [],
  });
  try {
    expect(await raw(server.url, { host: 'rollcall.example:8443' }, '/healthz')).toBe(200);
    expect(await raw(server.url, { host: 'rollcall.example' }, '/healthz')).toBe(421);
  } finally {
    await server.close();
  }
});

test('addresses come from a proxy only if it is trusted', async () => {
  const { opened } = service;
  const statuses = async (trustedProxies: readonly string[]): Promise<readonly number[]> => {
    const server = await createControlServer({
      ...opened,
      log: opened.engine.deps.log,
      nextRunMs: () => null,
      listen: '127.0.0.1:0',
      trustedProxies,
      tokens: [],
    });
    try {
      const guess = (from: string, at: number) =>
        raw(server.url, { authorization: `Bearer guess-${at}`, 'x-forwarded-for': from });
      for (let at = 0; at < 8; at++) await guess('203.0.113.7', at);
      return [await guess('203.0.113.7', 8), await guess('203.0.113.8', 9)];
    } finally {
      await server.close();
    }
  };
  expect(await statuses(['127.0.0.0/8'])).toEqual([429, 401]);
  expect(await statuses([])).toEqual([429, 429]);
});

test('guessing is slowed down, with the form and with the header alike; whoever has a right token gets in', async () => {
  for (let at = 0; at < 8; at++) await service.get('/api/runs', `guess-${at}`);
  const wrong = await service.get('/api/runs', 'guess-again');
  expect(wrong.status).toBe(429);
  expect(Number(wrong.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await login('guess-again')).status).toBe(429);
  expect((await service.get('/api/runs', tokens.operator)).status).toBe(200);
  expect((await login(tokens.operator)).status).toBe(303);
  expect((await service.get('/healthz')).status).toBe(200);
});
