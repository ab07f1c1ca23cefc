import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { rowsOf, writeRoster } from './company.ts';
import { productFlags } from './measure.ts';
import { startBenchSandbox } from './sandbox.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** Platforms synced by several service processes on one Redis. */
export type ScalingRow = {
  readonly processes: number;
  readonly platforms: number;
  /** People created at each. */
  readonly people: number;
  readonly rate: number;
  /** From the first request at any platform to the last. */
  readonly seconds: number;
  readonly requests: number;
  /** The busiest window of any platform, and its limit. */
  readonly busiestWindow: number;
  readonly tooMany: number;
};

/** People a request: eight platforms at once are to measure the pacing, not how much two cores can journal. */
const batch = 20;
/** Control APIs of the services: from this port on. */
const firstPort = 17_654;

/** Each platform creates `people`; `processes` services share the work. */
export async function benchScaling(
  store: BenchStore,
  processes: number,
  platforms: number,
  people: number,
  rate: number,
): Promise<ScalingRow> {
  const redisUrl = store.env['REDIS_URL'];
  if (redisUrl === undefined) throw new Error('scaling needs Redis');
  const world = await createWorld();
  const sandbox = await startBenchSandbox({ users: 0, seed, rate, latencyMs: 20, platforms });
  await writeRoster(world.roster, rowsOf(people, seed));
  await world.configure(sandbox, { rate: `${rate}/s`, batch });
  const services = await Promise.all(
    Array.from({ length: processes }, async (_, at) => {
      // The same customer for all, and a control API of its own for each.
      const config = join(world.dir, `service-${at}.yaml`);
      const own = `customer: bench\ncontrol: { listen: "127.0.0.1:${firstPort + at}" }\n`;
      await writeFile(config, own + (await readFile(world.config, 'utf8')));
      const main = resolve(import.meta.dirname, '../src/main.js');
      return spawn(process.execPath, [...productFlags, main, 'start', '-c', config], {
        env: { ...process.env, ...store.env },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
    }),
  );
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const queue = new Queue('rollcall-sync', { connection: redis });
  try {
    // All services are up when each has a worker on the queue.
    while ((await queue.getWorkers()).length < processes) await sleep(100);
    await queue.addBulk(sandbox.urls.map((_, at) => ({ name: 'resync', data: { platform: `p${at + 1}` } })));
    const least = Math.ceil(people / batch);
    for (;;) {
      const counts = await sandbox.ask({ ask: 'counts' });
      if (counts.every((count) => count.items >= people)) {
        return {
          processes,
          platforms,
          people,
          rate,
          seconds: Math.max(...counts.map((count) => count.spanMs)) / 1_000,
          requests: counts.reduce((sum, count) => sum + count.writes, 0) / (least * platforms),
          busiestWindow: Math.max(...counts.map((count) => count.busiestWindow)),
          tooMany: counts.reduce((sum, count) => sum + count.tooMany, 0),
        };
      }
      await sleep(100);
    }
  } finally {
    await queue.close();
    redis.disconnect();
    await Promise.all(
      services.map((service) => {
        service.kill('SIGTERM');
        return new Promise((done) => service.once('exit', done));
      }),
    );
    sandbox.close();
    await world.remove();
    await store.reset();
  }
}
