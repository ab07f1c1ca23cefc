import { z } from 'zod';
import { enrollmentRule, platformBase, rate } from '../../config/schema.ts';

/** Most members in one change of a group. */
export const maxBatch = 200;

/** Keys of an enrollment's request that follow from the rule itself. */
const ownKeys = ['trainingId', 'name', 'targetGroupResourceIds'] as const;

function holds(value: unknown, test: (key: string, value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => test(key, inner) || holds(inner, test));
}

/** Options of `POST /api/enrollments`, as the API takes them. */
const options = z
  .record(z.string().min(1), z.unknown())
  .superRefine((value, ctx) => {
    for (const key of ownKeys) {
      if (key in value) {
        ctx.addIssue({ code: 'custom', path: [key], message: 'follows from target, training and name' });
      }
    }
    if (holds(value, (_key, inner) => inner === null)) {
      ctx.addIssue({ code: 'custom', message: 'must not hold null: leave the key out' });
    }
    if (holds(value, (key) => key.toLowerCase() === 'selectall')) {
      ctx.addIssue({ code: 'custom', message: 'must not hold selectAll' });
    }
  })
  .meta({
    description: 'enrollmentScheduler, enrollmentReminder, enrollmentAutoEnroll …, as the API takes them',
  });

const rule = enrollmentRule
  .extend({
    training: z.string().min(1).optional().meta({ description: 'The training, by id or exact name' }),
    name: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "The enrollment's name: training / target unless given" }),
    send: z
      .boolean()
      .default(false)
      .meta({ description: 'Send once created: this mails every member of the group' }),
    options: options.optional(),
  })
  .superRefine((value, ctx) => {
    if (value.training !== undefined) return;
    for (const key of ['name', 'options'] as const) {
      if (value[key] === undefined) continue;
      ctx.addIssue({ code: 'custom', path: [key], message: 'means nothing without training' });
    }
    if (value.send)
      ctx.addIssue({ code: 'custom', path: ['send'], message: 'means nothing without training' });
  });
export type KeepnetRule = z.output<typeof rule>;

/** A rule that starts a training for its group. */
export type TrainingRule = KeepnetRule & { readonly training: string };

export function isTrainingRule(rule: KeepnetRule): rule is TrainingRule {
  return rule.training !== undefined;
}

/** The name of the enrollment that a rule with `training` creates: from the configuration, so that it stays. */
export function launchName(of: Pick<KeepnetRule, 'name' | 'training' | 'target'>): string {
  return of.name ?? `${of.training ?? ''} / ${of.target}`;
}

/**
 * A custom field: its name, or as the API describes it. Assumed: nothing published lists custom fields, or says
 * which of `resourceId`, `name` and `dataType` a write needs.
 */
const customField = z.union([
  z.string().min(1),
  z.strictObject({
    resourceId: z.string().min(1).optional(),
    name: z.string().min(1),
    dataType: z.union([z.string().min(1), z.number()]).optional(),
  }),
]);

/** The platform block of Keepnet. What the vendor leaves open is a setting with an assumed default. */
export const settings = platformBase.extend({
  provider: z.literal('keepnet'),
  baseUrl: z.url({ protocol: /^https?$/ }).default('https://api.keepnetlabs.com'),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  company: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "A reseller's customer, by resource id or exact name" }),
  employeeIdField: customField.optional().meta({ description: 'Custom field that carries the employee id' }),
  phoneNumber: z.string().min(1).optional().meta({ description: 'What to send for people without one' }),
  /** Assumed: the vendor publishes no limit. */
  rate: rate.prefault('5/s'),
  /** Assumed: the vendor publishes no limit. */
  batch: z.number().int().min(1).max(maxBatch).default(maxBatch),
  /** Rows of a page of a search. Assumed: the vendor publishes no largest one; 1,000 was seen to work. */
  pageSize: z.number().int().min(1).max(1_000).default(100),
  enrollments: z
    .array(rule)
    .superRefine((rules, ctx) => {
      const names = new Map<string, number>();
      for (const [index, each] of rules.entries()) {
        if (each.training === undefined) continue;
        const name = launchName(each);
        if (names.has(name)) {
          const path = [index, 'name'];
          ctx.addIssue({
            code: 'custom',
            path,
            message: 'must differ from the names of the other enrollments',
          });
        }
        names.set(name, index);
      }
    })
    .default([]),
});

/** The parsed block. */
export type KeepnetSettings = z.output<typeof settings>;
