import type { Fault } from '../../sandbox/server.ts';
import { columns, type Row, toCsv } from '../support/company.ts';
import type { openSparkwiseCompany } from '../support/harness.ts';

export type SparkwiseCompany = Awaited<ReturnType<typeof openSparkwiseCompany>>;

/** A day in HR: the export of the day, and who is new, renamed and gone in it. */
export type Day = {
  readonly rows: readonly Row[];
  readonly joiners: readonly string[];
  readonly renamed: readonly string[];
  readonly leavers: readonly string[];
};

/** One line of the fault matrix. */
export type FaultCase = {
  readonly name: string;
  /** Plants the fault, after the export of the day was written. */
  readonly plant: (company: SparkwiseCompany, day: Day) => void | Promise<void>;
  readonly exit: number;
  readonly status: string;
  /** Codes of the run's reasons, all of them. */
  readonly codes: readonly string[];
  /** What of the day has to be done after the run with the fault. */
  readonly done: { readonly joiners: boolean; readonly leavers: boolean };
  /** More to be checked right after the run. */
  readonly also?: (company: SparkwiseCompany, day: Day) => void;
  /** A line that is worth its time on PostgreSQL alone too. */
  readonly postgres?: true;
};

const read = { method: 'GET', path: '/users' } as const;
const upsert = { method: 'POST', path: '/users/batch' } as const;
const deactivate = { method: 'POST', path: '/users/deactivate' } as const;
const always = { times: Number.POSITIVE_INFINITY };

const onPage = (page: number): Pick<Fault, 'when'> => ({
  when: (request) => Number(request.query.get('page') ?? 0) === page,
});

const answer = (status: number, json?: unknown, headers: Record<string, string> = {}): Fault['effect'] => ({
  do: 'answer',
  response: { status, headers, ...(json === undefined ? { text: '' } : { json }) },
});

const refusal = { success: false, error: { message: 'Something went wrong', metadata: {} }, data: null };
const nobody = { items: [], page: 0, size: 200, next: null, prev: null, totalPages: 0, total: 0 };

type UsersAnswer = { readonly data: { readonly items: readonly unknown[]; readonly total: number } };

/** The answer with its data changed. */
const withData = (change: (data: UsersAnswer['data']) => object): Fault['effect'] => ({
  do: 'rewrite',
  rewrite: (response) => {
    const body = response.json as UsersAnswer;
    return { ...response, json: { ...body, data: { ...body.data, ...change(body.data) } } };
  },
});

const nothing = { joiners: false, leavers: false };
const joinersOnly = { joiners: true, leavers: false };
const everything = { joiners: true, leavers: true };

/** A file that is cut in the middle of its last line. */
function torn(rows: readonly Row[]): string {
  return toCsv(rows).slice(0, -25);
}

/** Seconds between a refused request and the next one, whichever it was. */
function pauseAfter429(company: SparkwiseCompany): number {
  const at = company.sandbox.log.findIndex((entry) => entry.status === 429);
  const [refused, next] = [company.sandbox.log[at], company.sandbox.log[at + 1]];
  if (refused === undefined || next === undefined) throw new Error('no 429, or nothing after it');
  return (next.atMs - refused.atMs) / 1_000;
}

function expectPause(leastS: number): (company: SparkwiseCompany) => void {
  return (company) => {
    const paused = pauseAfter429(company);
    if (paused < leastS)
      throw new Error(`the next request came after ${paused.toFixed(2)} s, not ${leastS} s`);
  };
}

/** The fault matrix of the product's main job; killed processes and lost queues have files of their own. */
export const matrix: readonly FaultCase[] = [
  {
    name: '503 in the middle of paging, once',
    plant: ({ sandbox }) => void sandbox.fail({ ...read, ...onPage(1), effect: answer(503, refusal) }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
    postgres: true,
  },
  {
    name: '503 in the middle of paging, for good',
    plant: ({ sandbox }) =>
      void sandbox.fail({ ...read, ...onPage(1), ...always, effect: answer(503, refusal) }),
    exit: 1,
    status: 'failed',
    codes: ['PLATFORM_UNAVAILABLE'],
    done: nothing,
  },
  {
    name: 'an empty 200: no accounts',
    plant: ({ sandbox }) =>
      void sandbox.fail({
        ...read,
        ...always,
        effect: answer(200, { success: true, error: null, data: nobody }),
      }),
    exit: 3,
    status: 'withheld',
    codes: ['PLATFORM_EMPTY'],
    done: joinersOnly,
    postgres: true,
  },
  {
    name: 'an empty 200: no body',
    plant: ({ sandbox }) => void sandbox.fail({ ...read, ...always, effect: answer(200) }),
    exit: 1,
    status: 'failed',
    codes: ['PLATFORM_BAD_ANSWER'],
    done: nothing,
  },
  {
    name: 'an answer larger than any: given up at its bound, and not asked for again',
    plant: ({ sandbox }) =>
      void sandbox.fail({
        ...read,
        ...always,
        effect: { do: 'answer', response: { status: 200, text: ' '.repeat(33 * 1024 * 1024) } },
      }),
    exit: 1,
    status: 'failed',
    codes: ['PLATFORM_BAD_ANSWER'],
    done: nothing,
  },
  {
    name: 'a total that does not add up',
    plant: ({ sandbox }) =>
      void sandbox.fail({ ...read, ...always, effect: withData(({ total }) => ({ total: total + 1 })) }),
    exit: 1,
    status: 'failed',
    codes: ['READ_INCOMPLETE'],
    done: nothing,
  },
  {
    name: 'a total that changes between pages, once: someone was created while we paged',
    plant: ({ sandbox }) =>
      void sandbox.fail({ ...read, ...onPage(1), effect: withData(({ total }) => ({ total: total + 1 })) }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
  },
  {
    name: 'a page repeated',
    plant: ({ sandbox, state }) => {
      const items = state.users.slice(0, 200).map(({ id, firstName, lastName, active, remoteId }) => ({
        id,
        firstName,
        lastName,
        active,
        remoteId,
      }));
      sandbox.fail({ ...read, ...onPage(1), ...always, effect: withData(() => ({ items })) });
    },
    exit: 1,
    status: 'failed',
    codes: ['READ_INCOMPLETE'],
    done: nothing,
  },
  {
    name: 'a torn last line',
    plant: (company, { rows }) => company.export(torn(rows)),
    exit: 3,
    status: 'withheld',
    codes: ['ROSTER_TORN', 'REMOVALS_WITHHELD'],
    done: nothing,
  },
  {
    name: 'half a file',
    plant: (company, { rows }) => company.export(rows.slice(0, Math.floor(rows.length / 2))),
    exit: 3,
    status: 'withheld',
    codes: ['ROSTER_SHRUNK', 'REMOVALS_WITHHELD'],
    done: nothing,
    postgres: true,
  },
  {
    name: "yesterday's file",
    plant: (company, { rows }) => company.export(rows, { ageMs: 30 * 3_600_000 }),
    exit: 3,
    status: 'withheld',
    codes: ['ROSTER_STALE', 'REMOVALS_WITHHELD'],
    done: joinersOnly,
  },
  {
    name: 'header renamed: the id',
    plant: (company, { rows }) => company.export(toCsv(rows).replace(columns.id, 'EmployeeNumber')),
    exit: 1,
    status: 'failed',
    codes: ['ROSTER_HEADER'],
    done: nothing,
  },
  {
    name: 'header renamed: the status',
    plant: (company, { rows }) => company.export(toCsv(rows).replace(columns.status, 'State')),
    exit: 1,
    status: 'failed',
    codes: ['ROSTER_HEADER'],
    done: nothing,
  },
  {
    name: '429 with Retry-After in seconds, on a read',
    plant: ({ sandbox }) =>
      void sandbox.fail({ ...read, ...onPage(2), effect: answer(429, refusal, { 'retry-after': '1' }) }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
    also: expectPause(0.95),
  },
  {
    name: '429 with Retry-After in seconds, on a write',
    plant: ({ sandbox }) =>
      void sandbox.fail({ ...upsert, effect: answer(429, refusal, { 'retry-after': '1' }) }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
    also: expectPause(0.95),
    postgres: true,
  },
  {
    name: '429 with Retry-After as a date, on a write',
    plant: ({ sandbox }) => {
      let date = '';
      sandbox.fail({
        ...deactivate,
        effect: {
          do: 'answer',
          response: {
            status: 429,
            json: refusal,
            // Made when it is sent; a date has no fractions, so 3 s from now is 2 to 3 s.
            get headers() {
              date ||= new Date(Date.now() + 3_000).toUTCString();
              return { 'retry-after': date };
            },
          },
        },
      });
    },
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
    also: expectPause(1.9),
  },
  {
    name: 'a timeout after the platform did apply the joiners',
    plant: ({ sandbox }) => void sandbox.fail({ ...upsert, effect: { do: 'hang', applied: true } }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
    postgres: true,
  },
  {
    name: 'a connection cut after the platform did deactivate',
    plant: ({ sandbox }) => void sandbox.fail({ ...deactivate, effect: { do: 'drop', applied: true } }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
  },
  {
    name: '200 with failures of single items',
    plant: ({ state }, { joiners: [first = ''], leavers: [gone = ''] }) => {
      state.unprocessable.add(first);
      state.unprocessable.add(gone);
    },
    exit: 4,
    status: 'partial',
    codes: ['ITEMS_FAILED'],
    done: nothing,
    also: ({ state }, { joiners, leavers }) => {
      for (const id of joiners.slice(1))
        if (!state.byRemoteId.has(id)) throw new Error(`${id} was not created`);
      for (const id of leavers.slice(1))
        if (state.byRemoteId.get(id)?.active !== false) throw new Error(`${id} was not deactivated`);
    },
  },
  {
    name: '200 with success: false, once',
    plant: ({ sandbox }) => void sandbox.fail({ ...upsert, effect: answer(200, refusal) }),
    exit: 0,
    status: 'applied',
    codes: [],
    done: everything,
  },
  {
    name: '200 with success: false, always',
    plant: ({ sandbox }) => void sandbox.fail({ ...deactivate, ...always, effect: answer(200, refusal) }),
    exit: 4,
    status: 'partial',
    codes: ['ITEMS_FAILED'],
    done: joinersOnly,
  },
  {
    name: 'an item missing from the answer',
    plant: ({ state }, { joiners: [first = ''] }) => void state.omitted.add(first),
    exit: 4,
    status: 'partial',
    codes: ['ITEMS_FAILED'],
    done: { joiners: false, leavers: true },
    postgres: true,
  },
];
