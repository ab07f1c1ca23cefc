import { addGroup as addKeepnetGroup, startKeepnet } from '../keepnet/index.ts';
import { addGroup as addMimecastGroup, startMimecast } from '../mimecast/index.ts';
import { startOutthink } from '../outthink/index.ts';
import { startScim } from '../scim/index.ts';
import { startSparkwise } from '../sparkwise/index.ts';
import { companyDomain } from './company.ts';

const dayMs = 86_400_000;

/** The five platforms as local servers, and how many requests a second each of them takes. */
export type Platforms = Awaited<ReturnType<typeof startPlatforms>>;

/**
 * Starts the five sandboxes. Their limits are lifted far above the vendors' own, so that the demo ends in time: Keepnet
 * takes one request for each account.
 */
export async function startPlatforms(rate: number) {
  const isoDay = (days: number): string => new Date(Date.now() + days * dayMs).toISOString();
  const options = { rate, keepBodies: false };
  const [academy, awareness, phishing, mail, library] = await Promise.all([
    startSparkwise(options),
    startKeepnet({ ...options, maxPageSize: 1_000 }),
    startOutthink({
      ...options,
      campaigns: [
        { name: 'Payment fraud', startDate: isoDay(-30), endDate: isoDay(60) },
        { name: 'Phishing basics', startDate: isoDay(-30), endDate: isoDay(60) },
      ],
      scim: { bulk: { maxOperations: 200 } },
    }),
    startMimecast({ ...options, windowMs: 1_000, domains: [companyDomain], maxDataItems: 100 }),
    startScim({ ...options, groups: [{ displayName: 'Drivers' }, { displayName: 'Everybody' }] }),
  ]);
  addKeepnetGroup(awareness.state.company, { name: 'Warehouse staff' });
  addMimecastGroup(mail.state, { description: 'Awareness training' });
  return {
    academy,
    awareness,
    phishing,
    mail,
    library,
    close: async () => {
      await Promise.all([academy, awareness, phishing, mail, library].map(({ sandbox }) => sandbox.close()));
    },
  };
}

/** The part of the configuration that says where people come from. */
const rosterPart = `dataDir: ./data
roster:
  source: ./hr/roster-*.csv            # of several matches, the one modified last
  columns:
    id: WorkerID
    email: WorkEmail
    firstName: FirstName
    lastName: LastName
    department: Department
    status: WorkerStatus
    startDate: HireDate
  attributes: [Country, JobTitle]
  state:                               # the first that matches; a row that none matches is rejected
    - { is: terminated, when: 'person.status == "Left"' }
    - { is: leave, when: 'person.status == "On leave"' }
    - { is: active, when: 'person.status == "Active"' }
platforms:
`;

/** The configuration of the first part: one platform. */
export function onePlatform({ academy }: Platforms, rate: number): string {
  return `${rosterPart}  academy:
    provider: sparkwise
    mode: full
    baseUrl: ${academy.sandbox.url}
    apiKey: \${file:secrets/sparkwise-api-key}
    rate: ${rate}/s
`;
}

/** The configuration of the second part: all five. */
export function allPlatforms(platforms: Platforms, rate: number): string {
  const { awareness, phishing, mail, library } = platforms;
  return `${onePlatform(platforms, rate)}  phishing:
    provider: outthink
    mode: full
    baseUrl: ${phishing.restUrl}
    customerId: \${file:secrets/outthink-customer-id}
    apiKey: \${file:secrets/outthink-api-key}
    scim: { baseUrl: "${phishing.scimUrl}", token: "\${file:secrets/outthink-scim-token}" }
    fields: { title: person.attributes.JobTitle }
    rate: ${rate}/s
    enrollments:
      - { target: Payment fraud, when: 'person.department in ["Finance", "Sales"]' }
  awareness:
    provider: keepnet
    mode: full
    baseUrl: ${awareness.sandbox.url}
    clientId: \${file:secrets/keepnet-client-id}
    clientSecret: \${file:secrets/keepnet-client-secret}
    pageSize: 1000
    accounts: person.state in ["active", "leave"] && person.attributes.Country == "VN"
    rate: ${rate}/s
    enrollments:
      - { target: Warehouse staff, when: person.department == "Warehouse" }
  mail:
    provider: mimecast
    mode: full
    baseUrl: ${mail.sandbox.url}
    clientId: \${file:secrets/mimecast-client-id}
    clientSecret: \${file:secrets/mimecast-client-secret}
    batch: 100
    rate: ${rate}/s
    enrollments:
      - { target: Awareness training, when: person.state == "active" }
  library:
    provider: scim
    mode: full
    baseUrl: ${library.baseUrl}
    token: \${file:secrets/library-scim-token}
    rate: ${rate}/s
    enrollments:
      - { target: Drivers, when: person.department == "Drivers" }
`;
}

/** The secrets by the name of their file. */
export function secretsOf({
  academy,
  awareness,
  phishing,
  mail,
  library,
}: Platforms): Readonly<Record<string, string>> {
  return {
    'sparkwise-api-key': academy.apiKey,
    'outthink-customer-id': phishing.credentials.customerId,
    'outthink-api-key': phishing.credentials.apiKey,
    'outthink-scim-token': phishing.credentials.scimToken,
    'keepnet-client-id': awareness.credentials.clientId,
    'keepnet-client-secret': awareness.credentials.clientSecret,
    'mimecast-client-id': mail.client.clientId,
    'mimecast-client-secret': mail.client.clientSecret,
    'library-scim-token': library.token,
  };
}
