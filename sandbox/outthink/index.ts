import { randomUUID } from 'node:crypto';
import { clamped, invalid, namedUsers, notFound, oneOf, Refusal } from './call.ts';
import {
  type CampaignMember,
  campaignStatuses,
  type Identifier,
  identifiers,
  type OutthinkCampaign,
  type OutthinkCampaignSeed,
  OutthinkState,
  trainingStatuses,
} from './state.ts';
import { createScimPlatform } from '../scim/index.ts';
import { isObject, type UserRules } from '../scim/attributes.ts';
import type { ScimBehaviour } from '../scim/protocol.ts';
import { type ScimGroupSeed, type ScimUser, type ScimUserSeed, workEmail } from '../scim/state.ts';
import {
  type Sandbox,
  type SandboxOptions,
  type SandboxPlatform,
  type SandboxRequest,
  type SandboxResponse,
  startSandbox,
} from '../server.ts';

/** What the sandbox takes: the REST side's customer id and key, the SCIM side's organization and token. */
export const outthinkCredentials = {
  customerId: 'outthink-sandbox-customer',
  apiKey: 'outthink-sandbox-key',
  orgId: '5d3c7f2e-0000-4000-8000-000000000001',
  scimToken: 'outthink-sandbox-scim-token',
} as const;

/** How the sandbox behaves where the vendor's documentation leaves it open. */
export type OutthinkOptions = SandboxOptions & {
  readonly users?: Iterable<ScimUserSeed>;
  readonly groups?: Iterable<ScimGroupSeed>;
  readonly campaigns?: Iterable<OutthinkCampaignSeed>;
  /** What lists come in: a bare array, or an object with this one field. Default `bare`. */
  readonly listShape?: 'bare' | 'items' | 'data' | 'users';
  /** Lists in an object name how many rows there are in all, or on the page. Default neither. */
  readonly listTotal?: 'all' | 'page';
  /** What enrolling answers: lists of users, or 204 with nothing. Default `lists`. */
  readonly enrollAnswer?: 'lists' | 'empty';
  /** Whether enrolling the enrolled, and removing those who are not, counts as success. Default true; both fail otherwise. */
  readonly repeatable?: boolean;
  /** Where a 429 says how long to wait. Default `header`. */
  readonly retryAfter?: 'header' | 'body' | 'none';
  /** The SCIM side; `/Bulk` is off by default. */
  readonly scim?: ScimBehaviour;
};

const restPath = '/analytics/v1';
const maxTake = 100;

/** What the SCIM side asks for and keeps; it ignores the rest. */
const userRules: UserRules = {
  required: ['userName', 'name.givenName', 'name.familyName', 'emails[work]'],
  unknown: 'ignore',
  keeps: {
    core: [
      'userName',
      'name',
      'emails',
      'active',
      'externalId',
      'addresses',
      'roles',
      'nickName',
      'preferredLanguage',
    ],
    enterprise: ['department', 'division', 'employeeNumber'],
  },
};

/** Sign-in failures are 400s with four codes, not 401s. */
function signIn(headers: SandboxRequest['headers']): void {
  const refuse = (code: string) => new Refusal(400, { code, reason: 'sign-in failed' });
  const customerId = headers['ot-customer-id'] ?? '';
  if (customerId === '') throw refuse('missing_customer_id_header');
  if (customerId !== outthinkCredentials.customerId) throw refuse('invalid_customer_id_header');
  const authorization = headers['authorization'] ?? '';
  if (authorization === '') throw refuse('missing_authorization_header');
  if (authorization !== `Bearer ${outthinkCredentials.apiKey}`) throw refuse('invalid_authorization_header');
}

function createRest(
  state: OutthinkState,
  options: OutthinkOptions,
): (request: SandboxRequest) => SandboxResponse {
  const repeatable = options.repeatable ?? true;

  function listAnswer(rows: readonly unknown[], all = rows.length): SandboxResponse {
    const shape = options.listShape ?? 'bare';
    const totals = { all: { total: all }, page: { total: rows.length } };
    const total = options.listTotal === undefined ? {} : totals[options.listTotal];
    return { status: 200, json: shape === 'bare' ? rows : { [shape]: rows, ...total } };
  }

  /** One page of `found`; values out of range are clamped without a word. */
  function page<T>(found: readonly T[], query: URLSearchParams, show: (one: T) => unknown): SandboxResponse {
    const skip = clamped(query, 'skip', 0, 0, Number.MAX_SAFE_INTEGER);
    const take = clamped(query, 'take', 10, 1, maxTake);
    return listAnswer(found.slice(skip, skip + take).map(show), found.length);
  }

  function showCampaign(campaign: OutthinkCampaign): unknown {
    const { id, name, type, status, startDate, endDate, targetOrgId } = campaign;
    return { id, name, type, status, startDate, endDate, targetOrgId };
  }

  function identity(user: ScimUser): Record<Identifier, string | null> {
    return { userId: user.id, userSourceIdentifier: user.userName, userEmail: workEmail(user) ?? null };
  }

  function showMember({ userId, trainingStatus }: CampaignMember): Record<string, string | null> {
    const user = state.scim.byId.get(userId);
    const known =
      user === undefined ? { userId, userSourceIdentifier: null, userEmail: null } : identity(user);
    return { ...known, trainingStatus };
  }

  function listCampaigns(query: URLSearchParams): SandboxResponse {
    const status = oneOf(query, 'status', campaignStatuses);
    const orgId = query.get('targetOrgId');
    const found = [...state.campaigns.values()].filter(
      (one) =>
        (status === undefined || one.status === status) && (orgId === null || one.targetOrgId === orgId),
    );
    return page(found, query, showCampaign);
  }

  /** A training campaign; an attack simulation is none. */
  function training(id: string): OutthinkCampaign {
    const campaign = state.campaigns.get(id);
    if (campaign?.type !== 'training') throw notFound('training campaign');
    return campaign;
  }

  /** Runs `apply` on every user named; it returns why one failed, or nothing. */
  function change(
    request: SandboxRequest,
    campaign: OutthinkCampaign,
    apply: (user: ScimUser) => string | undefined,
  ): SandboxResponse {
    const users = namedUsers(request);
    if (!campaign.instantTraining || campaign.startDate === null || campaign.endDate === null) {
      throw invalid(
        'campaignId',
        'the campaign was not launched as instant training with a start and an end date',
      );
    }
    const success: unknown[] = [];
    const failed: unknown[] = [];
    const seen = new Set<string>();
    for (const { identifier, value } of users) {
      const [user, another] = state.find(identifier, value);
      let error: string | undefined;
      if (user === undefined) error = 'User not found';
      else if (another !== undefined) error = 'Several users have this email';
      else if (seen.has(user.id)) error = 'Duplicate user in this batch';
      else error = apply(user);
      if (user !== undefined) seen.add(user.id);
      if (user !== undefined && error === undefined) success.push(identity(user));
      else failed.push({ user: { [identifier]: value }, error });
    }
    return options.enrollAnswer === 'empty' ? { status: 204 } : { status: 200, json: { success, failed } };
  }

  function enroll(request: SandboxRequest, campaign: OutthinkCampaign): SandboxResponse {
    return change(request, campaign, (user) => {
      if (!user.active) return 'User is not active';
      if (campaign.members.status(user.id) !== undefined) {
        return repeatable ? undefined : 'User is already in the campaign';
      }
      campaign.members.set(user.id, 'notStarted');
      return undefined;
    });
  }

  function unenroll(request: SandboxRequest, campaign: OutthinkCampaign): SandboxResponse {
    return change(request, campaign, (user) => {
      const removed = campaign.members.remove(user.id);
      return removed || repeatable ? undefined : 'User is not in the campaign';
    });
  }

  function exportCsv(campaign: OutthinkCampaign): SandboxResponse {
    const cell = (value: string | null | undefined): string => `"${(value ?? '').replaceAll('"', '""')}"`;
    const columns = [...identifiers, 'trainingStatus'];
    const lines = campaign.members.list().map((member) => {
      const row = showMember(member);
      return columns.map((column) => cell(row[column])).join(',');
    });
    const text = `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
    return { status: 200, headers: { 'content-type': 'text/csv; charset=utf-8' }, text };
  }

  function allow(request: SandboxRequest, ...methods: readonly string[]): void {
    if (methods.includes(request.method)) return;
    const reason = 'method not allowed';
    throw new Refusal(405, { code: 'method_not_allowed', reason }, { allow: methods.join(', ') });
  }

  function campaignUsers(request: SandboxRequest, campaign: OutthinkCampaign): SandboxResponse {
    allow(request, 'GET', 'POST');
    if (request.method === 'POST') return enroll(request, campaign);
    const status = oneOf(request.query, 'trainingStatus', trainingStatuses);
    return page(campaign.members.list(status), request.query, showMember);
  }

  function campaignUser(campaign: OutthinkCampaign, userId: string): SandboxResponse {
    const trainingStatus = campaign.members.status(userId);
    if (trainingStatus === undefined) throw notFound('user in this campaign');
    return { status: 200, json: showMember({ userId, trainingStatus }) };
  }

  function route(request: SandboxRequest): SandboxResponse {
    if (!request.path.startsWith(`${restPath}/`)) throw notFound('path');
    signIn(request.headers);
    const [kind, id, users, last, ...more] = request.path
      .slice(restPath.length + 1)
      .split('/')
      .map(decodeURIComponent);
    if (id === undefined && kind === 'organizations') {
      allow(request, 'GET');
      return listAnswer([{ id: state.orgId, name: 'Invented Organization' }]);
    }
    if (id === undefined && kind === 'campaigns') {
      allow(request, 'GET');
      return listCampaigns(request.query);
    }
    if (kind !== 'trainingCampaigns' || id === undefined || more.length > 0) throw notFound('path');
    if (users !== undefined && users !== 'users') throw notFound('path');
    if (users === undefined || (last !== undefined && last !== 'remove')) allow(request, 'GET');
    if (last === 'remove') allow(request, 'POST');
    const campaign = training(id);
    if (users === undefined) return { status: 200, json: showCampaign(campaign) };
    if (last === undefined) return campaignUsers(request, campaign);
    if (last === 'remove') return unenroll(request, campaign);
    return last === 'bulk' ? exportCsv(campaign) : campaignUser(campaign, last);
  }

  return (request) => {
    try {
      return route(request);
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, headers: error.headers, json: error.body };
      throw error;
    }
  };
}

function withCorrelation(request: SandboxRequest, response: SandboxResponse): SandboxResponse {
  const sent = request.headers['correlation-id'];
  const headers = {
    ...response.headers,
    'correlation-id': randomUUID(),
    ...(sent === undefined ? {} : { 'client-correlation-id': sent }),
  };
  return { ...response, headers };
}

function createPlatform(state: OutthinkState, options: OutthinkOptions): SandboxPlatform {
  const scimPath = `/scim/Organizations/${state.orgId}/v2`;
  const scim = createScimPlatform(state.scim, {
    bulk: false,
    ...options.scim,
    basePath: scimPath,
    token: outthinkCredentials.scimToken,
    openConfig: true,
    userRules,
  });
  const rest = createRest(state, options);
  const isScim = (request: SandboxRequest): boolean => request.path.startsWith(`${scimPath}/`);
  return {
    classify: (request) => {
      if (isScim(request)) return scim.classify(request);
      if (request.method === 'GET') return { kind: 'read', items: 0 };
      const users = isObject(request.json) ? request.json['users'] : undefined;
      return { kind: 'write', items: Array.isArray(users) ? users.length : 0 };
    },
    handle: (request) => (isScim(request) ? scim.handle(request) : withCorrelation(request, rest(request))),
    tooMany: (retryAfterS, request) => {
      if (isScim(request)) return scim.tooMany(retryAfterS, request);
      const where = options.retryAfter ?? 'header';
      const headers = where === 'header' ? { 'retry-after': String(retryAfterS) } : {};
      const wait = where === 'body' ? { retryAfter: retryAfterS } : {};
      const json = { code: 'too_many_requests', reason: 'rate limit exceeded', ...wait };
      return withCorrelation(request, { status: 429, headers, json });
    },
    // The REST limit is counted by customer; the SCIM side signs in with another credential.
    rateKey: (request) =>
      isScim(request)
        ? `scim ${request.headers['authorization']}`
        : `rest ${request.headers['ot-customer-id']}`,
  };
}

/** Starts a strict OutThink, its REST API and its SCIM side, on one loopback server. */
export async function startOutthink(options: OutthinkOptions = {}): Promise<{
  readonly sandbox: Sandbox;
  readonly state: OutthinkState;
  readonly credentials: typeof outthinkCredentials;
  readonly restUrl: string;
  readonly scimUrl: string;
}> {
  const state = new OutthinkState(outthinkCredentials.orgId);
  for (const user of options.users ?? []) state.scim.add(user);
  for (const group of options.groups ?? []) state.scim.addGroup(group);
  for (const campaign of options.campaigns ?? []) state.addCampaign(campaign);
  const sandbox = await startSandbox(createPlatform(state, options), options);
  return {
    sandbox,
    state,
    credentials: outthinkCredentials,
    restUrl: `${sandbox.url}${restPath}`,
    scimUrl: `${sandbox.url}/scim/Organizations/${state.orgId}/v2`,
  };
}
