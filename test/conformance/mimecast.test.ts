import {
  addCampaign,
  addGroup,
  addParticipant,
  addUser,
  completeCampaign,
  joinFolder,
  type MimecastOptions,
  startMimecast,
} from '../../sandbox/mimecast/index.ts';
import type { SandboxResponse } from '../../sandbox/server.ts';
import type { Account } from '../../src/account.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { AccountItem, Provider, ProviderDeps } from '../../src/providers/contract.ts';
import { mimecast } from '../../src/providers/mimecast/index.ts';
import { mayBeEmpty, needed, row, typed } from './fields.ts';
import { type Answers, freePacer, type Means, platform, type ReadFault } from './harness.ts';
import { conformance } from './suite.ts';

const target = 'Warehouse safety';
const campaign = 'Lock your screen';

type Keys = Readonly<Record<string, unknown>>;

function block(baseUrl: string, keys: Keys): PlatformConfig {
  return mimecast.parse({
    baseUrl,
    enrollments: [{ target, when: 'true', campaign }],
    ...keys,
  });
}

const quiet: ProviderDeps = {
  platform,
  pacer: freePacer(),
  log: { debug: () => undefined, warn: () => undefined },
};

type Page = { meta: { pagination?: { totalCount?: number } }; data: { users: unknown[] }[] };

/**
 * The suite's people have a first and a last name, and here a field holds both. In a run the caller joins them
 * (`from: 'fullName'`); for the suite this does, and parts them again where its last names begin.
 */
function withTwoNames(provider: Provider): Provider {
  const { displayName, ...others } = provider.capabilities.fields;
  if (displayName === undefined) return provider;
  const name = { readBack: displayName.readBack };
  const part = ({ fields, ...account }: Account): Account => {
    const { displayName: full = '', ...rest } = fields;
    const at = full.indexOf(' Okafor');
    return { ...account, fields: { ...rest, firstName: full.slice(0, at), lastName: full.slice(at + 1) } };
  };
  const join = ({ fields, ...item }: AccountItem): AccountItem => {
    const { firstName, lastName, ...rest } = fields;
    return { ...item, fields: { ...rest, displayName: `${firstName} ${lastName}` } };
  };
  return {
    ...provider,
    capabilities: {
      ...provider.capabilities,
      fields: {
        ...others,
        firstName: { from: 'firstName', ...name },
        lastName: { from: 'lastName', ...name },
      },
    },
    readAccounts: async function* (ctx, onTotal) {
      for await (const page of provider.readAccounts(ctx, onTotal)) yield page.map(part);
    },
    write: (request, ctx) =>
      provider.write(
        'accounts' in request ? { ...request, accounts: request.accounts.map(join) } : request,
        ctx,
      ),
  };
}

const listOf = (list: string, rows: Readonly<Record<string, Means>>): Readonly<Record<string, Means>> => ({
  data: needed,
  'data.*': row,
  [`data.*.${list}`]: needed,
  [`data.*.${list}.*`]: row,
  ...Object.fromEntries(Object.entries(rows).map(([field, means]) => [`data.*.${list}.*.${field}`, means])),
  meta: typed,
  'meta.pagination': typed,
  'meta.pagination.totalCount': typed,
  fail: typed,
});
const shown: Means = { null: 'empty', absent: 'empty', type: 'empty' };
const named: Means = { null: 'unknown', absent: 'unknown', type: 'fails', word: 'unknown' };
const unanswered: Means = { null: 'open', absent: 'open', type: 'open', word: 'open' };
const written: Readonly<Record<string, Means>> = { data: needed, meta: typed, fail: typed };
const answers: Answers = {
  'POST /api/directory/find-groups': listOf('folders', {
    id: { ...needed, word: 'passes' },
    description: named,
    // A source that is not known may own the members: such a group is no target.
    source: { null: 'empty', absent: 'empty', type: 'fails', word: 'other' },
    userCount: shown,
  }),
  'POST /api/directory/get-group-members': listOf('groupMembers', {
    emailAddress: needed,
    domain: typed,
  }),
  'POST /api/user/get-internal-users': listOf('users', {
    emailAddress: { ...needed, word: 'passes' },
    name: { ...mayBeEmpty, word: 'other' },
    alias: typed,
    addressType: typed,
    // Not told, it is as we left it.
    accountDisabled: { null: 'other', absent: 'other', type: 'fails' },
  }),
  'POST /api/awareness-training/campaign/get-campaigns': listOf('campaigns', {
    id: { ...needed, word: 'passes' },
    name: named,
    group: shown,
    'group.description': { ...shown, word: 'passes' },
    launchDate: { ...shown, word: 'empty' },
    numSent: shown,
  }),
  'POST /api/awareness-training/campaign/get-user-data': listOf('items', {
    email: needed,
    results: { null: 'open', absent: 'open', type: 'fails' },
    'results.forQuestion1': unanswered,
    'results.forQuestion2': unanswered,
    'results.forQuestion3': unanswered,
  }),
  'POST /api/user/create-user': written,
  'POST /api/user/update-user': written,
  'POST /api/directory/add-group-member': written,
  'POST /api/directory/remove-group-member': written,
};

function harness(
  name: string,
  api: '1.0' | '2.0',
  keys: Keys,
  sandboxIs: MimecastOptions = {},
  impossibleFaults: Partial<Record<ReadFault, string>> = {},
): void {
  const secretKey = Buffer.from('twenty bytes or a few more').toString('base64');
  const nobody =
    api === '1.0'
      ? { applicationId: 'id', applicationKey: 'key', accessKey: 'access', secretKey }
      : { clientId: 'id', clientSecret: 'secret' };
  conformance({
    name,
    capabilities: withTwoNames(mimecast.create(block('http://127.0.0.1:9', { ...nobody, ...keys }), quiet))
      .capabilities,
    credentialKeys: Object.keys(nobody),
    accountsOfThreePages: 250,
    answers: name.endsWith('1.0, managed users') ? answers : null,
    impossibleFaults,
    start: async ({ deps, wrongSecret, sandbox: options }) => {
      const { sandbox, state, keys: signed, client } = await startMimecast({ ...options, ...sandboxIs, api });
      const group = addGroup(state, { description: target });
      const launched = addCampaign(state, { name: campaign, group });
      const wrongKey = wrongSecret === undefined ? undefined : Buffer.from(wrongSecret).toString('base64');
      const credentials =
        api === '1.0'
          ? { ...signed, secretKey: wrongKey ?? signed.secretKey }
          : { ...client, clientSecret: wrongSecret ?? client.clientSecret };
      const config = block(sandbox.url, { ...credentials, ...keys });
      let firstPage: Page['data'] = [];
      const rewrites: Record<ReadFault, (page: Page) => Page> = {
        dropped: (page) => ({ ...page, data: [{ users: [] }] }),
        repeated: (page) => ({ ...page, data: firstPage }),
        total: (page) => {
          const { pagination } = page.meta;
          const totalCount = (pagination?.totalCount ?? 0) + 1;
          return { ...page, meta: { ...page.meta, pagination: { ...pagination, totalCount } } };
        },
        short: (page) => ({ ...page, data: page.data.map(({ users }) => ({ users: users.slice(1) })) }),
      };
      return {
        sandbox,
        provider: withTwoNames(mimecast.create(config, deps)),
        secrets: Object.values(credentials),
        seed: (people, active) => {
          for (const { email, fields } of people) {
            const name = `${fields['firstName']} ${fields['lastName']}`;
            addUser(state, { emailAddress: email, name, accountDisabled: !active });
          }
        },
        seedWhole: ({ email, fields }) => {
          const name = `${fields['firstName']} ${fields['lastName']}`;
          addUser(state, { emailAddress: email, name, addressType: 'created_by_email' });
        },
        accountsThere: () => structuredClone([...state.users.values()]),
        breakRead: (fault) => {
          let reads = 0;
          const rewrite = (response: SandboxResponse): SandboxResponse => {
            const page = response.json as Page;
            reads++;
            if (reads === 1) firstPage = page.data;
            return fault === 'total' || reads === 2 ? { ...response, json: rewrites[fault](page) } : response;
          };
          sandbox.fail({
            path: '/api/user/get-internal-users',
            times: Number.POSITIVE_INFINITY,
            effect: { do: 'rewrite', rewrite },
          });
        },
        // An alias takes the address and is no account.
        refuse: ({ email }) => void addUser(state, { emailAddress: email, alias: true }),
        enrollmentRule: config.enrollments[0] ?? { target, when: 'true', keepCompleted: true },
        recordResult: ({ email }, completed) => {
          joinFolder(state, group, email);
          addParticipant(launched, { emailAddress: email });
          if (completed) completeCampaign(launched, email);
        },
      };
    },
  });
}

const managed = { manageUsers: true, domains: ['example.com'] };
const untold = 'there is no total, so pages cannot be compared with it';

harness('mimecast, API 1.0, users of a directory', '1.0', {});
harness('mimecast, API 2.0, users of a directory', '2.0', {}, { joinEnrolls: true });
harness('mimecast, API 1.0, managed users', '1.0', managed);
harness(
  'mimecast, API 2.0, managed users, several items a call, no totals',
  '2.0',
  { ...managed, batch: 30 },
  {
    maxDataItems: 30,
    tellTotal: false,
    userDataRows: 'flat',
    resultCase: 'lower',
    userDataEmailField: 'emailAddress',
  },
  { dropped: untold, short: untold, total: untold },
);
