import { afterAll, beforeAll, expect, test } from 'vitest';
import { person, type Row } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';

const company = (gone: readonly number[]): Row[] =>
  Array.from({ length: 120 }, (_, n) => person(n, { status: gone.includes(n) ? 'Terminated' : 'Active' }));
const closing = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

let service: TestService;
beforeAll(async () => {
  service = await startService(company([]), { twoPlatforms: true });
  for (const platform of ['academy', 'library'])
    expect(await service.sync(platform), platform).toMatchObject({ status: 'applied', reasons: [] });
});
afterAll(async () => {
  await service.close();
});

const form = (path: string, fields: readonly (readonly [string, string])[]) =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.operator}` },
    body: new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])),
    redirect: 'manual',
  });

test('one event is one decision: the same people are approved on the other platform, and nobody else there', async () => {
  await service.export(company(closing));
  const academy = await service.sync('academy');
  // Until the library is read, three more have left: they are of another decision.
  await service.export(company([...closing, 20, 21, 22]));
  const library = await service.sync('library');
  expect([academy.held.deactivate, library.held.deactivate]).toEqual([10, 13]);

  const shown = await (await service.get(`/runs/${academy.id}`, tokens.operator)).text();
  expect(shown).toContain('library: 13 deactivations');
  const last = await (
    await form(`/runs/${academy.id}/confirm`, [
      ['hash', academy.hash ?? ''],
      ['decision', 'approve-all'],
    ])
  ).text();
  expect(last).toContain(`value="${library.id} ${library.hash}"`);
  expect(last).toMatch(/Approve on library as well: 10 deactivations: /);

  const approved = await form(`/runs/${academy.id}/approve`, [
    ['hash', academy.hash ?? ''],
    ['all', 'yes'],
    ['also', `${library.id} ${library.hash}`],
  ]);
  expect(approved.status).toBe(303);
  const { decisions } = service.opened.store;
  expect((await decisions.approvalsOf(academy.id))[0]).toMatchObject({ people: null, actor: 'operator-a' });
  const [there] = await decisions.approvalsOf(library.id);
  expect(there?.people?.toSorted()).toEqual(closing.map((n) => person(n).id));
  const ended = async (platform: string) =>
    (await service.opened.store.runs.list({ customer: 'alpha', platform, limit: 1 })).map((run) => [
      run.trigger,
      run.status,
      run.applied.deactivate,
      run.held.deactivate,
    ]);
  await expect.poll(() => ended('library'), { timeout: 20_000 }).toEqual([['approval', 'applied', 13, 0]]);
});

test('another platform that cannot be approved any more is said, and what was approved first stands', async () => {
  const more = [...closing, 20, 21, 22, 30, 31, 32, 33, 34, 35];
  await service.export(company(more));
  const academy = await service.sync('academy');
  const library = await service.sync('library');
  expect(library.held.deactivate).toBeGreaterThan(0);
  const answer = await form(`/runs/${academy.id}/approve`, [
    ['hash', academy.hash ?? ''],
    ['all', 'yes'],
    ['also', `${library.id} 0000`],
  ]);
  expect(answer.status).toBe(409);
  const said = await answer.text();
  expect(said).toContain('HASH_MISMATCH');
  expect(said).toMatch(/Approved on academy, and not on library \(the hash given is not that/);
  expect(said).toContain(`/runs/${library.id}`);
  expect((await service.opened.store.runs.find(academy.id))?.decided).toBe('approved');
  expect((await service.opened.store.runs.find(library.id))?.decided).toBeNull();
});
