import { join } from 'node:path';
import { openQueues } from '../../src/jobs/queue/queues.ts';
import { createLog } from '../../src/log.ts';
import { openEmbedded, openPostgres } from '../../src/store/database.ts';

// The floor of the queue: BullMQ on the same backend, jobs that do nothing, the concurrency of the product.
const [, , dir = '', count = '0'] = process.argv;
const jobs = Number(count);
const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
const database =
  databaseUrl === undefined
    ? await openEmbedded(join(dir, 'bare-queue'), 'bench')
    : await openPostgres(databaseUrl);
const queues = await openQueues({
  database,
  redisUrl,
  log: createLog({ level: 'silent', destination: { write: () => undefined } }),
});
let done = 0;
let finish = (): void => undefined;
const all = new Promise<void>((resolve) => {
  finish = resolve;
});
const beganMs = performance.now();
const worker = queues.worker(
  'rollcall-batch',
  async () => {
    if (++done === jobs) finish();
  },
  { concurrency: 64 },
);
for (let at = 0; at < jobs; at += 200) {
  await queues.batch.addBulk(
    Array.from({ length: Math.min(200, jobs - at) }, (_, next) => ({
      name: 'batch',
      data: { run: 'bare', batch: at + next },
      opts: { jobId: `bare-${at + next}` },
    })),
  );
}
await all;
const seconds = (performance.now() - beganMs) / 1_000;
await worker.close();
await queues.close();
await database.close();
console.log(JSON.stringify({ perSecond: jobs / seconds }));
