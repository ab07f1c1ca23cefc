import { type Capabilities, type Provider, type ProviderDeps, defineProvider } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createScimAccounts } from './accounts.ts';
import type { ScimProfile } from './convert.ts';
import { scimFields } from './fields.ts';
import { listGroups, readGroupMembers, resolveGroups, writeMembers } from './groups.ts';
import { type ScimSettings, settings } from './settings.ts';

const noResults = 'SCIM has groups, not trainings: there is nothing to read results from';
const noPatch =
  'the service has no PATCH (ServiceProviderConfig: patch.supported is false), and replacing a whole group could remove people added meanwhile';

function create(block: ScimSettings, deps: ProviderDeps): Provider {
  const { baseUrl, token, matchBy, batch, timeout, fields } = block;
  const profile: ScimProfile = {
    matchBy,
    userName: matchBy === 'userName' ? 'employeeId' : 'email',
    fields: scimFields,
  };
  const accounts = createScimAccounts({
    baseUrl,
    token,
    timeoutMs: timeout,
    deps,
    credentialKeys: ['token'],
    profile,
    byRule: fields,
    batch,
  });
  const { client } = accounts;
  const groupsClosed = (): string | undefined => (client.known()?.patch === false ? noPatch : undefined);

  function capabilities(): Capabilities {
    const noGroups = groupsClosed();
    const noLookUp = accounts.noLookUp();
    const members: Capabilities['operations'] = [
      { name: 'enroll', kinds: ['enroll'], limit: batch },
      { name: 'unenroll', kinds: ['unenroll'], limit: batch },
    ];
    return {
      accounts: 'write',
      matchBy: accounts.matchBy,
      fields: accounts.fields,
      operations: [...accounts.operations(), ...(noGroups === undefined ? members : [])],
      lookUp: noLookUp === undefined,
      missing: {
        results: noResults,
        ...(noGroups === undefined ? {} : { enrollments: noGroups }),
        ...(noLookUp === undefined ? {} : { lookUp: noLookUp }),
      },
    };
  }

  function refuseClosed(): void {
    const closed = groupsClosed();
    if (closed !== undefined) throw new ProviderError('CAPABILITY_MISSING', `${deps.platform}: ${closed}.`);
  }

  return {
    get capabilities() {
      return capabilities();
    },
    prepare: accounts.prepare,
    signIn: accounts.signIn,
    readAccounts: accounts.readAccounts,
    lookUp: accounts.lookUp,
    resolveTargets: async (rules, ctx) => {
      if (rules.length > 0) refuseClosed();
      return resolveGroups(client, rules, ctx);
    },
    readMembers: (target, ctx) => readGroupMembers(client, target, ctx),
    listTargets: (ctx) => listGroups(client, ctx),
    write: async (request, ctx) => {
      if ('accounts' in request) return accounts.write(request.accounts, ctx);
      refuseClosed();
      return writeMembers(client, profile, request, ctx);
    },
    // biome-ignore lint/correctness/useYield: there are none, and that is an error rather than an empty list.
    readResults: async function* () {
      throw new ProviderError('CAPABILITY_MISSING', `${deps.platform}: ${noResults}.`);
    },
  };
}

/** Any SCIM 2.0 service: accounts, and groups as enrollment targets. */
export const scim = defineProvider({
  name: 'scim',
  settings,
  tenantOf: (block) => block.baseUrl.replace(/\/+$/, ''),
  credentialOf: ({ token }) => token,
  create,
});
