import { z } from 'zod';

/** The shapes of RFC 7643 and RFC 7644, as far as they are used. Services answer null for what is unassigned (2.5). */

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';
export const bulkSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

const count = z.number().int().min(0);
/** Some services write booleans as text. */
const flag = z.union([z.boolean(), z.stringbool()]);
const text = z.string().nullish();

/** One value of a multi-valued attribute. Kept whole, because a changed list is written back whole. */
const value = z.looseObject({
  value: text,
  country: text,
  type: text,
  primary: flag.nullish().catch(undefined),
});
export type ScimValue = z.output<typeof value>;

/** A user; attributes that are not listed are kept, for PUT. */
export const user = z.looseObject({
  id: z.string().min(1),
  userName: text,
  externalId: text,
  active: flag.nullish(),
  name: z.looseObject({ givenName: text, familyName: text }).nullish(),
  emails: z.array(value).nullish(),
  addresses: z.array(value).nullish(),
  roles: z.array(value).nullish(),
  [enterpriseSchema]: z.looseObject({}).nullish(),
});
export type ScimUser = z.output<typeof user>;

const member = z.object({ value: z.string().min(1), type: text });

/** A group. Members that are groups themselves carry `type: Group`. */
export const group = z.object({
  id: z.string().min(1),
  displayName: text,
  members: z.array(member).nullish(),
});
export type ScimGroup = z.output<typeof group>;

/** A list answer (RFC 7644, 3.4.2); `Resources` may be left out when there are none. */
export const listOf = <T>(resource: z.ZodType<T>) =>
  z.object({
    totalResults: count,
    Resources: z.array(resource).nullish(),
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
