import { type ErrorCode, RollcallError, type RollcallErrorOptions } from '../errors.ts';

/** The codes that a provider raises. */
export type ProviderErrorCode = Extract<
  ErrorCode,
  | 'SIGN_IN_REFUSED'
  | 'PLATFORM_UNAVAILABLE'
  | 'PLATFORM_RATE_LIMITED'
  | 'PLATFORM_BAD_ANSWER'
  | 'PLATFORM_REFUSED'
  | 'READ_INCOMPLETE'
  | 'TARGET_UNKNOWN'
  | 'CAPABILITY_MISSING'
>;

export type ProviderErrorOptions = RollcallErrorOptions & {
  /** HTTP status, when there was an answer. */
  readonly status?: number | undefined;
  /** The platform's own machine-readable code, when it is one (never free text, which may hold names). */
  readonly vendorCode?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Whether a write may have taken effect. Default `no`. */
  readonly applied?: 'no' | 'unknown';
};

/** A failed call of a platform. */
export class ProviderError extends RollcallError {
  override readonly name = 'ProviderError';
  declare readonly code: ProviderErrorCode;
  readonly status: number | undefined;
  readonly vendorCode: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly applied: 'no' | 'unknown';

  constructor(code: ProviderErrorCode, message: string, options: ProviderErrorOptions = {}) {
    super(code, message, options);
    this.status = options.status;
    this.vendorCode = options.vendorCode;
    this.retryAfterMs = options.retryAfterMs;
    this.applied = options.applied ?? 'no';
  }

  /** Whether the same request may well succeed later. */
  get passing(): boolean {
    return this.code === 'PLATFORM_UNAVAILABLE' || this.code === 'PLATFORM_RATE_LIMITED';
  }
}

/** A vendor's code if it looks like one, so that free text (and the names in it) never reaches a message. */
export function safeCode(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' &&
    /^[A-Za-z][A-Za-z0-9_.:-]{1,63}$|^\d{3,6}$/.test(text) &&
    !text.includes('@')
    ? text
    : undefined;
}
