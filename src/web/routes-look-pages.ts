import { Readable } from 'node:stream';
import { z } from 'zod';
import { explainPerson } from '../actions/explain.ts';
import { findAccounts } from '../actions/find-accounts.ts';
import { createPeopleFinder } from '../actions/find-people.ts';
import { linkPerson } from '../actions/links.ts';
import { type ResultLine, resultLines } from '../actions/result-lines.ts';
import { csvLine } from '../csv.ts';
import { failureOf } from '../jobs/failure.ts';
import { settleLaunch } from '../jobs/launch/launch.ts';
import { findOnRoster } from '../jobs/read/on-roster.ts';
import type { Person } from '../person.ts';
import { ApiError } from './errors.ts';
import type { Gate } from './gate.ts';
import type { Pages } from './page-route.ts';
import { foundAccountsPage } from './pages/find-account.ts';
import { historyPage } from './pages/history.ts';
import { type FoundOf, peoplePage } from './pages/people.ts';
import { personPage } from './pages/person.ts';
import { resultsPage } from './pages/results.ts';
import { reviewPage, type ReviewsOf } from './pages/review.ts';
import { runsPage } from './pages/runs.ts';
import type { Route } from './route.ts';
import { actorFor, chooseCustomer, choosePlatform, type ControlWorld, customersOf } from './world.ts';

/** Runs on their page. */
const shownRuns = 200;
/** Results on their page; the CSV has all. */
const shownResults = 500;
const historyDays = 90;
/** How long a platform may take to be looked through for an account. */
const findMs = 60_000;

const text = z.string().max(200);
const name = z.string().max(63);
const findBody = z.strictObject({ text: text.trim().min(1) });
const personQuery = z.object({ customer: name.optional(), asked: name.optional() });
const resyncBody = z.strictObject({ customer: name, platform: name });
const reviewQuery = z.object({ linked: text.optional() });
const findAccountBody = z.strictObject({
  customer: name,
  platform: name,
  person: text,
  /** Left out: the accounts that the review names. */
  text: text.trim().min(1).optional(),
});
const linkBody = z.strictObject({
  customer: name,
  platform: name,
  person: text,
  account: z.string().max(300),
});
const settleBody = z.strictObject({
  customer: name,
  platform: name,
  launch: text,
  decision: z.enum(['approve', 'sent', 'unsent']),
});
const resultsQuery = z.object({
  customer: name.optional(),
  platform: name.optional().transform((value) => (value === '' ? undefined : value)),
  status: z
    .enum(['', 'open', 'completed'])
    .optional()
    .transform((value) => (value === '' ? undefined : value)),
});
const historyQuery = z.object({ customer: name.optional() });

/** The pages that look: runs, people, reviews, results, history. */
export function lookPages(world: ControlWorld, pages: Pages, gate: Gate): readonly Route[] {
  const { store, engine, now } = world;
  const { deps } = engine;
  const finder = createPeopleFinder(deps);

  /** Reads the roster, a few at a time. */
  const gated = async <T>(read: () => Promise<T>): Promise<T> => {
    const leave = gate.enter();
    try {
      return await read();
    } finally {
      leave();
    }
  };

  return [
    pages.define({
      method: 'GET',
      path: '/runs',
      access: 'viewer',
      handle: async ({ caller }) => {
        const customers = customersOf(world, caller);
        const lists = await Promise.all(
          customers.map(({ name: customer }) => store.runs.list({ customer, limit: shownRuns })),
        );
        const runs = lists
          .flat()
          .sort((a, b) => b.created_ms - a.created_ms)
          .slice(0, shownRuns);
        return {
          page: { title: 'Rollcall: runs', here: '/runs', body: runsPage(runs, customers.length > 1) },
        };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/people',
      access: 'viewer',
      handle: async ({ viewer }) => ({
        page: { title: 'Rollcall: people', here: '/people', body: peoplePage(null, '', viewer) },
      }),
    }),
    pages.define({
      method: 'POST',
      path: '/people',
      access: 'viewer',
      body: findBody,
      handle: async ({ caller, body, viewer, signal }) => {
        const found = await gated(async () => {
          const all: FoundOf[] = [];
          for (const customer of customersOf(world, caller))
            try {
              const { people, more, readMs } = await finder.find(customer, body.text, signal);
              all.push({ customer: customer.name, people, more, readMs, problem: null });
            } catch (error) {
              signal.throwIfAborted();
              all.push({
                customer: customer.name,
                people: [],
                more: false,
                readMs: null,
                problem: failureOf(error).message,
              });
            }
          return all;
        });
        return {
          page: { title: 'Rollcall: people', here: '/people', body: peoplePage(found, body.text, viewer) },
        };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/people/:id',
      access: 'viewer',
      query: personQuery,
      handle: async ({ caller, params, query, viewer, signal }) => {
        const { customer } = chooseCustomer(world, caller, query.customer, 'viewer');
        const explanation = await gated(() => explainPerson(deps, customer, params['id'] ?? '', signal));
        const body = personPage(
          {
            customer: customer.name,
            explanation,
            mayAct: caller.grants.get(customer.name)?.role === 'operator',
            asked: query.asked !== undefined && customer.platforms.has(query.asked) ? query.asked : null,
          },
          viewer,
        );
        // The title is seen by whoever looks over a shoulder: no name.
        return { page: { title: 'Rollcall: a person', here: '/people', body } };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/people/:id/resync',
      access: 'operator',
      body: resyncBody,
      handle: async ({ caller, params, body }) => {
        const person = params['id'] ?? '';
        const { customer, platform, actor } = choosePlatform(world, caller, body, 'operator');
        await engine.request({
          customer: customer.name,
          platform: platform.name,
          trigger: 'resync',
          actor,
          person,
        });
        const query = new URLSearchParams({ customer: customer.name, asked: platform.name });
        return { to: `/people/${encodeURIComponent(person)}?${query.toString()}` };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/review',
      access: 'viewer',
      query: reviewQuery,
      handle: async ({ caller, query, viewer, signal }) => {
        const all: ReviewsOf[] = [];
        for (const customer of customersOf(world, caller)) {
          const [reviews, launches] = await Promise.all([
            store.decisions.reviews(customer.name),
            store.launches.waiting(customer.name),
          ]);
          if (reviews.length + launches.length === 0) continue;
          const people = new Set(reviews.map(({ person }) => person));
          let rows: ReadonlyMap<string, Person> = new Map();
          if (people.size > 0)
            try {
              const options = { customer, store, nowMs: now(), signal };
              rows = (await gated(() => findOnRoster(options, people))).people;
            } catch {
              signal.throwIfAborted();
            }
          const mayAct = caller.grants.get(customer.name)?.role === 'operator';
          all.push({ customer: customer.name, reviews, rows, launches, mayAct });
        }
        const body = reviewPage(all, query.linked ?? null, viewer);
        return { page: { title: 'Rollcall: review', here: '/review', body } };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/review/find',
      access: 'operator',
      body: findAccountBody,
      handle: async ({ caller, body, viewer, signal }) => {
        const { customer, platform } = choosePlatform(world, caller, body, 'operator');
        const { person, text: wanted } = body;
        const late = AbortSignal.timeout(findMs);
        const limited = AbortSignal.any([signal, late]);
        const reviews = await store.decisions.reviews(customer.name, platform.name);
        const ids = reviews.find((review) => review.person === person)?.accounts ?? [];
        const rows = async () => {
          const options = { customer, store, nowMs: now(), signal: limited };
          return (await findOnRoster(options, new Set([person]))).people;
        };
        try {
          const [found, people] = await gated(() =>
            Promise.all([
              findAccounts(
                deps,
                customer,
                platform,
                wanted === undefined ? { ids } : { text: wanted },
                limited,
              ),
              rows().catch(() => new Map<string, Person>()),
            ]),
          );
          const of = { customer: customer.name, platform: platform.name, person };
          const page = foundAccountsPage(of, people.get(person), found, wanted ?? '', viewer);
          return { page: { title: 'Rollcall: review', here: '/review', body: page } };
        } catch (error) {
          if (!late.aborted || signal.aborted) throw error;
          throw new ApiError(503, 'BUSY', `${platform.name} did not answer within ${findMs / 1_000} s.`, {
            hint: 'Look for an email or an id, which is quicker than a name; or try again later.',
          });
        }
      },
    }),
    pages.define({
      method: 'POST',
      path: '/review/link',
      access: 'operator',
      body: linkBody,
      handle: async ({ caller, body, signal }) => {
        const { customer, platform, actor } = choosePlatform(world, caller, body, 'operator');
        const { person, account } = body;
        await gated(() => linkPerson(deps, { customer, platform, person, account, actor, signal }));
        return { to: `/review?linked=${encodeURIComponent(person)}` };
      },
    }),
    pages.define({
      method: 'POST',
      path: '/review/launch',
      access: 'operator',
      body: settleBody,
      handle: async ({ caller, body }) => {
        const { customer, platform, actor } = choosePlatform(world, caller, body, 'operator');
        await settleLaunch(deps, customer, platform, body.launch, body.decision, actor);
        return { to: '/review#launches' };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/results',
      access: 'viewer',
      query: resultsQuery,
      handle: async ({ caller, query, signal }) => {
        const customers = customersOf(world, caller).map((one) => one.name);
        const { customer } = chooseCustomer(world, caller, query.customer ?? customers[0], 'viewer');
        const { platform, status } = query;
        const lines: ResultLine[] = [];
        let more = false;
        for (const one of status === undefined ? (['open', 'completed'] as const) : [status]) {
          if (more) break;
          await gated(async () => {
            for await (const page of resultLines(deps, customer, { platform, status: one }, signal)) {
              const room = shownResults - lines.length;
              lines.push(...page.slice(0, room));
              more = page.length > room;
              if (more) return;
            }
          });
        }
        const body = resultsPage({
          customers,
          customer: customer.name,
          platforms: [...customer.platforms.keys()],
          platform: platform ?? null,
          status: status ?? null,
          lines,
          more,
        });
        return { page: { title: 'Rollcall: results', here: '/results', body } };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/results.csv',
      access: 'viewer',
      query: resultsQuery,
      handle: async ({ caller, query, signal, reply }) => {
        const { customer } = chooseCustomer(world, caller, query.customer, 'viewer');
        const { platform, status } = query;
        const lines = resultLines(deps, customer, { platform, status }, signal);
        reply.header('content-disposition', 'attachment; filename="results.csv"');
        const body = Readable.from(csvOf(lines));
        return { answer: { status: 200, body, contentType: 'text/csv; charset=utf-8' } };
      },
    }),
    pages.define({
      method: 'GET',
      path: '/history',
      access: 'viewer',
      query: historyQuery,
      handle: async ({ caller, query }) => {
        const customers = customersOf(world, caller).map((one) => one.name);
        const { customer } = chooseCustomer(world, caller, query.customer ?? customers[0], 'viewer');
        actorFor(caller, customer.name, 'viewer');
        const history = await store.history(customer.name, now() - historyDays * 24 * 3_600_000);
        const rates = new Map(
          [...customer.platforms.values()].map(({ name: platform, config: { rate } }) => [
            platform,
            (rate.count * 60_000) / rate.windowMs,
          ]),
        );
        const body = historyPage({ customers, customer: customer.name, days: historyDays, history, rates });
        return { page: { title: 'Rollcall: history', here: '/history', body } };
      },
    }),
  ];
}

const heading = [
  'name',
  'employee id',
  'department',
  'training',
  'platform',
  'status',
  'score',
  'enrolled',
  'completed',
  'account',
];

/** Lines of CSV; what a spreadsheet would run as a formula is a text. The mark at the start tells it the encoding. */
async function* csvOf(pages: AsyncIterable<readonly ResultLine[]>): AsyncGenerator<string> {
  yield `\uFEFF${csvLine(heading)}`;
  for await (const page of pages)
    yield page
      .map((line) =>
        csvLine([
          line.name,
          line.person,
          line.department,
          line.targetName,
          line.platform,
          line.status,
          line.score,
          line.enrolled,
          line.completed,
          line.account,
        ]),
      )
      .join('');
}
