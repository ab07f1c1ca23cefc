import { randomBytes } from 'node:crypto';
import type { KeepnetCall, KeepnetReply } from './call.ts';
import {
  createEnrollment,
  formDetails,
  searchCompanies,
  searchEnrollments,
  searchResults,
  searchTrainings,
  sendToAll,
} from './enrollments.ts';
import {
  addToGroups,
  createGroup,
  listGroups,
  listGroupUsers,
  removeFromGroup,
  searchGroups,
} from './groups.ts';
import { isJson, type Json } from './search.ts';
import { createCompany } from './seed.ts';
import { type KeepnetCompany, type KeepnetSettings, type KeepnetState, Listing, Refusal } from './state.ts';
import { createUser, readOneUser, searchEmail, searchUsers, updateUser } from './users.ts';
import {
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../server.ts';

export * from './seed.ts';
export * from './state.ts';

export type KeepnetCredentials = { readonly clientId: string; readonly clientSecret: string };

/** Initial state, and what differs from the default settings. */
export type KeepnetOptions = SandboxOptions &
  Partial<KeepnetSettings> & {
    /** The companies of a reseller; of an administrator the first counts. Default: one. */
    readonly companies?: readonly Partial<
      Pick<KeepnetCompany, 'resourceId' | 'name' | 'isTargetUserCountExceededLimit'>
    >[];
    readonly credentials?: KeepnetCredentials;
  };

/** A running Keepnet. */
export type KeepnetSandbox = {
  readonly sandbox: Sandbox;
  readonly state: KeepnetState;
  readonly settings: KeepnetSettings;
  readonly credentials: KeepnetCredentials;
  /** Makes every token handed out so far invalid. */
  readonly revokeTokens: () => void;
};

type Route = {
  readonly method: string;
  readonly path: RegExp;
  readonly handle: (call: KeepnetCall) => KeepnetReply;
};

const routes: readonly Route[] = [
  { method: 'POST', path: /^\/api\/target-users\/search$/, handle: searchUsers },
  { method: 'POST', path: /^\/api\/target-users\/search-email$/, handle: searchEmail },
  { method: 'POST', path: /^\/api\/target-users$/, handle: createUser },
  { method: 'PUT', path: /^\/api\/target-users\/([^/]+)$/, handle: updateUser },
  { method: 'GET', path: /^\/api\/target-users\/([^/]+)$/, handle: readOneUser },
  { method: 'GET', path: /^\/api\/target-groups$/, handle: listGroups },
  { method: 'POST', path: /^\/api\/target-groups$/, handle: createGroup },
  { method: 'POST', path: /^\/api\/target-groups\/search\/current-company$/, handle: searchGroups },
  { method: 'PUT', path: /^\/api\/target-groups\/users$/, handle: addToGroups },
  { method: 'DELETE', path: /^\/api\/target-groups\/([^/]+)\/users$/, handle: removeFromGroup },
  { method: 'POST', path: /^\/api\/target-groups\/([^/]+)\/users$/, handle: listGroupUsers },
  { method: 'POST', path: /^\/api\/trainings\/search$/, handle: searchTrainings },
  { method: 'GET', path: /^\/api\/enrollments\/form-details$/, handle: formDetails },
  { method: 'POST', path: /^\/api\/enrollments$/, handle: createEnrollment },
  { method: 'POST', path: /^\/api\/enrollments\/search$/, handle: searchEnrollments },
  { method: 'POST', path: /^\/api\/enrollments\/([^/]+)\/send$/, handle: sendToAll },
  { method: 'POST', path: /^\/api\/training-reports\/([^/]+)\/users\/search$/, handle: searchResults },
];

const readPaths =
  /\/search$|\/search-email$|\/search\/current-company$|^\/api\/target-groups\/(?!users$)[^/]+\/users$/;

function classify(request: SandboxRequest): ReturnType<SandboxPlatform['classify']> {
  if (request.path === '/connect/token') return { kind: 'auth', items: 0 };
  if (request.method === 'GET' || (request.method === 'POST' && readPaths.test(request.path))) {
    return { kind: 'read', items: 0 };
  }
  const ids = isJson(request.json) ? request.json['targetUserResourceIds'] : undefined;
  return { kind: 'write', items: Array.isArray(ids) ? ids.length : 1 };
}

/** Whether a body says `selectAll: true` at any depth, in whatever spelling. */
function selectsAll(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(selectsAll);
  if (!isJson(value)) return false;
  return Object.entries(value).some(
    ([name, inner]) =>
      (name.toLowerCase() === 'selectall' && (inner === true || inner === 'true' || inner === 1)) ||
      selectsAll(inner),
  );
}

function startingSettings(options: KeepnetOptions): KeepnetSettings {
  return {
    reseller: options.reseller ?? false,
    envelope: options.envelope ?? 'status',
    nullAnswer: options.nullAnswer ?? 'inputError',
    tokenLifetimeS: options.tokenLifetimeS ?? 3_600,
    maxPageSize: options.maxPageSize ?? 1_000,
    clampPageSize: options.clampPageSize ?? false,
    maxBatch: options.maxBatch ?? 200,
    duplicateEmail: options.duplicateEmail,
    companyIdField: options.companyIdField ?? 'companyResourceId',
    trainingIdField: options.trainingIdField ?? 'trainingId',
    enrollmentIdField: options.enrollmentIdField ?? 'id',
    schedulerRequired: options.schedulerRequired ?? false,
    phoneNumberRequired: options.phoneNumberRequired ?? false,
    nullWhenEmpty: options.nullWhenEmpty ?? true,
    retryAfter: options.retryAfter ?? true,
    nowMs: options.nowMs ?? Date.now,
  };
}

function readBody(request: SandboxRequest): Json {
  if (request.text === '') return {};
  // 415 for another content type is an assumption; that it has to be JSON is documented.
  if (!(request.headers['content-type'] ?? '').startsWith('application/json')) {
    throw new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'the content type must be application/json');
  }
  if (!isJson(request.json)) throw new Refusal(400, 'BAD_REQUEST', 'the body is not a JSON object');
  return request.json;
}

/**
 * Starts a strict Keepnet: sign-in, reseller scope, users, groups, enrollments and results over an in-memory state.
 * Add users, groups and trainings with `addUser`, `addGroup`, `addTraining` to `state.company` or another company.
 */
export async function startKeepnet(options: KeepnetOptions = {}): Promise<KeepnetSandbox> {
  const settings = startingSettings(options);
  const credentials = options.credentials ?? { clientId: 'keepnet-client', clientSecret: 'keepnet-secret' };
  const companies = new Listing<KeepnetCompany>();
  const [first = createCompany({ name: 'Example Ltd' }), ...others] = (options.companies ?? []).map(
    createCompany,
  );
  for (const company of [first, ...others]) companies.set(company.resourceId, company);
  const state: KeepnetState = { companies, company: first, violations: [] };
  const expiryByToken = new Map<string, number>();
  let answers = 0;

  function envelope(status: number, data: unknown, code: string, message: string): SandboxResponse {
    const alternate = answers++ % 2 === 0 ? 'isSuccess' : 'status';
    const shape = settings.envelope === 'alternate' ? alternate : settings.envelope;
    const messages = message === '' ? [] : [message];
    const json =
      shape === 'isSuccess'
        ? { isSuccess: code === 'SUCCESS', data, messages: code === 'INPUT_ERROR' ? [code] : messages }
        : { data, status: code, message, validationMessages: code === 'SUCCESS' ? [] : messages };
    return { status, json };
  }

  function token(request: SandboxRequest): SandboxResponse {
    if (!(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
      return { status: 500, text: 'Internal Server Error' };
    }
    const form = new URLSearchParams(request.text);
    if (form.get('grant_type') !== 'client_credentials') {
      return { status: 400, json: { error: 'unsupported_grant_type' } };
    }
    if (
      form.get('client_id') !== credentials.clientId ||
      form.get('client_secret') !== credentials.clientSecret
    ) {
      return { status: 400, json: { error: 'invalid_client' } };
    }
    if (form.get('scope') !== 'api1') return { status: 400, json: { error: 'invalid_scope' } };
    const accessToken = randomBytes(24).toString('base64url');
    expiryByToken.set(accessToken, settings.nowMs() + settings.tokenLifetimeS * 1_000);
    return {
      status: 200,
      json: {
        access_token: accessToken,
        expires_in: settings.tokenLifetimeS,
        token_type: 'Bearer',
        scope: 'api1',
        permissions: [],
      },
    };
  }

  function refuseUnsigned(request: SandboxRequest): void {
    const [, given = ''] = /^Bearer (\S+)$/.exec(request.headers['authorization'] ?? '') ?? [];
    const expiry = expiryByToken.get(given);
    if (expiry === undefined || expiry <= settings.nowMs()) {
      throw new Refusal(401, 'UNAUTHORIZED', 'the access token is missing, unknown or expired');
    }
  }

  function findCompany(request: SandboxRequest): KeepnetCompany {
    const id = request.headers['x-keepnet-company-id'];
    if (!settings.reseller) {
      if (id === undefined && request.headers['x-ir-company-id'] === undefined) return first;
      throw new Refusal(403, 'FORBIDDEN', 'the credential is no reseller');
    }
    const company = id === undefined ? undefined : companies.get(id);
    if (company === undefined) {
      throw new Refusal(403, 'FORBIDDEN', 'X-KEEPNET-Company-Id names no company that this reseller manages');
    }
    if (request.path === '/api/enrollments/search' && request.headers['x-ir-company-id'] !== id) {
      throw new Refusal(403, 'FORBIDDEN', 'x-ir-company-id must name the company too');
    }
    return company;
  }

  function refuseViolation({ method, path, json }: SandboxRequest): void {
    const deletesUsers = method === 'DELETE' && path.startsWith('/api/target-users');
    if (deletesUsers) {
      state.violations.push({ what: path.endsWith('/bulk-delete') ? 'bulkDelete' : 'delete', method, path });
    }
    const all = selectsAll(json);
    if (all) state.violations.push({ what: 'selectAll', method, path });
    if (deletesUsers || all) throw new Refusal(400, 'BAD_REQUEST', 'this sandbox deletes and selects nobody');
  }

  function answer(request: SandboxRequest): KeepnetReply {
    // Before sign-in: it is to be seen even with an expired token.
    refuseViolation(request);
    refuseUnsigned(request);
    const { method, path } = request;
    if (method === 'POST' && path === '/api/companies/search') {
      return searchCompanies(state, settings, readBody(request));
    }
    const company = findCompany(request);
    for (const route of routes) {
      if (route.method !== method) continue;
      const match = route.path.exec(path);
      if (match === null) continue;
      const id = decodeURIComponent(match[1] ?? '');
      return route.handle({ company, settings, body: readBody(request), text: request.text, id });
    }
    throw new Refusal(404, 'NOT_FOUND', `there is no ${method} ${path}`);
  }

  const platform: SandboxPlatform = {
    classify,
    handle: (request) => {
      if (request.path === '/connect/token') {
        return request.method === 'POST' ? token(request) : { status: 405, text: '' };
      }
      try {
        const reply = answer(request);
        return envelope(reply.status, reply.data, 'SUCCESS', '');
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return error.response ?? envelope(error.status, null, error.code, error.message);
      }
    },
    tooMany: (retryAfterS) => {
      const refused = envelope(429, null, 'TOO_MANY_REQUESTS', 'back off and retry');
      return settings.retryAfter ? { ...refused, headers: { 'retry-after': String(retryAfterS) } } : refused;
    },
  };

  return {
    sandbox: await startSandbox(platform, options),
    state,
    settings,
    credentials,
    revokeTokens: () => expiryByToken.clear(),
  };
}
