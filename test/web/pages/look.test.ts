import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'csv-parse/sync';
import { person, type Row } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';

/** What a page has to show, and neither a browser nor a spreadsheet may obey. */
const names: Readonly<Record<number, Partial<Row>>> = {
  0: { firstName: '=HYPERLINK("http://evil.example")', lastName: 'Formula' },
  1: { firstName: '<img src=x onerror=alert(1)>', lastName: 'Tag' },
  2: { firstName: 'محمد', lastName: 'العلي' },
};
const company = (leavers = 0): Row[] =>
  Array.from({ length: 30 }, (_, n) =>
    person(n, { ...names[n], status: n >= 30 - leavers ? 'Terminated' : 'Active' }),
  );

let service: TestService;
beforeAll(async () => {
  service = await startService(company());
  await service.sync();
});
afterAll(async () => {
  await service.close();
});

const form = (path: string, fields: Record<string, string>, token: string = tokens.operator) =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: new URLSearchParams(fields),
    redirect: 'manual',
  });
const page = async (path: string, token: string = tokens.operator): Promise<string> =>
  (await service.get(path, token)).text();

test('results: open ones first, with names and dates; as CSV no cell is a formula', async () => {
  const of = { customer: 'alpha', platform: 'academy', target: 't1', target_name: '+Phishing', score: null };
  await service.opened.store.results.put(
    [0, 1, 2].map((n) => ({
      ...of,
      key: `k${n}`,
      person: `01000${n}`,
      account: `a${n}`,
      status: n === 1 ? 'open' : 'completed',
      at: n === 1 ? null : '2026-03-02T09:00:00Z',
      raw_status: 'x',
      read_ms: Date.now(),
    })),
  );
  const shown = await page('/results');
  expect([...shown.matchAll(/<td>(open|completed)<\/td>/g)].map(([, status]) => status)).toEqual([
    'open',
    'completed',
    'completed',
  ]);
  expect(shown).toContain('&lt;img src=x onerror=alert(1)&gt; Tag');
  expect(shown).not.toContain('<img');
  const answer = await service.get('/results.csv?status=completed', tokens.viewer);
  expect(answer.headers.get('content-type')).toContain('text/csv');
  const rows = parse(await answer.text(), { columns: true, bom: true }) as Record<string, string>[];
  expect(rows).toMatchObject([
    {
      name: '\'=HYPERLINK("http://evil.example") Formula',
      'employee id': '010000',
      training: "'+Phishing",
      completed: '2026-03-02',
    },
    { name: 'محمد العلي', department: 'Sales' },
  ]);
});

test('a review is settled on its page: the account is linked, by the name of the token', async () => {
  const { links, database } = service.opened.store;
  const [link] = await links.ofPerson('alpha', '010005');
  const account = link?.account_id ?? '';
  await links.remove('alpha', 'academy', '010005');
  await database.db
    .insertInto('reviews')
    .values({
      customer: 'alpha',
      platform: 'academy',
      person: '010005',
      code: 'INACTIVE_NOT_OURS',
      accounts: JSON.stringify([account]) as never,
      since_ms: Date.now(),
      run_id: 'x',
    })
    .execute();
  const shown = await page('/review');
  expect(shown).toContain('the account is inactive and was never ours');
  expect(shown).toContain('person.5@example.com');
  expect(await page('/review', tokens.viewer)).not.toContain('This is theirs');
  expect(await page('/')).toContain('1 person cannot be matched safely');
  const fields = { customer: 'alpha', platform: 'academy', person: '010005', account };
  expect((await form('/review/link', fields, tokens.viewer)).status).toBe(403);
  expect((await form('/review/link', { ...fields, account: 'nobody' })).status).toBe(409);
  // Looked up on the platform: the accounts that the review names, by the employee id there, by its own, and by name.
  const { account: _, ...looked } = fields;
  const email = 'person.5@example.com';
  for (const text of [undefined, '010005', account, 'émile okafor']) {
    const answer = await form('/review/find', text === undefined ? looked : { ...looked, text });
    const shownThere = await answer.text();
    expect.soft(answer.status, text).toBe(200);
    expect.soft(shownThere, text).toContain(email);
    expect.soft(shownThere, text).toContain(`name="account" value="${account}"`);
    expect.soft(shownThere, text).toContain('nobody&#39;s');
  }
  const others = await (await form('/review/find', { ...looked, text: '010006' })).text();
  expect(others).toContain('unlink that first');
  expect(others).not.toContain('This is theirs');
  expect((await form('/review/find', looked, tokens.viewer)).status).toBe(403);
  const linked = await form('/review/link', fields);
  expect([linked.status, linked.headers.get('location')]).toEqual([303, '/review?linked=010005']);
  expect((await links.ofPerson('alpha', '010005'))[0]?.account_id).toBe(account);
  expect(await page('/review')).toContain('Nobody.');
});

test('a launch of which nobody knows the outcome is settled on the page, once', async () => {
  const { launches } = service.opened.store;
  await launches.put({
    customer: 'alpha',
    platform: 'academy',
    target: 'g1',
    name: 'Spring <b>training</b>',
    training: 'tr1',
    state: 'unknown',
    enrollment_id: null,
    reach: 12,
    run_id: 'x',
    changed_ms: Date.now(),
    rule: 'r',
    held: false,
    sent_ms: null,
    approved_reach: null,
    approved_by: null,
    approved_ms: null,
  });
  expect(await page('/')).toContain('nobody knows whether 1 launched training was sent');
  expect(await page('/review')).toContain('Spring &lt;b&gt;training&lt;/b&gt;');
  expect(await page('/review', tokens.viewer)).not.toContain('It was sent');
  const fields = {
    customer: 'alpha',
    platform: 'academy',
    launch: 'Spring <b>training</b>',
    decision: 'sent',
  };
  expect((await form('/review/launch', fields, tokens.viewer)).status).toBe(403);
  expect((await form('/review/launch', fields)).status).toBe(303);
  expect((await launches.find('alpha', 'academy'))[0]?.state).toBe('sent');
  expect((await form('/review/launch', fields)).status).toBe(409);
  expect(await page('/review')).toContain('None waits for anybody.');
});

test('a person is explained, and resynced from there', async () => {
  const shown = await page('/people/010002?customer=alpha');
  expect(shown).toContain('محمد العلي');
  expect(shown).toMatch(/Line of the export<\/dt><dd>4</);
  expect(shown).toContain('person.state in [&quot;active&quot;');
  expect(await page('/people/010002', tokens.viewer)).not.toContain('Resync this person');
  const asked = await form('/people/010002/resync', { customer: 'alpha', platform: 'academy' });
  expect(asked.status).toBe(303);
  await expect
    .poll(
      async () =>
        (await service.opened.store.runs.list({ customer: 'alpha', limit: 5 })).map((r) => r.person),
      { timeout: 15_000 },
    )
    .toContain('010002');
  const unknown = await service.get('/people/nobody', tokens.operator);
  expect(unknown.status).toBe(404);
  expect(await unknown.text()).toContain('PERSON_UNKNOWN');
});

test('people are found by every word of id, name and email; of other customers nobody is', async () => {
  const find = async (text: string, token?: string, customer = 'alpha'): Promise<readonly string[]> => {
    const shown = await (await form('/people', { text }, token)).text();
    return [...shown.matchAll(/href="\/people\/(\w+)\?customer=(\w+)"/g)].flatMap(([, id = '', of]) =>
      of === customer ? [id] : [],
    );
  };
  expect(await find('010007')).toEqual(['010007']);
  expect(await find('PERSON.7@EXAMPLE')).toEqual(['010007']);
  expect(await find('العلي محمد')).toEqual(['010002']);
  expect(await find('nobody at all')).toEqual([]);
  expect(await find('010007', tokens.other)).toEqual([]);
  // Both customers of this service read the same file.
  expect(await find('010007', tokens.other, 'beta')).toEqual(['010007']);
  expect(await find('010007', tokens.both, 'beta')).toEqual(['010007']);
});

test('history is drawn from what happened: also how long leavers took', async () => {
  for (const gone of [2, 3]) {
    await service.export(company(gone));
    await service.sync();
  }
  const shown = await page('/history');
  expect(shown).toContain('3 accounts of people who left were deactivated');
  expect(shown).toMatch(/aria-label="Changes a day on academy: create 30, deactivate 3"/);
  expect(shown).toMatch(/aria-label="Accounts on academy: accounts there \d+ to \d+; ours \d+ to \d+"/);
});

test('what a form may not have is refused as a page', async () => {
  const [run] = await service.opened.store.runs.list({ customer: 'alpha', limit: 1 });
  for (const [path, fields, status] of [
    [`/runs/${run?.id}/approve`, { hash: 'x', people: 'no json' }, 400],
    [`/runs/${run?.id}/approve`, { hash: 'x', people: '{}' }, 400],
    [`/runs/${run?.id}/confirm`, { hash: 'x', decision: 'approve' }, 400],
    [`/runs/${run?.id}/reject`, { reason: 'x', until: 'tomorrow', hash: '', all: 'yes' }, 400],
    [`/runs/${run?.id}/reject`, { reason: 'x', until: '2999-01-01', hash: '', people: '[]' }, 400],
    [`/runs/${run?.id}/reject`, { reason: 'x', until: '2999-01-01', hash: '', all: 'yes' }, 409],
    [`/runs/${run?.id}/withdraw`, {}, 409],
    ['/runs/none/withdraw', {}, 404],
    ['/people', { text: 'a\u0000b' }, 400],
  ] as const) {
    const answer = await form(path, fields as Record<string, string>);
    expect.soft(answer.status, `${path} ${JSON.stringify(fields)}`).toBe(status);
    expect.soft(answer.headers.get('content-type'), path).toContain('text/html');
  }
});
