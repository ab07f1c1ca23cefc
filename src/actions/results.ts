import type { AccountRef } from '../account.ts';
import type { ResultRow } from '../providers/contract.ts';
import { untilWhole } from '../providers/until-whole.ts';
import type { ResultRecord } from '../store/results.ts';
import { type Customer, countingContext, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { coursesOf } from '../jobs/read/courses.ts';

/** What a refresh of one platform's results came to. */
export type ResultsRefresh = {
  /** Rows that the platform answered. */
  readonly rows: number;
  /** Rows of accounts that nobody is linked to. */
  readonly unexplained: number;
  /** Open rows that a whole read no longer had. */
  readonly dropped: number;
  readonly requests: { readonly reads: number; readonly writes: number };
};

/**
 * Reads a platform's results into the store: since the last read where the API can, all otherwise. Reads only. Null when
 * the platform has none. A read that fails leaves what it had stored, and the next one begins where this one did.
 */
export async function refreshResults(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  options: { readonly signal: AbortSignal; readonly onRows?: (rows: number) => void },
): Promise<ResultsRefresh | null> {
  const { store } = deps;
  const { provider, config } = platform;
  const ctx = countingContext(options.signal);
  await provider.prepare?.(ctx);
  if (provider.capabilities.missing.results !== undefined) return null;
  const targets =
    config.enrollments.length === 0 ? [] : await provider.resolveTargets(config.enrollments, ctx);
  const beganMs = deps.now();
  const isIncremental = provider.resultsSince === true;
  const lastMs = isIncremental ? await store.results.lastRead(customer.name, platform.name) : null;
  const since = lastMs === null ? null : new Date(lastMs).toISOString();
  const courses = coursesOf(platform, targets);
  const single = new Map(
    courses
      .filter(({ target }) => courses.filter((other) => other.target === target).length === 1)
      .map(({ target, course }) => [target, course]),
  );
  let rows = 0;
  let unexplained = 0;
  const read = async (): Promise<void> => {
    for await (const page of provider.readResults(targets, since, ctx)) {
      const people = await store.links.peopleOf(
        customer.name,
        platform.name,
        page.map(({ ref }) => ref),
      );
      const records = page.map((row, at) =>
        record(customer.name, platform.name, row, people[at] ?? null, beganMs),
      );
      await store.results.put(records);
      await store.results.putCompletions(
        customer.name,
        platform.name,
        records.flatMap(({ status, person, target }) => {
          const course = single.get(target);
          return status === 'completed' && person !== null && course !== undefined
            ? [{ target, course, person }]
            : [];
        }),
        beganMs,
      );
      rows += page.length;
      unexplained += people.filter((person) => person === null).length;
      options.onRows?.(rows);
    }
  };
  // A row that comes a second time replaces itself.
  await untilWhole(read, () => {
    rows = 0;
    unexplained = 0;
  });
  const dropped = isIncremental ? 0 : await store.results.dropOpen(customer.name, platform.name, beganMs);
  await store.results.readDone(customer.name, platform.name, beganMs);
  return { rows, unexplained, dropped, requests: ctx.count };
}

function accountOf({ id, externalId, email }: AccountRef): string {
  return id ?? externalId ?? email ?? '';
}

function record(
  customer: string,
  platform: string,
  row: ResultRow,
  person: string | null,
  readMs: number,
): ResultRecord {
  const account = accountOf(row.ref);
  return {
    customer,
    platform,
    key: row.id ?? `${row.target}/${account}`,
    person,
    account,
    target: row.target,
    target_name: row.targetName,
    status: row.status,
    score: row.score,
    at: row.at,
    raw_status: row.rawStatus,
    read_ms: readMs,
  };
}
