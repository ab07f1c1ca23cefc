import type { CustomerConfig } from '../config/schema.ts';
import type { Run } from '../store/runs.ts';
import { type BatchJobData, batchAttempts, batchBackoffMs } from './batch.ts';
import type { Platform } from './customer.ts';
import type { JobDeps } from './deps.ts';

/** How a run's applying ended. */
export type ApplyEnd = 'done' | 'cancelled';

/** Without news the store is asked again this soon: another process may have done a batch. */
const pollMs = 250;
/** When no batch has ended for this long, those that should be queued are queued again: a queue that lost its jobs is rebuilt from the store. */
const requeueEveryMs = 5_000;
/** Answers are assumed to take this long at most when the number of batches in flight is chosen. */
const answerTimeS = 2;

/** How many batches may be in flight: enough to keep the rate with slow answers, few enough to keep queues short. */
export function windowOf(rate: { count: number; windowMs: number }): number {
  return Math.min(1_000, Math.max(8, Math.ceil(((rate.count * 1_000) / rate.windowMs) * answerTimeS)));
}

/** Enqueues the run's batches, stage by stage and a window at a time, until all are done. */
export async function applyRun(
  deps: JobDeps,
  config: CustomerConfig,
  platform: Platform,
  run: Run,
  signal: AbortSignal,
): Promise<ApplyEnd> {
  const { store, queues, events } = deps;
  const window = windowOf(platform.config.rate);
  const queued = new Map<number, number>();
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
      const current = await store.runs.find(run.id);
      // Requests in flight end, and their outcomes are kept.
      const cancelled = current === undefined || current.status === 'cancelled';
      if (cancelled)
        await store.journal.closePending(run.id, 'CANCELLED', 'the run was cancelled', deps.now());
      const pending = await store.journal.nextBatches(run.id, window);
      const { done, total } = await store.journal.progress(run.id);
      events.emit('progress', run.id, { phase: 'apply', done, total });
      if (pending.length === 0) return cancelled ? 'cancelled' : 'done';
      // Not the clock of the runs: it may be driven, or set back.
      const nowMs = performance.now();
      if (done !== doneBefore) progressedMs = nowMs;
      doneBefore = done;
      const mayBeLost = nowMs - progressedMs >= requeueEveryMs;
      const due = pending.filter(({ batch }) => {
        const queuedMs = queued.get(batch);
        return queuedMs === undefined || (mayBeLost && nowMs - queuedMs >= requeueEveryMs);
      });
      if (due.length > 0) {
        await queues.batch.addBulk(
          due.map((batch) => ({
            name: 'batch',
            data: { customer: config.customer, run: run.id, batch: batch.batch } satisfies BatchJobData,
            opts: {
              // The same id while the job is kept: adding it again does nothing.
              jobId: `${run.id}-b${batch.batch}`,
              attempts: batchAttempts,
              backoff: { type: 'exponential', delay: batchBackoffMs, jitter: 0.5 },
              removeOnComplete: true,
              removeOnFail: true,
            },
          })),
        );
        for (const batch of due) queued.set(batch.batch, nowMs);
      }
      ended = 0;
      lookAfter = Math.min(pending.length, Math.ceil(window / 2));
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
