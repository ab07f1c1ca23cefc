import { afterAll, describe, expect, it } from 'vitest';
import {
  addEnrollment,
  addGroup as addKeepnetGroup,
  addTraining,
  addUser,
  completeTraining,
  findByEmail,
  sendEnrollment,
  startKeepnet,
} from '../../sandbox/keepnet/index.ts';
import {
  addCampaign,
  addGroup,
  addUser as addMimecastUser,
  joinFolder,
  startMimecast,
} from '../../sandbox/mimecast/index.ts';
import { startOutthink } from '../../sandbox/outthink/index.ts';
import type { Sandbox, SandboxRequest, SandboxResponse } from '../../sandbox/server.ts';
import { startSandbox } from '../../sandbox/server.ts';
import type { Provider, ProviderModule } from '../../src/providers/contract.ts';
import { keepnet } from '../../src/providers/keepnet/index.ts';
import { mimecast } from '../../src/providers/mimecast/index.ts';
import { outthink } from '../../src/providers/outthink/index.ts';
import { Bench, freePacer, type Harness, platform, type SamplePerson, type Started } from './harness.ts';
import { ask, prepareNight } from './night.ts';
import { type Checker, checkerOf, specification } from './openapi.ts';

const open: Sandbox[] = [];
afterAll(async () => {
  await Promise.all(open.map((sandbox) => sandbox.close()));
});

function providerOf(module: ProviderModule, keys: Readonly<Record<string, unknown>>): Provider {
  const block = module.parse(keys);
  return module.create(block, {
    platform,
    pacer: freePacer(),
    log: { debug: () => undefined, warn: () => undefined },
    retryBaseMs: 1,
  });
}

/** Hands every request and its answer to a listener. */
function listen(sandbox: Sandbox, heard: (request: SandboxRequest, response: SandboxResponse) => void): void {
  let last: SandboxRequest | undefined;
  sandbox.fail({
    times: Number.POSITIVE_INFINITY,
    when: (request) => {
      last = request;
      return true;
    },
    effect: {
      do: 'rewrite',
      rewrite: (response) => {
        if (last !== undefined) heard(last, response);
        return response;
      },
    },
  });
}

/** Everything that runs ask of a provider, each request and answer held against the vendor's document. */
async function night(
  provider: Provider,
  started: Omit<Started, 'provider' | 'secrets' | 'breakRead' | 'refuse'>,
  extraFields: Readonly<Record<string, string>> = {},
): Promise<void> {
  open.push(started.sandbox);
  const whole: Started = {
    ...started,
    provider,
    secrets: [],
    breakRead: () => undefined,
    refuse: () => undefined,
  };
  const harness: Harness = {
    name: 'specification',
    capabilities: provider.capabilities,
    credentialKeys: [],
    answers: null,
    accountsOfThreePages: 0,
    extraFields,
    start: async () => whole,
  };
  const bench = await Bench.open(harness);
  for (const step of await prepareNight(harness, bench)) {
    const came = await ask(step);
    expect(came, step.name).not.toHaveProperty('failed');
    if (step.writes && Array.isArray((came as { gave: unknown }).gave))
      expect((came as { gave: unknown }).gave, step.name).toMatchObject([{ ok: true }]);
  }
}

function problemsOf(checker: Checker, sandbox: Sandbox): ReadonlySet<string> {
  const problems = new Set<string>();
  listen(sandbox, (request, response) => {
    for (const problem of checker.problems(request, response)) problems.add(problem);
  });
  return problems;
}

const openapi = specification('keepnet-openapi.json');
const keepnetText = 'text' in openapi ? openapi.text : '';
const keepnetMissing = 'missing' in openapi ? `: skipped, ${openapi.missing}` : '';
describe.skipIf(keepnetMissing !== '')(`Keepnet's own specification${keepnetMissing}`, () => {
  for (const reseller of [false, true]) {
    it(`holds for every request and answer, ${reseller ? 'through a reseller' : 'of an administrator'}`, async () => {
      const { sandbox, state, credentials } = await startKeepnet({ reseller, phoneNumberRequired: true });
      const { company } = state;
      const group = addKeepnetGroup(company, { name: 'Staff' });
      const training = addTraining(company, { name: 'Lock it' });
      const enrollment = addEnrollment(company, {
        name: 'Autumn',
        trainingId: training.resourceId,
        targetGroupResourceIds: [group.resourceId],
      });
      const reminder = { periodCount: 1, periodType: 'Week', endType: 'OnDate' };
      const rule = { target: 'Staff', when: 'true', training: 'Lock it', name: 'Autumn', send: true };
      const provider = providerOf(keepnet, {
        baseUrl: sandbox.url,
        ...credentials,
        ...(reseller ? { company: company.name } : {}),
        employeeIdField: 'EmployeeId',
        phoneNumber: '+353 1 000 0000',
        enrollments: [{ ...rule, options: { enrollmentReminder: reminder } }],
      });
      const checker = checkerOf(keepnetText);
      const problems = problemsOf(checker, sandbox);
      const seed = (person: SamplePerson): void => {
        const { firstName = '', lastName = '', department = '' } = person.fields;
        const customFields = [{ name: 'EmployeeId', dataType: 'Text', value: person.person }];
        addUser(company, { email: person.email, firstName, lastName, department, customFields });
      };
      await night(
        provider,
        {
          sandbox,
          seed: (people) => people.forEach(seed),
          accountsThere: () => company.users.rows(),
          enrollmentRule: { ...rule, keepCompleted: true },
          recordResult: ({ email }, completed) => {
            if (enrollment.sends === 0) sendEnrollment(company, enrollment);
            const user = findByEmail(company, email);
            if (completed && user !== undefined) completeTraining(company, enrollment, user.resourceId);
          },
        },
        { phoneNumber: '+353 1', timeZone: 'tz1', language: 'l1', manager: 'bo@example.com' },
      );
      // A create that is refused looks the email up.
      const [known] = company.users.rows();
      const email = known?.email ?? '';
      const ref = { id: null, externalId: null, email };
      const accounts = [{ kind: 'create', person: 'E9', ref, fields: { email }, changed: [] } as const];
      const ctx = { signal: new AbortController().signal, onRequest: () => undefined };
      await provider.write({ operation: 'create', accounts, repeated: false }, ctx);
      expect([...problems].filter((problem) => !problem.includes('answered 400'))).toEqual([]);
      expect([...checker.seen].toSorted()).toEqual(
        [
          'POST /connect/token',
          ...(reseller ? ['POST /api/companies/search'] : []),
          'POST /api/target-users/search',
          'POST /api/target-users/search-email',
          'GET /api/target-users/{resourceId}',
          'POST /api/target-users',
          'PUT /api/target-users/{resourceId}',
          'GET /api/target-groups',
          'POST /api/target-groups/{resourceId}/users',
          'PUT /api/target-groups/users',
          'DELETE /api/target-groups/{resourceId}/users',
          'POST /api/trainings/search',
          'GET /api/enrollments/form-details',
          'POST /api/enrollments/search',
          'POST /api/enrollments',
          'POST /api/enrollments/{resourceId}/send',
          'POST /api/training-reports/{enrollmentId}/users/search',
        ].toSorted(),
      );
    });
  }

  it('would notice a request and an answer that are not as documented', () => {
    const checker = checkerOf(keepnetText);
    const request = (json: unknown): SandboxRequest => ({
      method: 'PUT',
      path: '/api/target-users/u1',
      query: new URLSearchParams(),
      headers: { 'content-type': 'application/json' },
      text: JSON.stringify(json),
      json,
    });
    const user = { email: 'a@example.com', phoneNumber: '+1' };
    const fine = { status: 200, json: { data: { resourceId: 'u1' }, status: 'SUCCESS' } };
    expect(checker.problems(request(user), fine)).toEqual([]);
    expect(checker.problems(request({ ...user, customFieldValues: [] }), fine)).toHaveLength(1);
    expect(checker.problems(request({ email: 'a@example.com' }), fine)).toHaveLength(1);
    expect(checker.problems(request({ ...user, firstName: 'x'.repeat(41) }), fine)).toHaveLength(1);
    expect(
      checker.problems(request(user), { status: 200, json: { isSuccess: true, data: null } }),
    ).not.toEqual([]);
    expect(checker.problems({ ...request(user), path: '/api/nothing' }, fine)).toHaveLength(1);
  });
});

const analytics = specification('outthink-analytics-openapi.json');
const analyticsText = 'text' in analytics ? analytics.text : '';
const analyticsMissing = 'missing' in analytics ? `: skipped, ${analytics.missing}` : '';
describe.skipIf(analyticsMissing !== '')(`OutThink's analytics specification${analyticsMissing}`, () => {
  it('holds for every read; how people are enrolled is in no document', async () => {
    const { sandbox, state, credentials, restUrl, scimUrl } = await startOutthink({
      campaigns: [{ id: 'c1', name: 'Fraud', startDate: '2020-01-01', endDate: '2999-12-31' }],
    });
    const rule = { target: 'Fraud', when: 'true' };
    const provider = providerOf(outthink, {
      baseUrl: restUrl,
      customerId: credentials.customerId,
      apiKey: credentials.apiKey,
      scim: { baseUrl: scimUrl, token: credentials.scimToken },
      enrollments: [rule],
    });
    const prefix = new URL(restUrl).pathname.replace(/\/$/, '');
    const checker = checkerOf(analyticsText, prefix);
    const problems = new Set<string>();
    const unknown = new Set<string>();
    listen(sandbox, (request, response) => {
      if (request.path.includes('/scim/')) return;
      if (request.method !== 'GET') unknown.add(`${request.method} ${request.path.slice(prefix.length)}`);
      else for (const problem of checker.problems(request, response)) problems.add(problem);
    });
    await night(provider, {
      sandbox,
      seed: (people) => {
        for (const { person, email, fields } of people) {
          const { firstName: givenName = '', lastName: familyName = '' } = fields;
          state.scim.add({ userName: person, email, givenName, familyName, active: true });
        }
      },
      accountsThere: () => state.scim.users,
      enrollmentRule: { ...rule, keepCompleted: true },
      recordResult: ({ person }, completed) => state.mark('c1', person, completed ? 'completed' : 'overdue'),
    });
    expect([...problems]).toEqual([]);
    expect(checker.seen).toContain('GET /campaigns');
    expect(checker.seen).toContain('GET /trainingCampaigns/{trainingCampaignId}/users');
    expect([...unknown].toSorted()).toEqual([
      'POST /trainingCampaigns/c1/users',
      'POST /trainingCampaigns/c1/users/remove',
    ]);
  });
});

type Recorded = {
  readonly path: string;
  readonly request: {
    readonly meta?: unknown;
    readonly data: readonly { readonly id?: string; readonly domain?: string }[];
  };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly data: readonly Readonly<Record<string, unknown>>[];
    readonly fail: readonly unknown[];
  };
};
const traffic = specification('mimecast-recorded.json');
const recorded: readonly Recorded[] = 'text' in traffic ? (JSON.parse(traffic.text) as Recorded[]) : [];
const recordedMissing = 'missing' in traffic ? `: skipped, ${traffic.missing}` : '';

/** The places of a value with the type of what stands there. */
function shapeOf(value: unknown, at = ''): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => shapeOf(entry, `${at}[]`));
  if (typeof value === 'object' && value !== null)
    return [
      `${at}: object`,
      ...Object.entries(value).flatMap(([key, inner]) => shapeOf(inner, `${at}.${key}`)),
    ];
  return [`${at}: ${value === null ? 'null' : typeof value}`];
}

describe.skipIf(recordedMissing !== '')(`Mimecast's recorded answers${recordedMissing}`, () => {
  const answers = (path: string): readonly Recorded[] => recorded.filter((one) => one.path.endsWith(path));
  const tenant = ['fake.tenant.example', 'journal.tenant.example', 'tenant.example'];

  /** A server that answers as the tenant did; what was not recorded (its groups) is made of what was. */
  async function replay(asked: unknown[]): Promise<Sandbox> {
    type Campaign = { readonly group: { readonly id: string; readonly description: string } };
    const campaigns = answers('get-campaigns')[0]?.body.data[0]?.['campaigns'] as readonly Campaign[];
    const folders = [campaigns[0]?.group];
    const members = [
      { emailAddress: 'ua960a9@example.com' },
      { emailAddress: 'u0@example.com' },
      { domain: 'x.example' },
    ];
    const made = (data: unknown): SandboxResponse => ({
      status: 200,
      json: { meta: { status: 200 }, data: [data], fail: [] },
    });
    const sandbox = await startSandbox({
      classify: () => ({ kind: 'read', items: 0 }),
      tooMany: () => ({ status: 429 }),
      handle: ({ path, json }) => {
        const { data } = json as { data: readonly { id?: string; domain?: string }[] };
        if (path.endsWith('/find-groups')) return made({ folders });
        if (path.endsWith('/get-group-members')) return made({ groupMembers: members });
        const same = recorded.find(
          (one) => one.path === path && JSON.stringify(one.request.data) === JSON.stringify(data),
        );
        if (same === undefined) return { status: 404, json: { data: [], fail: [] } };
        asked.push({ path, request: json, recorded: same.request });
        return { status: same.status, headers: same.headers, json: same.body };
      },
    });
    open.push(sandbox);
    return sandbox;
  }
  const keys = { applicationId: 'i', applicationKey: 'k', accessKey: 'a', secretKey: 'c2VjcmV0' };
  const ctx = { signal: new AbortController().signal, onRequest: () => undefined };

  it('are read: campaigns, who answered them, and users; as they were asked for', async () => {
    const asked: { path: string; request: unknown; recorded: unknown }[] = [];
    const sandbox = await replay(asked);
    const campaigns = (answers('get-campaigns')[0]?.body.data[0]?.['campaigns'] ?? []) as {
      id: string;
      name: string;
    }[];
    const rules = ['Campaign e255', 'Campaign 92b2', 'Campaign e9bd'].map((campaign) => ({
      target: 'Integration',
      when: 'true',
      campaign,
    }));
    const provider = providerOf(mimecast, {
      baseUrl: sandbox.url,
      ...keys,
      manageUsers: true,
      domains: tenant,
      enrollments: rules,
    });
    const targets = await provider.resolveTargets(
      rules.map((rule) => ({ ...rule, keepCompleted: true })),
      ctx,
    );
    expect(targets.every(({ isTraining }) => isTraining)).toBe(true);
    const results: string[] = [];
    for await (const page of provider.readResults(targets, null, ctx))
      results.push(
        ...page.map(({ ref, status, score, rawStatus }) => `${ref.email} ${status} ${score} ${rawStatus}`),
      );
    expect(results.slice(0, 5)).toEqual([
      'ua960a9@example.com completed 100 CORRECT',
      'u3cc7ed@example.com open null SENT',
      'u179381@example.com open null SENT',
      'ua960a9@example.com completed 0 INCORRECT',
      'u3cc7ed@example.com open null SENT',
    ]);
    const members: unknown[] = [];
    for await (const page of provider.readMembers(targets[0]?.id ?? '', ctx)) members.push(...page);
    // Of three campaigns one is not answered.
    expect(members).toMatchObject([
      { email: 'ua960a9@example.com', completed: false },
      { email: 'u0@example.com', completed: false },
    ]);
    const accounts: string[] = [];
    for await (const page of provider.readAccounts(ctx))
      accounts.push(...page.map(({ email }) => email ?? ''));
    expect(accounts).toHaveLength(10);
    const listed = await provider.listTargets(ctx);
    expect(listed.filter(({ kind }) => kind === 'campaign').map(({ name }) => name)).toEqual(
      campaigns.map(({ name }) => name),
    );
    for (const one of asked) {
      if (!one.path.endsWith('get-campaigns')) expect(one.request).toEqual(one.recorded);
    }
    expect(new Set(asked.map(({ path }) => path)).size).toBe(3);
  });

  it('of refused sign-ins name the settings', async () => {
    for (const refused of answers('get-account')) {
      const sandbox = await startSandbox({
        classify: () => ({ kind: 'read', items: 0 }),
        tooMany: () => ({ status: 429 }),
        handle: () => ({ status: refused.status, headers: refused.headers, json: refused.body }),
      });
      open.push(sandbox);
      const provider = providerOf(mimecast, { baseUrl: sandbox.url, ...keys });
      await expect(provider.signIn(ctx)).rejects.toMatchObject({
        code: 'SIGN_IN_REFUSED',
        vendorCode: (refused.body.fail[0] as { errors: { code: string }[] }).errors[0]?.code,
      });
    }
  });

  it('have no field that our sandbox has not, of the same type', async () => {
    const { sandbox, state, keys: signed } = await startMimecast({ domains: tenant });
    open.push(sandbox);
    const group = addGroup(state, { description: 'Integration' });
    joinFolder(state, group, 'a@tenant.example');
    const campaign = addCampaign(state, { name: 'Campaign e255', group, questions: 1 });
    addMimecastUser(state, { emailAddress: 'a@tenant.example', name: 'Person 1' });
    const shapes = new Map<string, Set<string>>();
    listen(sandbox, ({ path }, { json }) => {
      const known = shapes.get(path) ?? new Set<string>();
      for (const place of shapeOf(json)) known.add(place);
      shapes.set(path, known);
    });
    const provider = providerOf(mimecast, {
      baseUrl: sandbox.url,
      ...signed,
      manageUsers: true,
      domains: tenant,
      enrollments: [{ target: 'Integration', when: 'true', campaign: campaign.name }],
    });
    const rules = [{ target: 'Integration', when: 'true', keepCompleted: true }];
    for await (const _page of provider.readMembers(
      (await provider.resolveTargets(rules, ctx))[0]?.id ?? '',
      ctx,
    ));
    for await (const _page of provider.readAccounts(ctx));
    for (const path of ['get-campaigns', 'get-internal-users', 'get-user-data']) {
      const [ours] = [...shapes].filter(([name]) => name.endsWith(path)).map(([, shape]) => shape);
      const theirs = new Set(answers(path).flatMap(({ body }) => shapeOf(body)));
      expect(theirs.size).toBeGreaterThan(5);
      expect([...theirs].filter((place) => ours?.has(place) !== true)).toEqual([]);
    }
  });
});
