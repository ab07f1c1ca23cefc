import { setTimeout as sleep } from 'node:timers/promises';
import type { KyInstance } from 'ky';
import type { HttpsSource } from '../../../config/roster-source.ts';
import { describeNetworkFailure } from '../../../network-failure.ts';
import { retryAfterMs } from '../../../retry-after.ts';
import { DeliveryError } from '../source.ts';
import { createAuthorization } from './authorization.ts';

/** Redirects within the host that are followed. */
const mostRedirects = 5;
/** The longest wait that is waited with the delivery open; a longer one fails it, and a later run tries again. */
const longestPauseMs = 15 * 60_000;

/** Gets a page or a file: an answer of status 200 whose body is not read yet. */
export type Ask = (url: URL) => Promise<Response>;

type Handler = { readonly onData?: (this: unknown, chunk: Buffer) => boolean };
type Dispatcher = { readonly dispatch: (options: object, handler: Handler) => boolean };

// Node's fetch gives up after five minutes without a header or a byte. A report of a whole company takes longer to be made;
// how long a delivery may take is `timeout`, and nothing else. The dispatcher behind fetch (with its proxy, if there is one)
// is found by the name under which undici keeps it: https://undici.nodejs.org/#/docs/api/GlobalInstallation
const globalDispatcher = Symbol.for('undici.globalDispatcher.1');
const patient: Dispatcher = {
  dispatch: (options, handler) => {
    const { [globalDispatcher]: behind } = globalThis as { readonly [globalDispatcher]?: Dispatcher };
    if (behind === undefined) throw new TypeError('fetch has no dispatcher');
    return behind.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, unpaused(handler));
  },
};

// A connection that the server ends while its data waits to be taken (Node 24: `assert(!this.paused)` in undici's parser)
// ends the whole process. So the data never waits there: it goes to a file on this machine, which is faster than what brings it.
function unpaused(handler: Handler): Handler {
  const { onData } = handler;
  if (onData === undefined) return handler;
  return Object.create(handler, {
    onData: {
      value(this: unknown, chunk: Buffer): boolean {
        onData.call(this, chunk);
        return true;
      },
    },
  }) as Handler;
}

let loaded: KyInstance | undefined;

/** Not before the first request: it loads all of Node's fetch, and commands that only ask the store send none. */
async function loadClient(): Promise<KyInstance> {
  const { default: ky } = await import('ky');
  loaded ??= ky.create({ retry: 0, throwHttpErrors: false, timeout: false, redirect: 'manual' });
  return loaded;
}

/** Sends a request as it is. `signal` bounds the body too. */
export async function send(
  url: URL,
  init: {
    readonly method?: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: URLSearchParams;
  },
  signal: AbortSignal,
): Promise<Response> {
  const dispatcher = patient as unknown as NonNullable<RequestInit['dispatcher']>;
  const client = loaded ?? (await loadClient());
  return await client(url, { ...init, signal, dispatcher });
}

/** What ends a request without an answer, as a delivery that failed. */
export function failedOnTheWay(
  error: unknown,
  url: URL,
  timeoutMs: number,
  key = 'roster.source.url',
): DeliveryError {
  const { reason, hint } = describeNetworkFailure(error, {
    host: url.host,
    key,
    timeoutMs,
  });
  // No cause: the client's own errors carry the address and headers.
  return new DeliveryError(url.host, reason, { passing: true, ...(hint === undefined ? {} : { hint }) });
}

/** Asks as the configuration says, signed in, for as long as `signal` lasts. */
export function createAsk(config: HttpsSource, signal: AbortSignal): Ask {
  const { timeout: timeoutMs } = config;
  const authorization = createAuthorization(config.auth, { send, signal, timeoutMs });
  const common = {
    accept: config.pages === undefined ? '*/*' : 'application/json',
    // So that the announced length is that of what is saved.
    'accept-encoding': 'identity',
    'user-agent': 'rollcall',
    ...Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value])),
  };

  async function attempt(url: URL): Promise<Response> {
    const headers = { ...common, ...(await authorization.headers()) };
    try {
      return await send(url, { headers }, signal);
    } catch (error) {
      throw failedOnTheWay(error, url, timeoutMs);
    }
  }

  return async function ask(wanted) {
    let url = wanted;
    let redirects = 0;
    let renewed = false;
    for (;;) {
      const response = await attempt(url);
      const { status, headers } = response;
      if (status === 200) {
        if (isPage(headers)) throw await refused(response, url, pageAnswered);
        return response;
      }
      if (status === 401 && !renewed && authorization.renew()) {
        renewed = true;
        await response.body?.cancel();
        continue;
      }
      const waitMs = status === 503 || status === 429 ? retryAfterMs(headers, Date.now()) : undefined;
      if (waitMs !== undefined && waitMs <= longestPauseMs) {
        await response.body?.cancel();
        await sleep(waitMs, undefined, { signal }).catch((error: unknown) => {
          throw failedOnTheWay(signal.reason ?? error, url, timeoutMs);
        });
        continue;
      }
      if (status >= 300 && status < 400) {
        const to = URL.parse(headers.get('location') ?? '', url.href);
        if (to !== null && to.origin === url.origin && ++redirects <= mostRedirects) {
          await response.body?.cancel();
          url = to;
          continue;
        }
        throw await refused(response, url, redirectProblem(to, url));
      }
      throw await refused(response, url, statusProblem(status, waitMs));
    }
  };
}

type Problem = {
  readonly why: string;
  readonly passing: boolean;
  readonly hint?: string;
  readonly retryAfterMs?: number;
};

const pageAnswered: Problem = {
  why: 'it answered with a web page, not with a roster (a page to sign in?)',
  passing: true,
  hint: 'Check roster.source.url and roster.source.auth: open the address without being signed in to see what comes.',
};

/** A web page where a roster should be: a sign-in, an error, a proxy. */
function isPage(headers: Headers): boolean {
  return /^\s*(text\/html|application\/xhtml)/i.test(headers.get('content-type') ?? '');
}

function redirectProblem(to: URL | null, from: URL): Problem {
  if (to !== null && to.origin === from.origin)
    return { why: `it redirects more than ${mostRedirects} times`, passing: false };
  return {
    why: `it redirects${to === null ? '' : ` to ${to.origin}`}, and no credential is sent to another host`,
    passing: false,
    hint: 'If that is where the roster is, write its address into roster.source.url; if it is a page to sign in, check roster.source.auth.',
  };
}

function statusProblem(status: number, waitMs: number | undefined): Problem {
  if (status === 401 || status === 403)
    return {
      why: `HTTP ${status}, it refuses the credentials`,
      passing: false,
      hint: 'Check roster.source.auth, and what that account may read.',
    };
  if (status === 404 || status === 410)
    return {
      why: `HTTP ${status}, there is nothing under this address`,
      passing: true,
      hint: 'Check roster.source.url, and whether the export arrived there.',
    };
  if (status === 408 || status === 429 || status >= 500)
    return {
      why: `HTTP ${status}${waitMs === undefined ? '' : `, and it asks to wait ${Math.ceil(waitMs / 60_000)} minutes`}`,
      passing: true,
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
  if (status >= 200 && status < 300)
    return { why: `HTTP ${status}, an answer without a roster`, passing: true };
  return { why: `HTTP ${status}, it refuses the request`, passing: false, hint: 'Check roster.source.url.' };
}

async function refused(response: Response, url: URL, { why, ...options }: Problem): Promise<DeliveryError> {
  await response.body?.cancel().catch(() => undefined);
  return new DeliveryError(url.host, why, options);
}
