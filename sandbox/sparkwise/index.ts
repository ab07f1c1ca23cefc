import {
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../server.ts';
import {
  firstAtOrAfter,
  type SparkwiseCluster,
  type SparkwiseCompletion,
  SparkwiseState,
  type SparkwiseUser,
  type SparkwiseUserSeed,
} from './state.ts';

/** The server API key that the sandbox takes, in the header `x-api-key`. */
export const sparkwiseApiKey = 'sparkwise-sandbox-key';

/** How the sandbox behaves where the vendor's document leaves it open. */
export type SparkwiseOptions = SandboxOptions & {
  readonly users?: Iterable<SparkwiseUserSeed>;
  readonly clusters?: Iterable<SparkwiseCluster>;
  readonly completions?: Iterable<SparkwiseCompletion>;
  /** Domains (lower case) that a user's email must be of. Default: the feature is off. */
  readonly trustedDomains?: readonly string[];
  /** Whether a user outside the trusted domains stands in `failed`, or in neither list. Default `failed`. */
  readonly untrusted?: 'failed' | 'omitted';
  /** What a deactivation answers: the two lists, or `success: true` with no data. Default `lists`. */
  readonly deactivateAnswer?: 'lists' | 'bare';
  /** Whether errors come under HTTP 200. Default false: 400, 401, 404, 405, 415, 429. */
  readonly errorsUnder200?: boolean;
  /** Whether an upsert with `active: true` reactivates an inactive user. Default true. */
  readonly reactivates?: boolean;
  /** Whether answers carry the email. Default false. */
  readonly showEmail?: boolean;
};

const maxPage = 200;
const maxBatch = 200;
const isoTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function intParameter(request: SandboxRequest, name: string, byDefault: number, most: number): number {
  const text = request.query.get(name);
  if (text === null) return byDefault;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  const least = name === 'page' ? 0 : 1;
  if (!(value >= least && value <= most)) throw new Refusal(400, `${name} must be a whole number in range`);
  return value;
}

function onlyParameters(request: SandboxRequest, known: readonly string[]): void {
  for (const name of request.query.keys()) {
    if (!known.includes(name)) throw new Refusal(400, `unknown parameter: ${name}`);
    if (request.query.getAll(name).length > 1) throw new Refusal(400, `${name} is given more than once`);
  }
}

function timeParameter(request: SandboxRequest, name: string): number | undefined {
  const text = request.query.get(name);
  if (text === null) return undefined;
  const timeMs = isoTime.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs)) throw new Refusal(400, `${name} must be an ISO 8601 date`);
  return timeMs;
}

function timeRange(request: SandboxRequest): { from: number | undefined; to: number | undefined } {
  onlyParameters(request, ['from', 'to']);
  const from = timeParameter(request, 'from');
  const to = timeParameter(request, 'to');
  if (from !== undefined && to !== undefined && to <= from)
    throw new Refusal(400, 'to must be later than from');
  return { from, to };
}

type FieldTypes = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly optional?: true }>>;

const upsertFields: FieldTypes = {
  firstName: { type: 'string' },
  lastName: { type: 'string' },
  active: { type: 'boolean' },
  remoteId: { type: 'string' },
  email: { type: 'string', optional: true },
};

const refFields: FieldTypes = { remoteId: { type: 'string' } };

/** The items of a batch, each checked against `fields`; refuses the whole batch as the vendor's validation would. */
function batchItems(request: SandboxRequest, fields: FieldTypes): readonly Record<string, unknown>[] {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new Refusal(415, 'content type must be application/json');
  onlyParameters(request, []);
  if (!isObject(request.json)) throw new Refusal(400, 'the body must be a JSON object');
  for (const key of Object.keys(request.json)) {
    if (key !== 'users') throw new Refusal(400, `unknown field: ${key}`);
  }
  const users = request.json['users'];
  if (!Array.isArray(users)) throw new Refusal(400, 'users must be an array');
  if (users.length < 1 || users.length > maxBatch) {
    throw new Refusal(400, `users must have 1 to ${maxBatch} items, not ${users.length}`);
  }
  return users.map((item: unknown, index) => {
    if (!isObject(item)) throw new Refusal(400, `users[${index}] must be an object`);
    for (const key of Object.keys(item)) {
      if (fields[key] === undefined) throw new Refusal(400, `users[${index}]: unknown field: ${key}`);
    }
    for (const [name, field] of Object.entries(fields)) {
      const value = item[name];
      if (value === undefined && field.optional === true) continue;
      if (value === undefined) throw new Refusal(400, `users[${index}].${name} is required`);
      const good = typeof value === field.type && value !== '';
      if (!good) throw new Refusal(400, `users[${index}].${name} must be a ${field.type}, and not empty`);
    }
    return item;
  });
}

type BatchAnswer = { readonly success: unknown[]; readonly failed: { user: unknown; error: string }[] };

function createPlatform(state: SparkwiseState, options: SparkwiseOptions): SandboxPlatform {
  const domains = options.trustedDomains;

  function shown(user: SparkwiseUser): Record<string, unknown> {
    const { id, firstName, lastName, active, remoteId, email } = user;
    const fields = { id, firstName, lastName, active, remoteId };
    return options.showEmail === true && email !== undefined ? { ...fields, email } : fields;
  }

  function ok(data: unknown): SandboxResponse {
    return { status: 200, json: { success: true, error: null, data } };
  }

  function trusted(email: string | undefined): boolean {
    if (domains === undefined) return true;
    return email !== undefined && domains.includes(email.slice(email.lastIndexOf('@') + 1).toLowerCase());
  }

  function listUsers(request: SandboxRequest): SandboxResponse {
    onlyParameters(request, ['page', 'pageSize']);
    const page = intParameter(request, 'page', 0, Number.MAX_SAFE_INTEGER);
    const size = intParameter(request, 'pageSize', maxPage, maxPage);
    const total = state.users.length;
    const totalPages = Math.ceil(total / size);
    if (page > 0 && page >= totalPages) throw new Refusal(400, 'page is out of range');
    const items = state.users.slice(page * size, (page + 1) * size).map(shown);
    const next = page + 1 < totalPages ? page + 1 : null;
    return ok({ items, page, size, next, prev: page > 0 ? page - 1 : null, totalPages, total });
  }

  /** Runs `apply` on each item that can be processed; it returns the user, or why the item failed. */
  function batch(
    items: readonly Record<string, unknown>[],
    apply: (item: Record<string, unknown>, remoteId: string) => SparkwiseUser | string | undefined,
  ): BatchAnswer {
    const answer: BatchAnswer = { success: [], failed: [] };
    const seen = new Set<string>();
    for (const item of items) {
      const remoteId = String(item['remoteId']);
      if (state.omitted.has(remoteId)) continue;
      let outcome: SparkwiseUser | string | undefined;
      if (seen.has(remoteId)) outcome = 'Duplicate remoteId in this batch';
      else if (state.unprocessable.has(remoteId)) outcome = 'This user cannot be processed';
      else outcome = apply(item, remoteId);
      seen.add(remoteId);
      if (typeof outcome === 'string') answer.failed.push({ user: item, error: outcome });
      else if (outcome !== undefined) answer.success.push(shown(outcome));
    }
    return answer;
  }

  function upsert(request: SandboxRequest): SandboxResponse {
    const answer = batch(batchItems(request, upsertFields), (item, remoteId) => {
      const known = state.byRemoteId.get(remoteId);
      const email = typeof item['email'] === 'string' ? item['email'] : known?.email;
      if (!trusted(email)) {
        return options.untrusted === 'omitted' ? undefined : 'This user is outside the trusted domains';
      }
      const firstName = String(item['firstName']);
      const lastName = String(item['lastName']);
      const active = item['active'] === true;
      if (known === undefined) {
        return state.add({
          firstName,
          lastName,
          active,
          remoteId,
          ...(email === undefined ? {} : { email }),
        });
      }
      known.firstName = firstName;
      known.lastName = lastName;
      if (!active || options.reactivates !== false) known.active = active;
      if (email !== undefined) known.email = email;
      return known;
    });
    return ok(answer);
  }

  function deactivate(request: SandboxRequest): SandboxResponse {
    const answer = batch(batchItems(request, refFields), (_item, remoteId) => {
      const user = state.byRemoteId.get(remoteId);
      if (user === undefined) return 'User not found';
      user.active = false;
      return user;
    });
    return ok(options.deactivateAnswer === 'bare' ? null : answer);
  }

  function listClusters(request: SandboxRequest): SandboxResponse {
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = timeRange(request);
    const items = state.clusters
      .filter(({ createdAt }) => Date.parse(createdAt) >= from && Date.parse(createdAt) < to)
      .map(({ createdAt: _createdAt, ...cluster }) => cluster);
    return ok({ items, total: items.length });
  }

  function listCompletions(request: SandboxRequest): SandboxResponse {
    const { from, to } = timeRange(request);
    if (from === undefined || to === undefined) throw new Refusal(400, 'from and to are required');
    const all = state.completions;
    return { status: 200, json: all.slice(firstAtOrAfter(all, from), firstAtOrAfter(all, to)) };
  }

  const routes: Readonly<
    Record<string, Readonly<Record<string, (request: SandboxRequest) => SandboxResponse>>>
  > = {
    '/users': { GET: listUsers },
    '/users/batch': { POST: upsert },
    '/users/deactivate': { POST: deactivate },
    '/clusters': { GET: listClusters },
    '/completions': { GET: listCompletions },
  };

  function route(request: SandboxRequest): SandboxResponse {
    if (request.headers['x-api-key'] !== sparkwiseApiKey) {
      throw new Refusal(401, 'missing or invalid server API key');
    }
    const methods = routes[request.path];
    if (methods === undefined) throw new Refusal(404, 'no such path');
    const handler = methods[request.method];
    if (handler === undefined) {
      throw new Refusal(405, 'method not allowed', { allow: Object.keys(methods).join(', ') });
    }
    return handler(request);
  }

  function refused({ status, message, headers }: Refusal): SandboxResponse {
    return {
      status: options.errorsUnder200 === true ? 200 : status,
      headers,
      json: { success: false, error: { message, metadata: {} }, data: null },
    };
  }

  return {
    classify: (request) => {
      if (request.method === 'GET') return { kind: 'read', items: 0 };
      const users = isObject(request.json) ? request.json['users'] : undefined;
      return { kind: 'write', items: Array.isArray(users) ? users.length : 0 };
    },
    handle: (request) => {
      try {
        return route(request);
      } catch (error) {
        if (error instanceof Refusal) return refused(error);
        throw error;
      }
    },
    tooMany: (retryAfterS) => ({
      ...refused(new Refusal(429, 'too many requests')),
      status: 429,
      headers: { 'retry-after': String(retryAfterS) },
    }),
  };
}

/** Starts a strict Sparkwise account API on loopback. Its rules follow the vendor's document; see {@link SparkwiseOptions}. */
export async function startSparkwise(
  options: SparkwiseOptions = {},
): Promise<{ readonly sandbox: Sandbox; readonly state: SparkwiseState; readonly apiKey: string }> {
  const state = new SparkwiseState();
  for (const user of options.users ?? []) state.add(user);
  for (const cluster of options.clusters ?? []) state.clusters.push(cluster);
  state.recordAll(options.completions ?? []);
  const sandbox = await startSandbox(createPlatform(state, options), options);
  return { sandbox, state, apiKey: sparkwiseApiKey };
}
