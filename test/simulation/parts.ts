import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Which share of the companies a process plays: every `parts`-th one, from `part` on. */
export function partsOf(text = '0/1'): { readonly part: number; readonly parts: number } {
  const [part = 0, parts = 1] = text.split('/').map(Number);
  return { part, parts };
}

/** What a process says at its end. */
const playedLine = /^(\d+) nights in /;
const endLine = /^(\d+) passed, (\d+) failed$/;

/**
 * Plays the companies in several processes, each with databases of its own, and says together what they said. The exit
 * status of the simulation.
 */
export async function playParts(processes: number, seed: string, stories: number): Promise<number> {
  const startMs = performance.now();
  const sum = { nights: 0, passed: 0, failed: 0, broken: 0 };
  const children = Array.from({ length: processes }, (_, part) =>
    spawn(
      process.execPath,
      [...process.execArgv, ...process.argv.slice(1), '--seed', seed, '--part', `${part}/${processes}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  );
  await Promise.all(
    children.map(async (child) => {
      const ended = new Promise<number>((done) => child.once('close', (code) => done(code ?? 1)));
      for await (const line of createInterface({ input: child.stdout })) {
        const [, nights] = playedLine.exec(line) ?? [];
        const [, passed, failed] = endLine.exec(line) ?? [];
        sum.nights += Number(nights ?? 0);
        sum.passed += Number(passed ?? 0);
        sum.failed += Number(failed ?? 0);
        if (nights === undefined && passed === undefined) console.log(line);
      }
      const code = await ended;
      // Whoever ends without a word about it has not played.
      if (code > 1 || (code === 1 && sum.failed === 0)) sum.broken++;
      if (code !== 0) for (const other of children) other.kill('SIGTERM');
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  console.log(
    `\n${sum.nights} nights in ${seconds.toFixed(1)} s (${((seconds * 1_000) / sum.nights).toFixed(1)} ms each), seed ${seed}`,
  );
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  const isWhole = sum.passed === stories && sum.failed === 0 && sum.broken === 0;
  return isWhole ? 0 : 1;
}
