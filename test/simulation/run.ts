import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processEnv } from '../support/memory-disk.ts';

const script = fileURLToPath(new URL('./simulate.ts', import.meta.url));

/** A simulation in a process of its own, so that a planted fault is nobody else's. */
export function simulate(
  ...args: readonly string[]
): Promise<{ readonly exit: number; readonly out: string }> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [script, '--quick', ...args],
      { env: processEnv() },
      (error, stdout, stderr) => {
        done({ exit: error === null ? 0 : Number(error.code), out: stdout + stderr });
      },
    );
  });
}
