import { DelayedError, type Job } from 'bullmq';
import type { AccountRef } from '../account.ts';
import type { AccountItem, CallContext, ItemOutcome, MemberItem, Provider } from '../providers/contract.ts';
import { ProviderError } from '../providers/error.ts';
import type { Batch, ChangeOutcome, StoredChange } from '../store/journal.ts';
import type { LinkRow } from '../store/links.ts';
import { countingContext } from './customer.ts';
import type { JobDeps } from './deps.ts';

/** What a batch job carries: references, no people. */
export type BatchJobData = { readonly customer: string; readonly run: string; readonly batch: number };

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
  const batch = await store.journal.batch(run, number);
  if (batch === undefined || batch.status === 'done') return;
  const platform = customer?.platforms.get(batch.platform);
  if (customer === undefined || platform === undefined) {
    // Another service may know the customer; this one must not swallow its work.
    await later(job, pausedDelayMs);
    return;
  }
  const state = await store.platforms.find(customer.name, platform.name);
  if (state?.paused_ms != null) {
    await later(job, pausedDelayMs);
    return;
  }
  const started = await store.journal.startBatch(run, number, deps.now());
  if (started === null) return;
  const signal = AbortSignal.any([deps.draining, ...(jobSignal === undefined ? [] : [jobSignal])]);
  const ctx = countingContext(signal);
  try {
    const changes = await store.journal.openChanges(run, number);
    const skipped = await blocked(deps, batch, changes);
    const sending = changes.filter((change) => !skipped.has(change.person));
    const links = await store.links.ofPeople(
      customer.name,
      platform.name,
      sending.map((change) => change.person),
    );
    const nowMs = deps.now();
    const asRows = (part: readonly StoredChange[], outcomes: ItemOutcomes): ChangeOutcome[] =>
      part.map((change, at) =>
        asOutcome(change, outcomes[at], links.get(change.person), platform.provider, nowMs),
      );
    const request = { provider: platform.provider, batch, links, repeated: started.repeated, ctx };
    const outcomes = await send(request, sending, async (part, done) => {
      await store.journal.recordOutcomes(run, asRows(part, done), deps.now());
    });
    const rows = asRows(sending, outcomes);
    for (const change of changes) {
      if (!skipped.has(change.person)) continue;
      rows.push({
        seq: change.seq,
        outcome: 'skipped',
        code: batch.operation === 'enroll' ? 'ACCOUNT_FAILED' : 'ENROLL_FAILED',
        message:
          batch.operation === 'enroll'
            ? 'the account change of this person did not succeed'
            : 'the new address could not be enrolled, so the old one stays',
        link: null,
        alias: null,
      });
    }
    await store.journal.finishBatch(run, number, rows, deps.now());
  } catch (error) {
    await handleFailure(deps, job, batch, started.repeated, error);
  } finally {
    await store.runs
      .addRequests(run, ctx.count.reads, ctx.count.writes)
      .catch((error: unknown) => log.error({ run, err: error }, 'request count not stored'));
    deps.events.emit('batchDone', run);
  }
}

/** People of a batch whose change needs another one that did not succeed. */
async function blocked(
  deps: JobDeps,
  batch: Batch,
  changes: readonly StoredChange[],
): Promise<ReadonlySet<string>> {
  const { journal } = deps.store;
  if (batch.operation === 'enroll') {
    return journal.failedAccounts(
      batch.run_id,
      changes.map((change) => change.person),
    );
  }
  const moved = changes.filter((change) => change.kind === 'unenroll' && change.reason === 'EMAIL_MOVED');
  if (batch.target === null || moved.length === 0) return new Set();
  return journal.failedEnrollments(
    batch.run_id,
    batch.target,
    moved.map((change) => change.person),
  );
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
    await later(job, 500);
  }
  if (!(error instanceof ProviderError)) throw error;
  log.warn(
    {
      run,
      platform: batch.platform,
      batch: number,
      code: error.code,
      status: error.status,
      attempt: job.attemptsMade + 1,
    },
    'batch failed',
  );
  // That this attempt had no effect says nothing of the one before it.
  const mayHaveApplied = error.applied === 'unknown' || repeated;
  if (!mayHaveApplied) await store.journal.unsendBatch(run, number);
  if (error.code === 'PLATFORM_RATE_LIMITED') await later(job, Math.max(error.retryAfterMs ?? 0, 100));
  const lastAttempt = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
  if (error.passing && !lastAttempt) throw error;
  if (error.code === 'SIGN_IN_REFUSED') {
    await store.journal.closeRun(run, 'failed', error.code, error.message, deps.now());
    return;
  }
  const changes = await store.journal.openChanges(run, number);
  const outcome = mayHaveApplied ? 'unknown' : 'failed';
  await store.journal.finishBatch(
    run,
    number,
    changes.map((change) => ({
      seq: change.seq,
      outcome,
      code: error.vendorCode ?? error.code,
      message: error.message,
      link: null,
      alias: null,
    })),
    deps.now(),
  );
}

/** What every request of a batch has in common. */
type BatchRequest = {
  readonly provider: Provider;
  readonly batch: Batch;
  readonly links: ReadonlyMap<string, LinkRow>;
  readonly repeated: boolean;
  readonly ctx: CallContext;
};

type ItemOutcomes = readonly (ItemOutcome | undefined)[];

/**
 * Sends the changes; a request that the platform refuses as a whole is halved until what is wrong with it stands alone.
 * What was sent is handed to `onPart` before the rest goes out: when that fails, only the rest is tried again.
 */
async function send(
  request: BatchRequest,
  changes: readonly StoredChange[],
  onPart: (part: readonly StoredChange[], outcomes: ItemOutcomes) => Promise<void>,
): Promise<ItemOutcomes> {
  if (changes.length === 0) return [];
  try {
    return await write(request, changes);
  } catch (error) {
    if (!(error instanceof ProviderError) || error.code !== 'PLATFORM_REFUSED') throw error;
    if (changes.length === 1)
      return [{ ok: false, code: error.vendorCode ?? error.code, message: error.message }];
    const middle = Math.ceil(changes.length / 2);
    const [former, latter] = [changes.slice(0, middle), changes.slice(middle)];
    const first = await send(request, former, onPart);
    await onPart(former, first);
    return [...first, ...(await send(request, latter, onPart))];
  }
}

function write(
  { provider, batch, links, repeated, ctx }: BatchRequest,
  changes: readonly StoredChange[],
): Promise<readonly ItemOutcome[]> {
  const refOf = (change: StoredChange): AccountRef => {
    const link = links.get(change.person);
    if (change.ref.id !== null || link === undefined) return change.ref;
    return { ...change.ref, id: link.account_id, externalId: link.external_id ?? change.ref.externalId };
  };
  if (batch.target !== null && (batch.operation === 'enroll' || batch.operation === 'unenroll')) {
    const members = changes.map((change): MemberItem => ({ person: change.person, ref: refOf(change) }));
    return provider.write({ operation: batch.operation, target: batch.target, members, repeated }, ctx);
  }
  const accounts = changes.flatMap((change): AccountItem[] =>
    change.kind === 'enroll' || change.kind === 'unenroll'
      ? []
      : [
          {
            kind: change.kind,
            person: change.person,
            ref: refOf(change),
            fields: change.after ?? {},
            changed: change.changed,
          },
        ],
  );
  return provider.write({ operation: batch.operation, accounts, repeated }, ctx);
}

function asOutcome(
  change: StoredChange,
  outcome: ItemOutcome | undefined,
  link: LinkRow | undefined,
  provider: Provider,
  nowMs: number,
): ChangeOutcome {
  if (outcome === undefined)
    return {
      seq: change.seq,
      outcome: 'failed',
      code: 'NO_OUTCOME',
      message: 'the platform said nothing of this item',
      link: null,
      alias: null,
    };
  if (!outcome.ok)
    return {
      seq: change.seq,
      outcome: 'failed',
      code: outcome.code,
      message: outcome.message,
      link: null,
      alias: null,
    };
  const done = { seq: change.seq, outcome: 'done' as const, code: null, message: outcome.note ?? null };
  const facts = {
    written_hash: change.link?.writtenHash ?? null,
    email_hash: change.link?.emailHash ?? null,
  };
  const base: LinkRow = link ?? {
    customer: change.customer,
    platform: change.platform,
    person: change.person,
    account_id: null,
    external_id: null,
    email: null,
    written_hash: null,
    email_hash: null,
    confirmed_hash: null,
    linked_ms: nowMs,
    run_id: change.run_id,
  };
  if (change.kind === 'create' || change.kind === 'update' || change.kind === 'reactivate') {
    const externalId = outcome.account?.externalId ?? null;
    const known = {
      account_id: outcome.account?.id ?? base.account_id ?? change.ref.id,
      external_id: externalId !== null && externalId !== change.person ? externalId : base.external_id,
    };
    return { ...done, link: { ...base, ...known, ...facts, confirmed_hash: null }, alias: null };
  }
  if (change.kind === 'enroll' && provider.capabilities.accounts === 'none') {
    const moved = base.email !== null && base.email !== change.ref.email;
    const named =
      change.ref.externalId !== null && change.ref.externalId !== change.person
        ? change.ref.externalId
        : null;
    return {
      ...done,
      link: { ...base, external_id: named, email: change.ref.email, ...facts },
      alias: moved ? base.email : null,
    };
  }
  return { ...done, link: null, alias: null };
}
