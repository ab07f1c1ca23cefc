import { changeAnswerOf, platformStates, runAnswerOf } from './answers.ts';
import { ApiError } from './errors.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';
import { defineRoute, ok, type Route } from './route.ts';
import {
  aliveAnswer,
  changesAnswer,
  changesQuery,
  customersAnswer,
  platformsAnswer,
  readyAnswer,
  runAnswer,
  runsAnswer,
  runsQuery,
} from './schemas.ts';
import { actorFor, type ControlWorld, chooseRun, customersOf, seesService } from './world.ts';
import { operatorName } from '../config/unusable-file.ts';

/** Routes that only look. */
export function readRoutes(world: ControlWorld, health: Health, metrics: Metrics): readonly Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/healthz',
      summary: 'The process is alive',
      access: 'open',
      answers: { 200: { what: 'It is', schema: aliveAnswer } },
      handle: async () => ok({ status: 'ok' }),
    }),
    defineRoute({
      method: 'GET',
      path: '/readyz',
      summary: 'The database and the queue answer',
      access: 'open',
      answers: {
        200: { what: 'They do', schema: readyAnswer },
        503: { what: 'Something does not, or the service is stopping', schema: readyAnswer },
      },
      handle: async () => {
        const reasons = await health.reasons();
        const warnings = health.warnings();
        return reasons.length === 0
          ? ok({ status: 'ready', reasons: [], warnings })
          : { status: 503, body: { status: 'not ready', reasons, warnings } };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/metrics',
      summary: "Prometheus metrics of the caller's customers and of the process",
      access: 'viewer',
      answers: { 200: { what: 'Prometheus text format', contentType: 'text/plain' } },
      handle: async ({ caller }) => ({
        status: 200,
        body: await metrics.text(
          new Set([...caller.grants.keys(), ...(seesService(world, caller) ? [operatorName] : [])]),
        ),
        contentType: metrics.contentType,
      }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/customers',
      summary: 'The customers that the token opens',
      access: 'viewer',
      answers: { 200: { what: 'The customers', schema: customersAnswer } },
      handle: async ({ caller }) =>
        ok({
          customers: customersOf(world, caller).map(({ name, platforms }) => ({
            customer: name,
            role: caller.grants.get(name)?.role,
            platforms: [...platforms.keys()],
          })),
        }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/platforms',
      summary: 'Each platform: last good run, held runs, pause, next run',
      access: 'viewer',
      answers: { 200: { what: 'The platforms', schema: platformsAnswer } },
      handle: async ({ caller }) => {
        const states = await Promise.all(
          customersOf(world, caller).map((customer) => platformStates(world, customer)),
        );
        return ok({ platforms: states.flat() });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/runs',
      summary: 'Runs, newest first',
      access: 'viewer',
      query: runsQuery,
      answers: { 200: { what: 'The runs', schema: runsAnswer } },
      handle: async ({ caller, query: { customer, platform, limit } }) => {
        if (customer !== undefined) actorFor(caller, customer, 'viewer');
        const customers = customersOf(world, caller).filter(
          ({ name }) => customer === undefined || name === customer,
        );
        const lists = await Promise.all(
          customers.map(({ name }) => world.store.runs.list({ customer: name, platform, limit })),
        );
        const runs = lists.flat().sort((a, b) => b.created_ms - a.created_ms);
        return ok({ runs: runs.slice(0, limit).map(runAnswerOf) });
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/runs/:id',
      summary: 'One run',
      access: 'viewer',
      answers: { 200: { what: 'The run', schema: runAnswer } },
      handle: async ({ caller, params }) => {
        const { run } = await chooseRun(world, caller, params['id'] ?? '', 'viewer');
        return ok(runAnswerOf(run));
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/runs/:id/changes',
      summary: "A run's changes: employee ids, kinds and names of fields; never their values",
      access: 'viewer',
      query: changesQuery,
      answers: { 200: { what: 'A page of changes', schema: changesAnswer } },
      handle: async ({ caller, params, query: { after, limit } }) => {
        const { run } = await chooseRun(world, caller, params['id'] ?? '', 'viewer');
        const pages = world.store.journal.changes(run.id, {
          pageSize: limit,
          ...(after === undefined ? {} : { afterSeq: after }),
        });
        for await (const page of pages) {
          const next = page.length < limit ? null : (page.at(-1)?.seq ?? null);
          return ok({ changes: page.map(changeAnswerOf), next });
        }
        return ok({ changes: [], next: null });
      },
    }),
  ];
}

/** The refusal of an address that nothing answers at. */
export function notFound(): ApiError {
  return new ApiError(404, 'NOT_FOUND', 'there is nothing at this address.', {
    hint: 'GET /openapi.json lists what there is.',
  });
}
