import { z } from 'zod';
import { durationUpTo, httpUrl } from './values.ts';

// Where a roster comes from, besides a path: what docs/roster.md calls its delivery.

/** The longest that a delivery may take: three hours, after which something hangs. */
const longestDeliveryMs = 3 * 3_600_000;
/** The longest between two looks at a file that should have settled. */
const longestSettleMs = 10 * 60_000;
/** The most records that a page may be asked for. */
const largestPage = 100_000;

const secret = z.string().min(1);

/** Where in JSON something is: names with dots between. */
export const jsonPath = z
  .string()
  .regex(/^[^.\s]+(\.[^.\s]+)*$/, 'write names with dots between, such as metadata.total')
  .meta({ description: 'A path within the JSON: metadata.total' });

const parameter = z.string().min(1);
const size = z.number().int().min(1).max(largestPage);

const pages = z.discriminatedUnion('by', [
  z.strictObject({
    by: z.literal('offset'),
    offset: parameter.default('offset'),
    limit: parameter.default('limit'),
    size: size.default(200),
    total: jsonPath.optional(),
  }),
  z.strictObject({
    by: z.literal('page'),
    page: parameter.default('page'),
    first: z.number().int().min(0).max(1).default(1),
    limit: parameter.default('limit'),
    size: size.default(200),
    total: jsonPath.optional(),
  }),
  z.strictObject({
    by: z.literal('cursor'),
    next: jsonPath,
    cursor: parameter.default('cursor'),
    limit: parameter.default('limit'),
    size: size.optional(),
    total: jsonPath.optional(),
  }),
  z.strictObject({
    by: z.literal('link'),
    limit: parameter.default('limit'),
    size: size.optional(),
    total: jsonPath.optional(),
  }),
]);

const auth = z.union([
  z.strictObject({ user: secret, password: secret }),
  z.strictObject({ token: secret }),
  z.strictObject({
    tokenUrl: httpUrl,
    clientId: secret,
    clientSecret: secret,
    scope: z.string().min(1).optional(),
  }),
]);

const https = z
  .strictObject({
    type: z.literal('https'),
    url: httpUrl,
    auth: auth.optional(),
    headers: z.record(z.string().min(1), z.string()).default({}),
    format: z.literal('json').optional(),
    records: jsonPath.optional(),
    pages: pages.optional(),
    timeout: durationUpTo(longestDeliveryMs).prefault('30m'),
  })
  .superRefine(({ pages: paging, records, format }, ctx) => {
    if (paging !== undefined) return;
    for (const [key, value] of Object.entries({ records, format }))
      if (value !== undefined)
        ctx.addIssue({
          code: 'custom',
          path: [key],
          message: 'belongs to pages here, which are not set',
        });
  });

/** A path on a server: what may vary stands in the file's name only. */
const remotePath = z
  .string()
  .min(1)
  .refine((path) => !/[*?[\]{}!]/.test(path.slice(0, path.lastIndexOf('/') + 1)), {
    message: 'may have * and ? in the name of the file only, not in its folder',
  });

const hostKey = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, {
  message: 'write the fingerprint of the host key as ssh-keygen -l shows it: SHA256: and 43 characters',
});

const sftp = z
  .strictObject({
    type: z.literal('sftp'),
    host: z.string().min(1),
    port: z.number().int().min(1).max(65_535).default(22),
    user: z.string().min(1),
    privateKey: secret.optional(),
    passphrase: secret.optional(),
    password: secret.optional(),
    hostKey: z.union([hostKey, z.array(hostKey).min(1)]),
    path: remotePath,
    settle: durationUpTo(longestSettleMs).prefault('5s'),
    timeout: durationUpTo(longestDeliveryMs).prefault('30m'),
  })
  .superRefine(({ privateKey, password, passphrase }, ctx) => {
    if ((privateKey === undefined) === (password === undefined))
      ctx.addIssue({
        code: 'custom',
        path: ['privateKey'],
        message: 'set either privateKey or password',
      });
    if (passphrase !== undefined && privateKey === undefined)
      ctx.addIssue({
        code: 'custom',
        path: ['passphrase'],
        message: 'belongs to privateKey, which is not set',
      });
  });

const s3 = z.strictObject({
  type: z.literal('s3'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket'),
  path: remotePath,
  region: z.string().min(1).default('us-east-1'),
  accessKeyId: secret,
  secretAccessKey: secret,
  sessionToken: secret.optional(),
  endpoint: httpUrl.optional(),
  timeout: durationUpTo(longestDeliveryMs).prefault('30m'),
});

export type HttpsSource = z.infer<typeof https>;
export type HttpsPages = z.infer<typeof pages>;
export type SftpSource = z.infer<typeof sftp>;
export type S3Source = z.infer<typeof s3>;

/** A path or a glob; an address is none, and says what to write instead. */
const path = z
  .string()
  .min(1)
  .superRefine((source, ctx) => {
    const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(source)?.[1]?.toLowerCase();
    if (scheme === undefined) return;
    const known = scheme === 'http' ? 'https' : scheme;
    ctx.addIssue({
      code: 'custom',
      message: ['https', 'sftp', 's3'].includes(known)
        ? `is an address: write it as { type: ${known}, … }`
        : `is an address of a kind (${scheme}) that rosters are not fetched by`,
    });
  });

/** OpenPGP: what opens the delivery, and whose signature it has to bear. */
export const decrypt = z.strictObject({
  privateKey: secret,
  passphrase: secret.optional(),
  signedBy: z.string().min(1).optional(),
});
export type DecryptConfig = z.infer<typeof decrypt>;

/** `roster.source`. */
export const rosterSource = z.union([path, z.discriminatedUnion('type', [https, sftp, s3])]);
export type RosterSourceConfig = z.infer<typeof rosterSource>;
export type RemoteSourceConfig = Exclude<RosterSourceConfig, string>;
