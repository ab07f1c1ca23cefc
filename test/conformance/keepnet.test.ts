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
import { blockOf, freePacer, platform, type ReadFault } from './harness.ts';
import { conformance } from './suite.ts';

const target = 'Warehouse safety';
const training = 'Lock your screen';

function block(baseUrl: string, keys: Readonly<Record<string, unknown>>): PlatformConfig {
  return blockOf(keepnet, {
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

function harness(name: string, sandboxIs: KeepnetOptions, keys: Readonly<Record<string, unknown>>): void {
  conformance({
    name,
    capabilities: keepnet.create(block('http://127.0.0.1:9', keys), quiet).capabilities,
    credentialKeys: ['clientId', 'clientSecret'],
    accountsOfThreePages: 250,
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

harness("keepnet, a company's own administrator", {}, {});
harness(
  'keepnet, through a reseller, with employee ids',
  {
    reseller: true,
    companies: [{ name: 'Juniper Dental Group' }, { name: 'Fern Ltd' }],
    companyIdField: 'resourceId',
    trainingIdField: 'resourceId',
    enrollmentIdField: 'resourceId',
    envelope: 'alternate',
    nullWhenEmpty: false,
  },
  { company: 'Juniper Dental Group', employeeIdField: 'EmployeeId' },
);
