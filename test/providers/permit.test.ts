import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { startSandbox } from '../../sandbox/server.ts';
import type { CallContext, Permit, RequestKind } from '../../src/providers/contract.ts';
import { createHttp } from '../../src/providers/http.ts';
import { freePacer } from '../support/pacer.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const lost = new Error('the lease was lost');

/** A client, what happened in which order, and what arrived. */
async function setup(permit: CallContext['permit']) {
  const order: string[] = [];
  const sandbox = await startSandbox(
    {
      classify: () => ({ kind: 'write', items: 1 }),
      handle: () => ({ status: 200, json: {} }),
      tooMany: () => ({ status: 429 }),
    },
    {},
  );
  closing.push(sandbox.close);
  const http = createHttp({
    baseUrl: sandbox.url,
    timeoutMs: 5_000,
    credentialKeys: [],
    deps: {
      platform: 'academy',
      log: { debug: () => undefined, warn: () => undefined },
      pacer: {
        ...freePacer(),
        slot: async (_signal, sending) => {
          order.push('slot');
          void sending?.left.then(() => order.push('left'));
        },
      },
    },
  });
  const ctx: CallContext = {
    signal: new AbortController().signal,
    onRequest: (kind) => void order.push(kind),
    ...(permit === undefined
      ? {}
      : {
          permit: (timeoutMs) => {
            order.push(`permit for ${timeoutMs} ms`);
            return permit(timeoutMs);
          },
        }),
  };
  const ask = (kind: RequestKind) =>
    http.request({ kind, method: 'POST', path: '/things', json: { a: 1 }, schema: z.unknown() }, ctx);
  return { ask, order, sandbox };
}

const permitted = (isFresh: () => boolean) => async (): Promise<Permit> => ({ isFresh, stale: () => lost });

test('a write asks for its permit once it has its slot; reads need none', async () => {
  const { ask, order } = await setup(permitted(() => true));
  await ask('write');
  await ask('read');
  expect(order).toEqual(['slot', 'permit for 5000 ms', 'write', 'left', 'slot', 'read', 'left']);
});

test('without a permit nothing is sent or counted, and the next one may have its slot', async () => {
  const { ask, order, sandbox } = await setup(() => Promise.reject(lost));
  await expect(ask('write')).rejects.toBe(lost);
  expect(order).toEqual(['slot', 'permit for 5000 ms', 'left']);
  expect(sandbox.log).toEqual([]);
});

test('a permit that is stale by the time the request would leave lets nothing out', async () => {
  let fresh = true;
  const { ask, sandbox } = await setup(permitted(() => fresh));
  // With a connection that is open already, and with one that has to be made.
  await ask('write');
  fresh = false;
  await expect(ask('write')).rejects.toBe(lost);
  await expect(ask('write')).rejects.toBe(lost);
  fresh = true;
  await ask('write');
  expect(sandbox.log.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
});
