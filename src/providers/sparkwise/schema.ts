import { z } from 'zod';

/** The shapes of the Account API 1.1.0, as far as they are used. Unknown keys are dropped. */

const count = z.number().int().min(0);

const user = z.object({
  id: z.string().min(1),
  firstName: z.string().nullish(),
  lastName: z.string().nullish(),
  active: z.boolean(),
  remoteId: z.string().nullish(),
  /** In no sample of the vendor; read when it is there. */
  email: z.string().nullish(),
});
/** A user of the list. */
export type WireUser = z.output<typeof user>;

/** One page of users. `next` is null on the last one; its type is not documented. */
export const usersPage = z.object({
  success: z.literal(true),
  data: z.object({
    items: z.array(user),
    page: count,
    next: z.unknown(),
    totalPages: count,
    total: count,
  }),
});
export type UsersPage = z.output<typeof usersPage>['data'];

const batchItem = z.object({
  id: z.string().nullish(),
  remoteId: z.string().nullish(),
  active: z.boolean().nullish(),
});

/** The answer to an upsert or a deactivation; the latter may come without lists. Failures stand under `success: true`. */
export const batchAnswer = z.object({
  success: z.literal(true),
  data: z
    .object({
      success: z.array(batchItem).nullish(),
      failed: z.array(z.object({ user: z.object({ remoteId: z.string().nullish() }).nullish() })).nullish(),
    })
    .nullish(),
});
export type BatchAnswer = z.output<typeof batchAnswer>;

const cluster = z.object({
  clusterId: z.string().min(1),
  moduleName: z.string().nullish(),
  moduleCategory: z.string().nullish(),
  /** Minutes. */
  duration: z.number().nullish(),
  iframeCode: z.string().nullish(),
});
export type WireCluster = z.output<typeof cluster>;

export const clusterList = z.object({
  success: z.literal(true),
  data: z.object({ items: z.array(cluster), total: count }),
});

const completion = z.object({
  id: z.string().min(1),
  remoteUserId: z.string().nullish(),
  clusterId: z.string().min(1),
  moduleId: z.string().nullish(),
  moduleName: z.string().nullish(),
  moduleCategory: z.string().nullish(),
  duration: z.number().nullish(),
  attended: z.boolean().nullish(),
  sessionScheduledStartAt: z.string().nullish(),
  participantLastVisitedAt: z.string().nullish(),
  timeInSessionMins: z.number().nullish(),
  stepsVisited: z.number().nullish(),
  totalSteps: z.number().nullish(),
  percentageStepsVisited: z.number().nullish(),
});
export type WireCompletion = z.output<typeof completion>;

/** A bare array, without envelope. */
export const completionList = z.array(completion);

/** The vendor's error format, which may come under any HTTP status. The message is free text. */
export const failure = z.object({
  success: z.literal(false),
  error: z.object({ message: z.string().nullish() }).nullish(),
});
