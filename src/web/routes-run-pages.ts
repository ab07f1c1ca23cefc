import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { sumOf } from '../change.ts';
import { approveRun, rejectedForMs, rejectRun, withdrawRejection } from '../actions/decisions.ts';
import { chosenPeople, compareHolds, holdOf, ordinaryDay, readHold } from '../actions/hold-groups.ts';
import { runStory } from '../actions/run-story.ts';
import { RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Run } from '../store/run-lookups.ts';
import { ApiError } from './errors.ts';
import { fieldList, type PageRequest, type Pages } from './page-route.ts';
import { approvePage, rejectPage } from './pages/decide.ts';
import { groupPage, runPage, type TargetNames } from './pages/run.ts';
import type { Route } from './route.ts';
import { type ControlWorld, chooseRun } from './world.ts';

/** What the journal has as the place that a decision came from. */
const via = 'page';
/** Failures that stand on the page of a run; the command lists all. */
const shownFailures = 200;
/** People on one page of a group. */
const pageSize = 200;
/** How often the progress of a run is looked at, and how long an answer with it lasts at most. */
const eventMs = 1_000;
const eventsMs = 10 * 60_000;
/** A run that is under way is looked at anew after so long where there is no script. */
const refreshS = 5;

const confirmBody = z.strictObject({
  hash: z.string().max(64),
  decision: z.enum(['approve', 'approve-all', 'reject']),
  group: fieldList,
  person: fieldList,
});
/** People as the form of the last look carries them. */
const chosenField = z
  .string()
  .max(900_000)
  .optional()
  .transform((text, ctx): readonly string[] => {
    if (text === undefined) return [];
    try {
      return z.array(z.string()).parse(JSON.parse(text));
    } catch {
      ctx.addIssue({ code: 'custom', message: 'is no list of people' });
      return z.NEVER;
    }
  });
const approveBody = z.strictObject({
  hash: z.string().max(64),
  all: z.literal('yes').optional(),
  people: chosenField,
  /** Holds of other platforms that are approved for the same people: `RUN HASH` each. */
  also: fieldList,
});
const rejectBody = z.strictObject({
  reason: z.string().trim().min(1).max(500),
  until: z.iso.date(),
});
const groupQuery = z.object({ page: z.coerce.number().int().min(1).max(10_000).default(1) });

/** The pages of a run, and the forms that decide what it holds. */
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
        const [hold, ordinary, failures, others, standing] = await Promise.all([
          sumOf(run.held) === 0 ? { groups: [], people: new Set<string>() } : readHold(deps, run),
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
        const group = (await readHold(deps, run)).groups.find(({ key }) => key === request.params['group']);
        if (group === undefined) throw new ApiError(404, 'NOT_FOUND', 'the run holds no such group.');
        const { hold } = await runStory(deps, run);
        const mayDecide = request.caller.grants.get(customer.name)?.role === 'operator' && hold === 'open';
        const body = groupPage({
          run,
          group,
          page: request.query.page,
          pageSize,
          nameOf: targetNames(run),
          mayDecide,
          viewer: request.viewer,
        });
        return { page: { title: `Rollcall: run of ${run.platform}`, here: '/runs', body } };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/confirm',
      access: 'operator',
      body: confirmBody,
      handle: async (request) => {
        const { run, customer } = await chosen(request, 'operator');
        const { hash, decision, group, person } = request.body;
        const title = `Rollcall: run of ${run.platform}`;
        if (decision === 'reject') {
          const until = new Date(world.now() + rejectedForMs).toISOString().slice(0, 10);
          return { page: { title, body: rejectPage(run, sumOf(run.held), until, request.viewer) } };
        }
        const hold = await readHold(deps, run);
        const only =
          decision === 'approve-all' ? null : chosenPeople(hold, { groups: group, people: person });
        if (only?.size === 0)
          throw new ApiError(400, 'BAD_REQUEST', 'nobody is ticked.', {
            hint: 'Tick a group or people, or approve all.',
          });
        const chosenThere = only ?? hold.people;
        const others = (await otherHolds(world, customer, run)).flatMap((other) => {
          const groups = holdOf(other.hold, chosenThere);
          return groups.length === 0 ? [] : [{ run: other.run, groups }];
        });
        const body = approvePage(
          {
            run,
            hash,
            others,
            only: only === null ? null : [...only],
            groups: only === null ? hold.groups : holdOf(hold, only),
            nameOf: targetNames(run),
          },
          request.viewer,
        );
        return { page: { title, body } };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/approve',
      access: 'operator',
      body: approveBody,
      handle: async (request) => {
        const { run, customer, actor } = await chosen(request, 'operator');
        const { hash, all, people, also } = request.body;
        const only = all === 'yes' ? null : people;
        // An empty list must never be taken for all of it.
        if (only?.length === 0) throw new ApiError(400, 'BAD_REQUEST', 'nobody is chosen.');
        const chosenHere = also.length === 0 ? null : new Set(only ?? (await readHold(deps, run)).people);
        try {
          const approved = await approveRun(engine, {
            customer,
            run: run.id,
            hash,
            actor,
            via,
            ...(only === null ? {} : { only }),
          });
          for (const wanted of chosenHere === null ? [] : also) {
            const [id = '', otherHash = ''] = wanted.split(' ');
            const other = await chooseRun(world, request.caller, id, 'operator');
            const same = [...(await readHold(deps, other.run)).people].filter((one) => chosenHere?.has(one));
            if (same.length > 0)
              await approveRun(engine, {
                customer: other.customer,
                run: other.run.id,
                hash: otherHash,
                actor: other.actor,
                via,
                only: same,
              });
          }
          return { to: `/runs/${approved.run}` };
        } catch (error) {
          throw await withWhatChanged(world, run, error);
        }
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/reject',
      access: 'operator',
      body: rejectBody,
      handle: async (request) => {
        const { run, customer, actor } = await chosen(request, 'operator');
        const { reason, until } = request.body;
        await rejectRun(deps, {
          customer,
          run: run.id,
          actor,
          via,
          reason,
          untilMs: Date.parse(`${until}T00:00:00Z`),
        });
        return { to: `/runs/${run.id}` };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/withdraw',
      access: 'operator',
      body: z.strictObject({}),
      handle: async (request) => {
        const { run, customer, actor } = await chosen(request, 'operator');
        const { waits } = await withdrawRejection(deps, { customer, run: run.id, actor, via });
        // What waits again is decided there; else a run proposes what is still needed, now rather than tonight.
        if (!waits && customer.platforms.has(run.platform))
          await engine.request({ customer: customer.name, platform: run.platform, trigger: 'resync', actor });
        return { to: `/runs/${run.id}` };
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

/** Holds of the customer's other platforms that wait as well: the same event may be behind them. */
async function otherHolds(world: ControlWorld, customer: Customer, run: Run) {
  const held = await world.store.runs.held(customer.name);
  const others = held.filter(
    (other) => other.platform !== run.platform && (other.hold_expires_ms ?? 0) > world.now(),
  );
  return Promise.all(
    others.slice(0, 5).map(async (other) => ({ run: other, hold: await readHold(world.engine.deps, other) })),
  );
}

/** What targets were called when the run read them. */
function targetNames({ target_names }: Run): TargetNames {
  return (target) => target_names[target] ?? target;
}

/** An approval that came too late, with what is different now. */
async function withWhatChanged(world: ControlWorld, run: Run, error: unknown): Promise<unknown> {
  if (!(error instanceof RollcallError) || error.code !== 'RUN_NOT_HELD') return error;
  const next = await world.store.runs.replacing(run);
  if (next === undefined) return error;
  const { deps } = world.engine;
  const { more, fewer } = compareHolds(await readHold(deps, run), await readHold(deps, next));
  return new RollcallError(error.code, error.message, {
    hint: `What is held now: ${more.length} people more and ${fewer.length} fewer than what you reviewed. See the run ${next.id}.`,
    cause: error,
  });
}
