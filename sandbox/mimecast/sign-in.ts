import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SandboxRequest, SandboxResponse } from '../server.ts';

/** API 1.0 keys. `secretKey` is base64; the decoded bytes are the HMAC key. */
export type MimecastKeys = {
  readonly applicationId: string;
  readonly applicationKey: string;
  readonly accessKey: string;
  readonly secretKey: string;
};

/** API 2.0 client credentials. */
export type MimecastClient = { readonly clientId: string; readonly clientSecret: string };

/** What the sign-in depends on. Read at each request, so a test may change it on the way. */
export type SignInSettings = {
  /** Which of the two sign-ins are taken. */
  api: '1.0' | '2.0' | 'both';
  /** The access key's binding has run out: every signed request is answered 418. */
  keysExpired: boolean;
  /** Lifetime of an API 2.0 token, in seconds. */
  tokenLifetimeS: number;
  nowMs: () => number;
};

/** One line of `fail[].errors[]`. */
export type MimecastError = {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly field?: string;
};

/** A request refused as a whole: the HTTP status (200 too) and the one error in `fail`. */
export type RefusedSignIn = { readonly status: number; readonly error: MimecastError };

export type SignIn = {
  /** Remembers request ids, also of requests that never get further: a retry needs a new one. */
  readonly see: (request: SandboxRequest) => void;
  /** Undefined when the request may go on. */
  readonly refuse: (request: SandboxRequest) => RefusedSignIn | undefined;
  /** `POST /oauth/token`. */
  readonly token: (request: SandboxRequest) => SandboxResponse;
  readonly revokeTokens: () => void;
};

const toleranceMs = 15 * 60 * 1_000;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Parses `Tue, 24 Nov 2015 12:50:11 UTC` to ms; undefined for every other spelling, GMT included. */
function parseDate(text: string): number | undefined {
  const match = /^([A-Z][a-z]{2}), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) UTC$/.exec(text);
  if (match === null) return undefined;
  const [, day = '', date, month = '', year, hour, minute, second] = match;
  const atMs = Date.UTC(
    Number(year),
    months.indexOf(month),
    Number(date),
    Number(hour),
    Number(minute),
    Number(second),
  );
  return months.includes(month) && days[new Date(atMs).getUTCDay()] === day ? atMs : undefined;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Checks both of the vendor's sign-ins against one set of credentials. */
export function createSignIn(keys: MimecastKeys, client: MimecastClient, settings: SignInSettings): SignIn {
  const seenIds = new Set<string>();
  const replays = new WeakSet<SandboxRequest>();
  const expiryByToken = new Map<string, number>();

  // The vendor's codes for a bad date and a reused id are not on record, so all of these share one code.
  function badSignature(message: string): RefusedSignIn {
    return { status: 401, error: { code: 'err_xdk_invalid_signature', message, retryable: false } };
  }

  function refuseSigned(request: SandboxRequest, accessKey: string, signature: string) {
    const { headers, path } = request;
    const date = headers['x-mc-date'] ?? '';
    const id = headers['x-mc-req-id'] ?? '';
    if (headers['x-mc-app-id'] !== keys.applicationId) {
      const error = { code: 'err_developer_key', message: 'Invalid application id', retryable: false };
      return { status: 200, error };
    }
    if (settings.keysExpired) {
      const error = { code: 'err_xdk_binding_expired', message: 'The keys have expired', retryable: false };
      return { status: 418, error };
    }
    const atMs = parseDate(date);
    if (atMs === undefined) return badSignature('x-mc-date is not written as documented');
    if (Math.abs(settings.nowMs() - atMs) > toleranceMs) return badSignature('x-mc-date is too far from now');
    if (!guid.test(id)) return badSignature('x-mc-req-id is not a GUID');
    if (accessKey !== keys.accessKey) return badSignature('unknown access key');
    const expected = createHmac('sha1', Buffer.from(keys.secretKey, 'base64'))
      .update(`${date}:${id}:${path}:${keys.applicationKey}`)
      .digest('base64');
    if (!sameText(signature, expected)) return badSignature('the signature does not match');
    if (replays.has(request)) return badSignature('x-mc-req-id was used before');
    return undefined;
  }

  // What a missing or expired bearer token gets is not on record beyond the status 401.
  function refuseBearer(token: string): RefusedSignIn | undefined {
    const expiry = expiryByToken.get(token);
    if (expiry !== undefined && expiry > settings.nowMs()) return undefined;
    return {
      status: 401,
      error: { code: 'token_expired', message: 'Access token expired', retryable: false },
    };
  }

  return {
    see: (request) => {
      const id = request.headers['x-mc-req-id'];
      if (id === undefined) return;
      if (seenIds.has(id)) replays.add(request);
      else seenIds.add(id);
    },
    refuse: (request) => {
      const authorization = request.headers['authorization'] ?? '';
      const signed = /^MC ([^:\s]+):(\S+)$/.exec(authorization);
      if (signed !== null && settings.api !== '2.0') {
        return refuseSigned(request, signed[1] ?? '', signed[2] ?? '');
      }
      const bearer = /^Bearer (\S+)$/.exec(authorization);
      if (bearer !== null && settings.api !== '1.0') return refuseBearer(bearer[1] ?? '');
      return badSignature('no usable Authorization header');
    },
    token: (request) => {
      if (request.method !== 'POST') return { status: 405, text: '' };
      if (settings.api === '1.0') return { status: 404, text: '' };
      if (!(request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
        return { status: 400, json: { error: 'invalid_request' } };
      }
      const form = new URLSearchParams(request.text);
      if (form.get('grant_type') !== 'client_credentials') {
        return { status: 400, json: { error: 'unsupported_grant_type' } };
      }
      if (form.get('client_id') !== client.clientId || form.get('client_secret') !== client.clientSecret) {
        return { status: 401, json: { error: 'invalid_client' } };
      }
      const token = randomBytes(24).toString('base64url');
      expiryByToken.set(token, settings.nowMs() + settings.tokenLifetimeS * 1_000);
      return {
        status: 200,
        json: { access_token: token, token_type: 'Bearer', expires_in: settings.tokenLifetimeS },
      };
    },
    revokeTokens: () => expiryByToken.clear(),
  };
}
