import { retryAfterMs } from '../retry-after.ts';
import { ProviderError, safeCode } from './error.ts';
import { untilInWords } from './rate-limit.ts';

/** A refusal, as far as the vendor's format is known. */
export type Refusal = {
  readonly kind: 'signIn' | 'refused' | 'rateLimited' | 'unavailable';
  readonly vendorCode?: string;
  readonly retryAfterMs?: number;
  /** A field or detail worth naming; must not hold personal data. */
  readonly detail?: string;
};

/** What an HTTP status says by itself, where the vendor's format says nothing: undefined of an answer that is good. */
export function byStatus(status: number): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) return { kind: 'signIn' };
  if (status === 429) return { kind: 'rateLimited' };
  if (status === 408 || status >= 500) return { kind: 'unavailable' };
  return { kind: 'refused' };
}

/** Makes the errors of one platform's refusals: what was said, what it means, which setting to look at; nothing personal. */
export function createRefusalErrors(options: {
  readonly platform: string;
  readonly baseUrl: string;
  /** The settings to look at when sign-in is refused, such as `apiKey`. */
  readonly credentialKeys: readonly string[];
}) {
  const { platform, baseUrl, credentialKeys } = options;

  /** What was said of a refusal, in words and as facts. */
  function saidBy(response: Response, refusal: Refusal) {
    const vendorCode = safeCode(refusal.vendorCode);
    return {
      said: `HTTP ${response.status}${vendorCode === undefined ? '' : ` ${vendorCode}`}${refusal.detail === undefined ? '' : ` (${refusal.detail})`}`,
      facts: { status: response.status, ...(vendorCode === undefined ? {} : { vendorCode }) },
    };
  }

  function limitedError(where: string, response: Response, refusal: Refusal, waitMs: number): ProviderError {
    const { said, facts } = saidBy(response, refusal);
    return new ProviderError(
      'PLATFORM_RATE_LIMITED',
      `${where}: ${said}, asked to wait until ${untilInWords(Date.now() + waitMs)}.`,
      { ...facts, retryAfterMs: waitMs },
    );
  }

  /** A request that would have to wait longer than its caller does. It has no status: the platform never saw it. */
  function notSent(where: string, waitMs: number): ProviderError {
    return new ProviderError(
      'PLATFORM_RATE_LIMITED',
      `${where}: not sent, the platform asked to wait until ${untilInWords(Date.now() + waitMs)}.`,
      { retryAfterMs: waitMs },
    );
  }

  /** What a redirect, and a 404 where nothing was found so far, say of the setting. */
  function hintOf({ status, headers }: Response, isFound: boolean): { readonly hint?: string } {
    const key = `platforms.${platform}.baseUrl`;
    if (status === 404 && !isFound)
      return { hint: `Nothing was found under this address so far: check ${key}, its path and its version.` };
    if (status < 300 || status > 399) return {};
    const location = headers.get('location');
    const to = location === null ? null : URL.parse(location, baseUrl);
    // Its path may hold who was asked for.
    const where = to === null || to.origin === new URL(baseUrl).origin ? '' : `, to ${to.origin}`;
    return { hint: `It redirects${where}: check the scheme, the host and the path of ${key}.` };
  }

  function refusalError(
    where: string,
    response: Response,
    refusal: Refusal,
    mayHaveApplied: 'no' | 'unknown',
    isFound: boolean,
  ): ProviderError {
    const { said, facts } = saidBy(response, refusal);
    switch (refusal.kind) {
      case 'signIn':
        return new ProviderError('SIGN_IN_REFUSED', `${where}: sign-in refused, ${said}.`, {
          ...facts,
          hint: `Check ${credentialKeys.map((key) => `platforms.${platform}.${key}`).join(', ')}.`,
        });
      case 'unavailable': {
        const waitMs = retryAfterMs(response.headers, Date.now());
        return new ProviderError('PLATFORM_UNAVAILABLE', `${where}: ${said}.`, {
          ...facts,
          applied: mayHaveApplied,
          ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
        });
      }
      case 'rateLimited':
      case 'refused':
        return new ProviderError('PLATFORM_REFUSED', `${where}: ${said}.`, {
          ...facts,
          ...hintOf(response, isFound),
        });
    }
  }

  return { limited: limitedError, notSent, refused: refusalError };
}
