import type { z } from 'zod';
import type { CallContext, ProviderDeps } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createHttp, type RequestLine } from '../http.ts';
import type { Refusal } from '../refusal.ts';
import { IdIndex } from '../../id-index.ts';
import * as wire from './schema.ts';
import type { MimecastSettings } from './settings.ts';
import { signInOf } from './sign-in.ts';

/** Rows of a page. The vendor's answer says how many it really gave. */
export const pageSize = 100;

/** Which rows of a campaign are wanted: by how they stand, and by one field of the person. */
export type UserDataFilter = {
  readonly status?: readonly ('sent' | 'correct' | 'incorrect')[];
  readonly searchBy?:
    | { readonly fieldName: 'name' | 'email' | 'department'; readonly value: string }
    | {
        readonly fieldName: 'customAttribute';
        readonly value: string;
        /** Which attributes are searched: one to three. */
        readonly attributeIds:
          | readonly [string]
          | readonly [string, string]
          | readonly [string, string, string];
      };
};

/** The body of `get-user-data`. */
export function userDataItem(
  campaignId: string,
  { status, searchBy }: UserDataFilter,
): Record<string, unknown> {
  return {
    id: campaignId,
    ...(status === undefined ? {} : { filterBy: status.map((value) => ({ fieldName: 'status', value })) }),
    ...(searchBy === undefined ? {} : { searchBy: { fieldName: searchBy.fieldName, value: searchBy.value } }),
    ...(searchBy?.fieldName === 'customAttribute' ? { attributeIds: searchBy.attributeIds } : {}),
  };
}

/** Codes of `fail[]` that are about the credentials, whatever the HTTP status. */
const signInCode = /^err_(developer_key|xdk_\w+)$/;

/**
 * Reads `fail[]` and the rate limit's headers. Under HTTP 200 a failed read is an error; of a write, each item has an
 * outcome of its own, and only a refused sign-in concerns them all.
 */
export function readRefusal(
  status: number,
  body: unknown,
  headers: Headers,
  { kind }: Pick<RequestLine, 'kind'>,
): Refusal | undefined {
  const envelope = wire.written.safeParse(body);
  const fail = envelope.success ? (envelope.data.fail ?? []) : [];
  const [error] = fail.flatMap(({ errors }) => errors ?? []);
  const code = error?.code ? { vendorCode: error.code } : {};
  if (status === 418) return { kind: 'signIn', ...code, detail: 'the keys have expired' };
  if (status === 401 || status === 403 || signInCode.test(error?.code ?? ''))
    return { kind: 'signIn', ...code };
  if (status === 429) {
    const resetMs = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
    return { kind: 'rateLimited', ...code, ...(resetMs > 0 ? { retryAfterMs: Math.ceil(resetMs) } : {}) };
  }
  if (status === 408 || status >= 500) return { kind: 'unavailable', ...code };
  if (status < 200 || status > 299) return { kind: 'refused', ...code };
  if (kind !== 'read' || fail.length === 0) return undefined;
  return { kind: error?.retryable === true ? 'unavailable' : 'refused', ...code, detail: 'fail in the body' };
}

/** A call whose rows come in pages. */
type Listing<Data, Row> = {
  readonly path: string;
  readonly item: Readonly<Record<string, unknown>> | null;
  readonly schema: z.ZodType<wire.Envelope<Data>>;
  readonly rowsOf: (data: Data) => readonly Row[];
};

/** A page, with the total that the platform gave, if it did. */
export type RowPage<Row> = { readonly rows: readonly Row[]; readonly total: number | undefined };

export type MimecastApi = ReturnType<typeof createApi>;

/** The calls that we make: each a POST of `data`, answered by `data` and `fail`. */
export function createApi(block: MimecastSettings, deps: ProviderDeps) {
  const http = createHttp({
    baseUrl: block.baseUrl,
    timeoutMs: block.timeout,
    deps,
    ...signInOf(block, deps),
    refusal: readRefusal,
  });

  function call<T>(
    path: string,
    items: readonly unknown[],
    request: { readonly schema: z.ZodType<T>; readonly kind?: 'write'; readonly meta?: unknown },
    ctx: CallContext,
  ): Promise<T> {
    const { schema, kind = 'read', meta } = request;
    const json = meta === undefined ? { data: items } : { meta, data: items };
    return http.request({ kind, method: 'POST', path, json, schema }, ctx).then(({ data }) => data);
  }

  /**
   * All pages, until one has no `next`. @throws ProviderError READ_INCOMPLETE when a page token comes twice, or the rows
   * are not as many as the last total
   */
  async function* pages<Data, Row>(
    { path, item, schema, rowsOf }: Listing<Data, Row>,
    ctx: CallContext,
  ): AsyncGenerator<RowPage<Row>, void, undefined> {
    const tokens = new IdIndex();
    const incomplete = (message: string) =>
      new ProviderError('READ_INCOMPLETE', `${deps.platform}: ${path} ${message}.`);
    let pageToken: string | undefined;
    let count = 0;
    let number = 0;
    let most = 0;
    for (;;) {
      const pagination = pageToken === undefined ? { pageSize } : { pageSize, pageToken };
      const answer = await call(path, item === null ? [] : [item], { schema, meta: { pagination } }, ctx);
      const rows = answer.data.flatMap(rowsOf);
      const { next, totalCount } = answer.meta?.pagination ?? {};
      const total = totalCount ?? undefined;
      count += rows.length;
      number++;
      if (total !== undefined && total < most) {
        throw incomplete(`shrank from ${most} to ${total} rows while it was read (page ${number})`);
      }
      most = Math.max(most, total ?? 0);
      if (!next && total !== undefined && count !== total) {
        throw incomplete(`gave ${count} rows in ${number} pages, but says there are ${total}`);
      }
      yield { rows, total };
      if (!next) return;
      if (!tokens.add(next))
        throw incomplete(`gave the token of page ${number + 1} before (${count} rows so far)`);
      pageToken = next;
    }
  }

  async function all<Data, Row>(listing: Listing<Data, Row>, ctx: CallContext): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for await (const page of pages(listing, ctx)) rows.push(...page.rows);
    return rows;
  }

  const folders: Listing<{ folders: wire.WireFolder[] }, wire.WireFolder> = {
    path: '/api/directory/find-groups',
    item: {},
    schema: wire.folders,
    rowsOf: (data) => data.folders,
  };

  const write = (path: string) => (items: readonly Readonly<Record<string, unknown>>[], ctx: CallContext) =>
    call(path, items, { schema: wire.written, kind: 'write' }, ctx);

  return {
    /** One row of the groups, or of the users where there are no groups to care for: proves the credentials. */
    probe: async (ctx: CallContext): Promise<void> => {
      const meta = { pagination: { pageSize: 1 } };
      const [domain] = block.domains;
      if (block.enrollments.length > 0 || domain === undefined) {
        await call(folders.path, [{}], { schema: wire.folders, meta }, ctx);
      } else {
        await call('/api/user/get-internal-users', [{ domain }], { schema: wire.users, meta }, ctx);
      }
    },
    groups: (ctx: CallContext) => all(folders, ctx),
    members: (groupId: string, ctx: CallContext) =>
      pages(
        {
          path: '/api/directory/get-group-members',
          item: { id: groupId },
          schema: wire.members,
          rowsOf: (data) => data.groupMembers,
        },
        ctx,
      ),
    users: (domain: string, ctx: CallContext) =>
      pages(
        {
          path: '/api/user/get-internal-users',
          item: { domain },
          schema: wire.users,
          rowsOf: (data) => data.users,
        },
        ctx,
      ),
    campaigns: (ctx: CallContext) =>
      all(
        {
          path: '/api/awareness-training/campaign/get-campaigns',
          item: null,
          schema: wire.campaigns,
          rowsOf: (data) => data.campaigns,
        },
        ctx,
      ),
    /** How people stand in a campaign: everybody, unless the filter says otherwise. */
    userData: (campaignId: string, filter: UserDataFilter, ctx: CallContext) =>
      pages<{ items: wire.WireParticipant[] } | wire.WireParticipant, wire.WireParticipant>(
        {
          path: '/api/awareness-training/campaign/get-user-data',
          item: userDataItem(campaignId, filter),
          schema: wire.userData,
          rowsOf: (data) => ('items' in data ? data.items : [data]),
        },
        ctx,
      ),
    addMembers: write('/api/directory/add-group-member'),
    removeMembers: write('/api/directory/remove-group-member'),
    createUsers: write('/api/user/create-user'),
    updateUsers: write('/api/user/update-user'),
  };
}
