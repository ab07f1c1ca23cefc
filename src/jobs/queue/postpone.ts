import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, type Job } from 'bullmq';
import { isOutOfReach } from '../../store/trouble.ts';

/** The run cannot go on now and does later: its job goes back to the queue for that long. */
export class Postponement extends Error {
  override readonly name = 'Postponement';
  readonly afterMs: number;

  constructor(afterMs: number) {
    super(`postponed by ${afterMs} ms`);
    this.afterMs = afterMs;
  }
}

/** Why a request is turned down: a stable code and a sentence. */
export type Refusal = { readonly code: string; readonly message: string };

/** The request turned out to be one that cannot be done; it is answered, not retried. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refused: Refusal;

  constructor(refused: Refusal) {
    super(refused.code);
    this.refused = refused;
  }
}

/** How soon a queue that took nothing is asked again. */
const askAgainMs = 1_000;

/**
 * Puts a job back into the queue for that long, and ends its execution. While the queue takes nothing it is asked again:
 * a job that failed instead would not come back.
 */
export async function putBack(job: Job, delayMs: number, stopping: AbortSignal): Promise<never> {
  for (;;) {
    try {
      await job.moveToDelayed(Date.now() + delayMs, job.token);
      break;
    } catch (error) {
      if (!isOutOfReach(error) || stopping.aborted) throw error;
      await sleep(askAgainMs, undefined, { signal: stopping }).catch(() => undefined);
    }
  }
  throw new DelayedError();
}
