import { z } from 'zod';
import { idle, maybe } from '../wire.ts';
import type { FieldPlace } from './fields.ts';

/** The shapes of RFC 7643 and RFC 7644, as far as they are used. Services answer null for what is unassigned (2.5). */

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';
export const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

const count = z.number().int().min(0);
/** Some services write booleans as text. */
const flag = z.union([z.boolean(), z.stringbool()]);
const text = maybe(z.string());

/** One value of a multi-valued attribute. Kept whole, because a changed list is written back whole. */
const value = z.looseObject({
  value: text,
  country: text,
  type: text,
  primary: idle(flag),
});
export type ScimValue = z.output<typeof value>;

const values = maybe(z.array(value));
/**
 * By the id of a user (RFC 7643, 4.3); some services give the id alone. What is neither is nobody: where no manager is
 * mapped, no run needs it.
 */
const manager = idle(z.union([z.string(), z.looseObject({ value: idle(z.string()) })]));
const userBase = z.looseObject({
  id: z.string().min(1),
  userName: text,
  externalId: text,
  /** Nothing, or null (2.5): then the service does not say, see `createScimClient`. */
  active: maybe(flag),
  name: maybe(z.looseObject({ givenName: text, familyName: text })),
  emails: values,
});
export type ScimUser = z.output<typeof userBase> & {
  readonly addresses?: unknown;
  readonly roles?: unknown;
  readonly [enterpriseSchema]?: Readonly<Record<string, unknown>> | null | undefined;
};

/** A user. What `places` name has to be of its type; other attributes are kept as they came, for PUT. */
export function userOf(places: readonly FieldPlace[]): z.ZodType<ScimUser> {
  const textsIn = (where: FieldPlace['in']) =>
    Object.fromEntries(
      places.flatMap((place) =>
        place.in === where && place.in !== 'list' && place.in !== 'manager'
          ? [[place.attribute, text] as const]
          : [],
      ),
    );
  const lists = Object.fromEntries(
    places.flatMap((place) => (place.in === 'list' ? [[place.list, values] as const] : [])),
  );
  return userBase.extend({
    ...textsIn('user'),
    ...lists,
    [enterpriseSchema]: maybe(
      z.looseObject({
        ...textsIn('enterprise'),
        ...(places.some((place) => place.in === 'manager') ? { manager } : {}),
      }),
    ),
  }) as unknown as z.ZodType<ScimUser>;
}

/** `type`: needed to tell a group from a user. */
const member = z.object({ value: z.string().min(1), type: text });

/** A group. Members that are groups themselves carry `type: Group`. */
export const group = z.object({
  id: z.string().min(1),
  displayName: text,
  members: maybe(z.array(member)),
});
export type ScimGroup = z.output<typeof group>;
/** One group with its members; its name was found in the list. */
export const groupMembers = group.omit({ displayName: true });

/** A list answer (RFC 7644, 3.4.2); `Resources` may be left out when there are none. */
export const listOf = <T>(resource: z.ZodType<T>) =>
  z.object({
    totalResults: count,
    Resources: maybe(z.array(resource)),
  });

/** What one answer of a list holds. */
export type ListPage<T> = {
  readonly totalResults: number;
  readonly resources: readonly T[];
};

/** `/ServiceProviderConfig` (RFC 7643, 5). */
export const serviceConfig = z.object({
  patch: z.object({ supported: flag }).nullish(),
  bulk: z
    .object({ supported: flag, maxOperations: count.nullish(), maxPayloadSize: count.nullish() })
    .nullish(),
  filter: z.object({ supported: flag, maxResults: count.nullish() }).nullish(),
});

/**
 * The answer to a write: the resource, of which a change needs nothing; some answer `{}`. An error is none, whatever its
 * status, nor is what carries no sign of SCIM.
 */
export const writeAnswer = z
  .looseObject({
    id: z.string().min(1).nullish().catch(undefined),
    schemas: z.array(z.unknown()).nullish().catch(undefined),
  })
  .refine(
    (body) => {
      if (body.schemas) return !body.schemas.includes(errorSchema);
      return typeof body.id === 'string' || Object.values(body).every((value) => value == null);
    },
    { message: 'neither a resource nor empty' },
  );

/** An error (RFC 7644, 3.12). `detail` is free text and is not read. */
export const scimError = z.object({ scimType: text.catch(undefined) });

const bulkResult = z.object({
  bulkId: text,
  location: text,
  status: z.union([z.string(), z.number()]),
  /** The user, or the error. */
  response: z.object({ id: text, scimType: text }).nullish().catch(undefined),
});

/** The answer to `/Bulk` (RFC 7644, 3.7.3). */
export const bulkAnswer = z.object({ Operations: z.array(bulkResult) });
export type BulkResult = z.output<typeof bulkResult>;
