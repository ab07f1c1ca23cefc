import type { KyInstance } from 'ky';
import { retryAfterMs } from '../retry-after.ts';
import type { SendResult } from './retry.ts';

/** Time for one attempt, the answer's body included. */
const requestTimeoutMs = 8_000;
/** Bytes of an answer that are looked at: vendors' error codes are short. */
const answerBytes = 1_024;

export type OutgoingRequest = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
  /** Reads the vendor's own error code out of an answer that is not 2xx. Only plain words are passed on. */
  readonly vendorCode?: (body: string) => string | undefined;
};

/** A vendor's address, or the same below another base (its EU region, a proxy): `url` may be the base or the whole. */
export function vendorUrl(base: string, path: string): string {
  const trimmed = base.replace(/\/+$/, '');
  return trimmed.endsWith(path) ? trimmed : trimmed + path;
}

/** The beginning of a body. Reading stops there, so that no answer is too long. */
async function beginningOf(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= answerBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, answerBytes).toString('utf8');
}

function describeStatus(status: number): string {
  if (status >= 300 && status < 400) return 'a redirect, which is not followed';
  switch (status) {
    case 400:
    case 422:
      return 'it refused the message or the key';
    case 401:
    case 403:
      return 'it refused the credentials';
    case 404:
    case 410:
      return 'no such integration there';
    case 429:
      return 'it asks to slow down';
    default:
      return status >= 500 ? 'it is out of order' : 'it refused the message';
  }
}

function describeFailure(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return `no answer within ${timeoutMs / 1_000} s`;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return `connection failed (${cause.code})`;
  }
  return 'connection failed';
}

let loaded: KyInstance | undefined;

/** Not before the first request: it loads all of Node's fetch, and commands that only ask the store send none. */
async function loadClient(): Promise<KyInstance> {
  const { default: ky } = await import('ky');
  loaded ??= ky.create({ retry: 0, throwHttpErrors: false, timeout: false, redirect: 'manual' });
  return loaded;
}

/**
 * One HTTP attempt. Never throws. Errors name the status and the vendor's code, never the address: in a webhook's
 * address lies its secret. Network failures, 408, 429 and 5xx are worth another try; other answers are not.
 */
export async function attempt(request: OutgoingRequest): Promise<SendResult> {
  const timeoutMs = request.timeoutMs ?? requestTimeoutMs;
  try {
    const client = loaded ?? (await loadClient());
    const response = await client(request.url, {
      method: request.method,
      headers: { 'user-agent': 'rollcall', ...request.headers },
      signal: AbortSignal.timeout(timeoutMs),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    const text = await beginningOf(response);
    if (response.ok) return { ok: true };
    const { status } = response;
    const code = request.vendorCode?.(text);
    const named = code !== undefined && /^[a-z][a-z0-9_-]{2,40}$/i.test(code) ? ` ${code}` : '';
    const waitMs = retryAfterMs(response.headers, Date.now());
    return {
      ok: false,
      error: `HTTP ${status}${named}: ${describeStatus(status)}`,
      retry: status === 408 || status === 429 || status >= 500,
      ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    };
  } catch (error) {
    return { ok: false, error: describeFailure(error, timeoutMs), retry: true };
  }
}

/** A POST of JSON. */
export function postJson(
  url: string,
  json: unknown,
  more: Pick<OutgoingRequest, 'headers' | 'vendorCode'> = {},
): Promise<SendResult> {
  return attempt({
    method: 'POST',
    url,
    body: JSON.stringify(json),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  });
}
