import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const memory = '/dev/shm';
const prefix = 'rollcall-test-';
/** What the tests of all workers have at once is a quarter of this; in containers the memory disk is often tiny. */
const roomNeeded = 2 * 1024 ** 3;

let folder: string | null = null;

/** Where what outlives one run of the tests is kept: on the disk, whatever `TMPDIR` says meanwhile. */
export function lastingFolder(): string {
  return process.env['ROLLCALL_TEST_LASTING'] ?? tmpdir();
}

/** What a `rollcall` in a process of its own gets of our environment: nothing that would configure it. */
export function processEnv(): Readonly<Record<string, string | undefined>> {
  // The second process does not compile again what the first one did.
  return { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(lastingFolder(), 'rollcall-compile-cache') };
}

/**
 * Runs before all tests: their temporary files go to the memory disk where there is one with room. Every company has a
 * data directory of some thousand small files, and making those takes a disk more time than all else in a test.
 * What a killed process wrote is there all the same: the memory is the system's, not the process's.
 */
export async function setup(): Promise<void> {
  const disk = await statfs(memory).catch(() => null);
  if (disk === null || disk.bavail * disk.bsize < roomNeeded) return;
  await removeLeftovers();
  folder = await mkdtemp(join(memory, `${prefix}${process.pid}-`)).catch(() => null);
  if (folder === null) return;
  // PostgreSQL runs as another user when we are root.
  await chmod(folder, 0o755);
  process.env['ROLLCALL_TEST_LASTING'] = tmpdir();
  process.env['TMPDIR'] = folder;
}

/** Runs after all tests. */
export async function teardown(): Promise<void> {
  if (folder !== null) await rm(folder, { recursive: true, force: true });
}

/** Of runs that were killed before they could tidy up. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(memory)) {
    const pid = Number(/^rollcall-test-(\d+)-/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !lives(pid)) {
      // Somebody else's cannot be removed by us.
      await rm(join(memory, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
