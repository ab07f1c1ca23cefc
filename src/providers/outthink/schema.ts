import { z } from 'zod';
import { idle, maybe } from '../wire.ts';

/**
 * The shapes of the REST API. The vendor publishes none: a list is taken as a bare array or as one under `items`, `data`
 * or `users`, and only what is used is asked for.
 */

const text = maybe(z.string());
/** An id, as text however it is written. */
const id = z.union([z.string().min(1), z.number()]).transform(String);

const listKeys = ['items', 'data', 'users'];
const totalKeys = ['total', 'totalCount', 'totalResults'];

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listIn(body: JsonObject): readonly unknown[] | undefined {
  return listKeys.map((key) => body[key]).find((value) => Array.isArray(value));
}

/** One page of a list. `total` is null where the answer names none. */
export type ListPage<T> = { readonly rows: readonly T[]; readonly total: number | null };

const totals = Object.fromEntries(
  totalKeys.map((key) => [key, idle(z.number().int().refine(Number.isSafeInteger))]),
) as Record<string, z.ZodType<number | null | undefined>>;

/** A list answer. A total that is no number carries nothing. */
export const listOf = <T>(row: z.ZodType<T>): z.ZodType<ListPage<T>> => {
  const rows = z.array(row);
  const bare = rows.transform((found): ListPage<T> => ({ rows: found, total: null }));
  const under = (key: string) =>
    z.object({ ...totals, [key]: rows }).transform((body): ListPage<T> => {
      const answered = body as Readonly<Record<string, unknown>>;
      const total = totalKeys.map((name) => answered[name]).find((value) => typeof value === 'number');
      return { rows: answered[key] as T[], total: total ?? null };
    });
  return z.union([bare, ...listKeys.map(under)]);
};

/** A campaign of the list: a training or an attack simulation. `undefined` is what the answer does not say. */
export const campaign = z.object({
  id,
  name: text,
  type: text,
  status: text,
  startDate: text,
  endDate: text,
  instantTraining: idle(z.boolean()),
});
export type Campaign = z.output<typeof campaign>;

/** One user of a training campaign, known by one of three identifiers at least. */
export const campaignUser = z
  .object({
    userId: maybe(id),
    userSourceIdentifier: maybe(id),
    userEmail: text,
    trainingStatus: text,
  })
  .refine(({ userId, userSourceIdentifier, userEmail }) => userId ?? userSourceIdentifier ?? userEmail, {
    message: 'has no identifier',
  });
export type CampaignUser = z.output<typeof campaignUser>;

/** Whether an entry of a list of results says that it went wrong. */
export function refusalIn(entry: unknown): boolean {
  if (!isObject(entry)) return false;
  const { success, ok, status, error, errors, code } = entry;
  if (success === false || ok === false) return true;
  if (typeof status === 'number') return status >= 400;
  if (isNo(status)) return true;
  const hasErrors = Array.isArray(errors) ? errors.length > 0 : Boolean(errors);
  return success !== true && (Boolean(error) || hasErrors || Boolean(code));
}

/** A status that is a word for no. */
function isNo(status: unknown): boolean {
  return typeof status === 'string' && /^(fail|error|reject|invalid|denied|refused)/i.test(status);
}

function nonEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/**
 * The answer to a change of users, by outcome: lists of those who went through and of those who failed, or one of results,
 * each a user, its identifier, or an object around the user. `hasFailures`: some failed, and it is not said who.
 */
export const changeAnswer = z.unknown().transform((body) => {
  if (Array.isArray(body))
    return { success: undefined, failed: undefined, results: body, hasFailures: false };
  const { success, failed, errors, results, ...rest } = isObject(body) ? body : {};
  const list = (value: unknown) => (Array.isArray(value) ? (value as readonly unknown[]) : undefined);
  return {
    success: list(success),
    failed: list(failed) ?? list(errors),
    results: list(results) ?? listIn(rest),
    hasFailures:
      // A word or an object in the place of the list says nothing that we know.
      typeof success === 'string' ||
      isObject(success) ||
      [failed, results].some((value) => !Array.isArray(value) && nonEmpty(value)) ||
      (Array.isArray(failed) ? nonEmpty(errors) : !Array.isArray(errors) && nonEmpty(errors)),
  };
});
export type ChangeAnswer = z.output<typeof changeAnswer>;

/**
 * Whether a body under HTTP 2xx is a no: it says so, or it is an error and nothing else. One with lists is judged user by
 * user.
 */
export function isRefusal(body: unknown): boolean {
  if (!isObject(body)) return false;
  const { success, ok, status, failed, errors, results, error, code, id: own } = body;
  if (success === false || ok === false)
    return ![failed, errors, results].some((value) => Array.isArray(value) && value.length > 0);
  const isList = [success, failed, results, listIn(body)].some((value) => Array.isArray(value));
  if (isList || own !== undefined) return false;
  const saysNo = isNo(status) || (typeof status === 'number' && status >= 400);
  return saysNo || Boolean(error) || (Boolean(code) && success !== true);
}

/** An error; `code` is the only part to rely on. */
export const failure = z.object({ code: idle(z.string()), field: idle(z.string()) });
