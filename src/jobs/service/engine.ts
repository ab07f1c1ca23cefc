import { randomUUID } from 'node:crypto';
import { DelayedError, type Job, type JobType, type Worker } from 'bullmq';
import { RollcallError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { RunTrigger } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import { isOutOfReach } from '../../store/trouble.ts';
import { createJobDeps } from './job-deps.ts';
import { type EngineResult, waitForResult } from './await-result.ts';
import { batchBackoffMs, processBatch } from '../apply/batch.ts';
import { type Customer, lacksSecrets } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { failureOf } from '../failure.ts';
import { isGone } from '../lease/instance.ts';
import type { Progress } from '../progress.ts';
import { putBack } from '../queue/postpone.ts';
import { batchQueueName, type Queues, queueUnavailable, syncQueueName } from '../queue/queues.ts';
import { releaseStranded } from '../queue/stranded.ts';
import { asAskedRun } from '../queue/resync.ts';
import { processSync } from '../run/sync.ts';
import { runIdOf, runOfJob, type SyncJobData, type SyncResult } from '../queue/sync-job.ts';

/** Runs in progress at once in one process: each waits for its platform most of the time. */
const syncConcurrency = 64;
/** Batches in flight at once in one process: bounded by each platform's window, this only caps the sum. */
const batchConcurrency = 2_000;
/** Jobs of the queue that are looked at when runs without a job are looked for. */
const mostQueuedRuns = 5_000;
const waitingStates: JobType[] = ['waiting', 'delayed', 'prioritized'];
const performedStates: JobType[] = [...waitingStates, 'active'];

/** How soon a request for a customer or platform unknown here is offered again, and how long before it is refused. */
const foreignDelayMs = 1_000;
const foreignJobMs = 10 * 60_000;

export type EngineOptions = {
  /**
   * A command knows one customer and leaves the requests of others, on a shared queue, to the service. Default `service`.
   */
  readonly role?: 'service' | 'command';
  readonly customers: readonly Customer[];
  readonly store: Store;
  readonly queues: Queues;
  readonly log: Log;
  readonly now?: () => number;
  /** First back-off of a batch that fails, in ms. */
  readonly batchBackoffMs?: number;
  /** After so long of nothing but 429 a batch gives up. Default `patience.giveUpAfterMs`. */
  readonly giveUpAfterMs?: number;
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
  /** Why it was asked for; kept with the run. */
  readonly reason?: string | null;
  /** How long after now it starts, in ms. */
  readonly delayMs?: number;
  /** The run to take back. */
  readonly undoes?: string | null;
  /** A run that is stored already: the one to perform. */
  readonly run?: string;
  /** Two requests with one id are one job. */
  readonly jobId?: string;
};

/** The heart of the service and of `sync`: takes requests through the queue and performs them. */
export type Engine = {
  readonly deps: JobDeps;
  /** Starts the workers and takes up what an earlier process left. */
  readonly start: () => Promise<void>;
  /**
   * From now on these are the customers. Runs that have begun end with the configuration they began with, also those whose
   * customer is gone; what merely waits takes the new one. Rejects, with nothing changed, when the store is out of reach.
   */
  readonly configure: (customers: readonly Customer[]) => Promise<void>;
  /** Takes up runs that nobody performs any more: another process died, or the queue lost their jobs. How many. */
  readonly sweep: () => Promise<number>;
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

/** Builds an engine; nothing runs before `start`. */
export function createEngine(options: EngineOptions): Engine {
  const { store, queues, log } = options;
  const draining = new AbortController();
  const customers = new Map(options.customers.map((customer) => [customer.name, customer]));
  const begunWith = new Map<string, Customer>();
  const deps = createJobDeps({
    ...options,
    customers,
    begunWith,
    batchBackoffMs: options.batchBackoffMs ?? batchBackoffMs,
    draining: draining.signal,
  });
  const workers: Worker[] = [];

  /** Puts a job back for a process that knows its customer. */
  async function leaveToOthers(job: Job): Promise<never> {
    return await putBack(job, foreignDelayMs, draining.signal);
  }

  async function processSyncJob(job: Job): Promise<SyncResult> {
    const asked = await asAskedRun(deps, job);
    // A command cannot know who else is there, however long the request has waited for its service.
    const mayBeOthers = options.role === 'command' || Date.now() - job.timestamp < foreignJobMs;
    if ('refused' in asked) {
      const { refused, elsewhere = false } = asked;
      if (refused.code === 'PLATFORM_UNKNOWN' && (options.role === 'command' || (elsewhere && mayBeOthers)))
        await leaveToOthers(job);
      log.warn({ job: job.id, code: refused.code }, 'request refused');
      return { refused };
    }
    const customer = begunWith.get(asked.run) ?? customers.get(asked.customer);
    // Of several services one may have taken up a file that the others have yet to look at.
    if (customer?.platforms.has(asked.platform) !== true && mayBeOthers) await leaveToOthers(job);
    // A command that was given no secrets leaves the work to the service that has them.
    if (options.role === 'command' && customer !== undefined && lacksSecrets(customer, asked.platform))
      await leaveToOthers(job);
    return processSync(deps, job, asked);
  }

  /** The queue keeps what a job fails with, and the message of a foreign error may quote data. */
  async function safely<T>(job: Job, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DelayedError || error instanceof RollcallError) throw error;
      log.error({ queue: job.queueName, job: job.id, err: error }, 'job failed');
      throw new RollcallError('INTERNAL', failureOf(error).message);
    }
  }

  /** Runs that have a job in the queue, which performs them when its time comes. */
  async function queuedRuns(states: JobType[]): Promise<ReadonlySet<string>> {
    const jobs = await queues.sync.getJobs(states, 0, mostQueuedRuns);
    return new Set(jobs.flatMap((job) => (job?.id === undefined ? [] : (runOfJob(job) ?? []))));
  }

  /**
   * Runs that no living process performs any more go on: the store is the truth, whatever became of the queue. An active
   * job counts as performing its run, except where we are known to be the only process: whoever was active then is gone.
   */
  async function takeUp(states: JobType[]): Promise<number> {
    let taken = 0;
    let queued: ReadonlySet<string> | undefined;
    const names = new Set([...customers.values(), ...begunWith.values()].map(({ name }) => name));
    for (const name of names) {
      for (const run of await store.runs.open(name)) {
        const customer = begunWith.get(run.id) ?? customers.get(name);
        if (customer?.platforms.has(run.platform) !== true) continue;
        const state = await store.platforms.find(customer.name, run.platform);
        const holder = await store.leases.holder(customer.name, run.platform);
        if ((holder !== null && !isGone(holder)) || (state?.paused_ms != null && run.status !== 'cancelled'))
          continue;
        queued ??= await queuedRuns(states);
        if (queued.has(run.id)) continue;
        taken++;
        log.info(
          { customer: customer.name, platform: run.platform, run: run.id, status: run.status },
          'an unfinished run goes on',
        );
        await enqueue({ run: run.id }, `resume-${run.id}-${deps.now()}`);
      }
    }
    return taken;
  }

  async function enqueue(data: SyncJobData, jobId: string, delayMs = 0): Promise<Job> {
    try {
      return await queues.sync.add('sync', data, {
        jobId,
        // Ahead of whatever was asked for by hand, however much that is.
        ...('slotMs' in data ? { lifo: true } : {}),
        ...(delayMs > 0 ? { delay: delayMs } : {}),
      });
    } catch (error) {
      if (isOutOfReach(error)) throw queueUnavailable(error);
      throw error;
    }
  }

  /** A request is a run that waits, stored before its job: the job only names it. A slot is a name by itself. */
  async function ask(request: RunRequest): Promise<Job> {
    const { customer, platform, trigger, delayMs } = request;
    const jobId = request.jobId ?? `${trigger}-${customer}-${platform}-${randomUUID()}`;
    if (request.slotMs != null && (trigger === 'schedule' || trigger === 'catch-up'))
      return enqueue({ customer, platform, slotMs: request.slotMs, trigger }, jobId, delayMs);
    if (request.run !== undefined) return enqueue({ run: request.run }, jobId, delayMs);
    const run = runIdOf({ id: jobId, timestamp: Date.now() }, platform);
    const { actor, person = null, approval = null, slotMs = null, undoes = null } = request;
    await store.runs.begin(
      { id: run, customer, platform, trigger, actor, person, approval, slotMs, undoes },
      deps.now(),
    );
    if (request.reason != null)
      await store.runs.wait(run, [{ code: 'REASON', message: request.reason.slice(0, 500) }]);
    try {
      return await enqueue({ run }, jobId, delayMs);
    } catch (error) {
      await store.runs.discard(run).catch(() => undefined);
      throw error;
    }
  }

  /** Forgets what runs began with that have ended, here or in another process. */
  async function forgetEnded(): Promise<void> {
    for (const run of begunWith.keys()) {
      const found = await store.runs.find(run);
      if (found === undefined || found.ended_ms !== null) begunWith.delete(run);
    }
  }

  async function configure(next: readonly Customer[]): Promise<void> {
    const wanted = new Map(next.map((customer) => [customer.name, customer]));
    const outdated = [...customers.values()].filter((customer) => wanted.get(customer.name) !== customer);
    // Other processes perform runs whose batches are sent here.
    const begun = await Promise.all(
      outdated.map(async (customer) =>
        (await store.runs.open(customer.name))
          .filter(({ status }) => status !== 'waiting')
          .map(({ id }) => [id, customer] as const),
      ),
    );
    for (const [run, customer] of begun.flat()) if (!begunWith.has(run)) begunWith.set(run, customer);
    for (const { name } of outdated) if (!wanted.has(name)) customers.delete(name);
    for (const customer of next) customers.set(customer.name, customer);
  }

  let started: Promise<void> | undefined;
  async function startWorkers(): Promise<void> {
    // The only process there is: whoever held a job before is gone.
    const alone = queues.redis === null && (await store.database.others())?.length === 0;
    if (alone) await queues.batch.obliterate({ force: true });
    workers.push(
      queues.worker(batchQueueName, (job, signal) => safely(job, () => processBatch(deps, job, signal)), {
        concurrency: batchConcurrency,
      }),
      queues.worker(syncQueueName, (job) => safely(job, () => processSyncJob(job)), {
        concurrency: syncConcurrency,
      }),
    );
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    await releaseStranded(queues);
    await takeUp(alone ? waitingStates : performedStates);
  }

  return {
    deps,
    // Two who ask at once, such as the service and a command that comes to it, start one set of workers.
    start: () => {
      started ??= startWorkers();
      return started;
    },
    configure,
    sweep: async () => {
      await forgetEnded();
      const released = await releaseStranded(queues);
      if (released > 0)
        log.warn({ jobs: released }, 'jobs waited for a time that only a wrong clock has seen; they go on');
      return takeUp(performedStates);
    },
    request: (request) => ask(request),
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
