import { spawn } from 'node:child_process';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RollcallError } from '../../errors.ts';
import { startedAs } from './account.ts';
import type { Binaries } from './binaries.ts';
import { type Cluster, loopbackOf } from './cluster.ts';
import type { Layout } from './layout.ts';
import { commandLine, isAlive } from './process.ts';
import { serverArguments } from './settings.ts';

/** A log longer than this is begun anew when the server is started. */
const mostLogBytes = 1024 * 1024;
/** A lock file that is still empty after this was left by a crash in the moment of its making. */
const emptyLockMs = 2_000;

/** A server that was started: how it ended, if it did. */
export type Started = {
  /** Null while it runs; then what it said at the end. */
  readonly ended: () => Promise<string | null>;
};

/** Starts the server of a cluster in a session of its own: it outlives this process, for others may use it. */
export async function startServer(layout: Layout, binaries: Binaries, cluster: Cluster): Promise<Started> {
  const stale = await staleLock(layout);
  const loopback = layout.reach === 'loopback' ? await loopbackOf(layout) : undefined;
  const listening = loopback === undefined ? { folder: '../run' } : { port: loopback.port };
  const args = serverArguments(layout.cluster, listening);
  const command = await startedAs(cluster.account, binaries.postgres, args, [binaries.native, layout.run]);
  const size = (await stat(layout.log).catch(() => null))?.size ?? 0;
  const log = await open(layout.log, size > mostLogBytes ? 'w' : 'a', 0o600);
  const from = size > mostLogBytes ? 0 : size;
  const { account } = cluster;
  // Written by whoever starts the server next, which may be its owner and not root.
  if (account !== null) await log.chown(account.uid, account.gid);
  let code: number | null = null;
  try {
    const child = spawn(command.file, command.args, {
      // PostgreSQL takes the number of a process that is no server for that of a server, if it has that number (a re-created
      // container): it does not for those of its own parents, and this names another one.
      env: { ...cluster.env, ...(stale === null ? {} : { PG_GRANDPARENT_PID: String(stale) }) },
      cwd: layout.run,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      windowsHide: true,
      ...command.user,
    });
    child.unref();
    await new Promise<void>((done, fail) => {
      child.once('spawn', done);
      child.once('error', fail);
    });
    child.on('exit', (status) => {
      code = status ?? 1;
    });
  } finally {
    await log.close();
  }
  return { ended: async () => (code === null ? null : await endOf(layout.log, from)) };
}

async function endOf(file: string, from: number): Promise<string> {
  const text = await readFile(file).catch(() => Buffer.alloc(0));
  return text.subarray(from).subarray(-8_192).toString('utf8');
}

/**
 * The process that a lock file left behind names, if that is alive and no server of this cluster: the number was given
 * anew. Null when nothing has to be said about it.
 */
async function staleLock(layout: Layout): Promise<number | null> {
  const file = join(layout.cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  if (text.trim() === '') {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > emptyLockMs) await rm(file, { force: true });
    return null;
  }
  const pid = Number(text.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  const line = await commandLine(pid);
  return line === null || line.includes(layout.cluster) ? null : pid;
}

/** What the end of a server's log means for whoever wanted to start it; null: another one is there, or just ends. */
export function failureIn(layout: Layout, said: string): RollcallError | null {
  if (/No space left on device|Disk quota exceeded/i.test(said))
    return new RollcallError('DATA_DIR_UNUSABLE', 'the database cannot start: the disk is full.', {
      place: { file: layout.dataDir },
      hint: 'Make room there, then start it again: nothing is lost.',
    });
  if (
    /lock file ".*" already exists|shared memory block .* is still in use|Address already in use|lock file ".*" is empty/i.test(
      said,
    )
  )
    return null;
  const lines = said.split('\n').filter((line) => /FATAL|PANIC|error while loading|not found/.test(line));
  const line = lines[0]?.replace(/^[-\d]+ [\d:.]+ \w+ \[\d+\] /, '').trim();
  return new RollcallError(
    'STORE_UNAVAILABLE',
    `the embedded PostgreSQL does not start: ${line ?? 'it said nothing'}.`,
    { place: { file: layout.log }, hint: 'The file has what it said.' },
  );
}
