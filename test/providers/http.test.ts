import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  type FaultEffect,
  type Sandbox,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../../sandbox/server.ts';
import type { CallContext, ProviderDeps, RequestKind } from '../../src/providers/contract.ts';
import { ProviderError } from '../../src/providers/error.ts';
import { createHttp, type HttpOptions, type HttpRequest, readAttempts } from '../../src/providers/http.ts';
import { retryAfterMs } from '../../src/retry-after.ts';
import { freePacer } from '../support/pacer.ts';

const canary = 'qzxv';
/** What the pacer of these tests makes of a 429 without a usable time. */
const unnamedMs = 1_111;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const good = z.object({ name: z.string() });
const read: HttpRequest<z.output<typeof good>> = {
  kind: 'read',
  method: 'GET',
  path: '/things',
  schema: good,
};
const write: HttpRequest<z.output<typeof good>> = { ...read, kind: 'write', method: 'POST', json: { a: 1 } };

type Setup = {
  readonly sandbox: Sandbox;
  readonly request: <T>(request: HttpRequest<T>) => Promise<unknown>;
  readonly failure: (request: HttpRequest<unknown>) => Promise<ProviderError>;
  readonly abort: () => void;
  readonly seen: SandboxRequest[];
  readonly announced: RequestKind[];
  readonly pausesMs: number[];
  readonly slots: () => number;
  readonly warnings: Record<string, unknown>[];
};

async function setup(
  options: Partial<HttpOptions> &
    Pick<ProviderDeps, 'retryBaseMs' | 'giveUpAfterMs'> &
    Pick<CallContext, 'waitsFor'> & { readonly answer?: SandboxResponse } = {},
): Promise<Setup> {
  const { retryBaseMs = 1, answer = { status: 200, json: { name: 'thing' } }, ...more } = options;
  const { giveUpAfterMs, waitsFor, ...rest } = more;
  const seen: SandboxRequest[] = [];
  const sandbox = await startSandbox({
    classify: ({ method }) => ({ kind: method === 'GET' ? 'read' : 'write', items: 0 }),
    handle: (request) => {
      seen.push(request);
      return answer;
    },
    tooMany: () => ({ status: 429 }),
  });
  closing.push(sandbox.close);
  const announced: RequestKind[] = [];
  const pausesMs: number[] = [];
  const warnings: Record<string, unknown>[] = [];
  let slots = 0;
  const deps: ProviderDeps = {
    platform: 'academy',
    retryBaseMs,
    ...(giveUpAfterMs === undefined ? {} : { giveUpAfterMs }),
    log: { debug: () => undefined, warn: (fields) => void warnings.push(fields) },
    pacer: {
      slot: async (signal) => {
        signal.throwIfAborted();
        slots++;
      },
      limited: async ({ askedMs = unnamedMs }) => {
        pausesMs.push(askedMs);
        return askedMs;
      },
      answered: () => undefined,
    },
  };
  const http = createHttp({
    baseUrl: sandbox.url,
    timeoutMs: 5_000,
    deps,
    credentialKeys: ['clientId', 'clientSecret'],
    ...rest,
  });
  const run = new AbortController();
  const ctx: CallContext = {
    signal: run.signal,
    onRequest: (kind) => void announced.push(kind),
    ...(waitsFor === undefined ? {} : { waitsFor }),
  };
  const request = <T>(wanted: HttpRequest<T>): Promise<unknown> => http.request(wanted, ctx);
  return {
    sandbox,
    request,
    abort: () => run.abort(new Error('stopped by hand')),
    seen,
    announced,
    pausesMs,
    slots: () => slots,
    warnings,
    failure: async (wanted) => {
      const error: unknown = await request(wanted).then(
        () => new Error('expected a failure, and there was none'),
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(ProviderError);
      expect(inspect(error, { depth: 12 })).not.toContain(canary);
      return error as ProviderError;
    },
  };
}

function answering(status: number, rest: Omit<SandboxResponse, 'status'> = {}): FaultEffect {
  return { do: 'answer', response: { status, ...rest } };
}

const always = Number.POSITIVE_INFINITY;

test('a good answer is parsed, with its status; query, body and headers arrive', async () => {
  const headers: HttpOptions['headers'] = ({ method, kind }) => ({ 'x-key': `${method} ${kind}` });
  const { request, seen, announced } = await setup({ headers });
  expect(await request({ ...read, query: { page: 0, q: 'a b' } })).toMatchObject({
    status: 200,
    data: { name: 'thing' },
  });
  await request({ ...write, headers: { 'content-type': 'application/scim+json' } });
  await request({ ...read, kind: 'auth', method: 'POST', path: '/token', form: { grant_type: 'x y' } });
  expect(seen[0]).toMatchObject({
    path: '/things',
    headers: { accept: 'application/json', 'x-key': 'GET read' },
  });
  expect(Object.fromEntries(seen[0]?.query ?? [])).toEqual({ page: '0', q: 'a b' });
  expect(seen[1]).toMatchObject({ text: '{"a":1}', headers: { 'content-type': 'application/scim+json' } });
  expect(seen[2]?.text).toBe('grant_type=x+y');
  expect(seen[2]?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
  expect(announced).toEqual(['read', 'write', 'auth']);
});

test.each([
  ['503', answering(503), 1],
  ['500 with HTML', answering(500, { text: `<b>${canary}</b>` }), 1],
  ['408', answering(408), 1],
  ['a dropped connection', { do: 'drop' } as const, 1],
])('a read that meets %s is tried again, each time with a slot of its own', async (_title, effect, times) => {
  const { sandbox, request, slots, announced, warnings } = await setup();
  sandbox.fail({ effect, times });
  expect(await request(read)).toMatchObject({ data: { name: 'thing' } });
  expect(slots()).toBe(2);
  expect(announced).toEqual(['read', 'read']);
  expect(warnings).toMatchObject([{ platform: 'academy', code: 'PLATFORM_UNAVAILABLE', tries: 1 }]);
});

test('a read gives up after its attempts', async () => {
  const { sandbox, failure, slots } = await setup();
  sandbox.fail({ effect: answering(503), times: always });
  expect(await failure(read)).toMatchObject({ code: 'PLATFORM_UNAVAILABLE', status: 503, applied: 'no' });
  expect(slots()).toBe(readAttempts);
});

test.each([
  ['503', answering(503), 'PLATFORM_UNAVAILABLE', 'unknown'],
  ['a dropped connection', { do: 'drop' } as const, 'PLATFORM_UNAVAILABLE', 'unknown'],
  ['400', answering(400, { json: { message: canary } }), 'PLATFORM_REFUSED', 'no'],
  ['401', answering(401), 'SIGN_IN_REFUSED', 'no'],
  ['HTML', answering(200, { text: canary }), 'PLATFORM_BAD_ANSWER', 'unknown'],
  ['another shape', answering(200, { json: { name: [canary] } }), 'PLATFORM_BAD_ANSWER', 'unknown'],
])('a write that meets %s is sent once, and says whether it may have been applied', async (...row) => {
  const [, effect, code, applied] = row;
  const { sandbox, failure } = await setup();
  sandbox.fail({ effect, times: always });
  expect(await failure(write)).toMatchObject({ code, applied });
  expect(sandbox.log).toHaveLength(1);
});

test('a write that never left was not applied', async () => {
  const closed = createServer();
  await new Promise<void>((done) => closed.listen(0, '127.0.0.1', done));
  const { port } = closed.address() as AddressInfo;
  await new Promise((done) => closed.close(done));
  const { failure } = await setup({ baseUrl: `http://127.0.0.1:${port}` });
  expect(await failure(write)).toMatchObject({
    code: 'PLATFORM_UNAVAILABLE',
    applied: 'no',
    message: `academy: POST /things: 127.0.0.1:${port} refused the connection (ECONNREFUSED).`,
  });
});

test.each([
  ['seconds', '2', 2_000],
  ['no time', undefined, unnamedMs],
  ['an hour', '3600', 3_600_000],
  ['an HTTP date', new Date(Date.now() + 60_000).toUTCString(), 60_000],
  ['a date that is past', new Date(Date.now() - 60_000).toUTCString(), unnamedMs],
  ['a time since 1970', String(Math.floor(Date.now() / 1_000) + 60), unnamedMs],
  ['a word', 'soon', unnamedMs],
])('a 429 with %s pauses the group, and read and write alike are sent again', async (...row) => {
  const [, header, pauseMs] = row;
  const { sandbox, request, pausesMs, slots } = await setup();
  const headers = header === undefined ? {} : { 'retry-after': header };
  for (const wanted of [read, write]) {
    sandbox.fail({ effect: answering(429, { headers }) });
    await request(wanted);
  }
  expect(slots()).toBe(4);
  for (const asked of pausesMs) {
    expect(asked).toBeGreaterThan(pauseMs - 5_000);
    expect(asked).toBeLessThanOrEqual(pauseMs);
  }
  expect(pausesMs).toHaveLength(2);
});

test.each([read, write])('after long enough of nothing but 429 a request gives up: $kind', async (wanted) => {
  const { sandbox, failure, pausesMs } = await setup({ giveUpAfterMs: 50 });
  sandbox.fail({ effect: answering(429, { headers: { 'retry-after': '1' } }), times: always });
  const beganMs = performance.now();
  const error = await failure(wanted);
  expect(error).toMatchObject({ code: 'PLATFORM_RATE_LIMITED', status: 429, applied: 'no' });
  expect(error.message).toMatch(
    /^academy: (GET|POST) \/things: HTTP 429, asked to wait until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/,
  );
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(50);
  expect(pausesMs.length).toBeGreaterThan(1);
});

test('another answer in between begins the time anew, and attempts of a read are counted without the 429s', async () => {
  const { sandbox, request, slots } = await setup({ giveUpAfterMs: 0 });
  sandbox.fail({ effect: answering(503) });
  await request(read);
  const { sandbox: other, request: again } = await setup();
  for (let count = 0; count < readAttempts + 2; count++) other.fail({ effect: answering(429) });
  for (let count = 0; count < readAttempts - 1; count++) other.fail({ effect: answering(503) });
  await again(read);
  expect(slots()).toBe(2);
});

test('a caller who does not wait hears at once, and of what the platform said', async () => {
  const left: number[] = [];
  let pausedMs = 0;
  const { sandbox, failure } = await setup({
    deps: {
      platform: 'academy',
      log: { debug: () => undefined, warn: () => undefined },
      pacer: {
        slot: async (_signal, _sending, onPause) => {
          if (pausedMs > 0) onPause?.(pausedMs);
        },
        limited: async () => (pausedMs = 60_000),
        answered: () => undefined,
      },
    },
    waitsFor: (pauseMs) => {
      left.push(pauseMs);
      return false;
    },
  });
  sandbox.fail({ effect: answering(429), times: always });
  expect(await failure(read)).toMatchObject({ code: 'PLATFORM_RATE_LIMITED', status: 429 });
  expect(sandbox.log).toHaveLength(1);
  const unsent = await failure(write);
  expect(unsent).toMatchObject({ code: 'PLATFORM_RATE_LIMITED', status: undefined, retryAfterMs: 60_000 });
  expect(unsent.message).toContain('not sent, the platform asked to wait until');
  expect(sandbox.log).toHaveLength(1);
  // The second one was asked by the pacer, before it was sent.
  expect(left).toEqual([60_000, 60_000]);
});

test('the wait that the vendor puts elsewhere is honoured', async () => {
  const { sandbox, request, pausesMs } = await setup({
    refusal: (status) => (status === 429 ? { kind: 'rateLimited', retryAfterMs: 1_234 } : undefined),
  });
  sandbox.fail({ effect: answering(429, { headers: { 'retry-after': '9' } }) });
  await request(read);
  expect(pausesMs).toEqual([1_234]);
});

test.each([
  ['3', 3_000],
  [' 1.5 ', 1_500],
  ['86400', 86_400_000],
  ['0', undefined],
  ['0.0', undefined],
  ['-5', undefined],
  ['1e3', undefined],
  ['Infinity', undefined],
  ['1764086700', undefined],
  ['1764086700000', undefined],
  ['Wed, 04 Mar 2026 00:00:10 GMT', 10_000],
  ['Wednesday, 04-Mar-26 00:00:10 GMT', 10_000],
  ['Wed Mar  4 00:00:10 2026', 10_000],
  ['Tue, 03 Mar 2026 00:00:00 GMT', undefined],
  ['2026-03-04T00:00:10Z', undefined],
  ['in 5 minutes', undefined],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After %j is %s ms', (header, waitMs) => {
  const headers = new Headers(header === null ? {} : { 'retry-after': header });
  expect(retryAfterMs(headers, Date.parse('2026-03-04T00:00:00Z'))).toBe(waitMs);
});

test("a date is compared with the answer's own: a clock that is wrong changes nothing", () => {
  const headers = new Headers({
    date: 'Wed, 04 Mar 2026 00:00:00 GMT',
    'retry-after': 'Wed, 04 Mar 2026 00:01:00 GMT',
  });
  expect(retryAfterMs(headers, Date.parse('2026-03-04T07:00:00Z'))).toBe(60_000);
});

test('HTML in place of JSON says so, and where to look', async () => {
  const { sandbox, failure } = await setup();
  sandbox.fail({ effect: answering(200, { text: `<p>${canary}</p>` }) });
  expect(await failure(read)).toMatchObject({
    code: 'PLATFORM_BAD_ANSWER',
    message: 'academy: GET /things: HTTP 200 with 11 characters of text/html that are not JSON.',
    hint: expect.stringContaining('baseUrl'),
  });
  expect(sandbox.log).toHaveLength(1);
});

test('another shape names the place in the answer', async () => {
  const { sandbox, failure } = await setup();
  sandbox.fail({ effect: answering(200, { json: { name: { first: canary } } }) });
  expect(await failure(read)).toMatchObject({
    code: 'PLATFORM_BAD_ANSWER',
    message: 'academy: GET /things: HTTP 200 answered an unexpected shape: name: object, expected string.',
  });
});

test('an empty answer is wrong, unless the request says what it stands for', async () => {
  const { sandbox, request, failure } = await setup();
  sandbox.fail({ effect: answering(204), times: 2 });
  expect(await failure(read)).toMatchObject({ code: 'PLATFORM_BAD_ANSWER' });
  expect(await request({ ...read, emptyAs: { name: 'none' } })).toMatchObject({
    status: 204,
    data: { name: 'none' },
  });
});

test('a redirect is not followed', async () => {
  const { sandbox, failure } = await setup();
  sandbox.fail({ effect: answering(302, { headers: { location: '/elsewhere' } }) });
  expect(await failure(read)).toMatchObject({ code: 'PLATFORM_REFUSED', status: 302 });
  expect(sandbox.log).toHaveLength(1);
});

test('an accepted status is parsed, whatever the vendor calls it', async () => {
  const { sandbox, request } = await setup({ refusal: () => ({ kind: 'refused' }) });
  sandbox.fail({ effect: answering(409, { json: { name: 'there already' } }) });
  expect(await request({ ...read, accept: [409] })).toMatchObject({
    status: 409,
    data: { name: 'there already' },
  });
});

test.each([401, 403])('%i names the settings to look at', async (status) => {
  const { sandbox, failure } = await setup();
  sandbox.fail({ effect: answering(status, { json: { message: canary } }), times: always });
  expect(await failure(read)).toMatchObject({
    code: 'SIGN_IN_REFUSED',
    message: `academy: GET /things: sign-in refused, HTTP ${status}.`,
    hint: 'Check platforms.academy.clientId, platforms.academy.clientSecret.',
  });
  expect(sandbox.log).toHaveLength(1);
});

test.each([
  [true, 2],
  [false, 1],
])('a refused sign-in is renewed once (renewed: %s)', async (renewed, requests) => {
  const renew = vi.fn(async () => renewed);
  const { sandbox, failure } = await setup({ renew });
  sandbox.fail({ effect: answering(401), times: always });
  expect(await failure(write)).toMatchObject({ code: 'SIGN_IN_REFUSED' });
  expect(renew).toHaveBeenCalledTimes(1);
  expect(sandbox.log).toHaveLength(requests);
});

test('a renewed sign-in lets the request through, with fresh headers', async () => {
  let token = 'old';
  const { sandbox, request, seen } = await setup({
    headers: () => ({ authorization: token }),
    renew: async () => {
      token = 'new';
      return true;
    },
  });
  sandbox.fail({ effect: answering(401) });
  await request(write);
  expect(sandbox.log.map(({ headers }) => headers['authorization'])).toEqual(['old', 'new']);
  expect(seen).toHaveLength(1);
});

test("the vendor's error under HTTP 200 is an error, with its code when it is one", async () => {
  const { sandbox, failure } = await setup({
    refusal: (_status, body) => {
      const { error } = body as { error?: string };
      return error === undefined ? undefined : { kind: 'refused', vendorCode: error };
    },
  });
  sandbox.fail({ effect: answering(200, { json: { error: 'err_validation' } }) });
  expect(await failure(read)).toMatchObject({ code: 'PLATFORM_REFUSED', vendorCode: 'err_validation' });
  sandbox.fail({ effect: answering(200, { json: { error: `${canary} Okafor is unknown` } }) });
  const error = await failure(read);
  expect(error).toMatchObject({ code: 'PLATFORM_REFUSED', message: 'academy: GET /things: HTTP 200.' });
  expect(error.vendorCode).toBeUndefined();
});

test.each([
  ['the head', { do: 'hang' } as const],
  ['the head, of something done', { do: 'hang', applied: true } as const],
])('an answer that stalls before %s is an unknown outcome', async (_title, effect) => {
  const { sandbox, failure } = await setup({ timeoutMs: 50 });
  sandbox.fail({ effect, times: always });
  expect(await failure({ ...write, query: { filter: canary } })).toMatchObject({
    code: 'PLATFORM_UNAVAILABLE',
    applied: 'unknown',
    message: expect.stringContaining('academy: POST /things: no answer within 0.05 s from 127.0.0.1:'),
  });
});

/** A server that answers for as long as somebody reads, packed or plain, and says how much it sent. */
async function endless(
  piece: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; readonly requests: () => number; readonly sentBytes: () => number }> {
  let requests = 0;
  let sentBytes = 0;
  const server = createServer((_incoming, outgoing) => {
    requests++;
    outgoing.writeHead(200, { 'content-type': 'application/json', ...headers });
    const more = (): void => {
      while (!outgoing.destroyed) {
        sentBytes += piece.length;
        if (!outgoing.write(piece)) return;
      }
    };
    outgoing.on('drain', more);
    outgoing.on('error', () => undefined);
    more();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests: () => requests, sentBytes: () => sentBytes };
}

const spaces = Buffer.alloc(1024 * 1024, ' ');
const largest = 4 * 1024 * 1024;

test.each([
  ['without an end', spaces, {}, 'read'],
  ['without an end, of a write', spaces, {}, 'write'],
  // One member of a gzip file after the other: each unpacks to a megabyte.
  ['that unpacks without an end', gzipSync(spaces), { 'content-encoding': 'gzip' }, 'read'],
  ['that announces too much', spaces, { 'content-length': String(64 * 1024 ** 3) }, 'read'],
] as const)(
  'an answer %s is given up at its bound, and asked for once',
  async (_title, piece, headers, kind) => {
    const { url, requests, sentBytes } = await endless(piece, headers);
    const { failure } = await setup({ baseUrl: url });
    const wanted = kind === 'read' ? read : write;
    expect(await failure({ ...wanted, mostBytes: largest })).toMatchObject({
      code: 'PLATFORM_BAD_ANSWER',
      applied: kind === 'read' ? 'no' : 'unknown',
      message: expect.stringContaining('the answer has more than 4 MiB and was not read to its end'),
    });
    expect(requests()).toBe(1);
    // What was sent beyond the bound lay in the buffers of the connection.
    expect(sentBytes()).toBeLessThan(4 * largest);
  },
);

test('an answer of the largest size is read; one that is nested without bounds is not', async () => {
  const { sandbox, request, failure } = await setup();
  const name = 'x'.repeat(3_000_000);
  sandbox.fail({ effect: answering(200, { json: { name, deep: '['.repeat(1_000) } }) });
  expect(await request(read)).toMatchObject({ data: { name } });
  const text = `{"name":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
  sandbox.fail({ effect: answering(200, { headers: { 'content-type': 'application/json' }, text }) });
  expect(await failure(read)).toMatchObject({
    code: 'PLATFORM_BAD_ANSWER',
    message: 'academy: GET /things: the answer is nested deeper than 64 levels.',
  });
});

test('a NUL character in an answer is left out: the store could not take it', async () => {
  const { sandbox, request } = await setup();
  sandbox.fail({ effect: answering(200, { json: { name: 'Zo\0ë' } }) });
  expect(await request(read)).toMatchObject({ data: { name: 'Zoë' } });
});

/** A server that begins an answer and never ends it. */
async function stalling(): Promise<string> {
  const server = createServer((_incoming, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    outgoing.write('{"name":');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an answer that stalls in its body times out too', async () => {
  const { failure } = await setup({ timeoutMs: 50, baseUrl: await stalling() });
  expect(await failure(write)).toMatchObject({
    code: 'PLATFORM_UNAVAILABLE',
    applied: 'unknown',
    message: expect.stringContaining('no answer within 0.05 s'),
  });
});

test('a header that cannot be sent shows nothing of itself', async () => {
  const { failure } = await setup({ headers: () => ({ authorization: `${canary}\nkey` }) });
  expect(await failure(write)).toMatchObject({ code: 'PLATFORM_UNAVAILABLE' });
});

test.each([
  ['an answer', { do: 'hang' } as const],
  ['another try', answering(503)],
  ['a long wait that the platform asked for', answering(503, { headers: { 'retry-after': '600' } })],
])('an abort while waiting for %s ends the request at once, with its reason', async (title, effect) => {
  const { sandbox, request, abort, warnings } = await setup({ retryBaseMs: 60_000 });
  sandbox.fail({ effect, times: always });
  const result = request(read).catch((error: unknown) => error);
  await vi.waitFor(() => {
    expect(sandbox.log).toHaveLength(1);
    if (title !== 'an answer') expect(warnings).toHaveLength(1);
  });
  const startMs = performance.now();
  abort();
  expect(await result).toHaveProperty('message', 'stopped by hand');
  expect(performance.now() - startMs).toBeLessThan(250);
  expect(sandbox.log).toHaveLength(1);
});

test('an aborted run sends nothing', async () => {
  const { sandbox, request, abort } = await setup();
  abort();
  await expect(request(read)).rejects.toThrow('stopped by hand');
  expect(sandbox.log).toHaveLength(0);
});

test('a signature is made after the slot was given, a label stands for the path in messages', async () => {
  let slotted = false;
  const { sandbox, failure } = await setup({
    headers: () => ({ 'x-before': String(slotted) }),
    sign: () => ({ 'x-signed-after-slot': String(slotted) }),
    deps: {
      platform: 'academy',
      log: { debug: () => undefined, warn: () => undefined },
      pacer: {
        ...freePacer(),
        slot: async () => {
          slotted = true;
        },
      },
    },
  });
  sandbox.fail({ effect: answering(400) });
  const error = await failure({ ...read, path: `/people/${canary}`, label: '/people/{id}' });
  expect(error.message).toBe('academy: GET /people/{id}: HTTP 400.');
  expect(sandbox.log[0]?.headers).toMatchObject({ 'x-before': 'false', 'x-signed-after-slot': 'true' });
});
