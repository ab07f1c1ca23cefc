import { z } from 'zod';
import type { HttpsSource } from '../../../config/roster-source.ts';
import { describeNetworkFailure } from '../../../network-failure.ts';
import { DeliveryError } from '../source.ts';

/** The header that signs a request in, and whether a fresh one may help when it was refused. */
export type Authorization = {
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Drops the token; false when there is none that could be renewed. */
  readonly renew: () => boolean;
};

type Send = (
  url: URL,
  init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: URLSearchParams;
  },
  signal: AbortSignal,
) => Promise<Response>;

type Grant = Extract<NonNullable<HttpsSource['auth']>, { readonly tokenUrl: string }>;
type Means = { readonly send: Send; readonly signal: AbortSignal; readonly timeoutMs: number };

/** A token is not used in the last seconds of its life. */
const renewBeforeMs = 30_000;
/** Life of a token whose answer does not say it. */
const assumedLifeS = 300;

/** As RFC 6749, section 5.1, has it; or `data.token`, as Personio has it (developer.personio.de/reference/auth). */
const tokenAnswer = z.union([
  z.object({
    access_token: z.string().min(1),
    expires_in: z.coerce.number().positive().default(assumedLifeS),
  }),
  z
    .object({ data: z.object({ token: z.string().min(1) }) })
    .transform(({ data }) => ({ access_token: data.token, expires_in: assumedLifeS })),
]);

/** How a server says that it does not know the client: by the book the first two, and the others all the same. */
const unknownClient: ReadonlySet<number> = new Set([400, 401, 403, 422]);

/** Signs requests in: with user and password, a token, or OAuth 2.0 client credentials (RFC 6749, section 4.4). */
export function createAuthorization(auth: HttpsSource['auth'], means: Means): Authorization {
  if (auth === undefined) return fixed({});
  if ('user' in auth) return fixed({ authorization: basic(auth.user, auth.password) });
  if ('token' in auth) return fixed({ authorization: `Bearer ${auth.token}` });
  let current: { readonly token: string; readonly untilMs: number } | undefined;
  return {
    headers: async () => {
      if (current === undefined || Date.now() >= current.untilMs) current = await askForToken(auth, means);
      return { authorization: `Bearer ${current.token}` };
    },
    renew: () => {
      const had = current !== undefined;
      current = undefined;
      return had;
    },
  };
}

function fixed(headers: Readonly<Record<string, string>>): Authorization {
  return { headers: async () => headers, renew: () => false };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

/** As section 2.3.1 has it: the header, which every server takes, and the body for those that take nothing else. */
async function askForToken(
  grant: Grant,
  means: Means,
): Promise<{ readonly token: string; readonly untilMs: number }> {
  const url = new URL(grant.tokenUrl);
  const form = {
    grant_type: 'client_credentials',
    ...(grant.scope === undefined ? {} : { scope: grant.scope }),
  };
  const headers = { accept: 'application/json', 'user-agent': 'rollcall' };
  const encoded = [grant.clientId, grant.clientSecret].map(encodeURIComponent) as [string, string];
  const ways = [
    { headers: { ...headers, authorization: basic(...encoded) }, form },
    { headers, form: { ...form, client_id: grant.clientId, client_secret: grant.clientSecret } },
  ];
  let status = 0;
  for (const way of ways) {
    const sentMs = Date.now();
    let response: Response;
    let text: string;
    try {
      const body = new URLSearchParams(way.form);
      response = await means.send(url, { method: 'POST', headers: way.headers, body }, means.signal);
      text = await response.text();
    } catch (error) {
      const failed = { host: url.host, key: 'roster.source.auth.tokenUrl', timeoutMs: means.timeoutMs };
      const { reason, hint } = describeNetworkFailure(error, failed);
      throw new DeliveryError(url.host, `no token: ${reason}`, {
        passing: true,
        ...(hint === undefined ? {} : { hint }),
      });
    }
    status = response.status;
    if (unknownClient.has(status)) continue;
    const answer = response.ok ? tokenAnswer.safeParse(parseJson(text)) : undefined;
    if (answer?.success === true) {
      const lifeMs = answer.data.expires_in * 1_000;
      return {
        token: answer.data.access_token,
        untilMs: sentMs + lifeMs - Math.min(renewBeforeMs, lifeMs / 10),
      };
    }
    throw new DeliveryError(
      url.host,
      response.ok ? 'it answered the request for a token with none' : `no token, HTTP ${status}`,
      { passing: status === 429 || status >= 500, hint: 'Check roster.source.auth.tokenUrl.' },
    );
  }
  throw new DeliveryError(url.host, `it refuses the client, HTTP ${status}`, {
    passing: false,
    hint: 'Check roster.source.auth: clientId, clientSecret and scope.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
