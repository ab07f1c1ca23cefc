import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { person, type Row } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';

const company = (gone: number): Row[] =>
  Array.from({ length: 60 }, (_, n) => person(n, { status: n < gone ? 'Terminated' : 'Active' }));

let service: TestService;
let held: { readonly id: string; readonly hash: string | null };
beforeAll(async () => {
  service = await startService(company(0));
  await service.sync();
  await service.export(company(12));
  held = await service.sync();
});
afterAll(async () => {
  await service.close();
});

type Sent = { readonly token?: string; readonly cookie?: string; readonly origin?: string };

const post = (path: string, fields: Record<string, string>, { token, cookie, origin }: Sent) =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...(origin === undefined ? {} : { origin }),
    },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  });

async function signIn(token: string, before?: string): Promise<{ cookie: string; csrf: string }> {
  const answer = await post('/login', { token }, before === undefined ? {} : { cookie: before });
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  const page = await (await fetch(service.url, { headers: { cookie } })).text();
  return { cookie, csrf: /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '' };
}

/** Every form that there is, also those that nobody has thought of here. */
const forms = (): readonly string[] =>
  service.server.routes
    .filter(
      (route) => route.startsWith('POST /') && !route.startsWith('POST /api/') && route !== 'POST /login',
    )
    .map((route) => route.slice('POST '.length).replace(':id', held.id));

describe('somebody on the inside', () => {
  test('who may look decides nothing, by whatever form', async () => {
    const deciding = forms().filter((path) => path !== '/logout' && path !== '/people');
    expect(deciding.length).toBeGreaterThanOrEqual(8);
    for (const path of deciding) {
      const answer = await post(path, { hash: held.hash ?? '', all: 'yes' }, { token: tokens.viewer });
      expect.soft(answer.status, path).toBe(403);
    }
  });

  test("a form that is not of the session, or of another page, is refused, and so is another session's", async () => {
    const mine = await signIn(tokens.operator);
    const other = await signIn(tokens.both);
    expect(mine.csrf).not.toBe(other.csrf);
    for (const path of forms())
      for (const [csrf, origin] of [
        ['', service.url],
        [other.csrf, service.url],
        [mine.csrf, 'https://evil.example'],
        [mine.csrf, 'null'],
      ] as const) {
        const answer = await post(
          path,
          { csrf, hash: held.hash ?? '', all: 'yes' },
          { cookie: mine.cookie, origin },
        );
        expect.soft(answer.status, `${path} from ${origin}`).toBe(403);
      }
    expect((await service.opened.store.runs.find(held.id))?.decided).toBeNull();
  });

  test('a session that was planted beforehand is not taken over, and one that signed out is gone', async () => {
    const planted = 'rollcall_session=planted-by-somebody';
    const { cookie, csrf } = await signIn(tokens.operator, planted);
    expect(cookie).not.toBe(planted);
    const asks = async (with_: string) =>
      (await fetch(`${service.url}/runs`, { headers: { cookie: with_ } })).status;
    expect(await asks(planted)).toBe(401);
    expect(await asks(cookie)).toBe(200);
    await post('/logout', { csrf }, { cookie, origin: service.url });
    expect(await asks(cookie)).toBe(401);
  });

  test('nothing that is sent ends a header, and a redirect stays here', async () => {
    const evil = encodeURIComponent('x\r\nset-cookie: a=b');
    for (const id of [evil, encodeURIComponent('//evil.example/'), '..%2f..%2fevil']) {
      const answer = await post(
        `/people/${id}/resync`,
        { customer: 'alpha', platform: 'academy' },
        { token: tokens.operator },
      );
      expect.soft(answer.headers.get('set-cookie'), id).toBeNull();
      const to = answer.headers.get('location');
      if (to !== null) expect.soft(new URL(to, service.url).origin, id).toBe(service.url);
      if (to !== null) expect.soft(to, id).toMatch(/^\/people\/[^/]/);
    }
    const answer = await post(
      '/review/link',
      { customer: 'alpha', platform: 'academy', person: 'x\ny: z', account: 'a' },
      { token: tokens.operator },
    );
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });

  test('a rejection of something else than what was shown is refused, whole or in part', async () => {
    const fields = { reason: 'x', until: '2999-01-01', hash: '0000' };
    for (const chosen of [{ all: 'yes' }, { people: '["010001"]' }]) {
      const answer = await post(
        `/runs/${held.id}/reject`,
        { ...fields, ...chosen },
        { token: tokens.operator },
      );
      expect.soft(answer.status).toBe(409);
      expect.soft(await answer.text()).toContain('HASH_MISMATCH');
    }
    // Nor are people who are not held, or of another customer's run.
    const foreign = await post(`/runs/${held.id}/reject`, { ...fields, all: 'yes' }, { token: tokens.other });
    expect(foreign.status).toBe(404);
    expect(await service.opened.store.decisions.rejectionsOf(held.id)).toEqual([]);
  });

  test('two at once: of a rejection in part and an approval of all, one is told that it is another hold now', async () => {
    const run = async () => service.opened.store.runs.find(held.id);
    const [rejected, approved] = await Promise.all([
      post(
        `/runs/${held.id}/reject`,
        { reason: 'stays', until: '2999-01-01', hash: held.hash ?? '', people: '["010003"]' },
        { token: tokens.operator },
      ),
      post(`/runs/${held.id}/approve`, { hash: held.hash ?? '', all: 'yes' }, { token: tokens.both }),
    ]);
    expect([rejected.status, approved.status].sort()).toEqual([303, 409]);
    const after = await run();
    if (approved.status === 303) expect(after?.decided).toBe('approved');
    else expect(after).toMatchObject({ decided: null, held: { deactivate: 11 } });
  });
});
