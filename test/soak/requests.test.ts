import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { differences } from '../support/in-step.ts';
import { until } from '../support/until.ts';

const count = Number(process.env['ROLLCALL_SOAK_REQUESTS'] ?? '100000');
/** What the service holds at most for one platform; see `mostWaiting` in jobs/run/sync.ts. */
const mostWaiting = 200;
const size = 200;
const ratePerSecond = 5;
/** Slots of the schedule come this often. */
const slotEveryMs = 10_000;
const patienceMs = 3_000_000;

const run = promisify(execFile);

/** Resident memory in MiB and processor seconds of a process. */
async function usage(pid: number): Promise<{ readonly mib: number; readonly cpuSeconds: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const mib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
  return { mib, cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100 };
}

async function pidOf(configFile: string): Promise<number> {
  const { stdout } = await run('pgrep', ['-f', `start -c ${configFile}`]);
  const pid = Number(stdout.trim().split('\n').at(-1));
  if (!(pid > 0)) throw new Error(`no service: ${stdout}`);
  return pid;
}

describeOn('redis', `${count} requests for one platform at once`, () => {
  test('are turned down but for a few, in bounded memory, and no slot waits for them', {
    timeout: patienceMs + 600_000,
  }, async () => {
    const backend = await openBackend('redis');
    const redis = new Redis(backend.redisUrl ?? '');
    const queue = new Queue('rollcall-sync', { connection: redis });
    try {
      await using company = await openSparkwiseCompany({
        backend: 'redis',
        on: backend,
        rows: people(size),
        rate: ratePerSecond,
        platform: { batch: 10, schedule: `*/${slotEveryMs / 1_000} * * * * *`, timezone: 'UTC' },
        config: { control: { listen: '127.0.0.1:0' } },
        keepLog: false,
        // As the product is started.
        env: { NODE_OPTIONS: '--max-semi-space-size=8' },
      });
      const { store } = await company.opened();
      // The requests lie there before the service starts, as after a night of a script that went wrong.
      for (let from = 0; from < count; from += 5_000)
        await queue.addBulk(
          Array.from({ length: Math.min(5_000, count - from) }, (_, at) => ({
            name: 'resync',
            data: { platform: platformName, person: `0${10_001 + ((from + at) % size)}-${from + at}` },
          })),
        );
      const info = await redis.info('memory');
      const redisMib = Number(/used_memory:(\d+)/.exec(info)?.[1] ?? 0) / 2 ** 20;
      await company.close();
      const startedMs = Date.now();
      await company.start();
      const { store: looking } = await company.opened();
      const pid = await pidOf(company.configFile);
      let mostMib = 0;
      let mostStored = 0;
      const slotsLate: number[] = [];
      const seen = new Set<string>();
      const waiting = async (): Promise<number> => {
        const counts = await queue.getJobCounts('waiting', 'prioritized', 'delayed', 'active');
        return Object.values(counts).reduce((sum, one) => sum + one, 0);
      };
      const look = async (): Promise<void> => {
        mostMib = Math.max(mostMib, (await usage(pid)).mib);
        const open = await looking.runs.open('harbour');
        mostStored = Math.max(mostStored, open.filter(({ status }) => status === 'waiting').length);
        for (const one of await looking.runs.list({ customer: 'harbour', platform: platformName, limit: 20 }))
          if (one.trigger === 'schedule' && one.started_ms !== null && !seen.has(one.id)) {
            seen.add(one.id);
            slotsLate.push(one.started_ms - (one.slot_ms ?? one.started_ms));
          }
      };
      let turnedDownMs = 0;
      await until(
        'all requests to be answered but those that wait',
        async () => {
          await look();
          return (await waiting()) <= mostWaiting + 10;
        },
        patienceMs,
      );
      turnedDownMs = Date.now() - startedMs;
      const { cpuSeconds } = await usage(pid);
      const wholeAsked = seen.size;
      // What waits is looked at now and then, not all the time.
      const idleFromMs = Date.now();
      await until(
        'more slots',
        async () => {
          await look();
          return seen.size >= wholeAsked + 3;
        },
        patienceMs,
      );
      const idle = ((await usage(pid)).cpuSeconds - cpuSeconds) / ((Date.now() - idleFromMs) / 1_000);
      process.stderr.write(
        `${count} requests, ${redisMib.toFixed(0)} MiB in Redis: answered in ${(turnedDownMs / 1_000).toFixed(0)} s (${cpuSeconds.toFixed(0)} s of processor), at most ${mostMib.toFixed(0)} MiB, ${mostStored} stored; slots began ${slotsLate.map((ms) => (ms / 1_000).toFixed(1)).join(', ')} s late; then ${(idle * 100).toFixed(0)} % of a processor; ${await waiting()} wait\n`,
      );
      expect(mostStored).toBeLessThanOrEqual(mostWaiting + 64);
      expect(mostMib).toBeLessThan(400);
      // A run of one person that has begun is not stopped; the first slot creates everybody.
      expect(Math.max(...slotsLate)).toBeLessThan(3 * slotEveryMs);
      expect(differences(company.state, people(size))).toEqual([]);
      void store;
    } finally {
      await queue.close();
      redis.disconnect();
      await backend.stop();
    }
  });
});
