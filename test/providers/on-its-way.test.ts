import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { startSandbox } from '../../sandbox/server.ts';
import { createPacer } from '../../src/jobs/pace/pacer.ts';
import { createLocalSlots } from '../../src/jobs/pace/slots.ts';
import type { CallContext, ProviderDeps, Sending } from '../../src/providers/contract.ts';
import { createHttp, type HttpRequest } from '../../src/providers/http.ts';
import { until } from '../support/until.ts';
import { freePacer } from '../support/pacer.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const ctx: CallContext = { signal: new AbortController().signal, onRequest: () => undefined };
const write: HttpRequest<unknown> = {
  kind: 'write',
  method: 'POST',
  path: '/things',
  json: { a: 1 },
  schema: z.unknown(),
};

function httpTo(baseUrl: string, pacer: ProviderDeps['pacer']) {
  const log = { debug: () => undefined, warn: () => undefined };
  return createHttp({
    baseUrl,
    timeoutMs: 10_000,
    deps: { platform: 'academy', log, pacer },
    credentialKeys: [],
  });
}

/** A road to `port` on which what the n-th connection sends first is held up for so long. Returns its own port. */
async function slowRoad(port: number, heldUpMs: (connection: number) => number): Promise<number> {
  let connections = 0;
  const server = createTcpServer((incoming) => {
    const delayMs = heldUpMs(connections++);
    const outgoing = connect(port, '127.0.0.1');
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
    outgoing.pipe(incoming);
    setTimeout(() => incoming.pipe(outgoing), delayMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => server.close());
  return (server.address() as AddressInfo).port;
}

test('a request that was held up on its way is not followed by one too many', {
  timeout: 30_000,
}, async () => {
  const rate = { count: 5, windowMs: 500 };
  const sandbox = await startSandbox(
    {
      classify: () => ({ kind: 'write', items: 1 }),
      // Slow enough that each of the first requests has a connection of its own.
      handle: () => ({ status: 200, json: {} }),
      tooMany: () => ({ status: 429 }),
    },
    { rate: rate.count, windowMs: rate.windowMs, latencyMs: 300 },
  );
  closing.push(sandbox.close);
  const port = await slowRoad(Number(new URL(sandbox.url).port), (connection) =>
    connection === 4 ? 200 : 0,
  );
  const pacer = createPacer(createLocalSlots()).group('group', rate);
  const http = httpTo(`http://127.0.0.1:${port}`, pacer);
  await Promise.all(Array.from({ length: 15 }, () => http.request(write, ctx)));
  const { writes, tooMany, busiestWindow } = sandbox.counts();
  expect({ writes, tooMany }).toEqual({ writes: 15, tooMany: 0 });
  expect(busiestWindow).toBeLessThanOrEqual(rate.count);
});

test('a request has left before it is answered, also when it waited for its connection', async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const server = createServer(async (_request, response) => {
    arrived.resolve();
    await answer.promise;
    response.setHeader('content-type', 'application/json').end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => server.close());
  const told: string[] = [];
  const slot = async (_signal: AbortSignal, sending?: Sending): Promise<void> => {
    void sending?.left.then(() => told.push('left'));
    void sending?.delayedMs.then(() => told.push('answered'));
  };
  const http = httpTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    ...freePacer(),
    slot,
  });
  const asked = http.request(write, ctx);
  await arrived.promise;
  await until('it has left', () => told.length > 0);
  expect(told).toEqual(['left']);
  answer.resolve();
  await asked;
  await until('it is answered', () => told.length > 1);
  expect(told).toEqual(['left', 'answered']);
});
