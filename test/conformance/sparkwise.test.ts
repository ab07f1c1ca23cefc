import type { SandboxResponse } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { ProviderDeps } from '../../src/providers/contract.ts';
import { sparkwise } from '../../src/providers/sparkwise/index.ts';
import { blockOf, freePacer, platform, type ReadFault } from './harness.ts';
import { conformance } from './suite.ts';

function block(baseUrl: string, apiKey: string): PlatformConfig {
  return blockOf(sparkwise, { baseUrl, apiKey });
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

conformance({
  name: 'sparkwise',
  capabilities: sparkwise.create(block('http://127.0.0.1:9', 'none'), quiet).capabilities,
  credentialKeys: ['apiKey'],
  accountsOfThreePages: 450,
  start: async ({ deps, wrongSecret, sandbox: options }) => {
    const { sandbox, state } = await startSparkwise(options);
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
