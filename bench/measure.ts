import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { watchServer } from './server-memory.ts';

/** What a measured program used, and what it printed. */
export type Measured = {
  readonly seconds: number;
  readonly peakMb: number;
  readonly cpuSeconds: number;
  readonly exit: number;
  readonly out: string;
};

const here = import.meta.dirname;

/** The product is started with these: they are in the script of package.json, in the image and in the unit. */
export const productFlags: readonly string[] = ['--max-semi-space-size=8'];

/** Runs a TypeScript program in a process of its own and measures the whole of it. */
export function measure(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<Measured> {
  return new Promise((done, failed) => {
    const start = [...flags, '--import', resolve(here, 'usage.ts'), program, ...args];
    const child = spawn(process.execPath, start, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let out = '';
    let usage = '';
    let errors = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4_000);
    });
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      usage += chunk.toString();
    });
    child.on('error', failed);
    child.on('close', (code) => {
      if (usage === '') return failed(new Error(`${program} ended with ${code} and told nothing: ${errors}`));
      done({ ...(JSON.parse(usage) as Omit<Measured, 'exit' | 'out'>), exit: code ?? 1, out });
    });
  });
}

/**
 * Runs the product's command line and measures it; its JSON document is parsed. A database that works below `dir` counts as
 * its memory: the peak of both, as if they had come together.
 */
export async function rollcall(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  dir: string,
): Promise<Measured & { readonly json: RunsDocument }> {
  const server = watchServer(dir);
  const measured = await measure(
    resolve(here, '../src/main.js'),
    [...args, '--json'],
    env,
    productFlags,
  ).finally(server.end);
  const peakMb = measured.peakMb + (await server.end());
  return { ...measured, peakMb, json: JSON.parse(measured.out) as RunsDocument };
}

type Counts = Readonly<Record<string, number>>;

/** What `--json` of `plan` and `sync` prints, as far as the benchmark looks. */
export type RunsDocument = {
  readonly runs: readonly {
    readonly id: string | null;
    readonly platform: string;
    readonly status: string;
    readonly planned: Counts;
    readonly applied: Counts;
    readonly requests: { readonly reads: number; readonly writes: number };
    readonly reasons: readonly { readonly code: string; readonly message: string }[];
  }[];
};
