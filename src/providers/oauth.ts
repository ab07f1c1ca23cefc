import { z } from 'zod';
import type { CallContext, ProviderDeps } from './contract.ts';
import { singleFlight } from './flight.ts';
import { createHttp } from './http.ts';

/** A token is renewed this long before it ends, or a tenth of its life, whichever is shorter. */
export const renewBeforeMs = 60_000;
/** Life of a token whose answer does not say it. */
const assumedLifeS = 300;

/** Where and with what an OAuth 2.0 client-credentials token is asked for. */
export type TokenGrant = {
  /** Scheme and host, without a path. */
  readonly baseUrl: string;
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly deps: ProviderDeps;
  /** The settings to look at when the client is refused. */
  readonly credentialKeys: readonly string[];
};

/** One shared access token. */
export type Tokens = {
  /** The `authorization` header, with a token that has not ended; asks for one if need be. */
  readonly header: (ctx: CallContext) => Promise<Readonly<Record<'authorization', string>>>;
  /** Drops the token of a refused request, unless it was replaced meanwhile. False when none had been sent. */
  readonly refused: (headers: Readonly<Record<string, string>>) => boolean;
};

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().default(assumedLifeS),
});

/**
 * Client-credentials tokens: all callers share one, and one request for a new one (single flight). A request for a token
 * takes a slot of the pacer and counts as `auth` for the caller who happened to start it.
 *
 * @throws ProviderError SIGN_IN_REFUSED naming `credentialKeys`
 */
export function createTokens(grant: TokenGrant): Tokens {
  const http = createHttp({
    baseUrl: grant.baseUrl,
    timeoutMs: grant.timeoutMs,
    deps: grant.deps,
    credentialKeys: grant.credentialKeys,
    refusal: (status, body) => {
      if (status !== 400 && status !== 401 && status !== 403) return undefined;
      const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
      return typeof error === 'string' ? { kind: 'signIn', vendorCode: error } : { kind: 'signIn' };
    },
  });
  let current: { readonly header: string; readonly goodUntilMs: number } | undefined;
  const ask = singleFlight(async (ctx): Promise<string> => {
    const { data } = await http.request(
      { kind: 'auth', method: 'POST', path: grant.path, form: grant.form, schema: tokenAnswer },
      ctx,
    );
    const lifeMs = data.expires_in * 1_000;
    current = {
      header: `Bearer ${data.access_token}`,
      goodUntilMs: Date.now() + lifeMs - Math.min(renewBeforeMs, lifeMs / 10),
    };
    return current.header;
  });

  return {
    header: async (ctx) => {
      const good = current !== undefined && Date.now() < current.goodUntilMs ? current.header : undefined;
      return { authorization: good ?? (await ask(ctx)) };
    },
    refused: (headers) => {
      const sent = headers['authorization'];
      if (sent === undefined) return false;
      if (current?.header === sent) current = undefined;
      return true;
    },
  };
}
