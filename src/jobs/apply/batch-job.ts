import type { Job } from 'bullmq';
import { z } from 'zod';

/**
 * What a batch job carries: which batch of which run, and under which lease it was queued. References, no people: whose
 * it is, what is sent and where stands in the store.
 */
const batchJobData = z.strictObject({
  run: z.string().min(1).max(300),
  batch: z.int().min(0),
  lease: z.int().min(1),
});
export type BatchJobData = z.infer<typeof batchJobData>;

/** Attempts of a batch whose platform does not answer; with the back-off about two minutes of trying. */
export const batchAttempts = 6;

/** The one job of a batch under a lease: adding it again while it is kept does nothing. */
export function batchJobId({ run, batch, lease }: BatchJobData): string {
  return `${run}-b${batch}-l${lease}`;
}

/** Whether a job is one that Rollcall may have queued: its data are references, and its id follows from them. */
export function isBatchJob(job: Job): job is Job<BatchJobData> {
  const data = batchJobData.safeParse(job.data);
  return data.success && job.id === batchJobId(data.data);
}
