import { type CallContext, type Provider, type ProviderDeps, defineProvider } from '../contract.ts';
import { createApi, type KeepnetApi } from './api.ts';
import { fields, isEmployeeId, toAccount } from './convert.ts';
import { createLauncher } from './launch.ts';
import { type KeepnetSettings, settings } from './settings.ts';
import { createTargets } from './targets.ts';
import { createWriter } from './write.ts';

async function* readAccounts(
  api: KeepnetApi,
  block: KeepnetSettings,
  ctx: CallContext,
  onTotal?: (total: number) => void,
) {
  for await (const rows of api.users(ctx, onTotal)) yield rows.map((row) => toAccount(row, block));
}

/** Companies over their licence: ours first, then how many others of the reseller. */
async function licenceWarnings(
  api: KeepnetApi,
  block: KeepnetSettings,
  ctx: CallContext,
): Promise<readonly string[]> {
  const own = await api.findCompany(ctx);
  if (block.company === undefined || own === undefined) return [];
  const over = await api.companies(ctx, true);
  const others = over.filter(({ id }) => id !== own);
  const warnings: string[] = [];
  if (others.length < over.length) {
    warnings.push(`Company "${block.company}" has more target users than its licence covers.`);
  }
  if (others.length > 0) {
    const names = others.slice(0, 5).map(({ id, name }) => `"${name || id}"`);
    const more = others.length > names.length ? ` and ${others.length - names.length} more` : '';
    warnings.push(`Other companies of this reseller are over their licence: ${names.join(', ')}${more}.`);
  }
  return warnings;
}

/** Names of custom fields that a warning lists. */
const mostNames = 10;

/** A custom field for the employee id that no target user carries: it may be misspelled. Read until one does. */
async function fieldWarnings(
  api: KeepnetApi,
  { employeeIdField }: KeepnetSettings,
  ctx: CallContext,
): Promise<readonly string[]> {
  if (employeeIdField === undefined) return [];
  const names = new Set<string>();
  let count = 0;
  for await (const rows of api.users(ctx)) {
    count += rows.length;
    for (const field of rows.flatMap(({ customFieldValues }) => customFieldValues ?? [])) {
      if (isEmployeeId(field, employeeIdField)) return [];
      if (field.name) names.add(field.name);
    }
  }
  if (count === 0) return [];
  const name = typeof employeeIdField === 'string' ? employeeIdField : employeeIdField.name;
  const some = [...names].sort().slice(0, mostNames);
  const more = names.size > some.length ? ` and ${names.size - some.length} more` : '';
  const there = names.size === 0 ? 'none' : `${some.map((one) => `"${one}"`).join(', ')}${more}`;
  return [
    `employeeIdField is "${name}", and none of the ${count} target users carries it; custom fields there: ${there}. If it is misspelled, nobody is found by their employee id.`,
  ];
}

function create(block: KeepnetSettings, deps: ProviderDeps): Provider {
  const api = createApi(block, deps);
  const targets = createTargets(api, block, deps.platform);
  const writer = createWriter(api, block);
  return {
    capabilities: {
      accounts: 'write',
      matchBy: block.employeeIdField === undefined ? 'email' : 'externalId',
      fields,
      operations: [
        { name: 'create', kinds: ['create'], limit: 1 },
        { name: 'update', kinds: ['update', 'reactivate'], limit: 1 },
        { name: 'deactivate', kinds: ['deactivate'], limit: 1 },
        { name: 'enroll', kinds: ['enroll'], limit: block.batch },
        { name: 'unenroll', kinds: ['unenroll'], limit: block.batch },
      ],
      lookUp: true,
      missing: {},
    },
    signIn: (ctx) => api.probe(ctx),
    readAccounts: (ctx, onTotal) => readAccounts(api, block, ctx, onTotal),
    lookUp: async (ref, ctx) => {
      const byId = ref.id === null ? null : await api.user(ref.id, ctx);
      const found = byId ?? (await writer.findByEmail(ref.email, ctx));
      return found === null ? null : toAccount(found, block);
    },
    resolveTargets: targets.resolve,
    readMembers: targets.readMembers,
    write: writer.write,
    listTargets: targets.list,
    // Reports take no time to begin from: all rows come each time.
    readResults: (resolved, _sinceIso, ctx) => targets.readResults(resolved, ctx),
    launcher: createLauncher(api, targets, block, deps.platform),
    warnings: async (ctx) => [
      ...(await licenceWarnings(api, block, ctx)),
      ...(await fieldWarnings(api, block, ctx)),
    ],
  };
}

/** Keepnet: target users, target groups, and the enrollments sent to them. */
export const keepnet = defineProvider({
  name: 'keepnet',
  settings,
  tenantOf: ({ baseUrl, clientId, company }) =>
    JSON.stringify([new URL(baseUrl).href, clientId, company ?? null]),
  credentialOf: ({ clientId }) => clientId,
  create,
});
