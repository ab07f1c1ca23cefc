import { type ScimOptions, scimToken, startScim } from '../../sandbox/scim/index.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { Capabilities, ProviderDeps } from '../../src/providers/contract.ts';
import { scim } from '../../src/providers/scim/index.ts';
import { enterpriseSchema } from '../../src/providers/scim/schema.ts';
import { counted, needed, row, typed } from './fields.ts';
import { type Answers, freePacer, type Means, platform } from './harness.ts';
import { scimAnswers } from './scim-answers.ts';
import { scimFault } from './scim-faults.ts';
import { conformance } from './suite.ts';
import { wholeUser } from './whole-user.ts';

const groupId = 'group-1';

function block(baseUrl: string, token: string, fields = {}): PlatformConfig {
  return scim.parse({ baseUrl, token, fields });
}

const quiet: ProviderDeps = {
  platform,
  pacer: freePacer(),
  log: { debug: () => undefined, warn: () => undefined },
};

/** Rules that fill every field there is: each of them matters then. */
const everyField = {
  title: '"Clerk"',
  displayName: '"Clerk 1"',
  nickName: '"Clerk"',
  userType: '"Clerk"',
  country: '"IE"',
  language: '"en-IE"',
  division: '"East"',
  employeeNumber: '"1"',
};
const listAnswer: Readonly<Record<string, Means>> = {
  totalResults: needed,
  Resources: counted,
  'Resources.*': row,
};
const answers = scimAnswers({
  manager: true,
  users: '/scim/v2/Users',
  texts: ['displayName', 'nickName', 'title', 'userType', 'preferredLanguage', 'externalId'],
  lists: { emails: 'value', addresses: 'country' },
});
const groupName: Means = { null: 'unknown', absent: 'unknown', type: 'fails', word: 'unknown' };
const withGroups: Answers = {
  ...answers,
  'GET /scim/v2/Groups': {
    ...listAnswer,
    'Resources.*.id': { ...needed, word: 'passes' },
    'Resources.*.displayName': groupName,
  },
  'GET /scim/v2/Groups/{id}': {
    id: needed,
    // A group without members may leave them out.
    members: { null: 'empty', absent: 'empty', type: 'fails' },
    'members.*': { null: 'fails', absent: 'other', type: 'fails' },
    'members.*.value': { ...needed, word: 'passes' },
    'members.*.type': typed,
  },
};

/** A service of this behaviour. Discovery has taken place before a test begins, as in a run. */
function harness(name: string, behaviour: ScimOptions, capabilities: Capabilities, told?: Answers): void {
  conformance({
    name,
    capabilities,
    credentialKeys: ['token'],
    accountsOfThreePages: 450,
    answers: told ?? null,
    extraFields: {
      title: 'Clerk',
      displayName: 'Clerk 1',
      country: 'IE',
      language: 'en-IE',
      division: 'East',
    },
    start: async ({ deps, wrongSecret, sandbox: options }) => {
      const { sandbox, state, baseUrl } = await startScim({
        ...options,
        ...behaviour,
        groups: [{ id: groupId, displayName: 'Warehouse safety' }],
      });
      const token = wrongSecret ?? scimToken;
      let isPrepared = false;
      const provider = scim.create(block(baseUrl, token, told === undefined ? {} : everyField), {
        ...deps,
        pacer: {
          ...deps.pacer,
          slot: async (...of) => (isPrepared ? deps.pacer.slot(...of) : undefined),
        },
      });
      if (wrongSecret === undefined) {
        await provider.prepare?.({ signal: new AbortController().signal, onRequest: () => undefined });
        sandbox.clearLog();
      }
      isPrepared = true;
      return {
        sandbox,
        provider,
        secrets: [token],
        seed: (people, active) => {
          for (const { person, email, fields } of people) {
            const { firstName: givenName = '', lastName: familyName = '', department = '' } = fields;
            const attributes = {
              title: 'Clerk',
              displayName: 'Clerk 1',
              addresses: [{ type: 'work', country: 'IE' }],
              preferredLanguage: 'en-IE',
              [enterpriseSchema]: { department, division: 'East' },
            };
            state.add({
              userName: email,
              externalId: person,
              email,
              givenName,
              familyName,
              active,
              attributes,
            });
          }
        },
        seedWhole: ({ person, email, fields }) => {
          const { firstName: givenName = '', lastName: familyName = '', department = '' } = fields;
          state.add({
            userName: email,
            externalId: person,
            email,
            givenName,
            familyName,
            active: true,
            attributes: wholeUser(department, email),
          });
        },
        ids: () => [...state.users.map(({ id }) => id), groupId],
        accountsThere: () => structuredClone(state.users),
        breakRead: (fault) => {
          sandbox.fail({
            method: 'GET',
            path: '/scim/v2/Users',
            times: Number.POSITIVE_INFINITY,
            effect: scimFault(fault),
          });
        },
        refuse: ({ email }) => {
          state.unprocessable.add(email);
          // Alone, a server error may pass and is sent again; a user that is refused for good is a 400.
          sandbox.fail({
            path: '/scim/v2/Users',
            when: ({ text }) => text.includes(email),
            times: Number.POSITIVE_INFINITY,
            effect: {
              do: 'answer',
              response: { status: 400, json: { status: '400', scimType: 'invalidValue' } },
            },
          });
        },
        ...(capabilities.missing.enrollments === undefined
          ? { enrollmentRule: { target: 'Warehouse safety', when: 'true', keepCompleted: true } }
          : {}),
      };
    },
  });
}

const alone = scim.create(block('http://127.0.0.1:9', 'none'), quiet).capabilities;
const inBulk: Capabilities = {
  ...alone,
  operations: alone.operations.map((operation) =>
    operation.name.endsWith('roll') ? operation : { ...operation, limit: 30 },
  ),
};

harness('scim, one by one', { bulk: false }, alone, withGroups);
/** Users are replaced whole there. */
const withoutPatch: Capabilities = {
  ...alone,
  operations: alone.operations.filter(({ name }) => !name.endsWith('roll')),
  missing: {
    ...alone.missing,
    enrollments:
      'the service has no PATCH (ServiceProviderConfig: patch.supported is false), and replacing a whole group could remove people added meanwhile',
  },
};
harness('scim, without PATCH', { bulk: false, patch: false }, withoutPatch);
harness('scim, through /Bulk', { bulk: { maxOperations: 30 } }, inBulk);
