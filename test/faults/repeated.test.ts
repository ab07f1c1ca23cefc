import { expect, test } from 'vitest';
import type { CallContext, WriteRequest } from '../../src/providers/contract.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { timesApplied } from '../support/in-step.ts';

// Writes that are tried again, where trying again is not harmless.

test('a refusal after an attempt without an answer does not make the third attempt a first one', {
  timeout: 60_000,
}, async () => {
  const rows = people(8);
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows,
    platform: { timeout: '1s' },
  });
  const provider = (await company.opened()).customer.platforms.get(platformName)?.provider;
  if (provider === undefined) throw new Error('no platform');
  const repeated: boolean[] = [];
  const { write } = provider;
  Object.assign(provider, {
    write: (request: WriteRequest, ctx: CallContext) => {
      repeated.push(request.repeated);
      return write(request, ctx);
    },
  });
  const upsert = { method: 'POST', path: '/users/batch' } as const;
  const tooMany = { status: 429, headers: { 'retry-after': '1' }, text: '' };
  company.sandbox.fail({ ...upsert, effect: { do: 'answer', response: tooMany } });
  company.sandbox.fail({ ...upsert, effect: { do: 'hang', applied: true } });
  company.sandbox.fail({ ...upsert, effect: { do: 'answer', response: tooMany } });

  expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: 8 } });

  // Refused; sent without an answer; refused again; sent: only the first refusal left no doubt.
  expect(repeated).toEqual([false, false, true, true]);
});

test('of a request that is halved, the half that went through is not sent again', {
  timeout: 60_000,
}, async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(8) });
  const { sandbox } = company;
  const said = { success: false, error: { message: 'no', metadata: {} }, data: null };
  const upsert = { method: 'POST', path: '/users/batch' } as const;
  // All eight are refused, the first four are taken, the last four are not answered.
  sandbox.fail({ ...upsert, effect: { do: 'answer', response: { status: 400, json: said } } });
  sandbox.fail({ ...upsert, skip: 1, effect: { do: 'answer', response: { status: 503, json: said } } });

  expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: 8 } });

  const sizes = sandbox.log
    .filter(({ kind }) => kind === 'write')
    .map(({ items, status }) => `${items}:${status}`);
  expect(sizes).toEqual(['8:400', '4:200', '4:503', '4:200']);
  expect((await timesApplied(company, 'create')).size).toBe(8);
});

test('a fault of our own in a batch ends it as unknown, with every attempt that was made', {
  timeout: 60_000,
}, async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(8) });
  const provider = (await company.opened()).customer.platforms.get(platformName)?.provider;
  if (provider === undefined) throw new Error('no platform');
  let attempts = 0;
  Object.assign(provider, {
    write: async (_request: WriteRequest, ctx: CallContext) => {
      attempts++;
      ctx.onRequest('write');
      throw new TypeError('a mistake of the program');
    },
  });

  const run = await company.sync();

  expect(attempts).toBe(6);
  expect(run).toMatchObject({ status: 'partial', failed: { create: 8 }, requests: { writes: 6 } });
  const { store } = await company.opened();
  const journal = await store.database.db.selectFrom('journal').select(['outcome', 'outcome_code']).execute();
  expect(journal).toEqual(
    Array.from({ length: 8 }, () => ({ outcome: 'unknown', outcome_code: 'INTERNAL' })),
  );
});

test('a fault of our own while a batch is looked up ends it the same way, and nothing is sent', {
  timeout: 60_000,
}, async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(8) });
  const { store } = await company.opened();
  let attempts = 0;
  Object.assign(store.links, {
    ofPeople: async () => {
      attempts++;
      throw new TypeError('a mistake of the program');
    },
  });

  const run = await company.sync();

  expect(attempts).toBe(6);
  expect(run).toMatchObject({ status: 'partial', failed: { create: 8 }, requests: { writes: 0 } });
  const journal = await store.database.db.selectFrom('journal').select(['outcome', 'outcome_code']).execute();
  expect(journal).toEqual(
    Array.from({ length: 8 }, () => ({ outcome: 'unknown', outcome_code: 'INTERNAL' })),
  );
});
