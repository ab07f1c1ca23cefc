import type { Job } from 'bullmq';
import { RollcallError } from '../../errors.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { JobDeps } from '../deps.ts';
import { applyProgress, type Progress } from '../progress.ts';
import { runOfJob, type SyncResult } from '../queue/sync-job.ts';

/** How often the store is asked how a run is doing that another process performs. */
const pollMs = 200;
/** A run that this process performs tells how it is doing more often than this; then nobody has to ask. */
const quietMs = 1_000;
/** A request that neither the queue nor the store knows of after this long was lost with the queue. */
const lostAfterMs = 2_000;
/** How a request ended. */
export type EngineResult =
  | { readonly run: Run }
  | { readonly refused: { readonly code: string; readonly message: string } }
  | { readonly replaced: true };

/** Waits for the run that a job performs, in this process or another. Throws INTERNAL when its job failed before it began. */
export async function waitForResult(
  deps: JobDeps,
  job: Job,
  watch: { readonly onProgress?: (progress: Progress) => void; readonly signal: AbortSignal },
): Promise<EngineResult> {
  const id = runOfJob(job) ?? '';
  let askedMs = performance.now();
  let heardMs = Number.NEGATIVE_INFINITY;
  let wake = (): void => undefined;
  const onEnded = (run: string): void => {
    if (run === id) wake();
  };
  const onProgress = (run: string, progress: Progress): void => {
    if (run !== id) return;
    heardMs = performance.now();
    watch.onProgress?.(progress);
  };
  deps.events.on('runEnded', onEnded);
  deps.events.on('progress', onProgress);
  try {
    for (;;) {
      watch.signal.throwIfAborted();
      const run = await deps.store.runs.find(id);
      if (run?.ended_ms != null) return { run };
      if (run === undefined || run.status === 'waiting') {
        const found = await deps.queues.sync.getJob(String(job.id));
        const result = found?.returnvalue as SyncResult | undefined | null;
        if (result != null && 'refused' in result) return result;
        if (result != null && 'replaced' in result) return result;
        if (found === undefined && performance.now() - askedMs > lostAfterMs) {
          // Nothing is stored yet that the queue could be rebuilt from: it is asked again, under the same run's id.
          askedMs = performance.now();
          await deps.queues.sync.add(job.name, job.data, { jobId: String(job.id), timestamp: job.timestamp });
        }
        if (found !== undefined && (await found.getState()) === 'failed') {
          throw new RollcallError(
            'INTERNAL',
            `the job ${job.id} failed before its run began: ${found.failedReason}.`,
          );
        }
      } else if (run.status === 'applying') {
        // Another process performs it: this one hears nothing.
        if (performance.now() - heardMs > quietMs) {
          const rate = deps.customers.get(run.customer)?.platforms.get(run.platform)?.config.rate;
          if (rate !== undefined)
            watch.onProgress?.(applyProgress(await deps.store.batches.open(id, 0), rate));
        }
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, performance.now() - heardMs > quietMs ? pollMs : quietMs);
      });
    }
  } finally {
    deps.events.off('runEnded', onEnded);
    deps.events.off('progress', onProgress);
  }
}
