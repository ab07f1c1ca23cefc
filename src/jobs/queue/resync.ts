import type { Job } from 'bullmq';
import { z } from 'zod';
import type { Customer } from '../customer.ts';
import type { Refusal } from './postpone.ts';
import { type SyncJobData, syncJobData } from './sync-job.ts';

/** The longest employee id, as the roster has it. */
const longestId = 256;
/** No control characters: the store takes no NUL, and whoever is shown the text has a terminal that obeys the others. */
const printable = /^[^\p{Cc}]*$/u;

/**
 * What anybody may put on the queue `rollcall-sync` as a job named `resync` (fixed). `customer` is needed only where
 * several customers have a platform of that name.
 */
export const resyncRequest = z.strictObject({
  platform: z.string().min(1),
  person: z.string().min(1).max(longestId).regex(printable).optional(),
  reason: z.string().max(500).regex(printable).optional(),
  customer: z.string().min(1).optional(),
});

const refuse = (code: string, message: string): { readonly refused: Refusal } => ({
  refused: { code, message },
});

/** Reads a job of the queue, ours or somebody's `resync`. What cannot be done is refused, never retried. */
export function asSyncJob(
  { customers }: { readonly customers: ReadonlyMap<string, Customer> },
  job: Job,
): SyncJobData | { readonly refused: Refusal } {
  if (job.name === 'sync') {
    const ours = syncJobData.safeParse(job.data);
    return ours.success
      ? ours.data
      : refuse('BAD_REQUEST', 'a sync job that this Rollcall does not understand');
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
  const { platform, person, customer, reason } = asked.data;
  const owners = [...customers.values()].filter(
    (candidate) =>
      candidate.platforms.has(platform) && (customer === undefined || candidate.name === customer),
  );
  const [owner] = owners;
  if (owner === undefined) return refuse('PLATFORM_UNKNOWN', 'no platform of that name is configured');
  if (owners.length > 1)
    return refuse(
      'PLATFORM_AMBIGUOUS',
      `${owners.length} customers have a platform of that name; give customer too`,
    );
  return {
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
