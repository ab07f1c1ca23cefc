import type { Run } from '../../store/run-lookups.ts';
import type { Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { applyProgress } from '../progress.ts';
import { batchAttempts, type BatchJobData, batchJobId } from './batch-job.ts';

/** How a run's applying ended. */
export type ApplyEnd = 'done' | 'cancelled';

/** Without news the store is asked again this soon: another process may have done a batch. */
const pollMs = 250;
/** When no batch has ended for this long, those that should be queued are queued again: a queue that lost its jobs is rebuilt from the store. */
const requeueEveryMs = 5_000;
/** Answers are assumed to take this long at most when the number of batches in flight is chosen. */
const answerTimeS = 2;

/** How many batches may be in flight: enough to keep the rate with slow answers, few enough to keep queues short. */
function windowOf(rate: { count: number; windowMs: number }): number {
  return Math.min(1_000, Math.max(8, Math.ceil(((rate.count * 1_000) / rate.windowMs) * answerTimeS)));
}

/** Enqueues the run's batches under a lease of its platform, stage by stage and a window at a time, until all are done. */
export async function applyRun(
  deps: JobDeps,
  platform: Platform,
  run: Run,
  lease: number,
  signal: AbortSignal,
): Promise<ApplyEnd> {
  const { store, queues, events } = deps;
  const window = windowOf(platform.config.rate);
  const queuedMs = new Map<number, number>();
  let wake = (): void => undefined;
  // A look at the store reads a whole window: not for every batch of a platform that takes one item a request.
  let ended = 0;
  let lookAfter = 1;
  let progressedMs = performance.now();
  let doneBefore = -1;
  const onBatch = (done: string): void => {
    if (done !== run.id) return;
    progressedMs = performance.now();
    if (++ended >= lookAfter) wake();
  };
  events.on('batchDone', onBatch);
  try {
    for (;;) {
      signal.throwIfAborted();
      let open = await store.batches.open(run.id, window);
      if (open.cancelled) {
        // Requests in flight end, and their outcomes are kept.
        await store.batches.closePending(run.id, 'CANCELLED', 'the run was cancelled', deps.now());
        open = await store.batches.open(run.id, window);
      }
      const { done, cancelled, batches } = open;
      events.emit('progress', run.id, applyProgress(open, platform.config.rate));
      if (batches.length === 0) return cancelled ? 'cancelled' : 'done';
      // Not the clock of the runs: it may be driven, or set back.
      const nowMs = performance.now();
      if (done !== doneBefore) progressedMs = nowMs;
      doneBefore = done;
      const mayBeLost = nowMs - progressedMs >= requeueEveryMs;
      const due = batches.filter((batch) => {
        const atMs = queuedMs.get(batch);
        return atMs === undefined || (mayBeLost && nowMs - atMs >= requeueEveryMs);
      });
      // A few at a time cost the queue nearly as much as many: they wait while there is enough to do.
      const enough = batches.length - due.length > window / 2 && due.length < window / 4;
      if (due.length > 0 && !enough) {
        await queues.batch.addBulk(
          due.map((batch) => {
            const data: BatchJobData = { run: run.id, batch, lease };
            return {
              name: 'batch',
              data,
              opts: {
                jobId: batchJobId(data),
                attempts: batchAttempts,
                backoff: { type: 'exponential', delay: deps.batchBackoffMs, jitter: 0.5 },
                removeOnComplete: true,
                removeOnFail: true,
              },
            };
          }),
        );
        for (const batch of due) queuedMs.set(batch, nowMs);
      }
      ended = 0;
      lookAfter = Math.min(batches.length, Math.ceil(window / 2));
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([woken, sleepOrAbort(pollMs, signal)]);
      // Several batches end in one turn of the event loop: one look at the store serves them all.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    events.off('batchDone', onBatch);
  }
}

function sleepOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
