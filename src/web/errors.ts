import { type ErrorCode, RollcallError } from '../errors.ts';

/** Codes that only the control API has; the others are those of `errors.ts`. */
export type ApiErrorCode =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'TOO_MANY_ATTEMPTS'
  | 'CUSTOMER_UNKNOWN'
  | 'PLATFORM_AMBIGUOUS'
  | 'READ_ONLY'
  | 'BUSY';

/** A refusal of the control API, with its HTTP status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly hint: string | null;
  /** When trying again makes sense, in whole seconds. */
  readonly retryAfterS: number | null;

  constructor(
    status: number,
    code: ApiErrorCode,
    message: string,
    options: { readonly hint?: string; readonly retryAfterS?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = options.hint ?? null;
    this.retryAfterS = options.retryAfterS ?? null;
  }
}

/** The same refusal in other words. */
export function reworded(error: unknown, message: string, hint: string): Error {
  if (error instanceof RollcallError) return new RollcallError(error.code, message, { hint, cause: error });
  if (error instanceof ApiError) return new ApiError(error.status, error.code, message, { hint });
  return new Error(message, { cause: error });
}

/** An error as every route answers it. */
export type ErrorAnswer = {
  readonly status: number;
  readonly retryAfterS: number | null;
  readonly body: {
    readonly error: { readonly code: string; readonly message: string; readonly hint: string | null };
  };
};

const statusOf: Partial<Readonly<Record<ErrorCode, number>>> = {
  PLATFORM_UNKNOWN: 404,
  RUN_UNKNOWN: 404,
  PERSON_UNKNOWN: 404,
  TARGET_UNKNOWN: 404,
  RUN_NOT_HELD: 409,
  RUN_ENDED: 409,
  HASH_MISMATCH: 409,
  APPROVAL_EXPIRED: 409,
  RUN_OVERLAP: 409,
  LINK_REFUSED: 409,
  UNDO_REFUSED: 409,
  RUN_ABORTED: 503,
  STORE_UNAVAILABLE: 503,
  QUEUE_UNAVAILABLE: 503,
  PLATFORM_UNAVAILABLE: 502,
  PLATFORM_RATE_LIMITED: 502,
  PLATFORM_BAD_ANSWER: 502,
  PLATFORM_REFUSED: 502,
  SIGN_IN_REFUSED: 502,
  READ_INCOMPLETE: 502,
};

/** What Fastify itself refuses, by its own code, in words that quote nothing of the request. */
const frameworkMessages: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is too large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body must be application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty, and Content-Type says JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'Content-Length is not the length of the body',
  FST_ERR_BAD_URL: 'the address is not one',
};

/** The answer to an error: ours as it is, foreign ones without their message, which may quote data. */
export function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof ApiError) {
    const { code, message, hint } = error;
    return { status: error.status, retryAfterS: error.retryAfterS, body: { error: { code, message, hint } } };
  }
  if (error instanceof RollcallError) {
    const status = statusOf[error.code] ?? (error.exitCode === 2 ? 400 : 500);
    const body = { error: { code: error.code, message: error.message, hint: error.hint ?? null } };
    return { status, retryAfterS: null, body };
  }
  const status = clientFault(error);
  if (status !== null) {
    const known = frameworkMessages[String((error as { code?: unknown }).code)];
    const message = known ?? 'the request cannot be understood';
    return { status, retryAfterS: null, body: { error: { code: 'BAD_REQUEST', message, hint: null } } };
  }
  return {
    status: 500,
    retryAfterS: null,
    body: {
      error: {
        code: 'INTERNAL',
        message: 'an unexpected failure',
        hint: 'The log of the service has the place. Please report it.',
      },
    },
  };
}

function clientFault(error: unknown): number | null {
  if (!(error instanceof Error) || !('statusCode' in error)) return null;
  const { statusCode } = error;
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : null;
}
