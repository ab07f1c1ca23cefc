import type { SandboxResponse } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { ProviderDeps } from '../../src/providers/contract.ts';
import { sparkwise } from '../../src/providers/sparkwise/index.ts';
import { mayBeEmpty, needed, row, typed } from './fields.ts';
import { type Answers, freePacer, type Means, platform, type ReadFault } from './harness.ts';
import { conformance } from './suite.ts';

function block(baseUrl: string, apiKey: string): PlatformConfig {
  return sparkwise.parse({ baseUrl, apiKey });
}

const quiet: ProviderDeps = {
  platform,
  pacer: freePacer(),
  log: { debug: () => undefined, warn: () => undefined },
};

type Page = { data: { items: unknown[]; total: number } };

function changed(response: SandboxResponse, change: (data: Page['data']) => Page['data']): SandboxResponse {
  const page = response.json as Page;
  return { ...response, json: { ...page, data: change(page.data) } };
}

const page: Readonly<Record<string, Means>> = {
  success: needed,
  data: needed,
  'data.items': needed,
  'data.page': needed,
  'data.totalPages': needed,
  'data.total': needed,
};
/** Of somebody who was sent and is not mentioned, nobody knows what became of them. */
const mentioned: Means = { null: 'refused', absent: 'refused', type: 'fails', word: 'refused' };
const shown: Means = { null: 'empty', absent: 'empty', type: 'empty', word: 'passes' };
const judged: Means = { null: 'open', absent: 'open', type: 'fails' };
const answers: Answers = {
  'GET /users': {
    ...page,
    'data.items.*': row,
    'data.items.*.id': { ...needed, word: 'passes' },
    'data.items.*.firstName': mayBeEmpty,
    'data.items.*.lastName': mayBeEmpty,
    'data.items.*.active': needed,
    'data.items.*.remoteId': mayBeEmpty,
    // The last page names no next one.
    'data.next': { type: 'incomplete', word: 'incomplete' },
  },
  'GET /completions': {
    // The list has no total, and a guest has no remoteId.
    '*': { null: 'fails', absent: 'other', type: 'fails' },
    '*.remoteUserId': { null: 'other', absent: 'other', type: 'fails', word: 'passes' },
    '*.id': { ...needed, word: 'passes' },
    '*.clusterId': { ...needed, word: 'passes' },
    '*.moduleName': shown,
    '*.attended': judged,
    '*.percentageStepsVisited': judged,
  },
  'GET /clusters': {
    success: needed,
    data: needed,
    'data.items': needed,
    'data.items.*': row,
    'data.items.*.clusterId': { ...needed, word: 'passes' },
    'data.items.*.moduleName': shown,
    'data.items.*.moduleCategory': shown,
    'data.items.*.duration': shown,
    'data.items.*.iframeCode': { null: 'shown', absent: 'shown', type: 'shown' },
    'data.total': needed,
  },
  'POST /users/batch': {
    success: needed,
    data: { null: 'refused', absent: 'refused', type: 'fails' },
    'data.success': { null: 'refused', absent: 'refused', type: 'fails' },
    'data.success.*': { null: 'fails', absent: 'refused', type: 'fails' },
    'data.success.*.id': { null: 'empty', absent: 'empty', type: 'empty', word: 'passes' },
    'data.success.*.active': { null: 'refused', absent: 'refused', type: 'fails' },
    'data.success.*.remoteId': mentioned,
    'data.failed': typed,
  },
  'POST /users/deactivate': {
    success: needed,
    // It may be answered without lists, and not with one alone.
    data: typed,
    'data.success': { null: 'refused', absent: 'refused', type: 'fails' },
    'data.success.*': { null: 'fails', absent: 'refused', type: 'fails' },
    'data.success.*.id': { word: 'passes' },
    'data.success.*.active': typed,
    'data.success.*.remoteId': mentioned,
    'data.failed': typed,
  },
};
const cluster = {
  clusterId: 'cluster-7',
  createdAt: '2026-01-05T09:00:00Z',
  moduleId: 'module-7',
  moduleName: 'Passwords together',
  moduleCategory: 'Security',
  moduleThumbnailUrl: 'https://example.com/module-7.png',
  moduleDescription: 'A live session about passwords',
  duration: 30,
  iframeCode: '<iframe></iframe>',
};

conformance({
  name: 'sparkwise',
  answers,
  capabilities: sparkwise.create(block('http://127.0.0.1:9', 'none'), quiet).capabilities,
  credentialKeys: ['apiKey'],
  accountsOfThreePages: 450,
  start: async ({ deps, wrongSecret, sandbox: options }) => {
    const { sandbox, state } = await startSparkwise({ ...options, clusters: [cluster] });
    const apiKey = wrongSecret ?? sparkwiseApiKey;
    let firstPage: unknown[] = [];
    const rewrites: Record<ReadFault, (data: Page['data']) => Page['data']> = {
      dropped: (data) => ({ ...data, items: [] }),
      repeated: (data) => ({ ...data, items: firstPage }),
      total: (data) => ({ ...data, total: data.total + 1 }),
      short: (data) => ({ ...data, items: data.items.slice(1) }),
    };
    return {
      sandbox,
      provider: sparkwise.create(block(sandbox.url, apiKey), deps),
      secrets: [apiKey],
      seed: (people, active) => {
        for (const { person, fields, email } of people) {
          const { firstName = '', lastName = '' } = fields;
          state.add({ firstName, lastName, active, remoteId: person, email });
        }
      },
      seedWhole: ({ person, fields, email }) => {
        const { firstName = '', lastName = '' } = fields;
        state.add({ firstName, lastName, active: true, remoteId: person, email });
      },
      ids: () => [
        ...state.users.map(({ id }) => id),
        ...state.clusters.map(({ clusterId }) => clusterId),
        ...state.completions.map(({ id }) => id),
      ],
      accountsThere: () => state.users.map((user) => ({ ...user })),
      breakRead: (fault) => {
        firstPage = state.users.slice(0, 200);
        const isEveryPage = fault === 'total';
        sandbox.fail({
          path: '/users',
          when: ({ query }) => isEveryPage || query.get('page') === '1',
          times: Number.POSITIVE_INFINITY,
          effect: { do: 'rewrite', rewrite: (response) => changed(response, rewrites[fault]) },
        });
      },
      refuse: ({ person }) => {
        state.unprocessable.add(person);
      },
      recordResult: ({ person }, completed) => {
        const sessionScheduledStartAt = new Date(Date.now() - 3 * 86_400_000).toISOString();
        state.complete(person, { attended: completed, sessionScheduledStartAt });
      },
    };
  },
});
