import { z } from 'zod';
import { startOfDate } from '../actions/dates.ts';
import { approveRun, rejectedForMs, rejectRun, withdrawRejection } from '../actions/decisions.ts';
import { chosenPeople, holdOf, readHold } from '../actions/hold-groups.ts';
import { RollcallError } from '../errors.ts';
import { failureOf } from '../jobs/failure.ts';
import { dateIn } from '../jobs/read/roster.ts';
import { ApiError, reworded } from './errors.ts';
import { otherHolds, targetNames, withWhatChanged } from './held-runs.ts';
import { fieldList, type PageRequest, type Pages } from './page-route.ts';
import { approvePage, type DecisionView, rejectPage } from './pages/decide.ts';
import type { Route } from './route.ts';
import { type ControlWorld, chooseRun } from './world.ts';

/** What the journal has as the place that a decision came from. */
const via = 'page';

const confirmBody = z.strictObject({
  hash: z.string().max(64),
  decision: z.enum(['approve', 'approve-all', 'reject', 'reject-all']),
  group: fieldList,
  place: fieldList,
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
const chosen = {
  hash: z.string().max(64),
  all: z.literal('yes').optional(),
  people: chosenField,
  /** Holds of other platforms that are decided for the same people: `RUN HASH` each. */
  also: fieldList,
};
const approveBody = z.strictObject(chosen);
const rejectBody = z.strictObject({
  ...chosen,
  reason: z.string().trim().min(1).max(500),
  until: z.iso.date(),
});
type Chosen = z.infer<typeof approveBody>;
type Found = Awaited<ReturnType<typeof chooseRun>>;

/** The forms that decide what a run holds. */
export function decidePages(world: ControlWorld, pages: Pages): readonly Route[] {
  const { engine } = world;
  const { deps } = engine;
  const found = ({ caller, params }: PageRequest<unknown, unknown>) =>
    chooseRun(world, caller, params['id'] ?? '', 'operator');

  /** Decides here, then on the other platforms that were ticked; says of each that did not go through that it did not. */
  async function decideAll(
    request: PageRequest<unknown, Chosen>,
    here: Found,
    done: 'approved' | 'rejected',
    decide: (of: Found, hash: string, only: readonly string[] | null) => Promise<void>,
  ): Promise<void> {
    const { hash, all, people, also } = request.body;
    const only = all === 'yes' ? null : people;
    // An empty list must never be taken for all of it.
    if (only?.length === 0) throw new ApiError(400, 'BAD_REQUEST', 'nobody is chosen.');
    const concerned = also.length === 0 ? null : new Set(only ?? (await readHold(deps, here.run)).people);
    try {
      await decide(here, hash, only);
    } catch (error) {
      throw await withWhatChanged(world, here.run, error);
    }
    const went: string[] = [here.run.platform];
    const failed: { readonly platform: string; readonly run: string; readonly error: unknown }[] = [];
    for (const wanted of concerned === null ? [] : also) {
      const [id = '', otherHash = ''] = wanted.split(' ');
      let platform = 'another platform';
      try {
        const other = await chooseRun(world, request.caller, id, 'operator');
        platform = other.run.platform;
        const same = [...(await readHold(deps, other.run)).people].filter((one) => concerned?.has(one));
        if (same.length === 0)
          throw new RollcallError('RUN_NOT_HELD', `${id} holds nothing of these people any more.`);
        await decide(other, otherHash, same);
        went.push(platform);
      } catch (error) {
        failed.push({ platform, run: id, error: await withWhatChangedOf(id, error) });
      }
    }
    const [first] = failed;
    if (first === undefined) return;
    const left = failed.map(({ platform, error }) => `${platform} (${failureOf(error).message})`).join('; ');
    throw reworded(
      first.error,
      `${done} on ${went.join(', ')}, and not on ${left}`,
      `What went through stands. Decide what is left there: ${failed.map(({ run }) => `/runs/${run}`).join(', ')}.`,
    );
  }

  async function withWhatChangedOf(id: string, error: unknown): Promise<unknown> {
    const run = await world.store.runs.find(id);
    return run === undefined ? error : withWhatChanged(world, run, error);
  }

  return [
    pages.define({
      method: 'POST',
      path: '/runs/:id/confirm',
      access: 'operator',
      body: confirmBody,
      handle: async (request) => {
        const { run, customer } = await found(request);
        const { hash, decision, group, place, person } = request.body;
        const hold = await readHold(deps, run);
        const isWhole = decision === 'approve-all' || decision === 'reject-all';
        const only = isWhole ? null : chosenPeople(hold, { groups: group, places: place, people: person });
        if (only?.size === 0)
          throw new ApiError(400, 'BAD_REQUEST', 'nobody is ticked.', {
            hint: 'Tick a group or people, or take all.',
          });
        const concerned = only ?? hold.people;
        const others = (await otherHolds(world, customer, run)).flatMap((other) => {
          const groups = holdOf(other.hold, concerned);
          return groups.length === 0 ? [] : [{ run: other.run, groups }];
        });
        const view: DecisionView = {
          run,
          hash,
          others,
          only: only === null ? null : [...only],
          groups: only === null ? hold.groups : holdOf(hold, only),
          nameOf: targetNames(run),
        };
        const until = dateIn(customer.config.roster.timezone, world.now() + rejectedForMs);
        const body = decision.startsWith('approve')
          ? approvePage(view, request.viewer)
          : rejectPage(view, until, request.viewer);
        return { page: { title: `Rollcall: run of ${run.platform}`, body } };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/approve',
      access: 'operator',
      body: approveBody,
      handle: async (request) => {
        const here = await found(request);
        let next = '';
        await decideAll(request, here, 'approved', async ({ run, customer, actor }, hash, only) => {
          const people = only === null ? {} : { only };
          const approved = await approveRun(engine, { customer, run: run.id, hash, actor, via, ...people });
          if (run.id === here.run.id) next = approved.run;
        });
        return { to: `/runs/${next}` };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/reject',
      access: 'operator',
      body: rejectBody,
      handle: async (request) => {
        const here = await found(request);
        const { reason, until } = request.body;
        await decideAll(request, here, 'rejected', async ({ run, customer, actor }, hash, only) => {
          const untilMs = startOfDate(until, customer.config.roster.timezone);
          const people = only === null ? {} : { only };
          await rejectRun(deps, { customer, run: run.id, hash, actor, via, reason, untilMs, ...people });
        });
        return { to: `/runs/${here.run.id}` };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/runs/:id/withdraw',
      access: 'operator',
      body: z.strictObject({}),
      handle: async (request) => {
        const { run, customer, actor } = await found(request);
        const { waits } = await withdrawRejection(deps, { customer, run: run.id, actor, via });
        // What waits again is decided there; else a run proposes what is still needed, now rather than tonight.
        if (!waits && customer.platforms.has(run.platform))
          await engine.request({ customer: customer.name, platform: run.platform, trigger: 'resync', actor });
        return { to: `/runs/${run.id}` };
      },
    }),
  ];
}
