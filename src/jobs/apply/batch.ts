import { DelayedError, type Job } from 'bullmq';
import { ProviderError } from '../../providers/error.ts';
import type { Batch, OpenChange } from '../../store/batches.ts';
import type { ChangeOutcome } from '../../store/outcomes.ts';
import type { Outcome } from '../../store/schema.ts';
import { isOutOfReach } from '../../store/trouble.ts';
import { countingContext } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import { failureOf } from '../failure.ts';
import { prepareBatch } from './prepare.ts';
import { asOutcome, send } from './send.ts';

/** What a batch job carries: references, no people. */
export type BatchJobData = {
  readonly customer: string;
  readonly platform: string;
  readonly run: string;
  readonly batch: number;
};

/** Attempts of a batch whose platform does not answer; with the back-off below about two minutes of trying. */
export const batchAttempts = 6;
/** First back-off, doubled each time, with half of it random. */
export const batchBackoffMs = 2_000;
/** How long a batch of a paused platform sleeps before it looks again. */
const pausedDelayMs = 5_000;

/**
 * Sends one batch: one write request, an outcome for each item. Written so that it can be killed anywhere and run
 * again: what has an outcome is not sent again, and a repetition says so to the provider.
 */
export async function processBatch(
  deps: JobDeps,
  job: Job<BatchJobData>,
  jobSignal: AbortSignal | undefined,
): Promise<void> {
  const { store, log } = deps;
  const { run, batch: number } = job.data;
  const customer = deps.customers.get(job.data.customer);
  const platform = customer?.platforms.get(job.data.platform);
  // Another service may know the customer; this one must not swallow its work.
  if (customer === undefined || platform === undefined) return later(job, pausedDelayMs);
  const begun = await deps.preparing(() => prepareBatch(deps, run, number));
  if (begun.state === 'done') return;
  if (begun.state === 'paused') return later(job, pausedDelayMs);
  const { batch, repeated } = begun;
  const signal = AbortSignal.any([deps.draining, ...(jobSignal === undefined ? [] : [jobSignal])]);
  const ctx = countingContext(signal);
  let counted = false;
  try {
    if (begun.state === 'failed') throw begun.error;
    const { sending, skipped, links } = begun;
    const request = { provider: platform.provider, batch, links, repeated, ctx };
    const nowMs = deps.now();
    const outcomes = await send(request, sending, async (part, done) => {
      const rows = part.map((change) => asOutcome(request, change, done.get(change), nowMs));
      await store.batches.recordOutcomes(batch, rows, deps.now());
    });
    const rows = sending.map((change) => asOutcome(request, change, outcomes.get(change), nowMs));
    for (const change of skipped) {
      const [code, message] =
        batch.operation === 'enroll'
          ? ['ACCOUNT_FAILED', 'the account change of this person did not succeed']
          : ['ENROLL_FAILED', 'the new address could not be enrolled, so the old one stays'];
      rows.push(withoutAccount(change, 'skipped', code, message));
    }
    await deps.finishing(() => store.batches.finish(batch, rows, ctx.count, deps.now()));
    counted = true;
  } catch (error) {
    await handleFailure(deps, job, batch, repeated, error);
  } finally {
    if (!counted)
      await store.batches
        .addRequests(run, number, ctx.count)
        .catch((error: unknown) => log.error({ run, err: error }, 'request count not stored'));
    deps.events.emit('batchDone', run);
  }
}

function withoutAccount({ seq }: OpenChange, outcome: Outcome, code: string, message: string): ChangeOutcome {
  return { seq, outcome, code, message, link: null, isNewLink: false, alias: null };
}

async function later(job: Job, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, job.token);
  throw new DelayedError();
}

async function handleFailure(
  deps: JobDeps,
  job: Job<BatchJobData>,
  batch: Batch,
  repeated: boolean,
  error: unknown,
): Promise<void> {
  const { store, log } = deps;
  const { run, batch: number } = job.data;
  if (deps.draining.aborted) {
    // The request may have been sent; the batch stays `sending`, so the next attempt is a repetition.
    return later(job, 500);
  }
  if (isOutOfReach(error)) throw error;
  const lastAttempt = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
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
    if (!lastAttempt) throw error;
    // A fault of our own, six times over: whether the request went out nobody can tell.
    return close('unknown', code, message);
  }
  // That this attempt had no effect says nothing of the one before it.
  const mayHaveApplied = error.applied === 'unknown' || repeated;
  if (!mayHaveApplied) await store.batches.unsend(run, number);
  if (error.code === 'PLATFORM_RATE_LIMITED') return later(job, Math.max(error.retryAfterMs ?? 0, 100));
  if (error.passing && !lastAttempt) throw error;
  if (error.code === 'SIGN_IN_REFUSED') {
    await store.batches.closeRun(run, 'failed', error.code, error.message, deps.now());
    return;
  }
  return close(mayHaveApplied ? 'unknown' : 'failed', error.vendorCode ?? error.code, error.message);

  async function close(outcome: Outcome, outcomeCode: string, said: string): Promise<void> {
    const changes = await store.batches.openChanges(run, number);
    const rows = changes.map((change) => withoutAccount(change, outcome, outcomeCode, said));
    await store.batches.finish(batch, rows, { reads: 0, writes: 0 }, deps.now());
  }
}
