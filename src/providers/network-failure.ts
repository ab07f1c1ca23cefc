import { safeCode } from './error.ts';

/** Failures to connect: nothing of the request was sent. */
const beforeSending: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Why there was no answer, in words without an address, and whether it is certain that nothing was sent. */
export function describeNetworkFailure(
  error: unknown,
  timeoutMs: number,
): { readonly reason: string; readonly unsent: boolean } {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'TimeoutError')
      return { reason: `no answer within ${timeoutMs / 1_000} s`, unsent: false };
    if ('code' in cause && typeof cause.code === 'string' && safeCode(cause.code) !== undefined) {
      return { reason: `connection failed (${cause.code})`, unsent: beforeSending.has(cause.code) };
    }
  }
  return { reason: 'connection failed', unsent: false };
}
