import { z } from 'zod';
import { idle, maybe } from '../wire.ts';

/** The shapes of the Account API 1.1.0, as far as they are used. Unknown keys are dropped. */

const count = z.number().int().min(0);
const text = maybe(z.string());

const user = z.object({
  id: z.string().min(1),
  firstName: text,
  lastName: text,
  active: z.boolean(),
  remoteId: text,
  /** In no sample of the vendor; read when it is there. */
  email: text,
});
/** A user of the list. */
export type WireUser = z.output<typeof user>;

/** One page of users. `next` is null on the last one, or is not there; its type is not documented. */
export const usersPage = z.object({
  success: z.literal(true),
  data: z.object({
    items: z.array(user),
    page: count,
    next: z.unknown().optional(),
    totalPages: count,
    total: count,
  }),
});
export type UsersPage = z.output<typeof usersPage>['data'];

const batchItem = z.object({
  /** The next read tells it too. */
  id: idle(z.string().min(1)),
  remoteId: text,
  active: maybe(z.boolean()),
});

/** The answer to an upsert or a deactivation; the latter may come without lists. Failures stand under `success: true`. */
export const batchAnswer = z.object({
  success: z.literal(true),
  data: maybe(
    z.object({
      success: maybe(z.array(batchItem)),
      failed: maybe(z.array(z.object({ user: maybe(z.object({ remoteId: text })) }))),
    }),
  ),
});
export type BatchAnswer = z.output<typeof batchAnswer>;

/** A cluster is but shown. */
const cluster = z.object({
  clusterId: z.string().min(1),
  moduleName: idle(z.string()),
  moduleCategory: idle(z.string()),
  /** Minutes. */
  duration: idle(z.number()),
  iframeCode: idle(z.string()),
});
export type WireCluster = z.output<typeof cluster>;

export const clusterList = z.object({
  success: z.literal(true),
  data: z.object({ items: z.array(cluster), total: count }),
});

/** Completions, a bare array without envelope. Of what `completedWhen` may read, those that it `reads` are no longer idle. */
export function completionList(reads: ReadonlySet<string>) {
  const judged = <T extends z.ZodType>(name: string, type: T) => (reads.has(name) ? maybe(type) : idle(type));
  return z.array(
    z.object({
      id: z.string().min(1),
      /** Null for a guest. */
      remoteUserId: text,
      clusterId: z.string().min(1),
      moduleId: judged('moduleId', z.string()),
      moduleName: judged('moduleName', z.string()),
      moduleCategory: judged('moduleCategory', z.string()),
      duration: judged('duration', z.number()),
      attended: judged('attended', z.boolean()),
      sessionScheduledStartAt: idle(z.string()),
      participantLastVisitedAt: idle(z.string()),
      timeInSessionMins: judged('timeInSessionMins', z.number()),
      stepsVisited: judged('stepsVisited', z.number()),
      totalSteps: judged('totalSteps', z.number()),
      percentageStepsVisited: judged('percentageStepsVisited', z.number()),
    }),
  );
}
export type WireCompletion = z.output<ReturnType<typeof completionList>>[number];

/** The vendor's error format, which may come under any HTTP status. The message is free text. */
export const failure = z.object({
  success: z.literal(false),
  error: maybe(z.object({ message: text })),
});
