import { type Capabilities, type Provider, type ProviderDeps, defineProvider } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createScimAccounts, type ScimAccounts } from '../scim/accounts.ts';
import { required, type ScimFields, scimFields } from '../scim/fields.ts';
import { createOutthinkClient } from './api.ts';
import { listCampaigns, resolveCampaigns } from './campaigns.ts';
import { readMembers, readResults, writeMembers } from './members.ts';
import { noAccounts, type OutthinkSettings, settings } from './settings.ts';

/** What OutThink's SCIM takes; others it ignores (vendor's documentation). The job title is the primary role there. */
const fields: ScimFields = {
  firstName: required(scimFields.firstName),
  lastName: required(scimFields.lastName),
  email: required(scimFields.email),
  department: scimFields.department,
  title: {
    spec: scimFields.title.spec,
    place: { in: 'list', list: 'roles', attribute: 'value', mark: { primary: true } },
  },
  country: scimFields.country,
  division: scimFields.division,
  employeeNumber: scimFields.employeeNumber,
  nickName: scimFields.nickName,
  language: scimFields.language,
};

function createAccounts(block: OutthinkSettings, deps: ProviderDeps): ScimAccounts | undefined {
  if (block.scim === undefined) return undefined;
  return createScimAccounts({
    baseUrl: block.scim.baseUrl,
    token: block.scim.token,
    timeoutMs: block.timeout,
    deps,
    credentialKeys: ['scim.token'],
    // The id in the source system, whatever accounts are matched by: campaigns know people by it.
    profile: { matchBy: block.matchBy, userName: 'employeeId', fields },
    byRule: block.fields,
    batch: block.batch,
  });
}

function create(block: OutthinkSettings, deps: ProviderDeps): Provider {
  const { identifier, batch } = block;
  const { platform } = deps;
  const client = createOutthinkClient(block, deps);
  const accounts = createAccounts(block, deps);
  const refused = (): ProviderError => new ProviderError('CAPABILITY_MISSING', `${platform}: ${noAccounts}.`);

  function capabilities(): Capabilities {
    const members: Capabilities['operations'] = [
      { name: 'enroll', kinds: ['enroll'], limit: batch },
      { name: 'unenroll', kinds: ['unenroll'], limit: batch },
    ];
    if (accounts === undefined) {
      return {
        accounts: 'none',
        matchBy: identifier === 'userEmail' ? 'email' : 'externalId',
        fields: {},
        operations: members,
        lookUp: false,
        missing: { accounts: noAccounts, deactivate: noAccounts, lookUp: noAccounts },
      };
    }
    const noLookUp = accounts.noLookUp();
    return {
      accounts: 'write',
      matchBy: accounts.matchBy,
      fields: accounts.fields,
      operations: [...accounts.operations(), ...members],
      lookUp: noLookUp === undefined,
      missing: noLookUp === undefined ? {} : { lookUp: noLookUp },
    };
  }

  return {
    get capabilities() {
      return capabilities();
    },
    prepare: async (ctx) => {
      await accounts?.prepare(ctx);
    },
    signIn: async (ctx) => {
      await client.signIn(ctx);
      await accounts?.signIn(ctx);
    },
    readAccounts: (ctx, onTotal) => {
      if (accounts === undefined) throw refused();
      return accounts.readAccounts(ctx, onTotal);
    },
    lookUp: async (ref, ctx) => {
      if (accounts === undefined) throw refused();
      return accounts.lookUp(ref, ctx);
    },
    resolveTargets: (rules, ctx) => resolveCampaigns(client, platform, rules, ctx),
    readMembers: (target, ctx) => readMembers(client, platform, target, ctx),
    listTargets: (ctx) => listCampaigns(client, platform, ctx),
    write: async (request, ctx) => {
      if (!('accounts' in request)) return writeMembers(client, platform, identifier, request, ctx);
      if (accounts === undefined) throw refused();
      return accounts.write(request.accounts, ctx);
    },
    readResults: (targets, _sinceIso, ctx) => readResults(client, platform, targets, ctx),
  };
}

/** OutThink: accounts over SCIM, enrollment in training campaigns over its REST API. */
export const outthink = defineProvider({
  name: 'outthink',
  settings,
  tenantOf: ({ baseUrl, customerId }) => `${baseUrl.replace(/\/+$/, '')} ${customerId}`,
  credentialOf: ({ customerId, apiKey }) => `${customerId} ${apiKey}`,
  create,
});
