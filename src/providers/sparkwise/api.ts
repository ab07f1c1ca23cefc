import type { CallContext, ProviderDeps } from '../contract.ts';
import { createHttp, type Http, type HttpRequest } from '../http.ts';
import type { Refusal } from '../refusal.ts';
import { fieldsOf } from './completed.ts';
import {
  type BatchAnswer,
  batchAnswer,
  clusterList,
  completionList,
  failure,
  type UsersPage,
  usersPage,
  type WireCluster,
  type WireCompletion,
} from './schema.ts';
import type { SparkwiseSettings } from './settings.ts';

/** Half-open time range, in ms since the epoch. */
export type TimeRange = { readonly fromMs: number; readonly toMs: number };

/** The five operations of the Account API. */
export type SparkwiseApi = {
  readonly users: (page: number, pageSize: number, ctx: CallContext) => Promise<UsersPage>;
  readonly upsert: (users: readonly unknown[], ctx: CallContext) => Promise<BatchAnswer>;
  readonly deactivate: (users: readonly unknown[], ctx: CallContext) => Promise<BatchAnswer>;
  /** Bounds the creation of the clusters. */
  readonly clusters: (
    range: TimeRange,
    ctx: CallContext,
  ) => Promise<{ readonly items: readonly WireCluster[]; readonly total: number }>;
  /** Bounds the date of the sessions. */
  readonly completions: (range: TimeRange, ctx: CallContext) => Promise<readonly WireCompletion[]>;
};

/**
 * Reads an error body. Which HTTP status goes with which error is not documented, and a body with `success: false`
 * is an error under HTTP 200 too: there, and under 400, only the message tells a refused key and a rate limit from the
 * rest. Undefined leaves it to the status.
 */
export function readFailure(status: number, body: unknown): Refusal | undefined {
  const isOk = status >= 200 && status < 300;
  if (!isOk && status !== 400) return undefined;
  const parsed = failure.safeParse(body);
  if (!parsed.success) return undefined;
  const message = parsed.data.error?.message ?? '';
  if (/api.?key|unauthori[sz]ed|authenticat/i.test(message)) return { kind: 'signIn' };
  if (/too many requests|rate.?limit/i.test(message)) return { kind: 'rateLimited' };
  return isOk ? { kind: 'refused', detail: 'an error in the body' } : undefined;
}

function endpoint(setting: string): { readonly method: string; readonly path: string } {
  const space = setting.indexOf(' ');
  return { method: setting.slice(0, space), path: setting.slice(space + 1) };
}

function rangeQuery({ fromMs, toMs }: TimeRange): Readonly<Record<string, string>> {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** The API at the configured address, with the configured paths. */
export function createApi(block: SparkwiseSettings, deps: ProviderDeps): SparkwiseApi {
  const http: Http = createHttp({
    baseUrl: block.baseUrl,
    timeoutMs: block.timeout,
    deps,
    headers: () => ({ [block.apiKeyHeader]: block.apiKey }),
    credentialKeys: ['apiKey', 'apiKeyHeader'],
    refusal: readFailure,
  });

  async function call<T>(
    setting: string,
    request: Omit<HttpRequest<T>, 'method' | 'path'>,
    ctx: CallContext,
  ): Promise<T> {
    return (await http.request({ ...request, ...endpoint(setting) }, ctx)).data;
  }

  const { paths } = block;
  const completions = completionList(fieldsOf(block.completedWhen));
  return {
    users: async (page, pageSize, ctx) => {
      const query = { page, pageSize };
      return (await call(paths.users, { kind: 'read', query, schema: usersPage }, ctx)).data;
    },
    upsert: (users, ctx) => call(paths.upsert, { kind: 'write', json: { users }, schema: batchAnswer }, ctx),
    deactivate: (users, ctx) =>
      call(paths.deactivate, { kind: 'write', json: { users }, schema: batchAnswer }, ctx),
    clusters: async (range, ctx) =>
      (await call(paths.clusters, { kind: 'read', query: rangeQuery(range), schema: clusterList }, ctx)).data,
    completions: (range, ctx) =>
      call(paths.completions, { kind: 'read', query: rangeQuery(range), schema: completions }, ctx),
  };
}
