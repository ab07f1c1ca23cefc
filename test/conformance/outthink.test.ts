import { type OutthinkOptions, startOutthink } from '../../sandbox/outthink/index.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { ProviderDeps } from '../../src/providers/contract.ts';
import { outthink } from '../../src/providers/outthink/index.ts';
import { enterpriseSchema } from '../../src/providers/scim/schema.ts';
import { mayBeEmpty, needed, typed } from './fields.ts';
import { type Answers, freePacer, type Means, platform } from './harness.ts';
import { scimAnswers } from './scim-answers.ts';
import { scimFault } from './scim-faults.ts';
import { conformance } from './suite.ts';
import { wholeUser } from './whole-user.ts';

const campaignId = 'campaign-1';

function block(keys: {
  baseUrl: string;
  apiKey: string;
  scim?: { baseUrl: string; token: string };
  fields?: Readonly<Record<string, string>>;
}): PlatformConfig {
  return outthink.parse({ customerId: 'outthink-sandbox-customer', ...keys });
}

const quiet: ProviderDeps = {
  platform,
  pacer: freePacer(),
  log: { debug: () => undefined, warn: () => undefined },
};
const nowhere = 'http://127.0.0.1:9';

/** Rules that fill every field there is: each of them matters then. */
const everyField = {
  title: '"Clerk"',
  nickName: '"Clerk"',
  country: '"IE"',
  language: '"en-IE"',
  division: '"East"',
  employeeNumber: '"1"',
};
const users = '/scim/Organizations/{id}/v2/Users';
/** A user that was sent and is not mentioned has no outcome. */
const mentioned: Means = { null: 'refused', absent: 'refused', type: 'refused', word: 'refused' };
/** Without any list it is a yes to all; something else in its place says nothing. */
const changed: Readonly<Record<string, Means>> = {
  success: { type: 'refused' },
  'success.*': { null: 'refused', absent: 'refused', type: 'refused' },
  'success.*.userSourceIdentifier': mentioned,
};
const answers: Answers = {
  ...scimAnswers({
    users,
    texts: ['userName', 'nickName', 'preferredLanguage'],
    lists: { emails: 'value', addresses: 'country', roles: 'value' },
  }),
  'GET /analytics/v1/campaigns': {
    '*': { null: 'fails', absent: 'unknown', type: 'fails' },
    '*.id': { ...needed, word: 'unknown' },
    '*.name': { null: 'unknown', absent: 'unknown', type: 'fails', word: 'unknown' },
    '*.type': typed,
    '*.status': mayBeEmpty,
    '*.startDate': mayBeEmpty,
    '*.endDate': mayBeEmpty,
  },
  'GET /analytics/v1/trainingCampaigns/{id}': {
    id: needed,
    name: { ...typed, word: 'passes' },
    type: typed,
    status: typed,
    // Null says that it has none: then nobody can be enrolled.
    startDate: { null: 'other', type: 'fails' },
    endDate: { null: 'other', type: 'fails' },
  },
  'GET /analytics/v1/trainingCampaigns/{id}/users': {
    '*': { null: 'fails', absent: 'other', type: 'fails' },
    '*.userId': mayBeEmpty,
    '*.userSourceIdentifier': mayBeEmpty,
    '*.userEmail': mayBeEmpty,
    '*.trainingStatus': { null: 'open', absent: 'open', type: 'fails', word: 'open' },
  },
  'POST /analytics/v1/trainingCampaigns/{id}/users': changed,
  'POST /analytics/v1/trainingCampaigns/{id}/users/remove': changed,
};

function harness(name: string, hasScim: boolean, options: OutthinkOptions, told?: Answers): void {
  const scim = { baseUrl: nowhere, token: 'none' };
  const given = block({ baseUrl: nowhere, apiKey: 'none', ...(hasScim ? { scim } : {}) });
  conformance({
    name,
    capabilities: outthink.create(given, quiet).capabilities,
    credentialKeys: hasScim ? ['scim.token', 'apiKey'] : ['customerId', 'apiKey'],
    accountsOfThreePages: 450,
    answers: told ?? null,
    extraFields: hasScim ? { title: 'Clerk', country: 'IE', language: 'en-IE', division: 'East' } : {},
    start: async ({ deps, wrongSecret, sandbox: served }) => {
      const { sandbox, state, credentials, restUrl, scimUrl } = await startOutthink({
        ...options,
        ...served,
        campaigns: [
          { id: campaignId, name: 'Warehouse safety', startDate: '2020-01-01', endDate: '2999-12-31' },
        ],
      });
      const apiKey = wrongSecret ?? credentials.apiKey;
      const token = wrongSecret ?? credentials.scimToken;
      const keys = {
        baseUrl: restUrl,
        apiKey,
        ...(hasScim ? { scim: { baseUrl: scimUrl, token } } : {}),
        fields: told === undefined ? {} : everyField,
      };
      return {
        sandbox,
        provider: outthink.create(block(keys), deps),
        secrets: [apiKey, token],
        seed: (people, active) => {
          for (const { person, email, fields } of people) {
            const { firstName: givenName = '', lastName: familyName = '', department = '' } = fields;
            const attributes = {
              roles: [{ value: 'Clerk', primary: true }],
              addresses: [{ type: 'work', country: 'IE' }],
              preferredLanguage: 'en-IE',
              [enterpriseSchema]: { department, division: 'East' },
            };
            state.scim.add({ userName: person, email, givenName, familyName, active, attributes });
          }
        },
        seedWhole: ({ person, email, fields }) => {
          const { firstName: givenName = '', lastName: familyName = '', department = '' } = fields;
          // All that it keeps: it ignores the others.
          const { emails, addresses, roles, nickName, preferredLanguage } = wholeUser(department, email);
          const extension = { department, division: 'East', employeeNumber: '77' };
          const own = { emails, addresses, roles, nickName, preferredLanguage };
          const attributes = { ...own, [enterpriseSchema]: extension };
          state.scim.add({ userName: person, email, givenName, familyName, active: true, attributes });
        },
        ids: () => [...state.scim.users.map(({ id }) => id), campaignId, state.orgId],
        accountsThere: () => structuredClone(state.scim.users),
        breakRead: (fault) => {
          sandbox.fail({
            method: 'GET',
            path: /\/Users$/,
            times: Number.POSITIVE_INFINITY,
            effect: scimFault(fault),
          });
        },
        refuse: ({ email }) => {
          sandbox.fail({
            path: /\/Users$/,
            when: ({ text }) => text.includes(email),
            times: Number.POSITIVE_INFINITY,
            effect: {
              do: 'answer',
              response: { status: 400, json: { status: '400', scimType: 'invalidValue' } },
            },
          });
        },
        enrollmentRule: { target: 'Warehouse safety', when: 'true', keepCompleted: true },
        recordResult: ({ person }, completed) => {
          state.mark(campaignId, person, completed ? 'completedLate' : 'overdue');
        },
      };
    },
  });
}

harness('outthink with SCIM', true, {}, answers);
harness('outthink, enrollments only', false, { listShape: 'data', enrollAnswer: 'empty' });
