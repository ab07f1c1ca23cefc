// Asks a running Rollcall for a resync, through the queue: a plain BullMQ client, nothing of Rollcall in it.
//
//   npm install bullmq@6
//   REDIS_URL=redis://localhost:6379 node resync.mjs academy                a whole platform
//   REDIS_URL=redis://localhost:6379 node resync.mjs academy 10442 "moved to Cork"      one person, with a reason
//
// With the queue in PostgreSQL set DATABASE_URL instead. On the embedded default there is no queue to connect to: use
// `rollcall resync` or the control API.
import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';

const { REDIS_URL, DATABASE_URL } = process.env;
const [platform, person, reason] = process.argv.slice(2);
if (platform === undefined || (REDIS_URL === undefined && DATABASE_URL === undefined)) {
  console.error('usage: REDIS_URL=… node resync.mjs PLATFORM [PERSON] [REASON]');
  process.exit(2);
}

const name = 'rollcall-sync';
const open = (Class) =>
  REDIS_URL !== undefined
    ? new Class(name, { connection: { url: REDIS_URL } })
    : new Class(
        name,
        { connection: { connectionString: DATABASE_URL, schema: 'bullmq' } },
        createPostgresBackend,
      );
const queue = open(Queue);
const events = open(QueueEvents);
await events.waitUntilReady();

const job = await queue.add('resync', {
  platform,
  ...(person === undefined ? {} : { person }),
  ...(reason === undefined ? {} : { reason }),
});
// { run, status }, or { refused: { code, message } }, or { replaced: true } when a newer request took its place.
const result = await job.waitUntilFinished(events, 10 * 60_000);
console.log(JSON.stringify(result));

await events.close();
await queue.close();
process.exit('refused' in result ? 1 : 0);
