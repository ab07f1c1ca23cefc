import { z } from 'zod';
import { platformBase, rate } from '../../config/schema.ts';
import { completionRuleError, defaultCompletedWhen } from './completed.ts';

/** Most items of a batch upsert or deactivation, and most users of one page (vendor's document). */
export const maxBatch = 200;

/** Why there are no enrollments; capabilities and configuration errors say the same. */
export const noEnrollments =
  'Sparkwise sessions are self-registration: the platform has no operation to enroll people or remove them';

/** `METHOD /path` of one operation; the vendor does not publish them. */
const endpoint = z
  .string()
  .regex(/^(GET|POST|PUT|PATCH|DELETE) \/\S*$/, 'write a method and a path, such as GET /users')
  .meta({ description: 'METHOD /path, appended to baseUrl' });

const completedWhen = z
  .string()
  .min(1)
  .meta({ description: 'CEL over the fields of a completion: true when the training counts as completed' })
  .superRefine((source, ctx) => {
    const message = completionRuleError(source);
    if (message !== undefined) ctx.addIssue({ code: 'custom', message });
  })
  .default(defaultCompletedWhen);

/** The platform block of Sparkwise. What the vendor leaves open is a setting with an assumed default. */
export const settings = platformBase.extend({
  provider: z.literal('sparkwise'),
  baseUrl: z.url({ protocol: /^https?$/ }).default('https://account-api.sparkwise.co'),
  apiKey: z.string().min(1).meta({ description: 'The server API key' }),
  /** Assumed: the vendor names the scheme (ServerApiKey), not the header. */
  apiKeyHeader: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not a header name')
    .default('x-api-key'),
  /** Assumed: the vendor publishes neither methods nor paths. */
  paths: z
    .strictObject({
      users: endpoint.default('GET /users'),
      upsert: endpoint.default('POST /users/batch'),
      deactivate: endpoint.default('POST /users/deactivate'),
      clusters: endpoint.default('GET /clusters'),
      completions: endpoint.default('GET /completions'),
    })
    .prefault({}),
  /** Whether emails go into upserts; the vendor's samples have none, its trusted domains imply one. */
  sendEmail: z.boolean().default(false),
  /** Assumed: the vendor does not say what counts as completed. */
  completedWhen,
  /** Assumed: the vendor publishes no limit. */
  rate: rate.prefault('5/s'),
  batch: z.number().int().min(1).max(maxBatch).default(maxBatch),
  leavers: z.literal('deactivate', `must be deactivate: ${noEnrollments}`).default('deactivate'),
  enrollments: z.never({ error: noEnrollments }).optional(),
});

/** The parsed block. */
export type SparkwiseSettings = z.output<typeof settings>;
