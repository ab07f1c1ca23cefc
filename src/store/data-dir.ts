import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
/** How often a lock that a dead process left is taken away before giving up. */
const mostTries = 5;
/** Locks of this process, by their time, where the system does not tell when a process began. */
const own = new Set<string>();

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

async function readLock(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

function parseLock(text: string): LockHolder | null {
  try {
    return JSON.parse(text) as LockHolder;
  } catch {
    return null;
  }
}

/** Whether the process that wrote a lock may still be there. */
async function mayBeAlive(holder: LockHolder): Promise<boolean> {
  // Another machine's process cannot be asked; a shared file system under two hosts is taken seriously.
  if (holder.host !== hostname()) return true;
  if (holder.pid !== process.pid && !isAlive(holder.pid)) return false;
  const began = await beganAt(holder.pid);
  if (began !== '' && holder.began !== '') return began === holder.began;
  return holder.pid !== process.pid || own.has(holder.since);
}

/** Who holds the directory now; null when nobody alive does. */
export async function lockHolder(dataDir: string): Promise<LockHolder | null> {
  const text = await readLock(join(dataDir, lockName));
  const holder = text === null ? null : parseLock(text);
  return holder !== null && (await mayBeAlive(holder)) ? holder : null;
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
  const draft = `${file}.${process.pid}-${randomUUID().slice(0, 8)}`;
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (let tries = 0; ; tries++) {
      // A link appears whole or not at all, and never over another one: nobody reads half a lock.
      if (await linked(draft, file)) break;
      const text = await readLock(file);
      if (text === null) continue;
      const holder = parseLock(text);
      if ((holder === null || !(await mayBeAlive(holder))) && tries < mostTries) {
        await takeAway(file, text, `${draft}.stale`);
        continue;
      }
      throw lockedError(dataDir, holder);
    }
  } finally {
    await rm(draft, { force: true });
  }
  own.add(mine.since);
  let written = JSON.stringify(mine);
  return {
    announce: async (control) => {
      const next = `${file}.${process.pid}.next`;
      written = JSON.stringify({ ...mine, control });
      await writeFile(next, written, { mode: 0o600 });
      await rename(next, file);
    },
    release: async () => {
      own.delete(mine.since);
      if ((await readLock(file)) === written) await rm(file, { force: true });
    },
  };
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes a dead process's lock away; one that somebody took meanwhile is put back. */
async function takeAway(file: string, text: string, aside: string): Promise<void> {
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await readLock(aside)) !== text) await linked(aside, file);
  await rm(aside, { force: true });
}

function lockedError(dataDir: string, holder: LockHolder | null): RollcallError {
  if (holder === null) {
    return new RollcallError('DATA_DIR_LOCKED', 'the data directory is being taken by another process.', {
      place: { file: dataDir },
      hint: 'Try again.',
    });
  }
  const hint =
    holder.control !== null
      ? `It is a service; its control API is at ${holder.control}.`
      : holder.host === hostname()
        ? 'Wait until it has ended, or stop it.'
        : `If that machine or container is gone for good, delete ${join(dataDir, lockName)}.`;
  return new RollcallError(
    'DATA_DIR_LOCKED',
    `process ${holder.pid} on ${holder.host} (${holder.command}) has used the data directory since ${holder.since}.`,
    { place: { file: dataDir }, hint },
  );
}
