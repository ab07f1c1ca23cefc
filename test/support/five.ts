import {
  addGroup as addKeepnetGroup,
  addTraining,
  type KeepnetCompany,
  type KeepnetGroup,
  type KeepnetSandbox,
  startKeepnet,
} from '../../sandbox/keepnet/index.ts';
import {
  addCampaign,
  addGroup as addMimecastGroup,
  type MimecastCampaign,
  type MimecastGroup,
  type MimecastSandbox,
  startMimecast,
} from '../../sandbox/mimecast/index.ts';
import { startOutthink } from '../../sandbox/outthink/index.ts';
import type { OutthinkState } from '../../sandbox/outthink/state.ts';
import { startScim } from '../../sandbox/scim/index.ts';
import type { ScimState } from '../../sandbox/scim/state.ts';
import type { Sandbox } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import type { RunReport } from '../../src/actions/run-report.ts';
import { type Company, type CompanyOptions, openCompany } from './harness.ts';

/** The five platforms of one configuration, in its order; what each is the provider of. */
export const platformNames = ['academy', 'awareness', 'phishing', 'mail', 'library'] as const;
export const providerOf = {
  academy: 'sparkwise',
  awareness: 'outthink',
  phishing: 'keepnet',
  mail: 'mimecast',
  library: 'scim',
} as const satisfies Readonly<Record<(typeof platformNames)[number], string>>;
export type PlatformName = (typeof platformNames)[number];

/** Ids and names of what people are enrolled in. */
export const names = {
  fraud: 'Payment fraud',
  harbour: 'Harbour safety',
  warehouse: 'Warehouse staff',
  training: 'Lock your screen',
  launch: 'Lock your screen / Warehouse staff',
  group: 'Awareness training',
  campaign: 'Spot the phish',
  drivers: 'Drivers',
} as const;

export type Five = Company & {
  readonly sandboxes: Readonly<Record<PlatformName, Sandbox>>;
  readonly sparkwise: SparkwiseState;
  readonly outthink: OutthinkState;
  readonly keepnet: KeepnetSandbox & { readonly company: KeepnetCompany; readonly group: KeepnetGroup };
  readonly mimecast: MimecastSandbox & {
    readonly group: MimecastGroup;
    readonly campaign: MimecastCampaign;
  };
  readonly scim: ScimState;
  /** Blocks of the configuration, to be changed and given to `configure`. */
  readonly blocks: Readonly<Record<PlatformName, Readonly<Record<string, unknown>>>>;
  /** `sync --json` of all platforms: each report, and the exit status. */
  readonly syncAll: (
    ...args: readonly string[]
  ) => Promise<{ readonly exit: number; readonly runs: Readonly<Record<string, RunReport>> }>;
  readonly clearLogs: () => void;
};

/** Lifted: what is tested here is not the pace. Much higher, and a run looks at very many batches at a time. */
const rate = '150/s';

export type FiveOptions = CompanyOptions & {
  readonly send?: boolean;
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly only?: readonly PlatformName[];
  /** Rows of a page, where platform or setting lets one choose. */
  readonly pageSize?: number;
  /** Every rule of an enrollment is for everybody. */
  readonly everybody?: boolean;
};

/** One company on all five platforms at once. */
export async function openFive({ pageSize = 100, ...options }: FiveOptions): Promise<Five> {
  const sparkwise = await startSparkwise({
    clusters: [
      {
        createdAt: '2026-01-05T09:00:00Z',
        clusterId: 'cluster-1',
        moduleId: 'module-1',
        moduleName: '=Talk, "listen"',
        moduleCategory: 'Leadership',
        moduleThumbnailUrl: '',
        moduleDescription: '',
        duration: 45,
      },
    ],
  });
  const outthink = await startOutthink({
    scim: { bulk: { maxOperations: 100 }, maxCount: pageSize },
    campaigns: [
      { id: 'campaign-fraud', name: names.fraud, startDate: '2020-01-01', endDate: '2999-12-31' },
      { id: 'campaign-harbour', name: names.harbour, startDate: '2020-01-01', endDate: '2999-12-31' },
    ],
  });
  const keepnet = await startKeepnet({
    reseller: true,
    companies: [{ name: 'Fern Ltd' }, { name: 'Juniper Dental Group' }],
  });
  const company = keepnet.state.companies.rows().find(({ name }) => name === 'Juniper Dental Group');
  if (company === undefined) throw new Error('the sandbox has no such company');
  const group = addKeepnetGroup(company, { name: names.warehouse });
  addTraining(company, { name: names.training });
  const mimecast = await startMimecast({
    api: '2.0',
    joinEnrolls: true,
    maxDataItems: 50,
    maxPageSize: pageSize,
  });
  const mailGroup = addMimecastGroup(mimecast.state, { description: names.group });
  const campaign = addCampaign(mimecast.state, { name: names.campaign, group: mailGroup });
  const scim = await startScim({
    maxCount: pageSize,
    groups: [{ id: 'group-drivers', displayName: names.drivers }],
  });
  const active = 'person.state == "active"';
  const blocks: Record<PlatformName, Record<string, unknown>> = {
    academy: {
      provider: providerOf.academy,
      mode: 'full',
      baseUrl: sparkwise.sandbox.url,
      apiKey: sparkwiseApiKey,
      rate,
    },
    awareness: {
      provider: providerOf.awareness,
      mode: 'full',
      baseUrl: outthink.restUrl,
      customerId: outthink.credentials.customerId,
      apiKey: outthink.credentials.apiKey,
      scim: { baseUrl: outthink.scimUrl, token: outthink.credentials.scimToken },
      rate,
      enrollments: [
        { target: names.fraud, when: 'person.department in ["Finance", "Sales"]' },
        { target: names.harbour, when: 'person.attributes.Location == "Ireland"' },
      ],
    },
    phishing: {
      provider: providerOf.phishing,
      mode: 'full',
      baseUrl: keepnet.sandbox.url,
      ...keepnet.credentials,
      company: 'Juniper Dental Group',
      pageSize,
      rate,
      enrollments: [
        {
          target: names.warehouse,
          when: 'person.department == "Warehouse"',
          training: names.training,
          send: options.send ?? true,
          ...options.rule,
        },
      ],
    },
    mail: {
      provider: providerOf.mail,
      mode: 'full',
      baseUrl: mimecast.sandbox.url,
      ...mimecast.client,
      batch: 50,
      rate,
      enrollments: [{ target: names.group, when: active, campaign: names.campaign }],
    },
    library: {
      provider: providerOf.library,
      mode: 'full',
      baseUrl: scim.baseUrl,
      token: scim.token,
      rate,
      enrollments: [{ target: names.drivers, when: 'person.department == "Stores"' }],
    },
  };
  if (options.everybody === true)
    for (const block of Object.values(blocks)) {
      const rules = block['enrollments'] as readonly object[] | undefined;
      if (rules !== undefined) block['enrollments'] = rules.map((rule) => ({ ...rule, when: active }));
    }
  const only = options.only ?? platformNames;
  const platforms = Object.fromEntries(only.map((name) => [name, blocks[name]]));
  const sandboxes: Record<PlatformName, Sandbox> = {
    academy: sparkwise.sandbox,
    awareness: outthink.sandbox,
    phishing: keepnet.sandbox,
    mail: mimecast.sandbox,
    library: scim.sandbox,
  };
  const open = await openCompany(
    { ...options, rate: 0, config: { platforms, ...options.config } },
    { sandbox: sparkwise.sandbox, block: {} },
  );
  const dispose = open[Symbol.asyncDispose];
  return Object.assign(open, {
    sandboxes,
    sparkwise: sparkwise.state,
    outthink: outthink.state,
    keepnet: Object.assign(keepnet, { company, group }),
    mimecast: Object.assign(mimecast, { group: mailGroup, campaign }),
    scim: scim.state,
    blocks,
    syncAll: async (...args: readonly string[]) => {
      const { exit, json, err } = await open.rollcall('sync', '--json', ...args);
      const { runs } = (json ?? { runs: [] }) as { runs: readonly RunReport[] };
      if (runs.length === 0) throw new Error(`no runs: ${err}`);
      return { exit, runs: Object.fromEntries(runs.map((run) => [run.platform, run])) };
    },
    clearLogs: () => {
      for (const sandbox of Object.values(sandboxes)) sandbox.clearLog();
    },
    [Symbol.asyncDispose]: async () => {
      await dispose();
      await Promise.all(platformNames.slice(1).map((name) => sandboxes[name].close()));
    },
  });
}
