import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { sparkwiseApiKey, startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { slotJobId } from '../../../src/jobs/schedule/beat.ts';
import { cronSchedule } from '../../../src/jobs/schedule/cron.ts';
import { syncQueueName } from '../../../src/jobs/queue/queues.ts';
import { openPostgres } from '../../../src/store/database.ts';
import type { Run } from '../../../src/store/run-lookups.ts';
import { createStore } from '../../../src/store/store.ts';
import { openBackend } from '../../support/backends.ts';
import { columns, people, toCsv } from '../../support/company.ts';
import { processEnv } from '../../support/memory-disk.ts';
import { drawn } from '../../support/drawn.ts';
import { until } from '../../support/until.ts';

const mainFile = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
const customer = 'fleet';
const platforms = ['north', 'east', 'west'] as const;

/** Several services on one Redis and one PostgreSQL, three platforms on a schedule of seconds. */
export async function openFleet(options: {
  readonly everyS: number;
  readonly people: number;
  readonly rate: number;
}) {
  const backend = await openBackend('redis', { appendOnly: true });
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-fleet-'));
  const sandboxes = await Promise.all(platforms.map(() => startSparkwise({ rate: options.rate })));
  const cron = `*/${options.everyS} * * * * *`;
  const configFile = join(folder, 'rollcall.yaml');
  const { location, ...fields } = columns;
  const generous = { count: 10_000, floor: 10_000 };
  const limits = Object.fromEntries(
    ['create', 'update', 'reactivate', 'deactivate'].map((kind) => [kind, generous]),
  );
  await writeFile(
    configFile,
    JSON.stringify({
      customer,
      dataDir: './data',
      control: { listen: '127.0.0.1:0' },
      roster: {
        source: './roster.csv',
        // Kills may keep several rounds of changes from being read before the next one: more names at once than HR changes.
        maxRecoded: '100%',
        columns: fields,
        attributes: [location],
        state: [
          { is: 'terminated', when: 'person.status == "Terminated"' },
          { is: 'active', when: 'person.status == "Active"' },
        ],
      },
      platforms: Object.fromEntries(
        platforms.map((name, at) => [
          name,
          {
            provider: 'sparkwise',
            mode: 'full',
            baseUrl: sandboxes[at]?.sandbox.url,
            apiKey: sparkwiseApiKey,
            rate: `${options.rate}/s`,
            schedule: cron,
            limits,
          },
        ]),
      ),
    }),
  );
  let rows = people(options.people);
  const write = async (): Promise<void> => {
    const draft = join(folder, 'roster.draft');
    await writeFile(draft, toCsv(rows));
    await rename(draft, join(folder, 'roster.csv'));
  };
  await write();
  const database = await openPostgres(backend.databaseUrl ?? '');
  const store = createStore(database);
  const queue = new Queue(syncQueueName, { connection: { url: backend.redisUrl ?? '' } });
  queue.on('error', () => undefined);
  const children = new Set<ChildProcess>();
  const logs: string[] = [];

  const runsOf = async (platform: string): Promise<readonly Run[]> =>
    store.runs.list({ customer, platform, limit: 10_000 });

  return {
    sandboxes,
    logs,
    /** Starts a service; resolves once it says that it runs. */
    start: async () => {
      const child = spawn(process.execPath, [mainFile, 'start', '-c', configFile], {
        env: { ...processEnv(), REDIS_URL: backend.redisUrl, DATABASE_URL: backend.databaseUrl },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      children.add(child);
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        logs.push(chunk.toString());
      });
      const gone = new Promise<number | null>((resolve) => {
        child.once('close', (code) => {
          children.delete(child);
          resolve(code);
        });
      });
      await until('the service to start', () => {
        if (child.exitCode !== null) throw new Error(`the service ended: ${log.slice(-2_000)}`);
        return log.includes('service started');
      });
      return {
        stop: async (signal: NodeJS.Signals): Promise<number | null> => {
          child.kill(signal);
          return gone;
        },
      };
    },
    /** Adds people to the roster, and changes some of those who are there. */
    change: async (joiners: number, round: number) => {
      rows = rows.map((row, at) => (at % 7 === round % 7 ? { ...row, lastName: `Okafor-${round}` } : row));
      rows = [...rows, ...people(joiners, rows.length + 1)];
      await write();
    },
    rows: () => rows,
    /** Slots in that time, for any of the platforms: they share one schedule. */
    slots: (fromMs: number, toMs: number) => [...cronSchedule(cron, 'UTC', 'schedule').between(fromMs, toMs)],
    /**
     * What became of a slot: the runs of it, and whether its job says that a newer one took its place.
     */
    fate: async (platform: string, slotMs: number) => {
      const runs = (await runsOf(platform)).filter((run) => run.slot_ms === slotMs);
      const job = await queue.getJob(slotJobId(customer, platform, slotMs));
      return { runs, replaced: (job?.returnvalue as { replaced?: boolean } | null)?.replaced === true };
    },
    platforms,
    runsOf,
    unended: async () => (await store.runs.open(customer)).length,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        [...children].map(
          (child) =>
            new Promise((resolve) => {
              child.once('close', resolve);
              child.kill('SIGKILL');
            }),
        ),
      );
      await queue.close();
      await database.close();
      await backend.stop();
      for (const { sandbox } of sandboxes) await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Fleet = Awaited<ReturnType<typeof openFleet>>;

/** Every slot ran once, or (where a service was killed) a later one of its platform took its place. */
export async function expectEverySlot(
  fleet: Fleet,
  fromMs: number,
  toMs: number,
  mayBeReplaced: boolean,
): Promise<number> {
  let seen = 0;
  for (const platform of fleet.platforms) {
    for (const slotMs of fleet.slots(fromMs, toMs)) {
      const name = `${platform} ${new Date(slotMs).toISOString()}`;
      const { runs, replaced } = await fleet.fate(platform, slotMs);
      if (runs.length > 1) throw new Error(`${name} ran ${runs.length} times`);
      const [run] = runs;
      if (run === undefined && !(mayBeReplaced && replaced)) throw new Error(`${name} never ran`);
      const good = run === undefined || run.status === 'applied' || run.status === 'unchanged';
      const outdated =
        mayBeReplaced && run?.status === 'cancelled' && run.reasons[0]?.code === 'RUN_REPLACED';
      if (!good && !outdated)
        throw new Error(`${name} ended ${run?.status}: ${JSON.stringify(run?.reasons)}`);
      seen++;
    }
  }
  return seen;
}

/** The rate held in every window, over all services together; and everybody is there, once. */
export function expectPlatforms(fleet: Fleet, rate: number): void {
  for (const { sandbox, state } of fleet.sandboxes) {
    const counts = sandbox.counts();
    if (counts.busiestWindow > rate || counts.tooMany > 0)
      throw new Error(`the rate was broken: ${JSON.stringify(counts)}`);
    const accounts = state.users;
    const ids = new Set(accounts.map((account) => account.remoteId));
    if (ids.size !== accounts.length || ids.size !== fleet.rows().length)
      throw new Error(
        `${accounts.length} accounts of ${ids.size} people, and ${fleet.rows().length} on the roster`,
      );
  }
}

/**
 * Kills one service or the other at random moments, starting it again, while the roster changes; then lets the fleet come
 * to rest and says how many slots there were. Throws when a slot or a change was lost, or a rate was broken.
 */
export async function killForAWhile(
  fleet: Fleet,
  options: {
    readonly forMs: number;
    readonly everyMs: number;
    readonly rate: number;
  },
): Promise<{ readonly slots: number; readonly kills: number }> {
  const random = drawn('moments and victims of the kills');
  let services = await Promise.all([fleet.start(), fleet.start()]);
  const fromMs = Date.now();
  const endMs = fromMs + options.forMs;
  let kills = 0;
  while (Date.now() < endMs) {
    await fleet.change(3, kills);
    await new Promise((resolve) => setTimeout(resolve, options.everyMs * (0.5 + random.next())));
    const [first, second] = services;
    if (first === undefined || second === undefined) throw new Error('a service is missing');
    const [victim, survivor] = random.chance(0.5) ? [first, second] : [second, first];
    await victim.stop('SIGKILL');
    kills++;
    services = [survivor, await fleet.start()];
  }
  await fleet.change(3, kills + 1);
  const changedMs = Date.now();
  await until(
    'every platform to be in step',
    async () => {
      for (const platform of fleet.platforms) {
        const [last] = (await fleet.runsOf(platform)).filter((run) => run.ended_ms !== null);
        if (last === undefined || last.status !== 'unchanged' || last.created_ms < changedMs) return false;
      }
      return true;
    },
    120_000,
  );
  const toMs = Date.now() - 5_000;
  // A job that a killed service had taken is taken up again once its lock has run out.
  await until(
    'every slot to be performed or replaced',
    async () => {
      for (const platform of fleet.platforms) {
        for (const slotMs of fleet.slots(fromMs, toMs)) {
          const { runs, replaced } = await fleet.fate(platform, slotMs);
          if (!replaced && !runs.some((run) => run.ended_ms !== null)) return false;
        }
      }
      return true;
    },
    120_000,
  );
  const codes = await Promise.all(services.map((service) => service.stop('SIGTERM')));
  if (codes.some((code) => code !== 0)) throw new Error(`services ended with ${codes.join(', ')}`);
  const slots = await expectEverySlot(fleet, fromMs, toMs, true);
  expectPlatforms(fleet, options.rate);
  return { slots, kills };
}
