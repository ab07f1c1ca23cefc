import { isIP } from 'node:net';
import { z } from 'zod';
import { pattern } from '../pattern.ts';
import type { ConfigIssue } from './issues.ts';
import { personFields } from '../person.ts';
import { decrypt, jsonPath, rosterSource } from './roster-source.ts';
import { parsePercent, parseRate } from './units.ts';
import { durationMs, durationUpTo, httpUrl } from './values.ts';

export { durationMs, httpUrl };

/** The longest that one request may take: an answer that takes longer is none. */
const longestTimeoutMs = 15 * 60_000;
/** The longest that a start may be spread over: a day, after which the next one begins. */
const longestJitterMs = 24 * 3_600_000;

/** A rate such as `5/s`, `300/m`. */
export const rate = z
  .string()
  .meta({ description: 'Requests in a sliding window: 5/s, 300/m', pattern: '^\\d+\\s*/\\s*(s|m|h)$' })
  .transform((text, ctx) => {
    const value = parseRate(text);
    if (value !== undefined) return value;
    ctx.addIssue({ code: 'custom', message: `"${text}" is not a rate; write 5/s or 300/m` });
    return z.NEVER;
  });

/** A percentage such as `10%`, as the number 10. */
export const percent = z
  .string()
  .meta({ description: 'A percentage: 10%', pattern: '^\\d+(\\.\\d+)?\\s*%$' })
  .transform((text, ctx) => {
    const value = parsePercent(text);
    if (value !== undefined) return value;
    ctx.addIssue({ code: 'custom', message: `"${text}" is not a percentage; write 10%` });
    return z.NEVER;
  });

/** Names of platforms and customers: they become part of job ids and paths of the control API. */
export const slug = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
    'use letters, digits, _ and -, and begin with a letter (63 at most)',
  );
const cel = z.string().min(1).meta({ description: 'A CEL expression over person and today' });
/** The shape only: the scheduler knows best which values it takes. */
const cron = z
  .string()
  .regex(
    /^\s*([\w*/,#?-]+\s+){4,5}[\w*/,#?-]+\s*$/,
    'is not a cron expression: write five fields, such as "0 2 * * *", or six with seconds first',
  )
  .meta({ description: 'A cron expression: five fields, or six with seconds' });
const timezone = z.string().refine(
  (zone) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  },
  { message: 'is not an IANA time zone such as Europe/Dublin' },
);
const employeeIds = z.array(z.string().min(1)).default([]);

const stateRule = z.strictObject({ is: z.enum(['preHire', 'active', 'leave', 'terminated']), when: cel });

const columns = z.strictObject(
  Object.fromEntries(
    personFields.map((field) => [field, field === 'id' ? z.string().min(1) : z.string().min(1).optional()]),
  ) as { id: z.ZodString } & {
    [F in Exclude<(typeof personFields)[number], 'id'>]: z.ZodOptional<z.ZodString>;
  },
);

const character = z
  .string()
  .refine(
    (text) => [...text].length === 1 && !/["\r\n]/.test(text),
    'must be one character, such as ";" or, for a tab, "\\t" in double quotes',
  );

const dateFormat = z.union([
  z.string().min(1),
  z.strictObject({ startDate: z.string().min(1).optional(), endDate: z.string().min(1).optional() }),
]);

/** What a roster can be written in. */
const rosterFormat = z.enum(['csv', 'xlsx', 'json', 'jsonl']);
export type RosterFormat = z.infer<typeof rosterFormat>;

/** Lines that are no people: above the header, under it, at the end. */
const skip = z.strictObject({
  above: z.number().int().min(0).max(1_000).default(0),
  below: z.number().int().min(0).max(1_000).default(0),
  end: z.number().int().min(0).max(1_000).default(0),
});

const expected = z.union([
  z.strictObject({ cron, timezone: timezone.default('UTC'), grace: durationMs.prefault('2h') }),
  z.strictObject({ maxAge: durationMs }),
]);

/** `trailer`: a last line that counts the rows, recognised by a regular expression whose group `count` is the number. */
const trailer = z.strictObject({
  match: z
    .string()
    .min(1)
    .refine(
      (source) => {
        try {
          pattern(source);
          return source.includes('(?<count>');
        } catch {
          return false;
        }
      },
      { message: 'must be a regular expression with a group (?<count>…)' },
    ),
});

/** What one delivery of the roster has: where it comes from, how it reads, and what proves that it is whole. */
const delivery = {
  source: rosterSource,
  pick: z.enum(['modified', 'name']).default('modified'),
  columns,
  format: rosterFormat.optional(),
  sheet: z.union([z.string().min(1), z.number().int().min(1)]).optional(),
  records: jsonPath.optional(),
  decrypt: decrypt.optional(),
  encoding: z.string().min(1).optional(),
  delimiter: character.optional(),
  skip: skip.prefault({}),
  empty: z.array(z.string().min(1)).default([]),
  noDate: z.array(z.string().min(1)).default([]),
  dateFormat: dateFormat.default('yyyy-MM-dd'),
  timezone: timezone.default('UTC'),
  attributes: z.array(z.string().min(1)).default([]),
  state: z.array(stateRule).min(1).optional(),
  duplicates: z.union([z.literal('reject'), z.strictObject({ prefer: cel })]).default('reject'),
  expected: expected.optional(),
  maxShrink: percent.prefault('10%'),
  maxRejected: percent.prefault('1%'),
  maxEmptied: percent.prefault('10%'),
  maxRecoded: percent.prefault('20%'),
  shrinkBy: z.string().min(1).optional(),
  trailer: trailer.optional(),
  waitFor: durationMs.prefault('2h'),
};

/** A key of a part: as beside `parts`, and without a default, which is what stands there. */
type Own<Shape extends Readonly<Record<string, z.ZodType>>> = {
  [Key in keyof Shape]: z.ZodOptional<z.ZodType<z.output<Shape[Key]>, z.input<Shape[Key]>>>;
};

function withoutDefaults<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Own<Shape> {
  const bare = (schema: z.ZodType): z.ZodType =>
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
      ? bare(schema.unwrap() as z.ZodType)
      : schema;
  return Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, bare(schema).optional()]),
  ) as Own<Shape>;
}

/** One of several deliveries that make up the roster. */
const part = z.strictObject({
  name: slug,
  idPrefix: z.string().min(1).max(32).optional(),
  ...withoutDefaults(delivery),
});

const roster = z.strictObject({
  ...delivery,
  source: rosterSource.optional(),
  columns: columns.optional(),
  parts: z.array(part).min(1).optional(),
  onBoth: z.enum(['reject', 'first']).default('reject'),
});

/** Of 24 hours: max(`floor`, min(`count`, `percent` of the managed accounts)). `percent` is 5 or 5%. */
const limit = z.strictObject({
  count: z.number().int().min(0).optional(),
  percent: z.union([z.number().min(0).max(100), percent]).optional(),
  floor: z.number().int().min(0).optional(),
});

const limits = z
  .strictObject({
    create: limit.optional(),
    update: limit.optional(),
    reactivate: limit.optional(),
    deactivate: limit.optional(),
    enroll: limit.optional(),
    unenroll: limit.optional(),
    unenrollPerTarget: limit.optional(),
  })
  .default({});

/** What every enrollment rule has; a provider may add keys of its own. */
export const enrollmentRule = z.strictObject({
  target: z.string().min(1),
  when: cel,
  keepCompleted: z.boolean().default(true),
});

/**
 * The keys that every platform block has. A provider's `settings` extends this with its credentials and choices
 * (`platformBase.extend({ provider: z.literal('sparkwise'), … })`).
 */
export const platformBase = z.strictObject({
  mode: z.enum(['observe', 'additive', 'full']).default('observe'),
  schedule: cron.optional(),
  timezone: timezone.default('UTC'),
  jitter: durationUpTo(longestJitterMs).prefault('0s'),
  accounts: cel.default('person.state in ["active", "leave"]'),
  fields: z.record(z.string().min(1), cel).default({}),
  limits,
  maxShrink: percent.optional(),
  rateGroup: z.string().min(1).optional(),
  leavers: z.enum(['deactivate', 'unenroll']).default('deactivate'),
  staleAfter: durationMs.optional(),
  heartbeatUrl: httpUrl.optional(),
  timeout: durationUpTo(longestTimeoutMs).prefault('30s'),
});
export type PlatformBase = z.infer<typeof platformBase>;

const removals = z.enum(['deactivate', 'unenroll']);
const route = {
  platforms: z.array(slug).optional(),
  severity: z.array(z.enum(['critical', 'warning', 'info'])).optional(),
};
const secret = z.string().min(1);

const alertChannel = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('pagerduty'), routingKey: secret, url: httpUrl.optional(), ...route }),
  z.strictObject({ type: z.literal('opsgenie'), apiKey: secret, url: httpUrl.optional(), ...route }),
  z.strictObject({ type: z.literal('slack'), webhookUrl: httpUrl, ...route }),
  z.strictObject({ type: z.literal('teams'), webhookUrl: httpUrl, ...route }),
  z.strictObject({ type: z.literal('webhook'), url: httpUrl, secret, ...route }),
  z.strictObject({
    type: z.literal('email'),
    smtp: z.string().min(1).meta({ description: 'smtp://user:password@host:587 or smtps://…' }),
    from: z.string().min(3),
    to: z.union([z.string().min(3), z.array(z.string().min(3)).min(1)]),
    ...route,
  }),
]);
export type AlertChannelConfig = z.infer<typeof alertChannel>;

const alerts = z.strictObject({
  channels: z.array(alertChannel).default([]),
  remindAfter: durationMs.prefault('24h'),
  heartbeatUrl: httpUrl.optional(),
});

const proxy = z
  .string()
  .refine(isAddressRange, { message: 'write an address or a range, such as 10.0.0.5 or 10.0.0.0/8' });

/** Whether a text is an IP address, or a range of them as `10.0.0.0/8`. */
function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

const control = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9A-Fa-f:.]+\]|[^:]+):\d{1,5}$/, 'write host:port, such as 127.0.0.1:7654')
    .default('127.0.0.1:7654'),
  publicUrl: httpUrl.optional(),
  trustedProxies: z.array(proxy).default([]),
  tokens: z
    .array(z.strictObject({ name: slug, role: z.enum(['viewer', 'operator']), token: z.string().min(1) }))
    .default([]),
});

/** Everything but `platforms`, whose blocks depend on the providers there are. */
export const customerBase = z.strictObject({
  customer: slug.optional(),
  dataDir: z.string().min(1).default('./data'),
  retention: z
    .strictObject({ journal: durationMs.prefault('400d'), results: durationMs.prefault('5y') })
    .prefault({}),
  roster,
  absence: z
    .strictObject({ exports: z.number().int().min(1).default(3), days: z.number().min(0).default(2) })
    .prefault({}),
  protect: z
    .strictObject({
      people: employeeIds,
      when: cel.optional(),
      from: z.array(removals).min(1).default(['deactivate', 'unenroll']),
    })
    .prefault({}),
  ignore: z.strictObject({ people: employeeIds, when: cel.optional() }).prefault({}),
  approval: z.strictObject({ expires: durationMs.prefault('24h') }).prefault({}),
  alerts: alerts.prefault({}),
  control: control.prefault({}),
});

/** One delivery, as configured: the roster, or a part of it with its defaults in place. */
export type RosterConfig = z.infer<z.ZodObject<typeof delivery>>;
/** `roster` as it is written: a delivery, or parts beside their defaults. */
export type WrittenRoster = z.infer<typeof roster>;
export type CustomerBase = z.infer<typeof customerBase>;
export type EnrollmentRule = z.infer<typeof enrollmentRule>;

/** A provider's zod schema for its platform block: `platformBase` extended, with `provider: z.literal(name)`. */
export type PlatformSettings = z.ZodObject;

/** One platform block, parsed: the common keys, and what its provider's schema added. */
export type PlatformConfig = PlatformBase & {
  readonly provider: string;
  readonly baseUrl: string;
  readonly rate: { readonly count: number; readonly windowMs: number };
  readonly enrollments: readonly EnrollmentRule[];
};

/** A delivery as a part of the roster; the only one of a roster without parts. */
export type PartConfig = RosterConfig & {
  /** Empty for the only one. */
  readonly name: string;
  /** Stands before every id of the part. */
  readonly idPrefix: string;
  /** Where it stands in the file, for messages: `roster`, `roster.parts[1]`. */
  readonly key: string;
};

/** The roster as a whole. What stands beside parts is their default, and counts itself for what is not of a delivery. */
export type WholeRosterConfig = Omit<WrittenRoster, 'columns' | 'attributes' | 'parts'> & {
  /** At least one. */
  readonly parts: readonly PartConfig[];
  /** The fields that some part maps, and every column that some part has for rules. */
  readonly columns: RosterConfig['columns'];
  readonly attributes: readonly string[];
};

/** A customer's configuration, parsed; paths are absolute and secrets are in place. */
export type CustomerConfig = Omit<CustomerBase, 'customer' | 'roster'> & {
  readonly roster: WholeRosterConfig;
  /** The customer's name: `customer:`, or the file's name without its ending. */
  readonly customer: string;
  readonly file: string;
  readonly platforms: Readonly<Record<string, PlatformConfig>>;
  /** Secrets that are not set, where the configuration was read by a command that may not need them. */
  readonly unset?: readonly ConfigIssue[];
  /** What works and is not as it should be, as `file:line:column key: what, what to do`. */
  readonly warnings: readonly string[];
};

/** Keys of `roster` and of a platform's block that whoever runs the service may set for all customers. */
const rosterDefaults = [
  'timezone',
  'dateFormat',
  'expected',
  'maxShrink',
  'maxRejected',
  'maxEmptied',
  'maxRecoded',
  'waitFor',
] as const;
const platformDefaults = [
  'schedule',
  'timezone',
  'jitter',
  'limits',
  'maxShrink',
  'leavers',
  'staleAfter',
  'timeout',
] as const;

/** Some keys of a mapping, each as it is there, and none of them needed. */
function some(shape: Readonly<Record<string, z.ZodType>>, keys: readonly string[]): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(
      keys.flatMap((key) => (shape[key] === undefined ? [] : [[key, shape[key].optional()]])),
    ),
  );
}

/**
 * `operator.yaml`: what belongs to no customer. `defaults` stand in for keys that a customer's file leaves out; `mode` is not
 * among them, so that a new file writes nowhere until it says so itself.
 */
export const operatorBase = z.strictObject({
  control: control.prefault({}),
  alerts: alerts.prefault({}),
  defaults: some(customerBase.shape, ['dataDir', 'retention', 'absence', 'approval', 'alerts'])
    .extend({
      roster: some(roster.shape, rosterDefaults).optional(),
      platforms: some(platformBase.shape, platformDefaults).optional(),
    })
    .prefault({}),
});
