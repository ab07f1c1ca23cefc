import type { Job } from 'bullmq';
import { z } from 'zod';
import type { Store } from '../../store/store.ts';
import { clockToleranceMs } from '../../store/times.ts';
import type { Customer } from '../customer.ts';
import type { Refusal } from './postpone.ts';
import { type AskedRun, runOfJob, type SyncJobData, syncJobData } from './sync-job.ts';

/** The longest employee id, as the roster has it. */
const longestId = 256;
/** No control characters: the store takes no NUL, and whoever is shown the text has a terminal that obeys the others. */
const printable = /^[^\p{Cc}]*$/u;

/**
 * What anybody may put on the queue `rollcall-sync` as a job named `resync` (fixed). `customer` is needed only where
 * several customers have a platform of that name.
 */
const resyncRequest = z.strictObject({
  platform: z.string().min(1),
  person: z.string().min(1).max(longestId).regex(printable).optional(),
  reason: z.string().max(500).regex(printable).optional(),
  customer: z.string().min(1).optional(),
});

const refuse = (code: string, message: string): { readonly refused: Refusal } => ({
  refused: { code, message },
});

/** What jobs refer to. */
type AskedOf = {
  readonly customers: ReadonlyMap<string, Customer>;
  readonly store: Pick<Store, 'runs' | 'platforms'>;
  readonly now: () => number;
};

/**
 * Reads a job of the queue, ours or somebody's `resync`. What cannot be done is refused, never retried. `elsewhere`: the
 * store knows the platform and this process does not: another service may.
 */
export async function asAskedRun(
  deps: AskedOf,
  job: Job,
): Promise<AskedRun | { readonly refused: Refusal; readonly elsewhere?: boolean }> {
  const run = runOfJob(job);
  if (job.name === 'sync') {
    const ours = syncJobData.safeParse(job.data);
    if (!ours.success || run === null)
      return refuse('BAD_REQUEST', 'a sync job that this Rollcall does not understand');
    return 'run' in ours.data ? await stored(deps, run) : slot(deps, run, ours.data);
  }
  if (job.name !== 'resync')
    return refuse('BAD_REQUEST', `a job named "${job.name.slice(0, 40)}"; write resync`);
  const asked = resyncRequest.safeParse(job.data);
  if (!asked.success) {
    const issue = asked.error.issues[0];
    return refuse(
      'BAD_REQUEST',
      `the request is not { platform, person?, reason? }: ${issue?.path.join('.') || 'data'}: ${issue?.code ?? 'wrong'}`,
    );
  }
  if (run === null) return refuse('BAD_REQUEST', 'the request is of a time that cannot be');
  const { platform, person, customer, reason } = asked.data;
  const owners = [...deps.customers.values()].filter(
    (candidate) =>
      candidate.platforms.has(platform) && (customer === undefined || candidate.name === customer),
  );
  const [owner] = owners;
  if (owner === undefined) {
    const elsewhere = await deps.store.platforms.isKnown(platform);
    return { ...refuse('PLATFORM_UNKNOWN', 'no platform of that name is configured'), elsewhere };
  }
  if (owners.length > 1)
    return refuse(
      'PLATFORM_AMBIGUOUS',
      `${owners.length} customers have a platform of that name; give customer too`,
    );
  return {
    run,
    customer: owner.name,
    platform,
    trigger: 'resync',
    actor: 'queue',
    slotMs: null,
    approval: null,
    person: person ?? null,
    undoes: null,
    reason: reason ?? null,
  };
}

/** A run that is stored: everything about it is. */
async function stored(
  { store }: { readonly store: Pick<Store, 'runs'> },
  id: string,
): Promise<AskedRun | { readonly refused: Refusal }> {
  const run = await store.runs.find(id);
  if (run === undefined) return refuse('RUN_UNKNOWN', 'there is no such run any more');
  const { customer, platform, trigger, actor, slot_ms: slotMs, approval, person, undoes } = run;
  const reason = run.notes.find(({ code }) => code === 'REASON')?.message ?? null;
  return { run: id, customer, platform, trigger, actor, slotMs, approval, person, undoes, reason };
}

/** A slot of a schedule: one that has not come is none. */
function slot(
  { now }: Pick<AskedOf, 'now'>,
  run: string,
  { customer, platform, slotMs, trigger }: Extract<SyncJobData, { readonly slotMs: number }>,
): AskedRun | { readonly refused: Refusal } {
  if (slotMs > now() + clockToleranceMs) return refuse('BAD_REQUEST', 'a slot that has not come yet');
  const nobody = { actor: null, approval: null, person: null, undoes: null, reason: null };
  return { run, customer, platform, trigger, slotMs, ...nobody };
}
