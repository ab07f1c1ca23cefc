import { createHash } from 'node:crypto';
import type { Job } from 'bullmq';
import { z } from 'zod';
import type { RunStatus, RunTrigger } from '../../store/schema.ts';
import type { Refusal } from './postpone.ts';

/** The latest time that a job may name or come from: the year 2100. A later one is none, and no date can be made of some. */
const latestMs = Date.UTC(2100, 0, 1);
const instant = z.int().min(0).max(latestMs);

/**
 * What a job of ours says: a run that is stored, or a slot of a platform's schedule. References, never facts: whose the run
 * is, who asked for it and what it takes back or approves stands in the store.
 */
export const syncJobData = z.union([
  z.strictObject({ run: z.string().min(1).max(300) }),
  z.strictObject({
    customer: z.string().min(1).max(300),
    platform: z.string().min(1).max(300),
    slotMs: instant,
    trigger: z.enum(['schedule', 'catch-up']),
  }),
]);
export type SyncJobData = z.infer<typeof syncJobData>;

/** A run that a job asks for, as the store and the configuration know it. */
export type AskedRun = {
  readonly run: string;
  readonly customer: string;
  readonly platform: string;
  readonly trigger: RunTrigger;
  readonly actor: string | null;
  readonly slotMs: number | null;
  readonly approval: string | null;
  readonly person: string | null;
  readonly undoes: string | null;
  readonly reason: string | null;
};

/** What a sync job leaves as its result. */
export type SyncResult =
  | { readonly run: string; readonly status: RunStatus }
  | { readonly refused: Refusal }
  | { readonly replaced: true };

/** The id of a run that a job or a person asks for at that time: the same however often the job starts again. */
export function runIdOf(job: Pick<Job, 'id' | 'timestamp'>, platform: string, slotMs?: number): string {
  // A slot has one run, even if its job was lost and enqueued again.
  const atMs = slotMs ?? job.timestamp;
  const at = new Date(atMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const suffix = createHash('sha256').update(`${job.id}@${atMs}`).digest('hex').slice(0, 5);
  return `${platform}-${at}-${suffix}`;
}

/** The run that a job performs, or would; null for one that is none of ours and no good request. */
export function runOfJob(job: Pick<Job, 'id' | 'name' | 'timestamp' | 'data'>): string | null {
  if (!instant.safeParse(job.timestamp).success) return null;
  if (job.name === 'sync') {
    const { data, success } = syncJobData.safeParse(job.data);
    if (!success) return null;
    return 'run' in data ? data.run : runIdOf(job, data.platform, data.slotMs);
  }
  const platform = (job.data as { readonly platform?: unknown } | null)?.platform;
  return job.name === 'resync' && typeof platform === 'string' ? runIdOf(job, platform) : null;
}
