import { attempt } from './http.ts';
import { defaultRetryPolicy, type RetryPolicy, withRetries } from './retry.ts';

/** Time for one ping: a run that ended well must not wait long for its own good news. */
const heartbeatTimeoutMs = 5_000;

export type HeartbeatResult = { readonly ok: true } | { readonly ok: false; readonly error: string };

/**
 * Pings a dead man's switch: a GET that it expects after every good run. Never throws; `error` does not name the
 * address, which holds its secret. A failure needs no alert of ours: the silence is noticed where the ping is missed.
 */
export async function pingHeartbeat(
  url: string,
  options: { readonly retry?: RetryPolicy; readonly timeoutMs?: number } = {},
): Promise<HeartbeatResult> {
  const timeoutMs = options.timeoutMs ?? heartbeatTimeoutMs;
  const result = await withRetries(
    () => attempt({ method: 'GET', url, timeoutMs }),
    options.retry ?? defaultRetryPolicy,
  );
  return result.ok ? { ok: true } : { ok: false, error: result.error };
}
