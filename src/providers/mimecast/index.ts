import type { Account } from '../../account.ts';
import {
  type CallContext,
  type Capabilities,
  type Provider,
  type ProviderDeps,
  defineProvider,
} from '../contract.ts';
import { ProviderError } from '../error.ts';
import { IdIndex } from '../../id-index.ts';
import { createApi, type MimecastApi } from './api.ts';
import { fields, isPerson, toAccount } from './convert.ts';
import { directoryOwnsUsers, type MimecastSettings, settings } from './settings.ts';
import { createTargets } from './targets.ts';
import { createWriter } from './write.ts';

const noLookUp = 'The API lists users by domain and has no operation for a single one';

function capabilitiesOf(block: MimecastSettings): Capabilities {
  const members = [
    { name: 'enroll', kinds: ['enroll'], limit: block.batch },
    { name: 'unenroll', kinds: ['unenroll'], limit: block.batch },
  ] as const;
  const common = { matchBy: 'email', lookUp: false } as const;
  if (!block.manageUsers) {
    const missing = { accounts: directoryOwnsUsers, deactivate: directoryOwnsUsers, lookUp: noLookUp };
    return { ...common, accounts: 'none', fields: {}, operations: members, missing };
  }
  return {
    ...common,
    accounts: 'write',
    fields,
    operations: [
      { name: 'create', kinds: ['create'], limit: block.batch },
      { name: 'update', kinds: ['update', 'reactivate'], limit: block.batch },
      { name: 'deactivate', kinds: ['deactivate'], limit: block.batch },
      ...members,
    ],
    missing: { lookUp: noLookUp },
  };
}

/** The users of all domains. The totals count aliases too, so they tell nobody how many accounts to expect. */
async function* readUsers(
  api: MimecastApi,
  block: MimecastSettings,
  platform: string,
  ctx: CallContext,
): AsyncGenerator<readonly Account[], void, undefined> {
  const seen = new IdIndex();
  for (const domain of new Set(block.domains.map((name) => name.toLowerCase()))) {
    for await (const { rows } of api.users(domain, ctx)) {
      const accounts = rows.filter(isPerson).map(toAccount);
      for (const { email } of accounts) {
        if (email === null || seen.add(email)) continue;
        throw new ProviderError(
          'READ_INCOMPLETE',
          `${platform}: the users of ${domain} gave an address twice among ${seen.size + 1}.`,
        );
      }
      yield accounts;
    }
  }
}

function create(block: MimecastSettings, deps: ProviderDeps): Provider {
  const { platform } = deps;
  const api = createApi(block, deps);
  const targets = createTargets(api, block, deps);
  const missing = (reason: string) => new ProviderError('CAPABILITY_MISSING', `${platform}: ${reason}.`);
  return {
    capabilities: capabilitiesOf(block),
    signIn: (ctx) => api.probe(ctx),
    readAccounts: (ctx) => {
      if (!block.manageUsers) throw missing(directoryOwnsUsers);
      return readUsers(api, block, platform, ctx);
    },
    lookUp: async () => {
      throw missing(noLookUp);
    },
    resolveTargets: targets.resolve,
    readMembers: targets.readMembers,
    write: createWriter(api, block, platform),
    listTargets: targets.list,
    // Campaign rows carry no time to begin from: all come each time.
    readResults: (resolved, _sinceIso, ctx: CallContext) => targets.readResults(resolved, ctx),
  };
}

/** Mimecast awareness training: membership of directory groups, results of campaigns, and users if they are ours. */
export const mimecast = defineProvider({
  name: 'mimecast',
  settings,
  tenantOf: ({ baseUrl, accessKey, clientId }) =>
    JSON.stringify([new URL(baseUrl).href, accessKey ?? clientId ?? null]),
  // The vendor counts by application.
  credentialOf: ({ applicationId, clientId }) => applicationId ?? clientId ?? '',
  create,
});
