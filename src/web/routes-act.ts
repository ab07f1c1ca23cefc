import { parseDurationMs } from '../config/units.ts';
import { approveRun, rejectRun } from '../actions/decisions.ts';
import { cancelRun, pausePlatforms, resumePlatforms } from '../actions/pause.ts';
import { previewRun } from '../jobs/run/preview.ts';
import { previewAnswerOf, runAnswerOf } from './answers.ts';
import type { Gate } from './gate.ts';
import { defineRoute, ok, type Route } from './route.ts';
import {
  approveAnswer,
  approveBody,
  pauseAnswer,
  pauseBody,
  planBody,
  rejectAnswer,
  rejectBody,
  resumeBody,
  resyncAnswer,
  resyncBody,
  runAnswer,
} from './schemas.ts';
import { type ControlWorld, choosePlatform, chooseRun } from './world.ts';

/** What the journal has as the place that a decision came from. */
const via = 'control API';
/** How long an answer waits for a cancelled run to wind up. */
const cancelWaitMs = 5_000;

/** Routes that ask for something to be done; what may be done is judged where the commands have it judged. */
export function actRoutes(world: ControlWorld, gate: Gate): readonly Route[] {
  const { engine } = world;
  return [
    defineRoute({
      method: 'POST',
      path: '/api/plan',
      summary: 'Reads both sides of a platform and says what would change; changes nothing',
      access: 'viewer',
      body: planBody,
      answers: { 200: { what: 'The plan, in the form of a run without an id', schema: runAnswer } },
      handle: async ({ caller, body, signal }) => {
        const { customer, platform } = choosePlatform(world, caller, body, 'viewer');
        const leave = gate.enter();
        try {
          const preview = await previewRun(engine.deps, customer, platform, {
            signal: AbortSignal.any([signal, engine.deps.draining]),
            onProgress: () => undefined,
          });
          return ok(previewAnswerOf(customer.name, platform.name, preview));
        } finally {
          leave();
        }
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/resync',
      summary: 'Asks for a run of a platform, or of one person there, through the queue',
      access: 'operator',
      body: resyncBody,
      answers: { 202: { what: 'It is on the queue', schema: resyncAnswer } },
      handle: async ({ caller, body }) => {
        const { customer, platform, actor } = choosePlatform(world, caller, body, 'operator');
        const job = await engine.request({
          customer: customer.name,
          platform: platform.name,
          trigger: 'resync',
          actor,
          person: body.person ?? null,
          reason: body.reason ?? null,
        });
        return { status: 202, body: { job: String(job.id) } };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/runs/:id/approve',
      summary: 'Approves what a run holds: the hash names what was reviewed',
      access: 'operator',
      body: approveBody,
      answers: {
        202: { what: 'A run that reads again and applies what is still needed', schema: approveAnswer },
      },
      handle: async ({ caller, params, body }) => {
        const { run, customer, actor } = await chooseRun(world, caller, params['id'] ?? '', 'operator');
        const approved = await approveRun(engine, {
          customer,
          run: run.id,
          hash: body.hash,
          actor,
          via,
          ...(body.only === undefined ? {} : { only: body.only }),
        });
        return {
          status: 202,
          body: { approval: approved.approval.id, run: approved.run, job: String(approved.job.id) },
        };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/runs/:id/reject',
      summary:
        'Rejects what a run holds: it is not proposed again until the date, or until it is another change',
      access: 'operator',
      body: rejectBody,
      answers: { 200: { what: 'It is rejected', schema: rejectAnswer } },
      handle: async ({ caller, params, body }) => {
        const { run, customer, actor } = await chooseRun(world, caller, params['id'] ?? '', 'operator');
        const rejected = await rejectRun(engine.deps, {
          customer,
          run: run.id,
          actor,
          via,
          reason: body.reason ?? null,
          ...(body.only === undefined ? {} : { only: body.only }),
          ...(body.hash === undefined ? {} : { hash: body.hash }),
          ...(body.until === undefined ? {} : { untilMs: Date.parse(body.until) }),
        });
        return ok({
          run: rejected.run,
          changes: rejected.changes,
          until: new Date(rejected.untilMs).toISOString(),
        });
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/runs/:id/cancel',
      summary: 'Stops a run: what was not sent is skipped, requests in flight end',
      access: 'operator',
      answers: { 200: { what: 'The run, as it stands', schema: runAnswer } },
      handle: async ({ caller, params }) => {
        const { run, customer, actor } = await chooseRun(world, caller, params['id'] ?? '', 'operator');
        const request = { customer, run: run.id, actor, waitMs: cancelWaitMs };
        return ok(runAnswerOf(await cancelRun(engine.deps, request)));
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/platforms/:name/pause',
      summary: 'Pauses a platform: nothing runs there until it is resumed',
      access: 'operator',
      body: pauseBody,
      answers: { 200: { what: 'It is paused', schema: pauseAnswer } },
      handle: async ({ caller, params, body }) => {
        const wanted = { platform: params['name'] ?? '', customer: body.customer };
        const { customer, platform, actor } = choosePlatform(world, caller, wanted, 'operator');
        const forMs = body.for === undefined ? undefined : parseDurationMs(body.for);
        await pausePlatforms(engine.deps, {
          customer,
          platform: platform.name,
          untilMs: forMs === undefined ? null : world.now() + forMs,
          reason: body.reason ?? null,
          actor,
        });
        return ok({ customer: customer.name, platform: platform.name, paused: true });
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/platforms/:name/resume',
      summary: 'Resumes a platform',
      access: 'operator',
      body: resumeBody,
      answers: { 200: { what: 'It is not paused (any more)', schema: pauseAnswer } },
      handle: async ({ caller, params, body }) => {
        const wanted = { platform: params['name'] ?? '', customer: body.customer };
        const { customer, platform } = choosePlatform(world, caller, wanted, 'operator');
        await resumePlatforms(engine.deps, { customer, platform: platform.name });
        return ok({ customer: customer.name, platform: platform.name, paused: false });
      },
    }),
  ];
}
