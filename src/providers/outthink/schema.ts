import { z } from 'zod';

/**
 * The shapes of the REST API. The vendor publishes none: a list is taken as a bare array or as one under `items`, `data`
 * or `users`, and only what is used is asked for.
 */

const text = z.string().nullish();
/** An id, as text however it is written. */
const id = z.union([z.string().min(1), z.number()]).transform(String);

function unwrapped(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const lists = ['items', 'data', 'users'].map((key) => (body as Record<string, unknown>)[key]);
  return lists.find((value) => Array.isArray(value)) ?? body;
}

/** A list answer. */
export const listOf = <T>(row: z.ZodType<T>) => z.preprocess(unwrapped, z.array(row));

/** A campaign of the list: a training or an attack simulation. `undefined` is what the answer does not say. */
export const campaign = z.object({
  id,
  name: text,
  type: text,
  status: text,
  startDate: text,
  endDate: text,
  instantTraining: z.boolean().nullish().catch(undefined),
});
export type Campaign = z.output<typeof campaign>;

/** One user of a training campaign, known by one of three identifiers at least. */
export const campaignUser = z
  .object({
    userId: id.nullish(),
    userSourceIdentifier: id.nullish(),
    userEmail: text,
    trainingStatus: text,
  })
  .refine(({ userId, userSourceIdentifier, userEmail }) => userId ?? userSourceIdentifier ?? userEmail, {
    message: 'has no identifier',
  });
export type CampaignUser = z.output<typeof campaignUser>;

/** Lists of users by outcome; an entry is the user, its identifier, or an object around the user. */
export const changeAnswer = z.object({
  success: z.array(z.unknown()).nullish().catch(undefined),
  failed: z.array(z.unknown()).nullish().catch(undefined),
});
export type ChangeAnswer = z.output<typeof changeAnswer>;

/** An error; `code` is the only part to rely on. */
export const failure = z.object({ code: text.catch(undefined), field: text.catch(undefined) });
