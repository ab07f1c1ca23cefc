import type { CallContext, ProviderDeps } from '../contract.ts';
import { singleFlight } from '../flight.ts';
import { ProviderError } from '../error.ts';
import { createHttp } from '../http.ts';
import type { Refusal } from '../refusal.ts';
import { findNamed } from '../named.ts';
import { createTokens } from '../oauth.ts';
import * as wire from './schema.ts';
import { capitalFilter, emptyFilter, type Search, searchAll, searchPage } from './search.ts';
import type { KeepnetSettings } from './settings.ts';

const companiesPath = '/api/companies/search';

/** The calls of the REST API that we make. There is none that deletes users, and none that selects all. */
export type KeepnetApi = ReturnType<typeof createApi>;

/** A vendor's code: messages are free text, so only what is spelled like a constant counts. */
function constant(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(value) ? value : undefined;
}

/**
 * Reads the two envelopes: `{ isSuccess, messages }` and `{ status, message }`. Under HTTP 200 too, a false `isSuccess`
 * or a status that speaks of an error is one.
 */
export function readRefusal(httpStatus: number, body: unknown): Refusal | undefined {
  const { isSuccess, status, messages } = (typeof body === 'object' && body !== null ? body : {}) as Partial<
    Record<'isSuccess' | 'status' | 'messages', unknown>
  >;
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined;
  const vendorCode = constant(status) ?? constant(first);
  const code = vendorCode === undefined ? {} : { vendorCode };
  if (httpStatus === 403) {
    return { kind: 'signIn', ...code, detail: 'no reseller, or not a company that it manages' };
  }
  if (httpStatus === 401) return { kind: 'signIn', ...code };
  if (httpStatus === 429) return { kind: 'rateLimited', ...code };
  if (httpStatus === 408 || httpStatus >= 500) return { kind: 'unavailable', ...code };
  if (httpStatus < 200 || httpStatus > 299) return { kind: 'refused', ...code };
  const failed = isSuccess === false || (typeof status === 'string' && /error|fail|invalid/i.test(status));
  return failed ? { kind: 'refused', ...code, detail: 'an error in the body' } : undefined;
}

/** Signed-in access to one company. */
export function createApi(block: KeepnetSettings, deps: ProviderDeps) {
  const keys = ['clientId', 'clientSecret'];
  const url = new URL(block.baseUrl);
  const tokens = createTokens({
    baseUrl: url.origin,
    path: `${url.pathname.replace(/\/+$/, '')}/connect/token`,
    form: {
      grant_type: 'client_credentials',
      client_id: block.clientId,
      client_secret: block.clientSecret,
      scope: 'api1',
    },
    timeoutMs: block.timeout,
    deps,
    credentialKeys: keys,
  });
  let companyId: string | undefined;

  const http = createHttp({
    baseUrl: block.baseUrl,
    timeoutMs: block.timeout,
    deps,
    credentialKeys: block.company === undefined ? keys : [...keys, 'company'],
    headers: async ({ path }, ctx) => {
      const company = path === companiesPath ? undefined : await findCompany(ctx);
      const token = await tokens.header(ctx);
      return company === undefined ? token : { ...token, 'X-KEEPNET-Company-Id': company };
    },
    refusal: readRefusal,
    // A 403 is about what the credential may do: a fresh token changes nothing.
    renew: async (_ctx, { status, headers }) => status === 401 && tokens.refused(headers),
  });

  async function all<T>(search: Search<T>, ctx: CallContext): Promise<readonly T[]> {
    const rows: T[] = [];
    for await (const page of searchAll(http, deps, search, block.pageSize, ctx)) rows.push(...page);
    return rows;
  }

  function companies(ctx: CallContext, exceeded = false) {
    const extra = exceeded ? { extra: { isTargetUserCountExceededLimit: true } } : {};
    const schema = wire.companyPage;
    const search = { path: companiesPath, schema, orderBy: 'CreateTime', filter: capitalFilter } as const;
    return all({ ...search, idOf: ({ id }) => id, ...extra }, ctx);
  }

  const resolveCompany = singleFlight(async (ctx) => {
    const { platform } = deps;
    const wanted = block.company ?? '';
    companyId = findNamed(await companies(ctx), { platform, what: 'company', wanted, key: 'company' }).id;
    return companyId;
  });

  /** The company's resource id, found once; undefined for a company's own administrator. */
  async function findCompany(ctx: CallContext): Promise<string | undefined> {
    return block.company === undefined ? undefined : (companyId ?? (await resolveCompany(ctx)));
  }

  const users: Search<wire.WireListedUser> = {
    path: '/api/target-users/search',
    schema: wire.listedUserPage,
    orderBy: 'CreateTime',
    filter: emptyFilter,
    idOf: ({ resourceId }) => resourceId,
  };
  const membersOf = (groupId: string): Search<wire.WireListedUser> => ({
    ...users,
    path: `/api/target-groups/${encodeURIComponent(groupId)}/users`,
    label: '/api/target-groups/{id}/users',
    extra: { excludeGroupUsers: false },
  });
  const userPath = (id: string) => ({
    path: `/api/target-users/${encodeURIComponent(id)}`,
    label: '/api/target-users/{id}',
  });

  return {
    findCompany,
    companies,
    /** One row of one page: proves token, company and permission. */
    probe: async (ctx: CallContext): Promise<void> => {
      await searchPage(http, users, { pageNumber: 1, pageSize: 1 }, ctx);
    },
    users: (ctx: CallContext, onTotal?: (total: number) => void) =>
      searchAll(http, deps, users, block.pageSize, ctx, onTotal),
    /** One target user; null when there is none of that id. */
    user: async (id: string, ctx: CallContext): Promise<wire.WireUser | null> => {
      const { path, label } = userPath(id);
      try {
        const request = { kind: 'read', method: 'GET', path, label, schema: wire.oneUser } as const;
        const found = (await http.request(request, ctx)).data.data;
        if (found.resourceId === id) return found;
      } catch (error) {
        if (error instanceof ProviderError && error.status === 404) return null;
        throw error;
      }
      throw new ProviderError(
        'PLATFORM_BAD_ANSWER',
        `${deps.platform}: GET ${label}: data.resourceId: string, expected the id that was asked for.`,
      );
    },
    /** Rows that the platform finds for an email; the caller compares the email. */
    usersByEmail: (email: string, ctx: CallContext): Promise<readonly wire.WireUser[]> =>
      all(
        {
          path: '/api/target-users/search-email',
          schema: wire.userPage,
          orderBy: 'CreateTime',
          extra: { email },
          idOf: ({ resourceId }) => resourceId,
        },
        ctx,
      ),
    create: async (body: unknown, ctx: CallContext): Promise<string> => {
      const path = '/api/target-users';
      const { data } = await http.request(
        { kind: 'write', method: 'POST', path, json: body, schema: wire.created },
        ctx,
      );
      return data.data.resourceId;
    },
    update: async (id: string, body: unknown, ctx: CallContext): Promise<void> => {
      const request = { kind: 'write', method: 'PUT', ...userPath(id), json: body } as const;
      await http.request({ ...request, schema: wire.done, emptyAs: wire.emptyDone }, ctx);
    },
    groups: async (ctx: CallContext): Promise<readonly wire.WireGroup[]> => {
      const path = '/api/target-groups';
      return (await http.request({ kind: 'read', method: 'GET', path, schema: wire.groupList }, ctx)).data
        .data;
    },
    members: (groupId: string, ctx: CallContext) =>
      searchAll(http, deps, membersOf(groupId), block.pageSize, ctx),
    memberCount: async (groupId: string, ctx: CallContext): Promise<number> =>
      (await searchPage(http, membersOf(groupId), { pageNumber: 1, pageSize: 1 }, ctx)).totalNumberOfRecords,
    addMembers: async (groupId: string, userIds: readonly string[], ctx: CallContext): Promise<void> => {
      const json = {
        targetUserResourceIds: userIds,
        targetGroupResourceIds: [groupId],
        selectAll: false,
        filter: emptyFilter,
        excludedResourceIdList: [],
      };
      const path = '/api/target-groups/users';
      await http.request(
        { kind: 'write', method: 'PUT', path, json, schema: wire.done, emptyAs: wire.emptyDone },
        ctx,
      );
    },
    removeMembers: async (groupId: string, userIds: readonly string[], ctx: CallContext): Promise<void> => {
      const { path, label = path } = membersOf(groupId);
      const json = { targetUserResourceIds: userIds };
      await http.request(
        { kind: 'write', method: 'DELETE', path, label, json, schema: wire.done, emptyAs: wire.emptyDone },
        ctx,
      );
    },
    trainings: (ctx: CallContext) =>
      all(
        {
          path: '/api/trainings/search',
          schema: wire.trainingPage,
          orderBy: 'Name',
          filter: emptyFilter,
          idOf: ({ id }) => id,
        },
        ctx,
      ),
    formDetails: async (ctx: CallContext): Promise<unknown> => {
      const path = '/api/enrollments/form-details';
      return (await http.request({ kind: 'read', method: 'GET', path, schema: wire.formDetails }, ctx)).data
        .data;
    },
    enrollments: async (ctx: CallContext): Promise<readonly wire.WireEnrollment[]> => {
      const company = await findCompany(ctx);
      return all(
        {
          path: '/api/enrollments/search',
          schema: wire.enrollmentPage,
          orderBy: 'CreateTime',
          filter: capitalFilter,
          idOf: ({ id }) => id,
          ...(company === undefined ? {} : { headers: { 'x-ir-company-id': company } }),
        },
        ctx,
      );
    },
    createEnrollment: async (json: unknown, ctx: CallContext): Promise<string> => {
      const path = '/api/enrollments';
      const { data } = await http.request(
        { kind: 'write', method: 'POST', path, json, schema: wire.createdEnrollment },
        ctx,
      );
      return data.data;
    },
    sendEnrollment: async (id: string, ctx: CallContext): Promise<void> => {
      const path = `/api/enrollments/${encodeURIComponent(id)}/send`;
      const label = '/api/enrollments/{id}/send';
      await http.request(
        { kind: 'write', method: 'POST', path, label, schema: wire.done, emptyAs: wire.emptyDone },
        ctx,
      );
    },
    reports: (enrollmentId: string, ctx: CallContext) =>
      searchAll(
        http,
        deps,
        {
          path: `/api/training-reports/${encodeURIComponent(enrollmentId)}/users/search`,
          label: '/api/training-reports/{id}/users/search',
          schema: wire.reportPage,
          orderBy: 'Email',
          filter: capitalFilter,
          // Rows have no id of their own, and somebody may have several: one is the same when all of it is.
          idOf: (row) => JSON.stringify(row),
        },
        block.pageSize,
        ctx,
      ),
  };
}
