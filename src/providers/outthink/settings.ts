import { z } from 'zod';
import { enrollmentRule, platformBase, rate } from '../../config/schema.ts';
import { matchBy } from '../scim/settings.ts';

/** Most users of one enrollment request. */
export const maxBatch = 200;

/** Why there are no accounts; capabilities say the same. */
export const noAccounts =
  'OutThink has accounts over SCIM only: add scim: { baseUrl, token } to the block, or keep them in step by other means';

/** The fields by which a campaign knows a user. */
export const identifier = z.enum(['userSourceIdentifier', 'userEmail', 'userId']);
export type Identifier = z.output<typeof identifier>;

const url = z.url({ protocol: /^https?$/ });

/** `METHOD /path` of one operation; the vendor does not publish them. */
const endpoint = z
  .string()
  .regex(
    /^(POST|PUT|PATCH|DELETE) \/\S*\{campaignId\}\S*$/,
    'write a method and a path with {campaignId}, such as POST /trainingCampaigns/{campaignId}/users',
  )
  .meta({ description: 'METHOD /path, appended to baseUrl; {campaignId} is the id of the campaign' });

/** The platform block of OutThink. What the vendor leaves open is a setting with an assumed default. */
export const settings = platformBase
  .extend({
    provider: z.literal('outthink'),
    baseUrl: url.meta({ description: 'The REST API, such as https://api.outthink.io/analytics/v1' }),
    customerId: z.string().min(1).meta({ description: 'The value of OT-Customer-Id' }),
    apiKey: z.string().min(1),
    scim: z
      .strictObject({
        baseUrl: url.meta({ description: 'Such as https://api.outthink.io/scim/Organizations/{orgId}/v2' }),
        token: z.string().min(1).meta({ description: "The organization's SCIM token" }),
      })
      .optional()
      .meta({ description: 'Without it the platform has enrollments only' }),
    identifier: identifier.default('userSourceIdentifier'),
    matchBy: matchBy.default('userName'),
    /** Assumed: the vendor publishes neither methods nor paths. */
    paths: z
      .strictObject({
        enroll: endpoint.default('POST /trainingCampaigns/{campaignId}/users'),
        unenroll: endpoint.default('POST /trainingCampaigns/{campaignId}/users/remove'),
      })
      .prefault({}),
    rate: rate.prefault('10/s'),
    batch: z.number().int().min(1).max(maxBatch).default(maxBatch),
    enrollments: z.array(enrollmentRule).default([]),
  })
  .superRefine(({ identifier: chosen, scim }, ctx) => {
    if (chosen !== 'userId' || scim !== undefined) return;
    const message = 'userId is known from SCIM only: add scim, or choose userSourceIdentifier or userEmail';
    ctx.addIssue({ code: 'custom', path: ['identifier'], message });
  });

/** The parsed block. */
export type OutthinkSettings = z.output<typeof settings>;
