import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { ProviderError } from '../../providers/error.ts';
import type { Attempt, Batch, OpenChange } from '../../store/batches.ts';
import { LeaseLost } from '../../store/leases.ts';
import type { ChangeOutcome } from '../../store/outcomes.ts';
import type { Outcome } from '../../store/schema.ts';
import { isOutOfReach } from '../../store/trouble.ts';
import { countingContext, lacksSecrets, type Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { failureOf } from '../failure.ts';
import { mayStillSend } from '../lease/hold.ts';
import { permitOf, writeLastsMs } from '../lease/permit.ts';
import { putBack } from '../queue/postpone.ts';
import { batchAttempts, type BatchJobData, isBatchJob } from './batch-job.ts';
import { type PreparedBatch, prepareBatch } from './prepare.ts';
import { asOutcome, referencesOf, send } from './send.ts';

/** First back-off, doubled each time, with half of it random. */
export const batchBackoffMs = 2_000;
/** How long a batch of a paused platform sleeps before it looks again. */
const pausedDelayMs = 5_000;
/**
 * Sends one batch: one write request, an outcome for each item. Written so that it can be killed anywhere and run
 * again: what has an outcome is not sent again, and a repetition says so to the provider. What is sent, and where, stands
 * in the store; the job only says which batch of which run.
 */
export async function processBatch(
  deps: JobDeps,
  job: Job,
  jobSignal: AbortSignal | undefined,
): Promise<void> {
  if (!isBatchJob(job)) {
    deps.log.warn({ job: String(job.id).slice(0, 100) }, 'a batch job that is none of ours was refused');
    return;
  }
  const owner = await deps.ownerOf(job.data.run);
  // Its run was deleted, or never was.
  if (owner === undefined) return;
  const customer = deps.begunWith.get(job.data.run) ?? deps.customers.get(owner.customer);
  const platform = customer?.platforms.get(owner.platform);
  // Another service may know the customer; this one must not swallow its work.
  if (customer === undefined || platform === undefined || lacksSecrets(customer, platform.name))
    return putBack(job, pausedDelayMs, deps.draining);
  const turn = platform.pacer.turn();
  if ('waitMs' in turn) return putBack(job, turn.waitMs, deps.draining);
  try {
    await takeUp(deps, job, platform, jobSignal);
  } finally {
    turn.end();
  }
}

async function takeUp(
  deps: JobDeps,
  job: Job<BatchJobData>,
  platform: Platform,
  jobSignal: AbortSignal | undefined,
): Promise<void> {
  const { store, log } = deps;
  const { run, batch: number } = job.data;
  const sender = { name: deps.instance, lastsMs: writeLastsMs(platform.config.timeout) };
  const begun = await deps.preparing(() =>
    prepareBatch(deps, job.data, sender, referencesOf(platform.provider)),
  );
  // Stale: queued by an earlier holder of the platform. Whoever has it now queues the batch anew.
  if (begun.state === 'done' || begun.state === 'stale') return;
  if (begun.state === 'paused') return putBack(job, pausedDelayMs, deps.draining);
  const { batch, attempt, repeated } = begun;
  const signal = AbortSignal.any([deps.draining, ...(jobSignal === undefined ? [] : [jobSignal])]);
  const ctx = countingContext(signal, {
    permit: (timeoutMs) => permitOf(() => store.batches.holds(attempt), timeoutMs),
    // It goes back to the queue instead, where it can be cancelled and its platform paused.
    waitsFor: () => false,
  });
  const own = `${run}/${number}`;
  let counted = false;
  try {
    if (begun.state === 'failed') throw begun.error;
    await untilQuiet(deps, begun, own, signal);
    deps.sending.add(own);
    const { sending, skipped, links } = begun;
    const request = { provider: platform.provider, batch, links, repeated, ctx };
    const nowMs = deps.now();
    const outcomes = await send(request, sending, async (part, done) => {
      const rows = part.map((change) => asOutcome(request, change, done.get(change), nowMs));
      if (batch.limited_since_ms !== null) await store.batches.notLimited(run, number);
      await store.batches.recordOutcomes(attempt, rows, deps.now());
    });
    const rows = sending.map((change) => asOutcome(request, change, outcomes.get(change), nowMs));
    for (const change of skipped) {
      const [code, message] =
        batch.operation === 'enroll'
          ? ['ACCOUNT_FAILED', 'the account change of this person did not succeed']
          : batch.target === null
            ? ['MANAGER_FAILED', 'the account of the manager could not be made']
            : ['ENROLL_FAILED', 'the new address could not be enrolled, so the old one stays'];
      rows.push(withoutAccount(change, 'skipped', code, message));
    }
    const ended = { ...attempt, size: batch.size };
    const counts = await deps.finishing(() => store.batches.finish(ended, rows, ctx.count, deps.now()));
    if (!counts) log.warn({ run, batch: number }, 'somebody else took the batch up meanwhile');
    counted = true;
  } catch (error) {
    await handleFailure(deps, job, { batch, attempt, repeated, sent: ctx.count.writes > 0 }, error);
  } finally {
    deps.sending.delete(own);
    if (!counted)
      await store.batches
        .addRequests(run, number, ctx.count)
        .catch((error: unknown) => log.error({ run, err: error }, 'request count not stored'));
    deps.events.emit('batchDone', run);
  }
}

/** Waits until a request of whoever took the batch up before cannot be on its way any more. */
async function untilQuiet(
  deps: JobDeps,
  begun: PreparedBatch & { readonly state: 'begun' },
  own: string,
  signal: AbortSignal,
): Promise<void> {
  const { sender, quietMs } = begun;
  if (quietMs <= 0 || (sender !== null && !mayStillSend(deps, sender, own))) return;
  await sleep(quietMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function withoutAccount({ seq }: OpenChange, outcome: Outcome, code: string, message: string): ChangeOutcome {
  return { seq, outcome, code, message, link: null, isNewLink: false, alias: null };
}

/** The least time after which a batch that was refused is taken up again. */
const leastDelayMs = 100;

/** What is known of an attempt that failed. */
type Failed = {
  readonly batch: Batch;
  readonly attempt: Attempt;
  readonly repeated: boolean;
  /** It sent a request. */
  readonly sent: boolean;
};

async function handleFailure(
  deps: JobDeps,
  job: Job<BatchJobData>,
  { batch, attempt, repeated, sent }: Failed,
  error: unknown,
): Promise<void> {
  const { store, log } = deps;
  const { run, batch: number } = job.data;
  // Whatever it sent has been answered or given up by now. That it had no effect says nothing of the attempt before it.
  const letGo = (unsent: boolean): Promise<void> => store.batches.letGo(attempt, unsent && !repeated);
  if (deps.draining.aborted) {
    // The request may have been sent; then the batch stays `sending`, so the next attempt is a repetition.
    await letGo(!sent).catch(() => undefined);
    return putBack(job, 500, deps.draining);
  }
  if (error instanceof LeaseLost) {
    log.warn(
      { run, platform: batch.platform, batch: number },
      'the platform was taken over; nothing is sent',
    );
    return letGo(!sent);
  }
  if (isOutOfReach(error)) {
    await letGo(!sent).catch(() => undefined);
    throw error;
  }
  const lastAttempt = job.attemptsMade + 1 >= batchAttempts;
  const { code, message } = failureOf(error);
  log.warn(
    {
      run,
      platform: batch.platform,
      batch: number,
      code,
      attempt: job.attemptsMade + 1,
      ...(error instanceof ProviderError ? { status: error.status } : { err: error }),
    },
    'batch failed',
  );
  if (!(error instanceof ProviderError)) {
    // A fault of our own, six times over: whether the request went out nobody can tell.
    if (lastAttempt) return close('unknown', code, message);
    await letGo(false);
    throw error;
  }
  const mayHaveApplied = error.applied === 'unknown' || repeated;
  if (error.code === 'PLATFORM_RATE_LIMITED') {
    // One that was not sent for a pause was not refused either.
    const nowMs = deps.now();
    const since = error.status === undefined ? null : await store.batches.limited(run, number, nowMs);
    const isOver = (sinceMs: number): boolean => nowMs - sinceMs >= deps.giveUpAfterMs;
    // All take turns to ask, so that it is the run that has had nothing but 429; but where others go through, this one.
    if (since === null || !isOver(since.runMs ?? since.batchMs)) {
      await letGo(!mayHaveApplied);
      return putBack(job, Math.max(error.retryAfterMs ?? 0, leastDelayMs), deps.draining);
    }
    await close(mayHaveApplied ? 'unknown' : 'failed', error.code, gaveUp(error));
    if (since.runMs !== null)
      await store.batches.closeRun(attempt, 'failed', error.code, gaveUp(error), nowMs);
    return;
  }
  if (batch.limited_since_ms !== null) await store.batches.notLimited(run, number);
  if (error.passing && !lastAttempt) {
    await letGo(!mayHaveApplied);
    throw error;
  }
  if (error.code === 'SIGN_IN_REFUSED') {
    await letGo(!mayHaveApplied);
    await store.batches.closeRun(attempt, 'failed', error.code, error.message, deps.now());
    return;
  }
  return close(mayHaveApplied ? 'unknown' : 'failed', error.vendorCode ?? error.code, error.message);

  function gaveUp({ message }: ProviderError): string {
    return `${message} It asked for nothing else for ${Math.round(deps.giveUpAfterMs / 60_000)} minutes; the next run tries again.`;
  }

  async function close(outcome: Outcome, outcomeCode: string, said: string): Promise<void> {
    const changes = await store.batches.openChanges(run, number);
    const rows = changes.map((change) => withoutAccount(change, outcome, outcomeCode, said));
    await store.batches.finish({ ...attempt, size: batch.size }, rows, { reads: 0, writes: 0 }, deps.now());
  }
}
