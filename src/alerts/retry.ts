import { setTimeout as wait } from 'node:timers/promises';

/** How one attempt to send ended. `error` names neither address, credential nor recipient. */
export type SendResult =
  | { readonly ok: true; readonly note?: string }
  | {
      readonly ok: false;
      readonly error: string;
      /** Whether the same attempt may well succeed later. */
      readonly retry: boolean;
      /** What the receiver asked for. */
      readonly retryAfterMs?: number;
    };

/** How often and how patiently to try. `sleep` is injected so that tests need not wait. */
export type RetryPolicy = {
  /** Attempts, the first included. */
  readonly attempts: number;
  /** First wait; doubled each time, with jitter on its second half. */
  readonly baseMs: number;
  readonly sleep: (ms: number) => Promise<unknown>;
};

/** A receiver that asks for a longer wait than this is left to the outbox. */
export const longestWaitMs = 15_000;

export const defaultRetryPolicy: RetryPolicy = { attempts: 3, baseMs: 500, sleep: (ms) => wait(ms) };

/** Sends until it worked, is not worth another try, or the attempts are used up. Returns the last result. */
export async function withRetries(
  send: () => Promise<SendResult>,
  policy: RetryPolicy,
  onRetry: (error: string, attempt: number) => void = () => {},
): Promise<SendResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await send();
    if (result.ok || !result.retry || attempt >= policy.attempts) return result;
    if ((result.retryAfterMs ?? 0) > longestWaitMs) return result;
    onRetry(result.error, attempt);
    const backOffMs = policy.baseMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    await policy.sleep(Math.max(result.retryAfterMs ?? 0, backOffMs));
  }
}
