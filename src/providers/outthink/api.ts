import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { CallContext, ProviderDeps } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { createHttp } from '../http.ts';
import type { Refusal } from '../refusal.ts';
import type { Window } from '../pages.ts';
import { retryAfterMs, usableWaitMs } from '../../retry-after.ts';
import {
  type Campaign,
  type CampaignUser,
  type ChangeAnswer,
  campaign,
  campaignUser,
  changeAnswer,
  failure,
  isRefusal,
  type ListPage,
  listOf,
} from './schema.ts';
import type { Identifier, OutthinkSettings } from './settings.ts';
import { waitInBodyMs } from './wait.ts';

/** Most rows of one page (vendor's documentation). */
export const largestTake = 100;

/** Refused sign-in comes as HTTP 400 with one of these codes (vendor's documentation). */
const signInCodes = [
  'missing_customer_id_header',
  'invalid_customer_id_header',
  'missing_authorization_header',
  'invalid_authorization_header',
];

export type OutthinkClient = {
  readonly signIn: (ctx: CallContext) => Promise<void>;
  readonly campaigns: (window: Window, ctx: CallContext) => Promise<ListPage<Campaign>>;
  /** A training campaign; null when there is none of that id, an attack simulation included. */
  readonly training: (id: string, ctx: CallContext) => Promise<Campaign | null>;
  readonly users: (campaignId: string, window: Window, ctx: CallContext) => Promise<ListPage<CampaignUser>>;
  /** Adds users to a campaign or removes them; an empty answer has no lists. */
  readonly change: (
    operation: 'enroll' | 'unenroll',
    campaignId: string,
    values: readonly string[],
    ctx: CallContext,
  ) => Promise<ChangeAnswer>;
};

function refusal(status: number, body: unknown, headers: Headers): Refusal | undefined {
  if (status === 429) {
    const waitMs = retryAfterMs(headers, Date.now()) ?? usableWaitMs(waitInBodyMs(body));
    return { kind: 'rateLimited', ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  }
  if (status >= 200 && status < 300 ? !isRefusal(body) : status < 400 || status > 499 || status === 408)
    return undefined;
  const code = failure.safeParse(body).data?.code;
  if (status === 401 || status === 403 || (code && signInCodes.includes(code))) {
    return { kind: 'signIn', ...(code ? { vendorCode: code } : {}) };
  }
  return { kind: 'refused', ...(code ? { vendorCode: code } : {}) };
}

/** The calls of the REST API. */
export function createOutthinkClient(settings: OutthinkSettings, deps: ProviderDeps): OutthinkClient {
  const { request } = createHttp({
    baseUrl: settings.baseUrl,
    timeoutMs: settings.timeout,
    deps,
    headers: ({ method, path }) => {
      // The vendor's support finds a request by it.
      const correlationId = randomUUID();
      deps.log.debug({ platform: deps.platform, method, path, correlationId }, 'request');
      return {
        'OT-Customer-Id': settings.customerId,
        authorization: `Bearer ${settings.apiKey}`,
        'Correlation-Id': correlationId,
      };
    },
    credentialKeys: ['customerId', 'apiKey'],
    refusal,
  });

  async function get<T>(path: string, schema: z.ZodType<T>, ctx: CallContext, window?: Window): Promise<T> {
    const call = { kind: 'read', method: 'GET', path, schema } as const;
    return (await request(window === undefined ? call : { ...call, query: window }, ctx)).data;
  }

  function bodyOf(values: readonly string[]): unknown {
    return { users: values.map((value) => ({ [settings.identifier satisfies Identifier]: value })) };
  }

  return {
    signIn: async (ctx) => {
      await get('/campaigns', listOf(campaign), ctx, { skip: 0, take: 1 });
    },
    campaigns: (window, ctx) => get('/campaigns', listOf(campaign), ctx, window),
    training: async (id, ctx) => {
      try {
        return await get(`/trainingCampaigns/${encodeURIComponent(id)}`, campaign, ctx);
      } catch (error) {
        if (error instanceof ProviderError && error.status === 404) return null;
        throw error;
      }
    },
    users: (campaignId, window, ctx) =>
      get(`/trainingCampaigns/${encodeURIComponent(campaignId)}/users`, listOf(campaignUser), ctx, window),
    change: async (operation, campaignId, values, ctx) => {
      const [method = '', template = ''] = settings.paths[operation].split(' ');
      const path = template.replaceAll('{campaignId}', encodeURIComponent(campaignId));
      const json = bodyOf(values);
      const call = { kind: 'write', method, path, json, schema: changeAnswer, emptyAs: {} } as const;
      return (await request(call, ctx)).data;
    },
  };
}
