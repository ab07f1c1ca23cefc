import { getCampaigns, getUserData } from './awareness.ts';
import {
  type Call,
  CallError,
  type CallResult,
  type Failure,
  isJson,
  type Json,
  type MimecastSettings,
  type PageOut,
} from './call.ts';
import {
  addGroupMember,
  createUser,
  findGroups,
  getGroupMembers,
  getInternalUsers,
  removeGroupMember,
  updateUser,
} from './directory.ts';
import { createSignIn, type MimecastClient, type MimecastKeys } from './sign-in.ts';
import { createState, type MimecastState } from './state.ts';
import {
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../server.ts';

export type { MimecastSettings } from './call.ts';
export type { MimecastClient, MimecastKeys } from './sign-in.ts';
export * from './state.ts';

/** Initial state, and what differs from the default settings. */
export type MimecastOptions = SandboxOptions &
  Partial<MimecastSettings> & {
    /** The customer's own domains. Default `example.com`. */
    readonly domains?: readonly string[];
    readonly keys?: MimecastKeys;
    readonly client?: MimecastClient;
  };

/** A running Mimecast. API 2.0 tokens come from `/oauth/token` of the same server. */
export type MimecastSandbox = {
  readonly sandbox: Sandbox;
  readonly state: MimecastState;
  readonly settings: MimecastSettings;
  /** API 1.0. */
  readonly keys: MimecastKeys;
  /** API 2.0. */
  readonly client: MimecastClient;
  /** Makes every API 2.0 token handed out so far invalid. */
  readonly revokeTokens: () => void;
};

type Endpoint = { readonly kind: 'read' | 'write'; readonly run: (call: Call) => CallResult };

const endpoints: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['/api/awareness-training/campaign/get-campaigns', { kind: 'read', run: getCampaigns }],
  ['/api/awareness-training/campaign/get-user-data', { kind: 'read', run: getUserData }],
  ['/api/directory/find-groups', { kind: 'read', run: findGroups }],
  ['/api/directory/get-group-members', { kind: 'read', run: getGroupMembers }],
  ['/api/directory/add-group-member', { kind: 'write', run: addGroupMember }],
  ['/api/directory/remove-group-member', { kind: 'write', run: removeGroupMember }],
  ['/api/user/create-user', { kind: 'write', run: createUser }],
  ['/api/user/update-user', { kind: 'write', run: updateUser }],
  ['/api/user/get-internal-users', { kind: 'read', run: getInternalUsers }],
]);

function startingSettings(options: MimecastOptions): MimecastSettings {
  return {
    api: options.api ?? 'both',
    keysExpired: options.keysExpired ?? false,
    tokenLifetimeS: options.tokenLifetimeS ?? 1_800,
    nowMs: options.nowMs ?? Date.now,
    maxDataItems: options.maxDataItems ?? 1,
    defaultPageSize: options.defaultPageSize ?? 25,
    maxPageSize: options.maxPageSize ?? 100,
    tellTotal: options.tellTotal ?? true,
    resultCase: options.resultCase ?? 'upper',
    userDataRows: options.userDataRows ?? 'nested',
    pageUserData: options.pageUserData ?? true,
    userDataEmailField: options.userDataEmailField ?? 'email',
    joinEnrolls: options.joinEnrolls ?? false,
    tellDisabled: options.tellDisabled ?? true,
    rateLimit: options.rateLimit ?? options.rate ?? 800,
    rateResetMs: options.rateResetMs ?? options.windowMs ?? 5_000,
  };
}

function envelope(
  status: number,
  data: readonly unknown[],
  fail: readonly Failure[],
  pagination?: PageOut,
): SandboxResponse {
  const meta = pagination === undefined ? { status } : { status, pagination };
  return { status, json: { meta, data, fail } };
}

function readItems(body: Json): readonly Json[] {
  const { data } = body;
  if (!Array.isArray(data) || !data.every(isJson)) {
    throw new CallError('err_validation_data', 'data must be an array of objects', 'data');
  }
  return data;
}

function readPagination(body: Json): Json {
  const { meta = {} } = body;
  const { pagination = {} } = isJson(meta) ? meta : { pagination: null };
  if (!isJson(pagination)) {
    throw new CallError('err_validation_type', 'meta.pagination must be an object', 'pagination');
  }
  return pagination;
}

/** A window of the headers' own: it counts what was answered and starts anew when it has run out. */
function createRateHeaders(settings: MimecastSettings): () => Record<string, string> {
  let startedAtMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  return () => {
    const atMs = performance.now();
    if (atMs - startedAtMs >= settings.rateResetMs) {
      startedAtMs = atMs;
      used = 0;
    }
    used++;
    return {
      'x-ratelimit-limit': String(settings.rateLimit),
      'x-ratelimit-remaining': String(Math.max(0, settings.rateLimit - used)),
      'x-ratelimit-reset': String(Math.ceil(settings.rateResetMs - (atMs - startedAtMs))),
    };
  };
}

/**
 * Starts a strict Mimecast: both sign-ins, directory groups, internal users and awareness campaigns over an in-memory
 * state. Seed `state` with `addUser`, `addGroup`, `joinFolder`, `addCampaign`.
 */
export async function startMimecast(options: MimecastOptions = {}): Promise<MimecastSandbox> {
  const settings = startingSettings(options);
  const keys: MimecastKeys = options.keys ?? {
    applicationId: '6f1c3a52-0000-4000-8000-5ab0c0ffee01',
    applicationKey: '0d6f3e1b-0000-4000-8000-5ab0c0ffee02',
    accessKey: 'sandboxAccessKey',
    secretKey: Buffer.from('sandbox secret, twenty bytes or more').toString('base64'),
  };
  const client: MimecastClient = options.client ?? {
    clientId: 'mimecast-client',
    clientSecret: 'mimecast-secret',
  };
  const state = createState(options.domains ?? ['example.com']);
  const signIn = createSignIn(keys, client, settings);
  const rateHeaders = createRateHeaders(settings);

  function call(request: SandboxRequest): SandboxResponse {
    const refused = signIn.refuse(request);
    if (refused !== undefined) return envelope(refused.status, [], [{ errors: [refused.error] }]);
    const endpoint = endpoints.get(request.path);
    if (endpoint === undefined) return envelope(404, [], []);
    if (request.method !== 'POST') return envelope(405, [], []);
    try {
      if (!isJson(request.json)) throw new CallError('err_validation_body', 'the body is not a JSON object');
      const items = readItems(request.json);
      const pagination = readPagination(request.json);
      const result = endpoint.run({ state, settings, path: request.path, items, pagination });
      return envelope(200, result.data, result.fail, result.pagination);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      return envelope(200, [], [{ errors: [error.toError()] }]);
    }
  }

  const platform: SandboxPlatform = {
    classify: (request) => {
      signIn.see(request);
      if (request.path === '/oauth/token') return { kind: 'auth', items: 0 };
      if (endpoints.get(request.path)?.kind !== 'write') return { kind: 'read', items: 0 };
      const data = isJson(request.json) ? request.json['data'] : undefined;
      return { kind: 'write', items: Array.isArray(data) ? data.length : 0 };
    },
    handle: (request) => {
      const response = request.path === '/oauth/token' ? signIn.token(request) : call(request);
      return { ...response, headers: { ...rateHeaders(), ...response.headers } };
    },
    // The vendor says how long to wait in X-RateLimit-Reset, in ms, and sends no Retry-After.
    tooMany: (retryAfterS) => ({
      ...envelope(429, [], []),
      headers: {
        'x-ratelimit-limit': String(settings.rateLimit),
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(retryAfterS * 1_000),
      },
    }),
  };

  return {
    sandbox: await startSandbox(platform, options),
    state,
    settings,
    keys,
    client,
    revokeTokens: signIn.revokeTokens,
  };
}
