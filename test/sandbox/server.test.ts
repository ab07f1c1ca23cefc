import { afterEach, describe, expect, it } from 'vitest';
import {
  busiestWindow,
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  startSandbox,
} from '../../sandbox/server.ts';

let open: Sandbox[] = [];
afterEach(async () => {
  await Promise.all(open.map((sandbox) => sandbox.close()));
  open = [];
});

/** A platform that counts what it handled; the key header says whose rate a request counts against. */
async function start(options: SandboxOptions = {}, keyed = false) {
  const handled: string[] = [];
  const platform: SandboxPlatform = {
    classify: ({ method }) => ({
      kind: method === 'GET' ? 'read' : 'write',
      items: method === 'GET' ? 0 : 3,
    }),
    handle: (request) => {
      handled.push(request.path);
      return { status: 200, json: { path: request.path, text: request.text } };
    },
    tooMany: (retryAfterS, request) => ({
      status: 429,
      headers: { 'retry-after': String(retryAfterS), 'x-path': request.path },
    }),
    ...(keyed ? { rateKey: (request) => request.headers['x-key'] ?? '' } : {}),
  };
  const sandbox = await startSandbox(platform, options);
  open.push(sandbox);
  return { sandbox, handled };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setImmediate(done));
}

describe('busiestWindow', () => {
  it('counts the most times in any half-open window', () => {
    expect(busiestWindow([], 1_000)).toBe(0);
    expect(busiestWindow([0, 999, 1_000, 1_500], 1_000)).toBe(3);
    expect(busiestWindow([0, 1_000, 2_000], 1_000)).toBe(1);
  });
});

describe('the request log', () => {
  it('keeps every request with what it was for and what was answered', async () => {
    const { sandbox } = await start();
    await fetch(`${sandbox.url}/a?b=1`);
    await fetch(`${sandbox.url}/c`, { method: 'POST', body: '{"d":1}' });
    expect(sandbox.log).toMatchObject([
      { method: 'GET', path: '/a', query: 'b=1', kind: 'read', items: 0, status: 200 },
      { method: 'POST', path: '/c', body: '{"d":1}', kind: 'write', items: 3, status: 200 },
    ]);
    expect(sandbox.counts()).toMatchObject({ reads: 1, writes: 1, auths: 0, items: 3, largestItems: 3 });
    sandbox.clearLog();
    expect(sandbox.counts()).toMatchObject({ reads: 0, writes: 0, busiestWindow: 0 });
  });

  it('leaves headers and bodies out when told to', async () => {
    const { sandbox } = await start({ keepBodies: false });
    await fetch(sandbox.url, { method: 'POST', body: 'secret' });
    expect(sandbox.log[0]).toMatchObject({ body: '', headers: {} });
  });
});

describe('the rate limit', () => {
  it('refuses one request too many with Retry-After, logs it, and takes requests again after the window', async () => {
    const { sandbox, handled } = await start({ rate: 3, windowMs: 200 });
    const answers = [];
    for (let sent = 0; sent < 4; sent++) answers.push(await fetch(`${sandbox.url}/${sent}`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.headers.get('retry-after')).toBe('1');
    expect(answers[3]?.headers.get('x-path')).toBe('/3');
    expect(handled).toHaveLength(3);
    expect(sandbox.counts()).toMatchObject({ tooMany: 1, busiestWindow: 4 });
    const lastMs = sandbox.log.at(-1)?.atMs ?? 0;
    await until(() => performance.now() > lastMs + 200);
    expect((await fetch(sandbox.url)).status).toBe(200);
    sandbox.setRate(0);
    const free = await Promise.all(Array.from({ length: 10 }, () => fetch(sandbox.url)));
    expect(free.every(({ status }) => status === 200)).toBe(true);
  });

  it('counts by key where the platform has one', async () => {
    const { sandbox } = await start({ rate: 2, windowMs: 60_000 }, true);
    const statuses = [];
    for (const key of ['a', 'b', 'a', 'b', 'a']) {
      statuses.push((await fetch(sandbox.url, { headers: { 'x-key': key } })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
    expect(sandbox.counts().busiestWindow).toBe(3);
  });
});

describe('faults', () => {
  it('drops the connection, before or after the request was applied', async () => {
    const { sandbox, handled } = await start();
    sandbox.fail({ method: 'POST', effect: { do: 'drop' } });
    sandbox.fail({ method: 'PUT', effect: { do: 'drop', applied: true } });
    await expect(fetch(`${sandbox.url}/lost`, { method: 'POST' })).rejects.toThrow();
    await expect(fetch(`${sandbox.url}/done`, { method: 'PUT' })).rejects.toThrow();
    expect(handled).toEqual(['/done']);
    expect(sandbox.log.map(({ status }) => status)).toEqual([0, 0]);
    expect((await fetch(sandbox.url, { method: 'POST' })).status).toBe(200);
  });

  it('never answers a hanging request', async () => {
    const { sandbox, handled } = await start();
    sandbox.fail({ path: '/slow', effect: { do: 'hang', applied: true } });
    const stop = new AbortController();
    const answer = fetch(`${sandbox.url}/slow`, { signal: stop.signal });
    await until(() => handled.length === 1);
    stop.abort();
    await expect(answer).rejects.toThrow();
    expect(sandbox.log[0]?.status).toBe(0);
  });

  it('rewrites an answer, skips and counts as told, and can be taken back', async () => {
    const { sandbox } = await start();
    const takeBack = sandbox.fail({
      path: /^\/x/,
      kind: 'read',
      skip: 1,
      times: 2,
      effect: { do: 'rewrite', rewrite: (response) => ({ ...response, status: 206 }) },
    });
    const statuses = async (count: number) => {
      const seen = [];
      for (let sent = 0; sent < count; sent++) seen.push((await fetch(`${sandbox.url}/x`)).status);
      return seen;
    };
    expect(await statuses(4)).toEqual([200, 206, 206, 200]);
    takeBack();
    sandbox.fail({ times: Number.POSITIVE_INFINITY, effect: { do: 'answer', response: { status: 503 } } });
    expect(await statuses(2)).toEqual([503, 503]);
    sandbox.clearFaults();
    expect(await statuses(1)).toEqual([200]);
  });

  it('answers later, and answers otherwise after having applied', async () => {
    const { sandbox, handled } = await start();
    sandbox.fail({ when: ({ text }) => text === 'a', effect: { do: 'delay', ms: 30 } });
    sandbox.fail({ effect: { do: 'answer', response: { status: 502, text: 'bad gateway' }, applied: true } });
    const begunMs = performance.now();
    expect((await fetch(`${sandbox.url}/1`, { method: 'POST', body: 'a' })).status).toBe(200);
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(29);
    const answer = await fetch(`${sandbox.url}/2`, { method: 'POST', body: 'b' });
    expect([answer.status, await answer.text()]).toEqual([502, 'bad gateway']);
    expect(handled).toEqual(['/1', '/2']);
  });
});
