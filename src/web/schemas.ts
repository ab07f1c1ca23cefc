import { z } from 'zod';
import { changeKinds } from '../change.ts';
import { parseDurationMs } from '../config/units.ts';

const time = z.iso.datetime().meta({ description: 'UTC, ISO 8601' });
const count = z.int().min(0);
const id = z.string().min(1).max(200);
const counts = z.strictObject({
  create: count,
  update: count,
  reactivate: count,
  deactivate: count,
  enroll: count,
  unenroll: count,
});
const reason = z.strictObject({ code: z.string(), message: z.string() });

const duration = z
  .string()
  .max(20)
  .refine((text) => parseDurationMs(text) !== undefined, { message: 'write 90m, 4h or 2d' })
  .meta({ description: 'A duration: 90m, 4h, 2d' });

/** Every error. `hint` says what to do. */
export const errorAnswer = z
  .strictObject({
    error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() }),
  })
  .meta({ id: 'Error' });

/** `GET /healthz`. */
export const aliveAnswer = z.strictObject({ status: z.literal('ok') });

/** `GET /readyz`. */
export const readyAnswer = z
  .strictObject({
    status: z.enum(['ready', 'not ready']),
    reasons: z.array(reason),
    warnings: z.array(reason).meta({ description: 'What stops a part of the work only' }),
  })
  .meta({ id: 'Readiness' });

/** `GET /openapi.json`. */
export const documentAnswer = z.looseObject({ openapi: z.literal('3.1.0') });

/** `GET /api/customers`. */
export const customersAnswer = z.strictObject({
  customers: z.array(
    z.strictObject({
      customer: id,
      role: z.enum(['viewer', 'operator']).meta({ description: 'What this token may do there' }),
      platforms: z.array(id),
    }),
  ),
});

const platformState = z
  .strictObject({
    customer: id,
    platform: id,
    provider: z.string(),
    mode: z.enum(['observe', 'additive', 'full']),
    schedule: z.string().nullable(),
    nextRun: time.nullable(),
    lastGood: z.strictObject({ run: id, at: time }).nullable(),
    lastRun: z.strictObject({ run: id, status: z.string(), at: time }).nullable(),
    held: z.array(
      z.strictObject({
        run: id,
        hash: z.string().nullable(),
        held: counts,
        expires: time.nullable(),
        expired: z.boolean(),
      }),
    ),
    paused: z
      .strictObject({
        since: time,
        until: time.nullable(),
        reason: z.string().nullable(),
        by: z.string().nullable(),
      })
      .nullable(),
    askedToWaitUntil: time
      .nullable()
      .meta({ description: 'The platform answered 429: nothing is sent to it before that' }),
    managed: count.meta({ description: 'Accounts there that are linked to a person' }),
  })
  .meta({ id: 'Platform' });
export type PlatformState = z.infer<typeof platformState>;

/** `GET /api/platforms`. */
export const platformsAnswer = z.strictObject({ platforms: z.array(platformState) });

const run = z
  .strictObject({
    id: id.nullable().meta({ description: 'Null for a plan that was only looked at' }),
    customer: id,
    platform: id,
    status: z.string(),
    hash: z.string().nullable().meta({ description: 'Of the changes still to be decided' }),
    planned: counts,
    applied: counts,
    failed: counts,
    held: counts,
    reasons: z.array(reason),
    notes: z.array(reason),
    rejected: count,
    review: count,
    requests: z.strictObject({ reads: count, writes: count }),
    trigger: z.string().nullable(),
    actor: z.string().nullable(),
    person: z.string().nullable().meta({ description: 'The employee id, for a resync of one person' }),
    approval: z.string().nullable(),
    decided: z.string().nullable(),
    holdExpires: time.nullable(),
    created: time.nullable(),
    started: time.nullable(),
    ended: time.nullable(),
  })
  .meta({ id: 'Run' });
export type RunAnswer = z.infer<typeof run>;

/** `GET /api/runs/:id`, `POST /api/plan`. */
export const runAnswer = run;
/** `GET /api/runs`. */
export const runsAnswer = z.strictObject({ runs: z.array(run) });
/** Query of `GET /api/runs`. */
export const runsQuery = z.strictObject({
  customer: id.optional(),
  platform: id.optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

const change = z
  .strictObject({
    seq: count,
    kind: z.enum(changeKinds),
    person: z.string().meta({ description: 'The employee id' }),
    target: z.string().nullable(),
    fields: z.array(z.string()).meta({ description: 'Names of the fields that differ, never their values' }),
    disposition: z.enum(['apply', 'held', 'rejected', 'expired', 'released']),
    approved: z.boolean(),
    outcome: z.enum(['done', 'failed', 'skipped', 'unknown']).nullable(),
    code: z.string().nullable().meta({ description: 'Why it failed or was skipped' }),
    done: time.nullable(),
  })
  .meta({ id: 'Change' });
export type ChangeAnswer = z.infer<typeof change>;

/** `GET /api/runs/:id/changes`. */
export const changesAnswer = z.strictObject({
  changes: z.array(change),
  next: count.nullable().meta({ description: 'Give it as after for the next page; null on the last one' }),
});
/** Query of `GET /api/runs/:id/changes`. */
export const changesQuery = z.strictObject({
  after: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(2_000).default(500),
});

const platformWanted = {
  platform: id,
  customer: id.optional().meta({ description: 'Where several customers have a platform of that name' }),
};

/** Body of `POST /api/plan`. */
export const planBody = z.strictObject(platformWanted);
/** Body of `POST /api/resync`: what the queue's `resync` job takes. */
export const resyncBody = z.strictObject({
  ...platformWanted,
  person: id.optional(),
  reason: z.string().max(500).optional(),
});
/** `POST /api/resync`. */
export const resyncAnswer = z.strictObject({ job: id });

/** Body of `POST /api/runs/:id/approve`. */
export const approveBody = z.strictObject({
  hash: z.string().min(1).max(200),
  only: z.array(id).min(1).max(10_000).optional().meta({ description: 'Employee ids; all when left out' }),
});
/** Body of `POST /api/runs/:id/reject`. */
export const rejectBody = z.strictObject({
  until: z.iso.date().optional().meta({ description: 'Not proposed again before that day; default 30 days' }),
  only: z
    .array(id)
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'Employee ids: the rest waits on, under a new hash; all when left out' }),
  hash: z.string().min(1).max(200).optional().meta({ description: 'Of what was reviewed' }),
  reason: z.string().max(500).optional(),
});
/** `POST /api/runs/:id/approve`: the run that applies what is still needed. */
export const approveAnswer = z.strictObject({ approval: id, run: id, job: id });
/** `POST /api/runs/:id/reject`. */
export const rejectAnswer = z.strictObject({ run: id, changes: count, until: time });
/** Body of `POST /api/platforms/:name/pause`. */
export const pauseBody = z.strictObject({
  customer: id.optional(),
  for: duration.optional(),
  reason: z.string().max(500).optional(),
});
/** Body of `POST /api/platforms/:name/resume`. */
export const resumeBody = z.strictObject({ customer: id.optional() });
/** `POST /api/platforms/:name/pause` and `/resume`. */
export const pauseAnswer = z.strictObject({ customer: id, platform: id, paused: z.boolean() });
