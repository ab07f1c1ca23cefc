import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { formatError } from '../../src/errors.ts';
import { createHttp } from '../../src/providers/http.ts';
import { describeNetworkFailure } from '../../src/network-failure.ts';
import { people, toCsv } from '../support/company.ts';
import { processEnv } from '../support/memory-disk.ts';
import { freePacer } from '../support/pacer.ts';
import { until } from '../support/until.ts';

const mainFile = new URL('../../src/main.js', import.meta.url).pathname;
const folder = await mkdtemp(join(tmpdir(), 'rollcall-network-'));
const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** Not the address that goes past every proxy. */
const platformHost = '127.0.0.2';
let httpsPort = 0;
let httpPort = 0;
let closedPort = 0;

async function listen(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const { sandbox } = await startSparkwise({});
  closing.push(sandbox.close);
  const { port } = new URL(sandbox.url);
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'ca.pem')];
  execFileSync(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=platform -addext subjectAltName=IP:${platformHost} -keyout ${key} -out ${cert}`.split(
      ' ',
    ),
    { stdio: 'ignore' },
  );
  const forward: Parameters<typeof createPlain>[1] = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _host, ...headers } = request.headers as Record<string, string>;
    const method = request.method ?? 'GET';
    const body = method === 'GET' ? undefined : Buffer.concat(chunks);
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  };
  httpsPort = await listen(
    createSecure({ key: await readFile(key), cert: await readFile(cert) }, forward),
    platformHost,
  );
  httpPort = await listen(createPlain(forward), platformHost);
  const closed = createServer();
  closedPort = await listen(closed, platformHost);
  closed.close();
  await writeFile(join(folder, 'roster.csv'), toCsv(people(3)));
}, 60_000);

/** A forward proxy that is not ours, on loopback. `config`: lines of its configuration. */
async function startTinyproxy(
  config = '',
): Promise<{ readonly url: string; readonly log: () => Promise<string> }> {
  const port = await listen(createServer(), '127.0.0.1').then(async (free) => {
    await closing.pop()?.();
    return free;
  });
  const [file, log] = [join(folder, `tinyproxy-${port}.conf`), join(folder, `tinyproxy-${port}.log`)];
  await writeFile(
    file,
    `Port ${port}\nListen 127.0.0.1\nTimeout 20\nMaxClients 20\nAllow 127.0.0.1\nLogFile "${log}"\nLogLevel Connect\n${config}\n`,
  );
  const child = spawn('tinyproxy', ['-d', '-c', file], { stdio: 'ignore' });
  closing.push(async () => {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  });
  await until(
    'the proxy listens',
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      }),
  );
  return { url: `http://127.0.0.1:${port}`, log: () => readFile(log, 'utf8') };
}

/** What `rollcall check` says of the platform at that address. */
async function check(baseUrl: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { mkdir } = await import('node:fs/promises');
  const home = await mkdtemp(join(folder, 'home-'));
  await mkdir(join(home, 'data'));
  const config = join(home, 'rollcall.yaml');
  await writeFile(
    config,
    JSON.stringify({
      customer: 'harbour',
      dataDir: './data',
      roster: {
        source: join(folder, 'roster.csv'),
        columns: { id: 'WorkerID', email: 'WorkEmail', status: 'WorkerStatus' },
        state: [{ is: 'active', when: 'true' }],
      },
      platforms: { academy: { provider: 'sparkwise', baseUrl, apiKey: sparkwiseApiKey } },
    }),
  );
  const child = spawn(process.execPath, [mainFile, 'check', '--quick', '--json', '-c', config], {
    env: { ...processEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    out += String(chunk);
  });
  await once(child, 'close');
  return out;
}

const hasTinyproxy = (() => {
  try {
    execFileSync('tinyproxy', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const limit = { timeout: 120_000 };

test('a certificate of an unknown authority names the variable, and is taken with it', limit, async () => {
  const url = `https://${platformHost}:${httpsPort}`;
  const refused = await failureAt(url);
  expect(refused).toContain(
    `the certificate of ${platformHost}:${httpsPort} is signed by an authority that is not known here`,
  );
  expect(refused).toContain('set NODE_EXTRA_CA_CERTS');
  expect(await check(url, { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })).toContain(
    'the credentials are taken',
  );
});

test.skipIf(!hasTinyproxy)(
  'a real proxy is gone through, and one that says no is named (needs tinyproxy)',
  limit,
  async () => {
    const url = `https://${platformHost}:${httpsPort}`;
    const trusted = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
    const proxy = await startTinyproxy();
    expect(await check(url, { ...trusted, HTTPS_PROXY: proxy.url })).toContain('the credentials are taken');
    expect(await proxy.log()).toContain(`CONNECT ${platformHost}:${httpsPort}`);
    const strict = await startTinyproxy('ConnectPort 1');
    const refused = await check(url, { ...trusted, HTTPS_PROXY: strict.url });
    expect(refused).toContain(
      `the proxy of HTTPS_PROXY does not let us through to ${platformHost}:${httpsPort} (HTTP 403)`,
    );
    expect(await check(url, { HTTPS_PROXY: 'canary-user:canary-pass@' })).not.toContain('canary-pass');
  },
);

/** What a request to that address fails with, and what it says to do. */
async function failureAt(baseUrl: string): Promise<string> {
  const log = { debug: () => undefined, warn: () => undefined };
  const deps = { platform: 'academy', log, pacer: freePacer(), retryBaseMs: 1 };
  const http = createHttp({ baseUrl, timeoutMs: 5_000, deps, credentialKeys: [] });
  const ctx = { signal: new AbortController().signal, onRequest: () => undefined };
  const asked = http.request({ kind: 'read', method: 'GET', path: '/users', schema: z.unknown() }, ctx);
  return formatError(await asked.catch((error: unknown) => error));
}

test('a wrong scheme, a closed port, a redirect and a wrong path say what is wrong and where', async () => {
  const moved = createPlain((request, response) => {
    const location = request.url?.startsWith('/near') ? '/users/zoe' : 'https://new.example/users/zoe';
    if (request.url?.startsWith('/v9')) response.writeHead(404).end();
    else response.writeHead(308, { location }).end();
  });
  const movedPort = await listen(moved, platformHost);
  const said = {
    plain: await failureAt(`https://${platformHost}:${httpPort}`),
    tls: await failureAt(`http://${platformHost}:${httpsPort}`),
    closed: await failureAt(`http://${platformHost}:${closedPort}`),
    unknown: await failureAt('http://platform.invalid'),
    nowhere: await failureAt(`http://${platformHost}:${movedPort}/v9`),
    far: await failureAt(`http://${platformHost}:${movedPort}`),
    near: await failureAt(`http://${platformHost}:${movedPort}/near`),
  };
  const at = 'platforms.academy.baseUrl';
  expect(said.plain).toContain('does not speak TLS');
  expect(said.tls).toMatch(/closed the connection|not HTTP/);
  expect(said.closed).toContain(`${platformHost}:${closedPort} refused the connection (ECONNREFUSED).`);
  expect(said.unknown).toMatch(/platform\.invalid( does not resolve|)/);
  expect(said.nowhere).toContain(`Nothing was found under this address so far: check ${at}`);
  expect(said.far).toContain('HTTP 308. It redirects, to https://new.example: check');
  expect(said.near).toContain('HTTP 308. It redirects: check');
  for (const one of [said.plain, said.tls, said.closed, said.nowhere, said.far, said.near])
    expect(one).toContain(at);
  expect(JSON.stringify(said)).not.toContain('zoe');
});

test('once something was found, a 404 says nothing of the address', async () => {
  let status = 200;
  const port = await listen(
    createPlain((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    }),
    platformHost,
  );
  const log = { debug: () => undefined, warn: () => undefined };
  const deps = { platform: 'academy', log, pacer: freePacer(), retryBaseMs: 1 };
  const http = createHttp({
    baseUrl: `http://${platformHost}:${port}`,
    timeoutMs: 5_000,
    deps,
    credentialKeys: [],
  });
  const ctx = { signal: new AbortController().signal, onRequest: () => undefined };
  const ask = () => http.request({ kind: 'read', method: 'GET', path: '/x', schema: z.unknown() }, ctx);
  await ask();
  status = 404;
  await expect(ask()).rejects.toMatchObject({ code: 'PLATFORM_REFUSED', hint: undefined });
});

test.each([
  ['ENOTFOUND', true],
  ['ECONNREFUSED', true],
  ['UND_ERR_CONNECT_TIMEOUT', true],
  ['CERT_HAS_EXPIRED', true],
  ['ERR_TLS_CERT_ALTNAME_INVALID', true],
  ['SELF_SIGNED_CERT_IN_CHAIN', true],
  ['ECONNRESET', false],
  ['ETIMEDOUT', false],
  ['HPE_INVALID_CONSTANT', false],
  ['UND_ERR_HEADERS_TIMEOUT', false],
])('%s names the host and itself; it is certain that nothing was sent: %s', (code, unsent) => {
  const cause = Object.assign(new Error('https://platform.example/people?q=zoe'), { code });
  const failed = { host: 'platform.example', key: 'platforms.academy.baseUrl', timeoutMs: 1_000 };
  const said = describeNetworkFailure(new TypeError('fetch failed', { cause }), failed);
  expect(said.reason).toContain('platform.example');
  expect(said.reason).toContain(`(${code})`);
  expect(said.unsent).toBe(unsent);
  expect(JSON.stringify(said)).not.toContain('zoe');
});
