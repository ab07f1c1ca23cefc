import { createHash } from 'node:crypto';
import type { Job } from 'bullmq';
import { z } from 'zod';
import type { RunStatus } from '../../store/schema.ts';
import type { Refusal } from './postpone.ts';

const trigger = z.enum(['schedule', 'command', 'resync', 'approval', 'undo', 'catch-up']);

/** A run asked for by Rollcall itself: references only. */
export const syncJobData = z.object({
  customer: z.string(),
  platform: z.string(),
  run: z.string().optional(),
  trigger,
  actor: z.string().nullable().default(null),
  slotMs: z.number().nullable().default(null),
  approval: z.string().nullable().default(null),
  person: z.string().nullable().default(null),
  undoes: z.string().nullable().default(null),
  reason: z.string().nullable().default(null),
});
export type SyncJobData = z.infer<typeof syncJobData>;

/** What a sync job leaves as its result. */
export type SyncResult =
  | { readonly run: string; readonly status: RunStatus }
  | { readonly refused: Refusal }
  | { readonly replaced: true };

/** The id of the run that a job performs: the same however often the job starts again. */
export function runIdOf(
  job: Pick<Job, 'id' | 'timestamp'> & { readonly data?: unknown },
  platform: string,
): string {
  const slotMs = (job.data as Partial<SyncJobData> | undefined)?.slotMs;
  // A slot has one run, even if its job was lost and enqueued again.
  const atMs = typeof slotMs === 'number' ? slotMs : job.timestamp;
  const at = new Date(atMs).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const suffix = createHash('sha256').update(`${job.id}@${atMs}`).digest('hex').slice(0, 5);
  return `${platform}-${at}-${suffix}`;
}
