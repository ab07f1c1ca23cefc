import { z } from 'zod';
import type { ProviderSettingsRegistry } from '../../src/config/registry.ts';
import { enrollmentRule, platformBase, rate } from '../../src/config/schema.ts';

const common = { baseUrl: z.url(), rate: rate.prefault('5/s') };

/** Three made-up providers: one without enrollments, one that names its tenant, one with a rule between keys. */
export const testRegistry: ProviderSettingsRegistry = {
  lantern: {
    settings: platformBase.extend({
      provider: z.literal('lantern'),
      ...common,
      apiKey: z.string().min(8),
      batch: z.number().int().min(1).max(200).default(200),
      enrollments: z.never({ error: 'Lantern has no operation that enrolls anyone' }).optional(),
    }),
  },
  beacon: {
    settings: platformBase.extend({
      provider: z.literal('beacon'),
      ...common,
      customerId: z.string().min(1),
      token: z.string().min(1),
      enrollments: z.array(enrollmentRule.extend({ training: z.string().optional() })).default([]),
    }),
    tenantOf: (block) => ('customerId' in block ? String(block.customerId) : ''),
  },
  careless: {
    settings: platformBase
      .extend({
        provider: z.literal('careless'),
        ...common,
        secret: z.string(),
      })
      .superRefine((block, ctx) => {
        if (!block.secret.startsWith('ok')) {
          ctx.addIssue({ code: 'custom', message: `what is ${block.secret} meant to be?`, path: [] });
        }
      }),
  },
};
