import { z } from 'zod';
import { enrollmentRule, platformBase, rate } from '../../config/schema.ts';

/** Most items of one write request, whatever the service takes. */
export const maxBatch = 200;

/** Which attribute of a SCIM user says who it is: the employee id in `externalId` or `userName`, or the work email. */
export const matchBy = z.enum(['externalId', 'userName', 'email']);
export type MatchBy = z.output<typeof matchBy>;

/** The platform block of any SCIM 2.0 service. */
export const settings = platformBase.extend({
  provider: z.literal('scim'),
  baseUrl: z.url({ protocol: /^https?$/ }).meta({ description: 'The address under which /Users stands' }),
  token: z.string().min(1).meta({ description: 'The bearer token' }),
  matchBy: matchBy.default('externalId'),
  rate: rate.prefault('10/s'),
  batch: z.number().int().min(1).max(maxBatch).default(maxBatch),
  enrollments: z.array(enrollmentRule).default([]),
});

/** The parsed block. */
export type ScimSettings = z.output<typeof settings>;
