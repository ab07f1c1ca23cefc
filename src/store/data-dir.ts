import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RollcallError } from '../errors.ts';

/** Who holds a data directory. `control` is the address of the control API when a service runs there. */
export type LockHolder = {
  readonly pid: number;
  readonly host: string;
  /** Clock ticks since boot at which the process began (Linux), to tell a reused process id. */
  readonly began: string;
  readonly since: string;
  readonly command: string;
  readonly control: string | null;
};

/** A held data directory. */
export type DataDirLock = {
  readonly announce: (control: string) => Promise<void>;
  readonly release: () => Promise<void>;
};

const lockName = 'rollcall.lock';

async function beganAt(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold spaces; the fields after it do not. Field 22 is the start time (proc(5)).
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Who holds the directory now; null when nobody alive does. */
export async function lockHolder(dataDir: string): Promise<LockHolder | null> {
  let holder: LockHolder;
  try {
    holder = JSON.parse(await readFile(join(dataDir, lockName), 'utf8')) as LockHolder;
  } catch {
    return null;
  }
  // Another machine's process cannot be asked; a shared file system under two hosts is taken seriously.
  if (holder.host !== hostname()) return holder;
  if (holder.pid === process.pid)
    return (await beganAt(holder.pid)) === holder.began && holder.began !== '' ? holder : null;
  if (!isAlive(holder.pid)) return null;
  const began = await beganAt(holder.pid);
  return began !== '' && holder.began !== '' && began !== holder.began ? null : holder;
}

/**
 * Takes the data directory for this process. Two processes in one embedded database would corrupt it, and nothing in
 * the database stops them. Throws DATA_DIR_LOCKED with who holds it.
 */
export async function lockDataDir(dataDir: string, command: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, lockName);
  const mine: LockHolder = {
    pid: process.pid,
    host: hostname(),
    began: await beganAt(process.pid),
    since: new Date().toISOString(),
    command,
    control: null,
  };
  for (let tries = 0; ; tries++) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(JSON.stringify(mine));
      await handle.close();
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = await lockHolder(dataDir);
    if (holder !== null || tries > 2) {
      throw new RollcallError(
        'DATA_DIR_LOCKED',
        holder === null
          ? `the data directory is being taken by another process.`
          : `process ${holder.pid} on ${holder.host} (${holder.command}) has used the data directory since ${holder.since}.`,
        {
          place: { file: dataDir },
          hint:
            holder?.control == null
              ? 'Wait until it has ended, or stop it.'
              : `It is a service; its control API is at ${holder.control}.`,
        },
      );
    }
    // Whoever renames it first owns the removal of a dead process's lock.
    await rename(file, `${file}.${process.pid}.stale`).then(
      () => rm(`${file}.${process.pid}.stale`, { force: true }),
      () => undefined,
    );
  }
  return {
    announce: async (control) => {
      const next = `${file}.${process.pid}.next`;
      await writeFile(next, JSON.stringify({ ...mine, control }), { mode: 0o600 });
      await rename(next, file);
    },
    release: () => rm(file, { force: true }),
  };
}
