import {
  addEnrollment,
  addGroup,
  addTraining,
  addUser,
  completeTraining,
  findByEmail,
  type KeepnetOptions,
  sendEnrollment,
  startKeepnet,
} from '../../sandbox/keepnet/index.ts';
import type { SandboxResponse } from '../../sandbox/server.ts';
import type { PlatformConfig } from '../../src/config/schema.ts';
import type { ProviderDeps } from '../../src/providers/contract.ts';
import { keepnet } from '../../src/providers/keepnet/index.ts';
import { counted, mayBeEmpty, needed, row, typed } from './fields.ts';
import { type Answers, freePacer, type Means, platform, type ReadFault } from './harness.ts';
import { conformance } from './suite.ts';

const target = 'Warehouse safety';
const training = 'Lock your screen';

function block(baseUrl: string, keys: Readonly<Record<string, unknown>>): PlatformConfig {
  return keepnet.parse({
    baseUrl,
    clientId: 'client',
    clientSecret: 'secret',
    enrollments: [{ target, when: 'true', training }],
    ...keys,
  });
}

const quiet: ProviderDeps = {
  platform,
  pacer: freePacer(),
  log: { debug: () => undefined, warn: () => undefined },
};

type Page = { totalNumberOfRecords: number; results: unknown[] };

function changed(response: SandboxResponse, change: (page: Page) => Page): SandboxResponse {
  const answer = response.json as { data: Page };
  return { ...response, json: { ...answer, data: change(answer.data) } };
}

const page = (rows: Readonly<Record<string, Means>>): Readonly<Record<string, Means>> => ({
  data: { ...needed },
  'data.totalNumberOfPages': needed,
  'data.totalNumberOfRecords': needed,
  'data.results': counted,
  'data.results.*': row,
  ...Object.fromEntries(Object.entries(rows).map(([field, means]) => [`data.results.*.${field}`, means])),
});
/** The custom fields of a list: only the employee id's is read. */
const customFields: Readonly<Record<string, Means>> = {
  customFieldValues: { null: 'empty', absent: 'empty', type: 'fails' },
  'customFieldValues.*': { null: 'fails', type: 'fails' },
  'customFieldValues.*.resourceId': typed,
  'customFieldValues.*.name': typed,
  'customFieldValues.*.dataType': typed,
  'customFieldValues.*.value': typed,
  'customFieldValues.*.timestampValue': typed,
};
const answers: Answers = {
  'POST /api/target-users/search': page({
    resourceId: needed,
    email: mayBeEmpty,
    firstName: mayBeEmpty,
    lastName: mayBeEmpty,
    department: mayBeEmpty,
    ...customFields,
    phoneNumber: mayBeEmpty,
    status: { ...needed, word: 'fails' },
  }),
  'GET /api/target-users/{id}': {
    data: needed,
    'data.resourceId': { ...needed, word: 'fails' },
    // What cannot be written back without an email is refused.
    'data.email': { null: 'refused', absent: 'refused', type: 'fails', word: 'other' },
    'data.firstName': mayBeEmpty,
    'data.lastName': mayBeEmpty,
    'data.department': mayBeEmpty,
    // Left out, it is what the platform gives to everybody.
    'data.priority': { null: 'other', absent: 'other', type: 'fails', word: 'passes' },
    'data.customFieldValues': { null: 'other', absent: 'fails', type: 'fails' },
    'data.customFieldValues.*': { null: 'fails', absent: 'other', type: 'fails' },
    'data.customFieldValues.*.resourceId': mayBeEmpty,
    'data.customFieldValues.*.name': { ...mayBeEmpty, null: 'other', absent: 'other', word: 'other' },
    'data.customFieldValues.*.dataType': mayBeEmpty,
    'data.customFieldValues.*.value': mayBeEmpty,
    'data.customFieldValues.*.timestampValue': typed,
    'data.phoneNumber': mayBeEmpty,
    'data.isActive': needed,
    'data.timeZoneId': typed,
    'data.preferredLanguageId': typed,
    'data.managerFirstName': typed,
    'data.managerLastName': typed,
    'data.managerEmail': typed,
  },
  'GET /api/target-groups': {
    // No groups: then the one that is meant is not found.
    data: { null: 'unknown', absent: 'unknown', type: 'fails' },
    'data.*': { null: 'fails', absent: 'unknown', type: 'fails' },
    'data.*.resourceId': needed,
    'data.*.name': { null: 'unknown', absent: 'unknown', type: 'fails', word: 'unknown' },
    'data.*.isEditable': typed,
    'data.*.isScimGroup': typed,
    'data.*.isGoogleGroup': typed,
  },
  'POST /api/enrollments/search': page({
    enrollmentId: needed,
    name: needed,
    trainingName: { type: 'fails', word: 'other' },
    // Whether it was sent is then not known.
    status: { null: 'empty', absent: 'empty', type: 'empty', word: 'empty' },
  }),
  'POST /api/training-reports/{id}/users/search': page({
    status: { null: 'open', absent: 'open', type: 'fails', word: 'open' },
    examScore: { null: 'empty', absent: 'empty', type: 'empty' },
    // The email tells then who it is.
    targetUserResourceId: { null: 'other', absent: 'other', type: 'fails', word: 'other' },
    email: mayBeEmpty,
  }),
  'POST /api/target-groups/{id}/users': page({
    resourceId: needed,
    email: mayBeEmpty,
    firstName: typed,
    lastName: typed,
    department: typed,
    ...customFields,
    phoneNumber: typed,
    status: { ...needed, word: 'fails' },
  }),
  'POST /api/trainings/search': page({
    trainingId: { ...needed, word: 'passes' },
    trainingName: { null: 'unknown', absent: 'unknown', type: 'fails', word: 'unknown' },
  }),
  'POST /api/companies/search': {
    data: needed,
    'data.totalNumberOfPages': needed,
    'data.totalNumberOfRecords': needed,
    // There are none over their licence.
    'data.results': typed,
  },
  'POST /api/target-users': { data: needed, 'data.resourceId': { ...needed, word: 'passes' } },
  'POST /api/enrollments': { data: needed, 'data.id': needed },
};

function harness(
  name: string,
  sandboxIs: KeepnetOptions,
  keys: Readonly<Record<string, unknown>>,
  told?: Answers,
): void {
  conformance({
    name,
    capabilities: keepnet.create(block('http://127.0.0.1:9', keys), quiet).capabilities,
    credentialKeys: ['clientId', 'clientSecret'],
    accountsOfThreePages: 250,
    answers: told ?? null,
    extraFields: {
      phoneNumber: '+353 1 555 0100',
      timeZone: 'Europe/Dublin',
      language: 'en-IE',
      manager: 'boss@example.com',
    },
    start: async ({ deps, wrongSecret, sandbox: options }) => {
      const { sandbox, state, credentials } = await startKeepnet({ ...options, ...sandboxIs });
      const { company } = state;
      const group = addGroup(company, { name: target });
      const { resourceId: trainingId } = addTraining(company, { name: training });
      const targetGroupResourceIds = [group.resourceId];
      const enrollment = addEnrollment(company, {
        name: `${training} / ${target}`,
        trainingId,
        targetGroupResourceIds,
      });
      const clientSecret = wrongSecret ?? credentials.clientSecret;
      const config = block(sandbox.url, { ...keys, clientId: credentials.clientId, clientSecret });
      let firstPage: unknown[] = [];
      const rewrites: Record<ReadFault, (page: Page) => Page> = {
        dropped: (page) => ({ ...page, results: [] }),
        repeated: (page) => ({ ...page, results: firstPage }),
        total: (page) => ({ ...page, totalNumberOfRecords: page.totalNumberOfRecords + 1 }),
        short: (page) => ({ ...page, results: page.results.slice(1) }),
      };
      return {
        sandbox,
        provider: keepnet.create(config, deps),
        secrets: [clientSecret],
        seed: (people, isActive) => {
          for (const { person, email, fields } of people) {
            const { firstName = '', lastName = '', department = '' } = fields;
            const customFields =
              'employeeIdField' in keys ? [{ name: String(keys['employeeIdField']), value: person }] : [];
            addUser(company, { email, firstName, lastName, department, isActive, customFields });
          }
        },
        seedWhole: ({ person, email, fields }) => {
          const { firstName = '', lastName = '', department = '' } = fields;
          const own =
            'employeeIdField' in keys ? [{ name: String(keys['employeeIdField']), value: person }] : [];
          addUser(company, {
            email,
            firstName,
            lastName,
            department,
            phoneNumber: '+353 1 555 0199',
            priority: 'High',
            timeZoneId: 'tz-7',
            preferredLanguageId: 'lang-3',
            managerFirstName: 'Bo',
            managerLastName: 'Lind',
            managerEmail: 'bo@example.com',
            customFields: [
              { resourceId: 'cf1', name: 'Site', dataType: 'Text', value: 'Cork' },
              { resourceId: 'cf2', name: 'Since', dataType: 'Date', timestampValue: '2026-01-02T00:00:00Z' },
              ...own,
            ],
          });
        },
        ids: () =>
          [company.users, company.groups, company.trainings, company.enrollments, state.companies].flatMap(
            (listing) => [...listing.rows()].map(({ resourceId }) => resourceId),
          ),
        // When it was last written is of no account.
        accountsThere: () =>
          company.users.rows().map(({ updateTime: _when, ...user }) => structuredClone(user)),
        breakRead: (fault) => {
          sandbox.fail({
            path: '/api/target-users/search',
            times: Number.POSITIVE_INFINITY,
            effect: {
              do: 'rewrite',
              rewrite: (response) => {
                const { data } = response.json as { data: Page & { pageNumber: number } };
                if (data.pageNumber === 1) firstPage = data.results;
                return fault === 'total' || data.pageNumber === 2
                  ? changed(response, rewrites[fault])
                  : response;
              },
            },
          });
        },
        refuse: ({ email }) => {
          sandbox.fail({
            kind: 'write',
            when: ({ text }) => text.includes(email),
            times: Number.POSITIVE_INFINITY,
            effect: {
              do: 'answer',
              response: { status: 400, json: { isSuccess: false, messages: [email] } },
            },
          });
        },
        enrollmentRule: config.enrollments[0] ?? { target, when: 'true', keepCompleted: true },
        recordResult: ({ email }, completed) => {
          if (enrollment.sends === 0) sendEnrollment(company, enrollment);
          const user = findByEmail(company, email);
          if (completed && user !== undefined) completeTraining(company, enrollment, user.resourceId);
        },
      };
    },
  });
}

harness(
  "keepnet, a company's own administrator, as other documents name things",
  {
    trainingIdField: 'resourceId',
    enrollmentIdField: 'resourceId',
    envelope: 'alternate',
    nullWhenEmpty: false,
  },
  {},
);
harness(
  'keepnet, through a reseller, with employee ids',
  { reseller: true, companies: [{ name: 'Juniper Dental Group' }, { name: 'Fern Ltd' }] },
  { company: 'Juniper Dental Group', employeeIdField: 'EmployeeId' },
  answers,
);
