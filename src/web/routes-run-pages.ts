import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { sumOf } from '../change.ts';
import { type Hold, ordinaryDay, readHold } from '../actions/hold-groups.ts';
import { runStory } from '../actions/run-story.ts';
import { ApiError } from './errors.ts';
import { otherHolds, targetNames } from './held-runs.ts';
import type { PageRequest, Pages } from './page-route.ts';
import { groupPage } from './pages/held.ts';
import { runPage } from './pages/run.ts';
import type { Route } from './route.ts';
import { type ControlWorld, chooseRun } from './world.ts';

/** Failures that stand on the page of a run; the command lists all. */
const shownFailures = 200;
/** People on one page of a group. */
const pageSize = 200;
/** How often the progress of a run is looked at, and how long an answer with it lasts at most. */
const eventMs = 1_000;
const eventsMs = 10 * 60_000;
/** A run that is under way is looked at anew after so long where there is no script. */
const refreshS = 5;

const nothingHeld: Hold = { groups: [], people: new Set() };
const groupQuery = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  of: z.enum(['held', 'rejected']).default('held'),
});

/** The pages of a run. */
export function runPages(world: ControlWorld, pages: Pages): readonly Route[] {
  const { engine, store } = world;
  const { deps } = engine;
  const chosen = ({ caller, params }: PageRequest<unknown, unknown>, role: 'viewer' | 'operator') =>
    chooseRun(world, caller, params['id'] ?? '', role);

  return [
    pages.define({
      method: 'GET',
      path: '/runs/:id',
      access: 'viewer',
      handle: async (request) => {
        const { run, customer } = await chosen(request, 'viewer');
        const story = await runStory(deps, run);
        const waits = story.hold === 'open' || story.hold === 'expired';
        const isInParts = story.rejections.length > 0;
        const [hold, turnedDown, ordinary, failures, others, standing] = await Promise.all([
          sumOf(run.held) === 0 ? nothingHeld : readHold(deps, run),
          isInParts ? readHold(deps, run, 'rejected') : nothingHeld,
          ordinaryDay(deps, run),
          store.journal.failures(run.id, shownFailures),
          waits ? otherHolds(world, customer, run) : [],
          store.decisions.suppressionsOfRun(run.id),
        ]);
        const rejected = standing.filter(
          ({ cause, until_ms }) => cause === 'rejected' && (until_ms === null || until_ms > world.now()),
        );
        const view = {
          story,
          hold,
          turnedDown,
          ordinary,
          failures,
          others,
          nameOf: targetNames(run),
          mayDecide: request.caller.grants.get(customer.name)?.role === 'operator',
          rejected: {
            changes: rejected.length,
            untilMs: rejected.reduce<number | null>(
              (most, { until_ms }) => (until_ms === null ? most : Math.max(most ?? 0, until_ms)),
              null,
            ),
          },
        };
        return {
          page: {
            title: `Rollcall: run of ${run.platform}`,
            here: '/runs',
            body: runPage(view, request.viewer),
            ...(run.ended_ms === null ? { refreshS } : {}),
          },
        };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/runs/:id/groups/:group',
      access: 'viewer',
      query: groupQuery,
      handle: async (request) => {
        const { run, customer } = await chosen(request, 'viewer');
        const group = (await readHold(deps, run, request.query.of)).groups.find(
          ({ key }) => key === request.params['group'],
        );
        if (group === undefined) throw new ApiError(404, 'NOT_FOUND', 'the run holds no such group.');
        const { hold } = await runStory(deps, run);
        const isOperator = request.caller.grants.get(customer.name)?.role === 'operator';
        const body = groupPage({
          run,
          group,
          page: request.query.page,
          pageSize,
          nameOf: targetNames(run),
          state: hold,
          mayDecide: isOperator && request.query.of === 'held',
          viewer: request.viewer,
        });
        return { page: { title: `Rollcall: run of ${run.platform}`, here: '/runs', body } };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/runs/:id/events',
      access: 'viewer',
      handle: async (request) => {
        const { run } = await chosen(request, 'viewer');
        const signal = AbortSignal.any([request.signal, deps.draining, AbortSignal.timeout(eventsMs)]);
        const body = Readable.from(progressEvents(world, run.id, signal));
        return { answer: { status: 200, body, contentType: 'text/event-stream' } };
      },
    }),
  ];
}

/** Server-sent events: how far a run is, and that it has ended. */
async function* progressEvents(world: ControlWorld, id: string, signal: AbortSignal): AsyncGenerator<string> {
  const { store } = world;
  let last = '';
  while (!signal.aborted) {
    const run = await store.runs.find(id);
    if (run === undefined || run.ended_ms !== null) {
      yield 'event: ended\ndata: {}\n\n';
      return;
    }
    const { done, total } = await store.batches.open(id, 1);
    const data = JSON.stringify({ status: run.status, done, total });
    yield data === last ? ': still there\n\n' : `event: progress\ndata: ${data}\n\n`;
    last = data;
    await pause(eventMs, undefined, { signal }).catch(() => undefined);
  }
}
