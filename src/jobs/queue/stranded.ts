import { clockToleranceMs } from '../../store/times.ts';
import type { Queues } from './queues.ts';

/** Jobs that are looked at, those that are due last first. */
const mostLookedAt = 1_000;

/**
 * Lets jobs go that wait for a time which only a wrong clock has seen: the rule for stored times, for the queue. A delay is
 * counted from when the job was put there or performed last; where that lies in the future, so does its end.
 */
export async function releaseStranded(queues: Pick<Queues, 'sync' | 'batch'>): Promise<number> {
  let released = 0;
  for (const queue of [queues.sync, queues.batch]) {
    for (const job of await queue.getJobs(['delayed'], 0, mostLookedAt - 1, false)) {
      if (job?.id === undefined) continue;
      const fromMs = Math.max(job.timestamp, job.processedOn ?? 0);
      if (fromMs <= Date.now() + clockToleranceMs) continue;
      // Somebody else may have been faster.
      await job.promote().then(
        () => released++,
        () => undefined,
      );
    }
  }
  return released;
}
