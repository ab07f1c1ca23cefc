import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether there is a process of that number, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What a process was started with; null where that cannot be known. */
export async function commandLine(pid: number): Promise<string | null> {
  if (process.platform === 'win32') return null;
  const linux = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (linux !== null) return linux;
  const shown = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => null);
  return shown?.stdout ?? null;
}
