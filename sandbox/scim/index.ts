import {
  checkUser,
  enterpriseSchema,
  isObject,
  type JsonObject,
  ScimError,
  type UserRules,
  userSchema,
} from './attributes.ts';
import { createBulkCall } from './bulk.ts';
import { countMembers, createGroupCalls } from './groups.ts';
import { parsePatch, patchUser } from './patch.ts';
import {
  type Answer,
  bodyOf,
  type Call,
  defaultBulk,
  errorBody,
  listAnswer,
  oneComparison,
  patched,
  type ScimBehaviour,
  select,
  toResponse,
} from './protocol.ts';
import { type ScimGroupSeed, ScimState, type ScimUser, type ScimUserSeed } from './state.ts';
import {
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../server.ts';

/** The bearer token that the sandbox takes. */
export const scimToken = 'scim-sandbox-token';

/** A SCIM service mounted in a sandbox. */
export type ScimService = ScimBehaviour & {
  readonly basePath: string;
  readonly token: string;
  /** Whether `/ServiceProviderConfig` is answered without a token. */
  readonly openConfig: boolean;
  readonly userRules: UserRules;
};

/** Options of {@link startScim}. */
export type ScimOptions = SandboxOptions &
  ScimBehaviour & {
    readonly users?: Iterable<ScimUserSeed>;
    readonly groups?: Iterable<ScimGroupSeed>;
  };

/** The rules of a SCIM 2.0 service (RFC 7643, RFC 7644) over `state`, under `service.basePath`. */
export function createScimPlatform(state: ScimState, service: ScimService): SandboxPlatform {
  const bulk = service.bulk ?? defaultBulk;
  const maxCount = service.maxCount ?? 200;
  const rules = service.userRules;
  const groups = createGroupCalls(state, service.basePath, service);
  const bulkCall = createBulkCall(service.basePath, service, (call) => operate(call, 0));

  function showUser(user: ScimUser, query: URLSearchParams): JsonObject {
    const schemas = user[enterpriseSchema] === undefined ? [userSchema] : [userSchema, enterpriseSchema];
    const location = `${service.basePath}/Users/${user.id}`;
    const { password: _password, ...shown } = user;
    return select({ schemas, ...shown, meta: { resourceType: 'User', location } }, query);
  }

  function searchUsers(query: URLSearchParams): readonly ScimUser[] {
    const { hidden } = service;
    const found = filteredUsers(query);
    return hidden === undefined ? found : found.filter(({ userName }) => !hidden(userName));
  }

  function filteredUsers(query: URLSearchParams): readonly ScimUser[] {
    const filter = oneComparison(query, service);
    if (filter === undefined) return state.users;
    if (typeof filter.value !== 'string') throw new ScimError(400, 'invalidFilter', 'compare with a string');
    switch (filter.attribute.toLowerCase()) {
      case 'username':
        return state.find('userName', filter.value);
      case 'externalid':
        return state.find('externalId', filter.value);
      case 'emails.value':
        return state.find('email', filter.value);
      case 'id': {
        const user = state.byId.get(filter.value);
        return user === undefined ? [] : [user];
      }
      default:
        throw new ScimError(400, 'invalidFilter', `cannot filter by ${filter.attribute}`);
    }
  }

  /** Checks the attributes of a user to be, with what must be unique. */
  function acceptable(body: JsonObject, self?: ScimUser): JsonObject {
    const attributes = checkUser(body, rules);
    const userName = String(attributes['userName']);
    if (state.unprocessable.has(userName))
      throw new ScimError(500, undefined, 'this user cannot be processed');
    const taken = (found: readonly ScimUser[]): boolean => found.some((other) => other !== self);
    const conflict = (name: string): never => {
      throw new ScimError(409, 'uniqueness', `a user with this ${name} exists`);
    };
    if (taken(state.find('userName', userName))) conflict('userName');
    refuseStrangers(attributes, self);
    const { externalId, emails } = attributes;
    if (service.unique?.includes('externalId') === true && typeof externalId === 'string') {
      if (taken(state.find('externalId', externalId))) conflict('externalId');
    }
    if (service.unique?.includes('email') === true && Array.isArray(emails)) {
      const values = emails.map((email: unknown) => (isObject(email) ? String(email['value']) : ''));
      if (values.some((value) => taken(state.find('email', value)))) conflict('email');
    }
    return attributes;
  }

  function managerOf(user: JsonObject | undefined): unknown {
    const extension = user?.[enterpriseSchema];
    const manager = isObject(extension) ? extension['manager'] : undefined;
    return isObject(manager) ? manager['value'] : undefined;
  }

  /** A manager's value is the id of a user there (RFC 7643, 4.3). */
  function refuseStrangers(attributes: JsonObject, self: ScimUser | undefined): void {
    const value = managerOf(attributes);
    if (value !== undefined && value !== managerOf(self) && !state.byId.has(String(value)))
      throw new ScimError(400, 'invalidValue', `${enterpriseSchema}:manager.value is no user`);
  }

  function answerUser(user: ScimUser, status: number, query: URLSearchParams): Answer {
    const location = `${service.basePath}/Users/${user.id}`;
    return { status, location, body: showUser(user, query) };
  }

  function usersCall({ method, query, data }: Call): Answer {
    if (method === 'GET')
      return listAnswer(searchUsers(query), query, service, (user) => showUser(user, query));
    if (method === 'POST') return answerUser(state.insert(acceptable(bodyOf(data, userSchema))), 201, query);
    throw new ScimError(405, undefined, 'GET, POST');
  }

  function userCall({ method, query, data }: Call, id: string): Answer {
    if (!['GET', 'PUT', 'PATCH'].includes(method)) throw new ScimError(405, undefined, 'GET, PUT, PATCH');
    const user = state.byId.get(id);
    if (user === undefined) throw new ScimError(404, undefined, 'no such user');
    if (method === 'GET') return answerUser(user, 200, query);
    if (method === 'PUT') {
      state.replace(user, acceptable(bodyOf(data, userSchema), user));
      return answerUser(user, 200, query);
    }
    if (service.patch === false) throw new ScimError(501, undefined, 'PATCH is not supported');
    state.replace(user, acceptable(patchUser(user, parsePatch(data), rules), user));
    return patched(service) ?? answerUser(user, 200, query);
  }

  function configCall({ method }: Call): Answer {
    if (method !== 'GET') throw new ScimError(405, undefined, 'GET');
    const limits = bulk === false ? { maxOperations: 0, maxPayloadSize: 0 } : { ...defaultBulk, ...bulk };
    return {
      status: 200,
      body: {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
        patch: { supported: service.patch !== false },
        bulk: { supported: bulk !== false, ...limits },
        filter: { supported: service.filter !== false, maxResults: maxCount },
        changePassword: { supported: false },
        sort: { supported: false },
        etag: { supported: false },
        authenticationSchemes: [
          {
            type: 'oauthbearertoken',
            name: 'Bearer token',
            description: 'A bearer token in the Authorization header',
          },
        ],
      },
    };
  }

  function operate(call: Call, size: number): Answer {
    const [kind, id, ...more] = call.path.slice(1).split('/').map(decodeURIComponent);
    if (more.length === 0 && id !== '') {
      if (kind === 'Users') return id === undefined ? usersCall(call) : userCall(call, id);
      if (kind === 'Groups') return id === undefined ? groups.all(call) : groups.one(call, id);
      if (kind === 'ServiceProviderConfig' && id === undefined) return configCall(call);
      if (kind === 'Bulk' && id === undefined) return bulkCall(call, size);
    }
    throw new ScimError(404, undefined, 'no such path');
  }

  function refuse(error: ScimError): SandboxResponse {
    const { status, scimType, message } = error;
    const detail = status === 405 ? 'method not allowed' : message;
    const response = toResponse({ status, body: errorBody(status, scimType, detail) });
    if (status === 405) return { ...response, headers: { ...response.headers, allow: message } };
    if (status === 401)
      return { ...response, headers: { ...response.headers, 'www-authenticate': 'Bearer' } };
    return response;
  }

  function answer(request: SandboxRequest): SandboxResponse {
    const { method, query, headers } = request;
    if (!request.path.startsWith(`${service.basePath}/`)) throw new ScimError(404, undefined, 'no such path');
    const path = request.path.slice(service.basePath.length);
    const open = service.openConfig && path === '/ServiceProviderConfig';
    if (!open && headers['authorization'] !== `Bearer ${service.token}`) {
      throw new ScimError(401, undefined, 'missing or invalid bearer token');
    }
    if (!/(^|[\s,])(\*\/\*|application\/(\*|json|scim\+json))/i.test(headers['accept'] ?? '*/*')) {
      throw new ScimError(406, undefined, 'answers are application/scim+json');
    }
    const writes = ['POST', 'PUT', 'PATCH'].includes(method);
    if (writes && !/^application\/(scim\+)?json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
      throw new ScimError(415, undefined, 'send application/scim+json');
    }
    if (writes && request.json === undefined)
      throw new ScimError(400, 'invalidSyntax', 'the body is not JSON');
    return toResponse(operate({ method, path, query, data: request.json }, Buffer.byteLength(request.text)));
  }

  return {
    classify: ({ method, path, json }) => {
      if (method === 'GET') return { kind: 'read', items: 0 };
      if (path === `${service.basePath}/Bulk`) {
        const operations = isObject(json) ? json['Operations'] : undefined;
        return { kind: 'write', items: Array.isArray(operations) ? operations.length : 0 };
      }
      const members = path.startsWith(`${service.basePath}/Groups/`) && method === 'PATCH';
      return { kind: 'write', items: members ? countMembers(json) : 1 };
    },
    handle: (request) => {
      try {
        return answer(request);
      } catch (error) {
        if (error instanceof ScimError) return refuse(error);
        throw error;
      }
    },
    tooMany: (retryAfterS) => {
      const response = toResponse({ status: 429, body: errorBody(429, undefined, 'too many requests') });
      return { ...response, headers: { ...response.headers, 'retry-after': String(retryAfterS) } };
    },
  };
}

/** Starts a strict SCIM 2.0 service on loopback. `baseUrl` is where its resources are. */
export async function startScim(options: ScimOptions = {}): Promise<{
  readonly sandbox: Sandbox;
  readonly state: ScimState;
  readonly token: string;
  readonly baseUrl: string;
}> {
  const state = new ScimState();
  for (const user of options.users ?? []) state.add(user);
  for (const group of options.groups ?? []) state.addGroup(group);
  const basePath = '/scim/v2';
  const platform = createScimPlatform(state, {
    ...options,
    basePath,
    token: scimToken,
    openConfig: false,
    userRules: { required: ['userName'], unknown: 'refuse' },
  });
  const sandbox = await startSandbox(platform, options);
  return { sandbox, state, token: scimToken, baseUrl: `${sandbox.url}${basePath}` };
}
