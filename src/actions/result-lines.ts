import type { Customer } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { findOnRoster } from '../jobs/read/on-roster.ts';
import type { Person } from '../person.ts';
import type { ResultFilter } from '../store/results.ts';

/** A result as people read it. Dates are calendar dates in UTC. */
export type ResultLine = {
  readonly person: string | null;
  readonly name: string;
  readonly department: string | null;
  readonly platform: string;
  readonly targetName: string;
  readonly status: 'completed' | 'open';
  readonly score: number | null;
  /** When we enrolled them; null where somebody else did, or longer ago than the journal goes. */
  readonly enrolled: string | null;
  readonly completed: string | null;
  readonly account: string;
};

/** Results page by page, with who they are of: names and departments as the roster has them now. */
export async function* resultLines(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  filter: Omit<ResultFilter, 'customer'>,
  signal: AbortSignal,
): AsyncGenerator<readonly ResultLine[]> {
  const { store } = deps;
  for await (const page of store.results.list({ ...filter, customer: customer.name })) {
    signal.throwIfAborted();
    const wanted = new Set(page.flatMap(({ person }) => (person === null ? [] : [person])));
    const [rows, enrolled] = await Promise.all([
      rowsOf(deps, customer, wanted, signal),
      store.results.enrolledAt(customer.name, [...wanted]),
    ]);
    yield page.map((row) => {
      const person = row.person === null ? undefined : rows.get(row.person);
      const enrolledMs =
        row.person === null ? undefined : enrolled.get(`${row.platform}\n${row.target}\n${row.person}`);
      return {
        person: row.person,
        name: `${person?.firstName ?? ''} ${person?.lastName ?? ''}`.trim(),
        department: person?.department ?? null,
        platform: row.platform,
        targetName: row.target_name,
        status: row.status,
        score: row.score,
        enrolled: enrolledMs === undefined ? null : new Date(enrolledMs).toISOString().slice(0, 10),
        completed: row.status === 'completed' ? (row.at?.slice(0, 10) ?? null) : null,
        account: row.account,
      };
    });
  }
}

/** Rows of the roster; nobody's while it cannot be read. */
async function rowsOf(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Person>> {
  if (wanted.size === 0) return new Map();
  const options = { customer, store: deps.store, nowMs: deps.now(), signal };
  try {
    return (await findOnRoster(options, wanted)).people;
  } catch {
    signal.throwIfAborted();
    return new Map();
  }
}
