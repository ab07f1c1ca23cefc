import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

const lookEveryMs = 100;

/**
 * Watches the memory of the database's own processes while a program runs: those that work below `dir`, with each page that they
 * share counted once (Pss of proc(5)). `end` tells the most that was seen, in MB; 0 where no server works there, or where the
 * system has no /proc.
 */
export function watchServer(dir: string): { readonly end: () => Promise<number> } {
  let most = 0;
  let ended = false;
  const watch = (async () => {
    while (!ended) {
      most = Math.max(most, await memoryBelow(dir));
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  return {
    end: async () => {
      ended = true;
      await watch;
      return most;
    },
  };
}

async function memoryBelow(dir: string): Promise<number> {
  const all = await readdir('/proc').catch(() => []);
  let kb = 0;
  for (const pid of all.filter((name) => /^\d+$/.test(name))) {
    try {
      if (!(await readlink(join('/proc', pid, 'cwd'))).startsWith(`${dir}/`)) continue;
      const memory = await readFile(join('/proc', pid, 'smaps_rollup'), 'utf8');
      kb += Number(/^Pss:\s+(\d+)/m.exec(memory)?.[1] ?? 0);
    } catch {
      // It has ended meanwhile, or is somebody else's.
    }
  }
  return kb / 1_024;
}
