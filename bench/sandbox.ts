import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import type { PlatformCounts, SandboxQuestion, SandboxSettings } from './tasks/sandbox.ts';

/** Sparkwise sandboxes in a process of their own, so that they neither take our event loop nor count as our memory. */
export type BenchSandbox = {
  readonly url: string;
  readonly urls: readonly string[];
  readonly apiKey: string;
  readonly ask: (question: SandboxQuestion) => Promise<readonly PlatformCounts[]>;
  readonly close: () => void;
};

/** Starts as many as asked for, with that many users each. A rate of 0 lifts the limit. */
export async function startBenchSandbox(
  settings: Partial<SandboxSettings> & Pick<SandboxSettings, 'users' | 'seed'>,
): Promise<BenchSandbox> {
  const options: SandboxSettings = { rate: 0, latencyMs: 0, platforms: 1, ...settings };
  const child = fork(resolve(import.meta.dirname, 'tasks/sandbox.ts'), [JSON.stringify(options)], {
    execArgv: ['--max-old-space-size=6000'],
  });
  const answer = <T>(): Promise<T> =>
    new Promise((done, failed) => {
      const ended = (code: number | null): void => failed(new Error(`the sandbox ended with ${code}`));
      child.once('exit', ended);
      child.once('message', (message) => {
        child.off('exit', ended);
        done(message as T);
      });
    });
  const { urls, apiKey } = await answer<{ urls: string[]; apiKey: string }>();
  return {
    url: urls[0] ?? '',
    urls,
    apiKey,
    ask: (question) => {
      child.send(question);
      return answer<readonly PlatformCounts[]>();
    },
    close: () => child.disconnect(),
  };
}
