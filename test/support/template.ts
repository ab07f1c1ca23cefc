import { hash } from 'node:crypto';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openQueues } from '../../src/jobs/queue/queues.ts';
import { createLog } from '../../src/log.ts';
import { openEmbedded } from '../../src/store/database.ts';
import { migrations } from '../../src/store/migrations.ts';
import { lastingFolder } from './memory-disk.ts';
import { until } from './until.ts';

let template: Promise<string> | undefined;

/**
 * A new embedded database takes seconds to make and milliseconds to copy. Made once for all test files, and anew when
 * its schema or its makers change.
 */
function emptyDataDir(): Promise<string> {
  template ??= (async () => {
    // The server's version and the queue's, which have tables of their own.
    const versions = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
    const key = hash('sha256', JSON.stringify([migrations, versions])).slice(0, 16);
    const folder = join(lastingFolder(), `rollcall-template-${process.getuid?.() ?? 0}-${key}`);
    if (existsSync(folder)) return folder;
    const draft = await mkdtemp(`${folder}-`);
    const database = await openEmbedded(draft, 'test');
    const log = createLog({ level: 'silent', destination: { write: () => undefined } });
    await (await openQueues({ database, redisUrl: undefined, log })).close();
    await database.close();
    // Another test file may have made it meanwhile.
    await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }));
    return folder;
  })();
  return template;
}

/** Ends the server of a data directory whose processes were killed, without a goodbye: the folder is about to go. */
export async function endServer(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postgres', 'data', 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => dataDir);
  if (!line.includes(dataDir)) return;
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    return;
  }
  await until('the server has ended', async () => !existsSync(file));
}

/** Puts an empty embedded store into `dataDir`, which is not there yet. */
export async function makeDataDir(dataDir: string): Promise<void> {
  // In one go: file by file through the event loop it takes six times as long.
  cpSync(await emptyDataDir(), dataDir, { recursive: true });
}
