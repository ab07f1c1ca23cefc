import { hash } from 'node:crypto';
import {
  type AccountItem,
  type CallContext,
  type Capabilities,
  type ItemOutcome,
  type Provider,
  type ProviderDeps,
  type TargetListing,
  type WriteRequest,
  defineProvider,
} from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createApi, type SparkwiseApi } from './api.ts';
import { completionRule } from './completed.ts';
import { noOutcome, remoteIdOf, toListing, toOutcomes, toUpsert, unsendable } from './convert.ts';
import { readCompletions, readUsers } from './read.ts';
import { noEnrollments, type SparkwiseSettings, settings } from './settings.ts';

const noLookUp = 'The API lists users page by page and has no operation for a single one';

function capabilitiesOf(block: SparkwiseSettings): Capabilities {
  return {
    accounts: 'write',
    matchBy: 'externalId',
    fields: {
      firstName: { from: 'firstName', readBack: true, required: true },
      lastName: { from: 'lastName', readBack: true, required: true },
      ...(block.sendEmail ? { email: { from: 'email', readBack: false } } : {}),
    },
    operations: [
      { name: 'upsert', kinds: ['create', 'update', 'reactivate'], limit: block.batch },
      { name: 'deactivate', kinds: ['deactivate'], limit: block.batch },
    ],
    lookUp: false,
    missing: { enrollments: noEnrollments, lookUp: noLookUp },
  };
}

function create(block: SparkwiseSettings, deps: ProviderDeps): Provider {
  const api = createApi(block, deps);
  const isCompleted = completionRule(block.completedWhen);
  const missing = (reason: string): ProviderError =>
    new ProviderError('CAPABILITY_MISSING', `${deps.platform}: ${reason}.`);
  return {
    capabilities: capabilitiesOf(block),
    signIn: async (ctx) => {
      await api.users(0, 1, ctx);
    },
    readAccounts: (ctx, onTotal) => readUsers(deps.platform, api, ctx, onTotal),
    lookUp: async () => {
      throw missing(noLookUp);
    },
    resolveTargets: async (rules) => {
      if (rules.length > 0) throw missing(noEnrollments);
      return [];
    },
    readMembers: () => {
      throw missing(noEnrollments);
    },
    write: (request, ctx) => write(api, block.sendEmail, request, missing, ctx),
    resultsSince: true,
    listTargets: (ctx) => listClusters(deps.platform, api, ctx),
    readResults: (_targets, sinceIso, ctx) => readCompletions(deps.platform, api, isCompleted, sinceIso, ctx),
  };
}

/** Sends one batch. Safe to repeat: an upsert and a deactivation state what is to be, not what is to change. */
async function write(
  api: SparkwiseApi,
  sendEmail: boolean,
  request: WriteRequest,
  missing: (reason: string) => ProviderError,
  ctx: CallContext,
): Promise<readonly ItemOutcome[]> {
  if (!('accounts' in request)) throw missing(noEnrollments);
  const sent: { item: AccountItem; remoteId: string }[] = [];
  const kept = new Map<AccountItem, ItemOutcome>();
  for (const item of request.accounts) {
    const remoteId = remoteIdOf(item);
    const refused = unsendable(item, remoteId);
    if (refused !== null) kept.set(item, refused);
    else if (remoteId !== null) sent.push({ item, remoteId });
  }
  const outcomes = sent.length === 0 ? [] : await send(api, sendEmail, request.operation, sent, ctx);
  let next = 0;
  return request.accounts.map((item) => kept.get(item) ?? outcomes[next++] ?? noOutcome);
}

async function send(
  api: SparkwiseApi,
  sendEmail: boolean,
  operation: string,
  sent: readonly { readonly item: AccountItem; readonly remoteId: string }[],
  ctx: CallContext,
): Promise<readonly ItemOutcome[]> {
  const answer =
    operation === 'deactivate'
      ? await api.deactivate(
          sent.map(({ remoteId }) => ({ remoteId })),
          ctx,
        )
      : await api.upsert(
          sent.map(({ item, remoteId }) => toUpsert(item, remoteId, sendEmail)),
          ctx,
        );
  return toOutcomes(sent, answer);
}

/** All clusters ever created: the bounds are sent because the document does not say that they may be left out. */
async function listClusters(
  platform: string,
  api: SparkwiseApi,
  ctx: CallContext,
): Promise<readonly TargetListing[]> {
  const range = { fromMs: Date.UTC(2000, 0, 1), toMs: Date.now() + 86_400_000 };
  const { items, total } = await api.clusters(range, ctx);
  if (items.length !== total) {
    throw new ProviderError(
      'READ_INCOMPLETE',
      `${platform}: the clusters read do not add up: ${items.length} of ${total}.`,
    );
  }
  return items.map(toListing);
}

/** Sparkwise: live team-training sessions, over the Account API 1.1.0. */
export const sparkwise = defineProvider({
  name: 'sparkwise',
  settings,
  // The key is all that names a tenant; only its hash leaves.
  tenantOf: (block) => `${new URL(block.baseUrl).href} ${hash('sha256', block.apiKey).slice(0, 16)}`,
  credentialOf: (block) => block.apiKey,
  create,
});
