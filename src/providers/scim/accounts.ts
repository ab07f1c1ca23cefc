import type { Account, AccountRef } from '../../account.ts';
import type {
  AccountItem,
  CallContext,
  Capabilities,
  FieldSpec,
  ItemOutcome,
  WriteOperation,
} from '../contract.ts';
import { createScimClient, type ScimClient, type ScimClientOptions, type ScimService } from './api.ts';
import type { ScimProfile } from './convert.ts';
import { lookUp, readAccounts } from './read.ts';
import { userOf } from './schema.ts';
import { maxBatch } from './settings.ts';
import { writeAccounts } from './write.ts';

/** The accounts of a SCIM service, for providers that have their own enrollments. */
export type ScimAccounts = {
  readonly client: ScimClient;
  /** Reads `/ServiceProviderConfig`, after which `operations` and `lookUp` follow the service. */
  readonly prepare: (ctx: CallContext) => Promise<void>;
  readonly signIn: (ctx: CallContext) => Promise<void>;
  readonly matchBy: Capabilities['matchBy'];
  readonly fields: Readonly<Record<string, FieldSpec>>;
  readonly operations: () => readonly WriteOperation[];
  /** Why one account cannot be looked up; undefined when it can. */
  readonly noLookUp: () => string | undefined;
  readonly readAccounts: (
    ctx: CallContext,
    onTotal?: (total: number) => void,
  ) => AsyncIterable<readonly Account[]>;
  readonly lookUp: (ref: AccountRef, ctx: CallContext) => Promise<Account | null>;
  readonly write: (items: readonly AccountItem[], ctx: CallContext) => Promise<readonly ItemOutcome[]>;
};

export type ScimAccountsOptions = Omit<ScimClientOptions, 'user'> & {
  readonly profile: ScimProfile;
  /** The fields that rules of the configuration fill. */
  readonly byRule: Readonly<Record<string, unknown>>;
  /** Most accounts of one `/Bulk` request, besides what the service says. */
  readonly batch: number;
};

/** Room for one user in a `/Bulk` request, in bytes: by it the number of operations follows `maxPayloadSize`. */
const bytesOfOperation = 2_048;

/** How many accounts one request takes: one each, unless the service has `/Bulk`. */
function accountLimit(service: ScimService | undefined, batch: number): number {
  const bulk = service?.bulk;
  if (bulk === undefined || bulk === null) return 1;
  const fitting = Math.floor(bulk.maxPayloadBytes / bytesOfOperation);
  return Math.max(1, Math.min(bulk.maxOperations, batch, maxBatch, fitting));
}

/** Accounts over SCIM 2.0. */
export function createScimAccounts(options: ScimAccountsOptions): ScimAccounts {
  const { profile, batch } = options;
  const managed = Object.entries(profile.fields).flatMap(([name, { spec, place }]) =>
    spec.from === null && !(name in options.byRule) ? [] : [place],
  );
  const client = createScimClient({ ...options, user: userOf(managed) });
  const specs = Object.entries(profile.fields).map(([name, { spec }]) => [name, spec] as const);
  return {
    client,
    prepare: async (ctx) => {
      await client.service(ctx);
    },
    signIn: async (ctx) => {
      // Discovery may be open to everybody: only a list proves the token.
      await client.users({ startIndex: 1, count: 1 }, ctx);
    },
    matchBy: profile.matchBy === 'email' ? 'email' : 'externalId',
    fields: Object.fromEntries(specs),
    operations: () => {
      const limit = accountLimit(client.known(), batch);
      return [
        { name: 'accounts', kinds: ['create', 'update', 'reactivate'], limit },
        { name: 'deactivate', kinds: ['deactivate'], limit },
      ];
    },
    noLookUp: () =>
      client.known()?.filter === false
        ? 'the service has no filters (ServiceProviderConfig: filter.supported is false)'
        : undefined,
    readAccounts: (ctx, onTotal) => readAccounts(client, profile, ctx, onTotal),
    lookUp: (ref, ctx) => lookUp(client, profile, ref, ctx),
    write: (items, ctx) => writeAccounts(items, client, profile, ctx),
  };
}
