import type { z } from 'zod';
import type { CallContext, ProviderDeps } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createHttp } from '../http.ts';
import type { Refusal } from '../refusal.ts';
import {
  type BulkResult,
  bulkAnswer,
  bulkSchema,
  group,
  groupMembers,
  type ListPage,
  listOf,
  type ScimGroup,
  type ScimUser,
  scimError,
  serviceConfig,
  writeAnswer,
} from './schema.ts';

/** A group comes with all its members in one answer: about 100 bytes each, a company of a million people in one. */
const largestGroupBytes = 256 * 1024 * 1024;

/** What a service says of itself. */
export type ScimService = {
  readonly patch: boolean;
  readonly filter: boolean;
  /** Null where `/Bulk` is not supported. */
  readonly bulk: { readonly maxOperations: number; readonly maxPayloadBytes: number } | null;
  /** How many resources to ask for in one page. */
  readonly pageSize: number;
};

/** A write of one user, alone or as a part of `/Bulk`. */
export type UserWrite = {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly data: unknown;
};

/** What became of one. `scimType` is the RFC's keyword; `id` that of the user, where it is told. */
export type UserWritten = { readonly status: number; readonly id: string | null; readonly scimType?: string };

export type ScimClient = {
  readonly platform: string;
  /** `/ServiceProviderConfig`, asked for once. */
  readonly service: (ctx: CallContext) => Promise<ScimService>;
  /** What `service` found, once it did. */
  readonly known: () => ScimService | undefined;
  readonly users: (query: ListQuery, ctx: CallContext) => Promise<ListPage<ScimUser>>;
  /** Whether the service was seen to say that somebody is active. */
  readonly saysActive: () => boolean;
  readonly groups: (query: ListQuery, ctx: CallContext) => Promise<ListPage<ScimGroup>>;
  /** Null when there is no such user. */
  readonly user: (id: string, ctx: CallContext) => Promise<ScimUser | null>;
  readonly group: (id: string, ctx: CallContext) => Promise<Pick<ScimGroup, 'id' | 'members'>>;
  /** Sends one write. A refusal of the user is an answer; all else throws. */
  readonly write: (write: UserWrite, ctx: CallContext) => Promise<UserWritten>;
  /** Sends several in one request; undefined for one that the answer does not mention. */
  readonly bulk: (
    writes: readonly UserWrite[],
    service: ScimService,
    ctx: CallContext,
  ) => Promise<readonly (UserWritten | undefined)[]>;
  /** Changes a group; throws PLATFORM_REFUSED with the vendor's code. */
  readonly patchGroup: (id: string, body: unknown, ctx: CallContext) => Promise<void>;
};

export type ListQuery = Readonly<Record<string, string | number>>;

export type ScimClientOptions = {
  readonly baseUrl: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly deps: ProviderDeps;
  /** The settings to look at when sign-in is refused. */
  readonly credentialKeys: readonly string[];
  /** A user of this service, by the fields that are managed there. */
  readonly user: z.ZodType<ScimUser>;
};

const mediaType = 'application/scim+json';
/** Page size where the service names no maximum; a service that has a smaller one answers fewer. */
const defaultPageSize = 200;
const largestPageSize = 1_000;
/** An empty answer to a write. */
const nothing = { id: null };
/** Refusals that concern the user of a write, not the request: the others go on. */
const userRefusals = [400, 403, 404, 409, 412, 422];
/** A service without discovery: PATCH is what most have, `/Bulk` what few have. */
const undiscovered: ScimService = { patch: true, filter: true, bulk: null, pageSize: defaultPageSize };

function refusal(status: number, body: unknown): Refusal | undefined {
  if (status === 501) return { kind: 'refused', detail: 'the service does not support this operation' };
  if (status < 400 || status > 499 || [401, 403, 408, 429].includes(status)) return undefined;
  const vendorCode = scimError.safeParse(body).data?.scimType;
  return { kind: 'refused', ...(vendorCode ? { vendorCode } : {}) };
}

function idOfLocation(location: string | null | undefined): string | null {
  const last = location?.split(/[?#]/)[0]?.split('/').at(-1) ?? '';
  try {
    return last === '' ? null : decodeURIComponent(last);
  } catch {
    return null;
  }
}

function toService(config: z.output<typeof serviceConfig>): ScimService {
  const { patch, bulk, filter } = config;
  const maxOperations = bulk?.maxOperations ?? 0;
  return {
    patch: patch?.supported ?? undiscovered.patch,
    filter: filter?.supported ?? undiscovered.filter,
    bulk:
      bulk?.supported === true && maxOperations > 0
        ? { maxOperations, maxPayloadBytes: bulk.maxPayloadSize || Number.POSITIVE_INFINITY }
        : null,
    pageSize: Math.min(filter?.maxResults || defaultPageSize, largestPageSize),
  };
}

/** A refusal of the user, as opposed to one of the request; undefined for anything else. */
function userRefusal(error: unknown): UserWritten | undefined {
  if (!(error instanceof ProviderError) || error.status === undefined) return undefined;
  if (!userRefusals.includes(error.status)) return undefined;
  const scimType = error.vendorCode;
  return { status: error.status, id: null, ...(scimType === undefined ? {} : { scimType }) };
}

/**
 * The calls of a SCIM 2.0 service.
 *
 * What `active` means, and whether it is given, is the service's own affair (RFC 7643, 4.1.1), and null is the same as
 * nothing (2.5). One that says it of nobody, or of the inactive alone, means "active" by nothing. Where it says of anybody
 * that they are active, nothing is no answer: the call fails, and nobody is taken for active who may not be.
 */
export function createScimClient(options: ScimClientOptions): ScimClient {
  const { request } = createHttp({
    baseUrl: options.baseUrl,
    timeoutMs: options.timeoutMs,
    deps: options.deps,
    headers: () => ({
      accept: `${mediaType}, application/json`,
      authorization: `Bearer ${options.token}`,
      'content-type': mediaType,
    }),
    credentialKeys: options.credentialKeys,
    refusal,
  });
  const { platform } = options.deps;
  let known: ScimService | undefined;
  let saysActive = false;

  /** Refuses users who are not said to be active or inactive, where others are. `prefix`: where they stand in the answer. */
  function checked(users: readonly ScimUser[], label: string, prefix: (at: number) => string): void {
    saysActive ||= users.some(({ active }) => active === true);
    if (!saysActive) return;
    const at = users.findIndex(({ active }) => active === undefined || active === null);
    if (at < 0) return;
    const came = users[at]?.active === null ? 'null' : 'nothing';
    const message = `${platform}: GET ${label}: HTTP 200 answered an unexpected shape: ${prefix(at)}active: ${came}, expected boolean, as it says of others.`;
    throw new ProviderError('PLATFORM_BAD_ANSWER', message);
  }

  async function list<T>(
    path: string,
    resource: z.ZodType<T>,
    query: ListQuery,
    ctx: CallContext,
  ): Promise<ListPage<T>> {
    const { data } = await request(
      { kind: 'read', method: 'GET', path, query, schema: listOf(resource) },
      ctx,
    );
    return {
      totalResults: data.totalResults,
      resources: data.Resources ?? [],
    };
  }

  async function discover(ctx: CallContext): Promise<ScimService> {
    try {
      const path = '/ServiceProviderConfig';
      const { data } = await request({ kind: 'read', method: 'GET', path, schema: serviceConfig }, ctx);
      return toService(data);
    } catch (error) {
      if (error instanceof ProviderError && (error.status === 404 || error.status === 501)) {
        options.deps.log.warn({ platform, status: error.status }, 'no discovery, /Bulk is not used');
        return undiscovered;
      }
      throw error;
    }
  }

  return {
    platform,
    known: () => known,
    service: async (ctx) => {
      known ??= await discover(ctx);
      return known;
    },
    users: async (query, ctx) => {
      const page = await list('/Users', options.user, query, ctx);
      checked(page.resources, '/Users', (at) => `Resources.${at}.`);
      return page;
    },
    saysActive: () => saysActive,
    groups: (query, ctx) => list('/Groups', group, query, ctx),
    user: async (id, ctx) => {
      const path = `/Users/${encodeURIComponent(id)}`;
      const label = '/Users/{id}';
      try {
        const { data } = await request(
          { kind: 'read', method: 'GET', path, label, schema: options.user },
          ctx,
        );
        checked([data], label, () => '');
        return data;
      } catch (error) {
        if (error instanceof ProviderError && error.status === 404) return null;
        throw error;
      }
    },
    group: async (id, ctx) => {
      const path = `/Groups/${encodeURIComponent(id)}`;
      return (
        await request(
          { kind: 'read', method: 'GET', path, schema: groupMembers, mostBytes: largestGroupBytes },
          ctx,
        )
      ).data;
    },
    write: async ({ method, path, data: json }, ctx) => {
      const label = path.replace(/^\/Users\/.+$/, '/Users/{id}');
      const call = {
        kind: 'write',
        method,
        path,
        label,
        json,
        schema: writeAnswer,
        emptyAs: nothing,
      } as const;
      try {
        const { status, data, headers } = await request(call, ctx);
        return { status, id: data.id ?? (method === 'POST' ? idOfLocation(headers.get('location')) : null) };
      } catch (error) {
        const refused = userRefusal(error);
        if (refused === undefined) throw error;
        return refused;
      }
    },
    bulk: async (writes, service, ctx) => {
      const json = {
        schemas: [bulkSchema],
        Operations: writes.map((write, index) => ({ ...write, bulkId: `item${index}` })),
      };
      const bytes = Buffer.byteLength(JSON.stringify(json));
      const most = service.bulk?.maxPayloadBytes ?? 0;
      if (bytes > most) {
        throw new ProviderError(
          'PLATFORM_REFUSED',
          `${platform}: ${writes.length} operations make ${bytes} bytes, /Bulk takes ${most}.`,
          { status: 413 },
        );
      }
      const { data } = await request(
        { kind: 'write', method: 'POST', path: '/Bulk', json, schema: bulkAnswer },
        ctx,
      );
      return matchResults(writes, data.Operations);
    },
    patchGroup: async (id, json, ctx) => {
      const path = `/Groups/${encodeURIComponent(id)}`;
      await request(
        { kind: 'write', method: 'PATCH', path, json, schema: writeAnswer, emptyAs: nothing },
        ctx,
      );
    },
  };
}

/** Results by `bulkId`, and by location where a service does not give that back for what it did not make. */
function matchResults(
  writes: readonly UserWrite[],
  results: readonly BulkResult[],
): readonly (UserWritten | undefined)[] {
  const byBulkId = new Map<string, BulkResult>();
  const byUser = new Map<string, BulkResult>();
  for (const result of results) {
    const id = idOfLocation(result.location);
    if (result.bulkId) byBulkId.set(result.bulkId, result);
    else if (id !== null) byUser.set(id, result);
  }
  return writes.map(({ method, path }, index) => {
    const own = method === 'POST' ? undefined : byUser.get(idOfLocation(path) ?? '');
    const result = byBulkId.get(`item${index}`) ?? own;
    const status = Number(result?.status);
    if (result === undefined || !Number.isInteger(status)) return undefined;
    const { id, scimType } = result.response ?? {};
    const made = method === 'POST' && status < 300 ? idOfLocation(result.location) : null;
    return { status, id: id || made, ...(scimType ? { scimType } : {}) };
  });
}
