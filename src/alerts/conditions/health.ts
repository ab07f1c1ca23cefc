import type { ServiceHealth } from '../../jobs/queue/health.ts';
import type { Incredible } from '../../store/times.ts';
import type { AlertKind } from '../kinds.ts';
import type { Condition } from '../state.ts';

/** Kinds that an evaluation of the health covers. */
export const healthKinds = [
  'STORE_UNREACHABLE',
  'QUEUE_UNREACHABLE',
  'REDIS_EVICTION',
  'CLOCK_WRONG',
] as const satisfies readonly AlertKind[];

/** The conditions of the service itself, told to one customer of all that share the channels. Pure. */
export function healthConditions(customer: string, health: ServiceHealth): readonly Condition[] {
  const of = { customer, platform: null, details: {} };
  const since = (part: { sinceMs: number }): string =>
    `${new Date(part.sinceMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const conditions: Condition[] = [];
  if (!health.store.ok)
    conditions.push({
      ...of,
      kind: 'STORE_UNREACHABLE',
      summary: `The database has not answered, or could not be written, since ${since(health.store)}.`,
      notDone:
        'No run starts or goes on; where one was, it goes on from there. Other alerts may be missing meanwhile.',
      nextStep:
        'psql "$DATABASE_URL" -c "select 1" (embedded: df -h in dataDir); the service reconnects by itself',
    });
  if (!health.queue.ok)
    conditions.push({
      ...of,
      kind: 'QUEUE_UNREACHABLE',
      summary: `Redis, which has the queue, has not answered since ${since(health.queue)}.`,
      notDone:
        'No run starts, and one under way sends nothing. Nothing is lost: the queue is rebuilt from the database.',
      nextStep: 'redis-cli -u "$REDIS_URL" ping; the service reconnects by itself',
    });
  if (health.mayEvict)
    conditions.push({
      ...of,
      kind: 'REDIS_EVICTION',
      summary:
        'The maxmemory-policy of Redis is not noeviction: when its memory fills up, it throws queued jobs away.',
      notDone: null,
      nextStep: 'redis-cli -u "$REDIS_URL" config set maxmemory-policy noeviction; then config rewrite',
    });
  return conditions;
}

/** That stored times lie further ahead than they may, told as one. Pure. */
export function clockConditions(customer: string, found: readonly Incredible[]): readonly Condition[] {
  const [first] = found.toSorted((a, b) => b.atMs - a.atMs);
  if (first === undefined) return [];
  return [
    {
      customer,
      platform: null,
      kind: 'CLOCK_WRONG',
      summary:
        `${found.length} stored times lie in the future, the furthest at ${new Date(first.atMs).toISOString()} ` +
        `(${first.time} of ${first.of}): the clock of this machine is wrong, or was when they were stored.`,
      notDone:
        'They count as absent: schedules go on, and nothing waits for that day. Slots missed meanwhile are not made up for.',
      nextStep: 'date -u; timedatectl; then rollcall status',
      details: {},
    },
  ];
}
