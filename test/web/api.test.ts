import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../src/web/openapi.ts';
import { canaries, canaryPeople, nextRunMs, startService, type TestService, tokens } from './service.ts';

let service: TestService;
let document: OpenApi;
/** Everything that was answered, to look for what must not be there. */
const answered: string[] = [];
/** Operations of the document whose answer was seen to fit. */
const fitted = new Set<string>();

type Operation = {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonObject }>> }>
  >;
};
type OpenApi = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: JsonObject;
    readonly responses: { readonly Error: Operation['responses'][string] };
  };
};

beforeAll(async () => {
  service = await startService(canaryPeople(40));
  document = (await (await service.get('/openapi.json', tokens.operator)).json()) as OpenApi;
});
afterAll(async () => {
  await service.close();
});

/** The schema as zod reads it: references to the document's own components become its definitions. */
function schemaOf(schema: JsonObject): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(
    JSON.parse(whole.replaceAll('#/components/schemas/', '#/$defs/')) as z.core.JSONSchema.JSONSchema,
  );
}

/** Asks, and holds the answer against what the document says of it. */
async function ask(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  token: string = tokens.operator,
): Promise<{ status: number; body: unknown }> {
  const response =
    method === 'GET' ? await service.get(path, token) : await service.post(path, body ?? {}, token);
  const text = await response.text();
  answered.push(text);
  const pathname = path.split('?')[0] ?? '';
  const described = Object.keys(document.paths).find((pattern) =>
    new RegExp(`^${pattern.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  );
  const operation = document.paths[described ?? '']?.[method.toLowerCase()];
  expect(operation, `${method} ${pathname} is described`).toBeDefined();
  const answer = operation?.responses[response.status];
  const { content } = answer ?? document.components.responses.Error;
  const contentType = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  expect(
    Object.keys(content ?? {}),
    `${method} ${path} answers ${response.status} as ${contentType}`,
  ).toContain(contentType);
  const schema = schemaOf(content?.[contentType]?.schema ?? {});
  const lines = contentType === 'application/x-ndjson' ? text.trim().split('\n') : [text];
  for (const line of lines) {
    const parsed = schema.safeParse(contentType.includes('json') ? JSON.parse(line) : line);
    expect(parsed.success ? [] : parsed.error.issues, `${method} ${path}: ${line.slice(0, 300)}`).toEqual([]);
  }
  if (answer !== undefined) fitted.add(`${method} ${described}`);
  return { status: response.status, body: contentType === 'application/json' ? JSON.parse(text) : text };
}

async function heldRun(): Promise<{ id: string; hash: string }> {
  const run = await service.sync();
  expect(run).toMatchObject({ status: 'held', held: { deactivate: 12 } });
  return { id: run.id, hash: run.hash ?? '' };
}

describe('what an engineer does in a night', () => {
  test('health, platforms and runs before anything ran', async () => {
    expect(await ask('GET', '/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await ask('GET', '/readyz')).toEqual({
      status: 200,
      body: { status: 'ready', reasons: [], warnings: [] },
    });
    expect((await ask('GET', '/api/customers')).body).toEqual({
      customers: [{ customer: 'alpha', role: 'operator', platforms: ['academy'] }],
    });
    expect((await ask('GET', '/api/platforms')).body).toMatchObject({
      platforms: [{ lastGood: null, lastRun: null, managed: 0, nextRun: new Date(nextRunMs).toISOString() }],
    });
    expect((await ask('GET', '/api/runs')).body).toEqual({ runs: [] });
  });

  test('a plan changes nothing; a resync is a job and then a run', async () => {
    const plan = await ask('POST', '/api/plan', { platform: 'academy' }, tokens.viewer);
    expect(plan.body).toMatchObject({
      id: null,
      status: 'planned',
      planned: { create: 40 },
      applied: { create: 0 },
    });
    expect(service.sandbox.counts().writes).toBe(0);
    const { status, body } = await ask('POST', '/api/resync', { platform: 'academy' });
    expect(status).toBe(202);
    const { job } = body as { job: string };
    await expect
      .poll(async () => (await service.opened.queues.sync.getJob(job))?.returnvalue, { timeout: 15_000 })
      .toMatchObject({ status: 'applied' });
    const { runs } = (await ask('GET', '/api/runs?platform=academy&limit=1')).body as {
      runs: { id: string }[];
    };
    expect(runs).toMatchObject([
      { trigger: 'resync', actor: 'operator-a', applied: { create: 40 }, requests: { writes: 1 } },
    ]);
    const id = runs[0]?.id ?? '';
    expect((await ask('GET', `/api/runs/${id}`)).body).toEqual(runs[0]);
    const first = (await ask('GET', `/api/runs/${id}/changes?limit=25`)).body as Changes;
    const rest = (await ask('GET', `/api/runs/${id}/changes?limit=25&after=${first.next}`)).body as Changes;
    expect([first.changes.length, rest.changes.length, rest.next]).toEqual([25, 15, null]);
    expect(new Set([...first.changes, ...rest.changes].map(({ person }) => person)).size).toBe(40);
    expect(first.changes[0]).toMatchObject({ kind: 'create', outcome: 'done', disposition: 'apply' });
    expect((await ask('GET', '/api/platforms')).body).toMatchObject({
      platforms: [{ managed: 40, held: [] }],
    });
  });

  test('a hold: seen everywhere, decided by its hash, once', async () => {
    const people = canaryPeople(40);
    await service.export([...canaryPeople(12, 'Terminated'), ...people.slice(12)]);
    const run = await heldRun();
    expect((await ask('GET', '/api/platforms')).body).toMatchObject({
      platforms: [{ held: [{ run: run.id, hash: run.hash, held: { deactivate: 12 }, expired: false }] }],
    });
    const home = await (await service.get('/', tokens.viewer)).text();
    expect(home).toContain('12 deactivations wait for a decision');
    expect(home).toContain(`href="/runs/${run.id}"`);
    const approve = (hash: string) => ask('POST', `/api/runs/${run.id}/approve`, { hash });
    expect(await approve('0000')).toMatchObject({ status: 409, body: { error: { code: 'HASH_MISMATCH' } } });
    expect(await ask('POST', '/api/runs/none/approve', { hash: run.hash })).toMatchObject({ status: 404 });
    const answer = await approve(run.hash);
    expect(answer.status).toBe(202);
    const next = (answer.body as { run: string }).run;
    await expect
      .poll(async () => (await service.opened.store.runs.find(next))?.status, { timeout: 15_000 })
      .toBe('applied');
    expect((await ask('GET', `/api/runs/${next}`)).body).toMatchObject({
      applied: { deactivate: 12 },
      trigger: 'approval',
      actor: 'operator-a',
    });
    expect(await approve(run.hash)).toMatchObject({ status: 409, body: { error: { code: 'RUN_NOT_HELD' } } });
    const [approval] = await service.opened.store.decisions.approvalsOf(run.id);
    expect(approval).toMatchObject({ actor: 'operator-a', via: 'control API' });
  });

  test('a rejection holds until its day', async () => {
    await service.export([...canaryPeople(24, 'Terminated'), ...canaryPeople(40).slice(24)]);
    const run = await heldRun();
    const reject = await ask('POST', `/api/runs/${run.id}/reject`, { until: '2999-01-01' });
    expect(reject).toMatchObject({ status: 200, body: { changes: 12, until: '2999-01-01T00:00:00.000Z' } });
    expect(await ask('POST', `/api/runs/${run.id}/reject`, {})).toMatchObject({ status: 409 });
    expect((await service.sync()).planned.deactivate).toBe(0);
  });

  test('a run that is under way is cancelled', async () => {
    const running = (await ask('GET', '/api/runs?limit=1')).body as { runs: { id: string }[] };
    const before = running.runs[0]?.id;
    expect(await ask('POST', `/api/runs/${before}/cancel`)).toMatchObject({ status: 409 });
    service.sandbox.setLatency(700);
    await ask('POST', '/api/resync', { platform: 'academy' });
    const newest = async () => (await service.opened.store.runs.list({ customer: 'alpha', limit: 1 }))[0];
    await expect.poll(async () => (await newest())?.status, { timeout: 10_000 }).toBe('reading');
    const id = (await newest())?.id ?? '';
    expect((await ask('POST', `/api/runs/${id}/cancel`)).status).toBe(200);
    service.sandbox.setLatency(0);
    await expect
      .poll(async () => (await ask('GET', `/api/runs/${id}`)).body, { timeout: 10_000 })
      .toMatchObject({ status: 'cancelled', ended: expect.any(String) });
  });

  test('pause and resume', async () => {
    const paused = await ask('POST', '/api/platforms/academy/pause', { for: '4h', reason: 'maintenance' });
    expect(paused.body).toEqual({ customer: 'alpha', platform: 'academy', paused: true });
    const before = Date.now();
    const { platforms } = (await ask('GET', '/api/platforms')).body as {
      platforms: { paused: { until: string } }[];
    };
    expect(platforms[0]?.paused).toMatchObject({ reason: 'maintenance', by: 'operator-a' });
    const leftMs = Date.parse(platforms[0]?.paused.until ?? '') - before;
    expect(leftMs).toBeGreaterThan(3.99 * 3_600_000);
    expect(leftMs).toBeLessThanOrEqual(4 * 3_600_000);
    const home = await (await service.get('/', tokens.viewer)).text();
    expect(home).toMatch(/paused<[\s\S]*until[\s\S]*by operator-a: maintenance/);
    const resumed = await ask('POST', '/api/platforms/academy/resume');
    expect(resumed.body).toEqual({ customer: 'alpha', platform: 'academy', paused: false });
    expect((await service.opened.store.platforms.find('alpha', 'academy'))?.paused_ms).toBeNull();
  });
});

type Changes = { readonly changes: { readonly person: string }[]; readonly next: number | null };

describe('requests that are wrong', () => {
  test.each([
    ['POST', '/api/plan', {}, 400],
    ['POST', '/api/plan', { platform: 'nowhere' }, 404],
    ['POST', '/api/resync', { platform: 'academy', firstName: 'Canarina0' }, 400],
    ['POST', '/api/resync', { platform: 'academy', person: 7 }, 400],
    ['POST', '/api/platforms/academy/pause', { for: 'Canarina0' }, 400],
    ['POST', '/api/platforms/nowhere/pause', {}, 404],
    ['GET', '/api/runs?limit=0', undefined, 400],
    ['GET', '/api/runs?what=Canarina0', undefined, 400],
    ['GET', '/api/runs/none', undefined, 404],
    ['GET', '/api/runs/none/changes', undefined, 404],
    ['POST', '/api/platforms/academy/pause', { for: '99999999999d' }, 400],
    ['POST', '/api/resync', { platform: 'academy', person: '10\0' }, 400],
    ['POST', '/api/resync', { platform: 'academy', reason: 'a\u001b[2Jb' }, 400],
    ['POST', '/api/plan', { platform: 'academy', customer: 'alpha\0' }, 400],
    ['GET', '/api/runs/%00', undefined, 400],
    ['GET', '/api/runs?platform=a%00', undefined, 400],
  ] as const)('%s %s %j is %i', async (method, path, body, status) => {
    expect((await ask(method, path, body)).status).toBe(status);
  });

  test('a body that is no JSON, too large, or not asked for', async () => {
    const send = (body: string, contentType: string) =>
      fetch(`${service.url}/api/plan`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens.operator}`, 'content-type': contentType },
        body,
      });
    const answers = [
      await send('{"Canarina0', 'application/json'),
      await send('Canarina0', 'text/plain'),
      await send(`"${'x'.repeat(1_100_000)}"`, 'application/json'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 415, 413]);
    for (const answer of answers) {
      const text = await answer.text();
      answered.push(text);
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'BAD_REQUEST', hint: null } });
    }
  });

  test('a defect tells nothing of itself', async () => {
    const original = service.opened.store.runs.list;
    Object.assign(service.opened.store.runs, {
      list: () => Promise.reject(new TypeError('Canarina0 broke it')),
    });
    try {
      const { status, body } = await ask('GET', '/api/runs');
      expect([status, JSON.stringify(body)]).toEqual([500, expect.stringContaining('INTERNAL')]);
      expect(JSON.stringify(body)).not.toMatch(/Canarina|TypeError|\.ts/);
    } finally {
      Object.assign(service.opened.store.runs, { list: original });
    }
    expect(service.logged()).toContain('"type":"TypeError"');
  });
});

test('not ready when the database does not answer', async () => {
  const { ping } = service.opened.store;
  Object.assign(service.opened.store, { ping: () => Promise.reject(new Error('Canarina0')) });
  try {
    expect(await ask('GET', '/readyz')).toEqual({
      status: 503,
      body: {
        status: 'not ready',
        reasons: [
          { code: 'STORE_UNAVAILABLE', message: 'the database does not answer, or cannot be written' },
        ],
        warnings: [],
      },
    });
    expect((await ask('GET', '/healthz')).status).toBe(200);
  } finally {
    Object.assign(service.opened.store, { ping });
  }
});

test('metrics are what Prometheus reads, and say what happened', async () => {
  const text = String((await ask('GET', '/metrics')).body);
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_][a-z0-9_]* \S/.test(line)) continue;
    const [, name = '', labels = '', value = ''] =
      /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="[^"\\\n]*",?)*\})? (\S+)$/.exec(line) ?? [];
    expect(Number.isNaN(Number(value)) || value === '', line).toBe(false);
    expect(series.has(`${name}${labels}`), line).toBe(false);
    series.set(`${name}${labels}`, Number(value));
  }
  const of = 'customer="alpha",platform="academy"';
  expect(series.get(`rollcall_changes_total{${of},kind="create",outcome="applied"}`)).toBe(40);
  expect(series.get(`rollcall_changes_total{${of},kind="deactivate",outcome="applied"}`)).toBe(12);
  expect(series.get(`rollcall_runs_total{${of},status="held"}`)).toBe(2);
  expect(series.get(`rollcall_managed_accounts{${of}}`)).toBe(40);
  expect(series.get(`rollcall_held_runs{${of}}`)).toBe(0);
  expect(series.get(`rollcall_paused{${of}}`)).toBe(0);
  expect(series.get(`rollcall_platform_requests_total{${of},kind="write"}`)).toBe(2);
  expect(series.get(`rollcall_last_good_run_timestamp_seconds{${of}}`)).toBeGreaterThan(1_700_000_000);
  expect(series.get('rollcall_queue_jobs{queue="rollcall-batch",state="waiting"}')).toBe(0);
  expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
});

test('every route is in the OpenAPI document, and every answer was seen to fit it', async () => {
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  // Pages are for people: see test/web/pages.
  const registered = service.server.routes
    .filter((route) => / \/(api\/|healthz|readyz|metrics|openapi)/.test(route))
    .map((route) => route.replace(/:(\w+)/g, '{$1}'));
  expect(described.filter((route) => route !== 'GET /queues').toSorted()).toEqual(registered.toSorted());
  await ask('GET', '/openapi.json');
  // The board is pages: see sign-in.test.ts. Those of ours are not in the document.
  const elsewhere = ['GET /queues'];
  expect(described.filter((route) => !fitted.has(route)).toSorted()).toEqual(elsewhere.toSorted());
});

test('nobody can be read out of answers and logs', () => {
  expect(answered.length).toBeGreaterThan(40);
  for (const canary of canaries) {
    expect
      .soft(
        answered.filter((text) => text.includes(canary)),
        canary,
      )
      .toEqual([]);
    expect
      .soft(
        service
          .logged()
          .split('\n')
          .filter((line) => line.includes(canary)),
        canary,
      )
      .toEqual([]);
  }
});
