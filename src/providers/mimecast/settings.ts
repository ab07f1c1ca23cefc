import { z } from 'zod';
import { enrollmentRule, platformBase, rate } from '../../config/schema.ts';

/** The credentials of the signed API 1.0. */
export const signedKeys = ['applicationId', 'applicationKey', 'accessKey', 'secretKey'] as const;
/** The credentials of API 2.0. */
export const oauthKeys = ['clientId', 'clientSecret'] as const;

/** Why accounts are not ours; capabilities and configuration errors say the same. */
export const directoryOwnsUsers =
  'A directory owns the users of Mimecast as a rule: set manageUsers and domains to have them created, updated and disabled';

const text = z.string().min(1);

const rule = enrollmentRule.extend({
  campaign: text.optional().meta({ description: 'A campaign, by id or exact name, whose results are read' }),
});
export type MimecastRule = z.output<typeof rule>;

const base64 = text.regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be the base64 text that Mimecast shows');

/** The platform block of Mimecast. What the vendor leaves open is a setting with an assumed default. */
export const settings = platformBase
  .extend({
    provider: z.literal('mimecast'),
    baseUrl: z.url({ protocol: /^https?$/ }).meta({
      description: 'https://eu-api.mimecast.com or another region; https://api.services.mimecast.com for 2.0',
    }),
    applicationId: text.optional().meta({ description: 'API 1.0, as are the three keys' }),
    applicationKey: text.optional(),
    accessKey: text.optional(),
    secretKey: base64.optional(),
    clientId: text.optional().meta({ description: 'API 2.0' }),
    clientSecret: text.optional(),
    tokenUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({ description: 'API 2.0: /oauth/token of baseUrl unless given' }),
    manageUsers: z.boolean().default(false),
    domains: z.array(text.regex(/^[^\s@]+$/, 'is not a domain')).default([]),
    /** The vendor's own limit was seen at 800 in 5 s. */
    rate: rate.prefault('5/s'),
    /** `data` items in one call. Assumed: the vendor publishes no largest number. */
    batch: z.number().int().min(1).max(200).default(1),
    enrollments: z.array(rule).default([]),
  })
  .superRefine((block, ctx) => {
    const issue = (key: string, message: string) => ctx.addIssue({ code: 'custom', path: [key], message });
    const signed = signedKeys.filter((key) => block[key] !== undefined);
    const oauth = oauthKeys.filter((key) => block[key] !== undefined);
    const either = `give ${signedKeys.join(', ')} (API 1.0) or ${oauthKeys.join(', ')} (API 2.0)`;
    if (signed.length > 0 && oauth.length > 0)
      issue(oauth[0] ?? 'clientId', `one API or the other: ${either}`);
    else if (oauth.length > 0) {
      for (const key of oauthKeys) if (block[key] === undefined) issue(key, `is missing beside ${oauth[0]}`);
    } else if (signed.length > 0) {
      for (const key of signedKeys)
        if (block[key] === undefined) issue(key, `is missing beside ${signed[0]}`);
      if (block.tokenUrl !== undefined)
        issue('tokenUrl', 'belongs to API 2.0, and these are keys of API 1.0');
    } else issue('applicationId', `there are no credentials: ${either}`);
    if (block.manageUsers && block.domains.length === 0) {
      issue('domains', 'is needed with manageUsers: users are listed by domain');
    }
    if (!block.manageUsers && block.domains.length > 0) issue('domains', 'means nothing without manageUsers');
  });

/** The parsed block. */
export type MimecastSettings = z.output<typeof settings>;
