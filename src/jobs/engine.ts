import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Job, Worker } from 'bullmq';
import { RollcallError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Run } from '../store/runs.ts';
import type { RunTrigger } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type BatchJobData, processBatch } from './batch.ts';
import type { Customer } from './customer.ts';
import type { EngineEvents, JobDeps } from './deps.ts';
import type { Progress } from './progress.ts';
import { batchQueueName, type Queues, syncQueueName } from './queues.ts';
import { asSyncJob } from './resync.ts';
import { processSync, runIdOf, type SyncJobData, type SyncResult } from './sync.ts';

/** Runs in progress at once in one process: each waits for its platform most of the time. */
export const syncConcurrency = 64;
/** Batches in flight at once in one process: bounded by each platform's window, this only caps the sum. */
export const batchConcurrency = 2_000;
/** How often the store is asked how a run is doing that another process performs. */
const pollMs = 200;

export type EngineOptions = {
  readonly customers: readonly Customer[];
  readonly store: Store;
  readonly queues: Queues;
  readonly log: Log;
  readonly now?: () => number;
  readonly lastExpectedMs?: JobDeps['lastExpectedMs'];
};

/** What a run is asked for. */
export type RunRequest = {
  readonly customer: string;
  readonly platform: string;
  readonly trigger: RunTrigger;
  readonly actor: string | null;
  readonly person?: string | null;
  readonly approval?: string | null;
  readonly slotMs?: number | null;
  /** Two requests with one id are one job. */
  readonly jobId?: string;
};

/** The heart of the service and of `sync`: takes requests through the queue and performs them. */
export type Engine = {
  readonly deps: JobDeps;
  /** Starts the workers and takes up what an earlier process left. */
  readonly start: () => Promise<void>;
  /** Asks for a run through the queue. The job's id; the run's id follows from it once it starts. */
  readonly request: (request: RunRequest) => Promise<Job>;
  /** Waits for the run that a job performs, whoever performs it. */
  readonly result: (
    job: Job,
    watch: { readonly onProgress?: (progress: Progress) => void; readonly signal: AbortSignal },
  ) => Promise<EngineResult>;
  /** Stops taking jobs, lets requests in flight end, and closes the workers. */
  readonly drain: (deadlineMs: number) => Promise<void>;
};

export type EngineResult =
  | { readonly run: Run }
  | { readonly refused: { readonly code: string; readonly message: string } }
  | { readonly replaced: true };

/** Builds an engine; nothing runs before `start`. */
export function createEngine(options: EngineOptions): Engine {
  const { store, queues, log } = options;
  const draining = new AbortController();
  const events = new EventEmitter<EngineEvents>();
  events.setMaxListeners(0);
  const deps: JobDeps = {
    instance: randomUUID().slice(0, 8),
    customers: new Map(options.customers.map((customer) => [customer.name, customer])),
    store,
    queues,
    log,
    now: options.now ?? Date.now,
    events,
    draining: draining.signal,
    ...(options.lastExpectedMs === undefined ? {} : { lastExpectedMs: options.lastExpectedMs }),
  };
  const workers: Worker[] = [];

  async function processSyncJob(job: Job): Promise<SyncResult> {
    const asked = asSyncJob(deps, job);
    if ('refused' in asked) {
      log.warn({ job: job.id, code: asked.refused.code }, 'request refused');
      return asked;
    }
    return processSync(deps, job, asked);
  }

  /** Runs that no living process performs any more go on: the store is the truth, whatever became of the queue. */
  async function takeUp(): Promise<void> {
    for (const customer of deps.customers.values()) {
      for (const run of await store.runs.open(customer.name)) {
        if (!customer.platforms.has(run.platform)) continue;
        const state = await store.platforms.find(customer.name, run.platform);
        const alive = state?.lease_until_ms != null && state.lease_until_ms > deps.now();
        if (alive) continue;
        log.info(
          { customer: customer.name, platform: run.platform, run: run.id, status: run.status },
          'an unfinished run goes on',
        );
        await enqueue(
          {
            customer: customer.name,
            platform: run.platform,
            run: run.id,
            trigger: run.trigger,
            actor: run.actor,
            slotMs: run.slot_ms,
            approval: run.approval,
            person: run.person,
          },
          `resume-${run.id}-${deps.now()}`,
        );
      }
    }
  }

  function enqueue(data: SyncJobData, jobId: string): Promise<Job> {
    return queues.sync.add('sync', data, { jobId });
  }

  return {
    deps,
    start: async () => {
      if (workers.length > 0) return;
      if (queues.backend === 'embedded') {
        // The only process there is: whoever held a lease or a job before is gone.
        await store.platforms.clearLeases();
        await queues.batch.obliterate({ force: true });
      }
      workers.push(
        queues.worker(batchQueueName, (job: Job<BatchJobData>, signal) => processBatch(deps, job, signal), {
          concurrency: batchConcurrency,
        }),
        queues.worker(syncQueueName, processSyncJob, { concurrency: syncConcurrency }),
      );
      await Promise.all(workers.map((worker) => worker.waitUntilReady()));
      await takeUp();
    },
    request: (request) =>
      enqueue(
        {
          customer: request.customer,
          platform: request.platform,
          trigger: request.trigger,
          actor: request.actor,
          slotMs: request.slotMs ?? null,
          approval: request.approval ?? null,
          person: request.person ?? null,
        },
        request.jobId ?? `${request.trigger}-${request.customer}-${request.platform}-${randomUUID()}`,
      ),
    result: (job, watch) => waitForResult(deps, job, watch),
    drain: async (deadlineMs) => {
      draining.abort(
        new RollcallError('RUN_ABORTED', 'the service is stopping; the run goes on after the next start'),
      );
      const closed = Promise.allSettled(workers.map((worker) => worker.close()));
      const timer = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref());
      await Promise.race([closed, timer]);
    },
  };
}

async function waitForResult(
  deps: JobDeps,
  job: Job,
  watch: { readonly onProgress?: (progress: Progress) => void; readonly signal: AbortSignal },
): Promise<EngineResult> {
  const data = job.data as Partial<SyncJobData>;
  const id = data.run ?? runIdOf(job, String(data.platform));
  let wake = (): void => undefined;
  const onEnded = (run: string): void => {
    if (run === id) wake();
  };
  const onProgress = (run: string, progress: Progress): void => {
    if (run === id) watch.onProgress?.(progress);
  };
  deps.events.on('runEnded', onEnded);
  deps.events.on('progress', onProgress);
  try {
    for (;;) {
      watch.signal.throwIfAborted();
      const run = await deps.store.runs.find(id);
      if (run?.ended_ms != null) return { run };
      if (run === undefined) {
        const found = await deps.queues.sync.getJob(String(job.id));
        const result = found?.returnvalue as SyncResult | undefined | null;
        if (result != null && 'refused' in result) return result;
        if (result != null && 'replaced' in result) return result;
        if (found !== undefined && (await found.getState()) === 'failed') {
          throw new RollcallError(
            'INTERNAL',
            `the job ${job.id} failed before its run began: ${found.failedReason}.`,
          );
        }
      } else if (run.status === 'applying') {
        const { done, total } = await deps.store.journal.progress(id);
        watch.onProgress?.({ phase: 'apply', done, total });
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, pollMs);
      });
    }
  } finally {
    deps.events.off('runEnded', onEnded);
    deps.events.off('progress', onProgress);
  }
}
