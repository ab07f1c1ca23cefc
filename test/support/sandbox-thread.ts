import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { SandboxCounts } from '../../sandbox/server.ts';
import { startSparkwise } from '../../sandbox/sparkwise/index.ts';

/** `stalledMs`: the longest that the machine kept the sandbox itself from looking at the clock. */
export type ThreadCounts = SandboxCounts & { readonly stalledMs: number };

/** A Sparkwise sandbox with an event loop of its own: it counts while ours is busy. */
export type SandboxThread = {
  readonly url: string;
  readonly setRate: (rate: number) => void;
  readonly clearLog: () => void;
  readonly counts: () => Promise<ThreadCounts>;
  readonly close: () => Promise<void>;
};

type Order =
  | { readonly do: 'counts' | 'clearLog' | 'close' }
  | { readonly do: 'setRate'; readonly rate: number };

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  const { sandbox } = await startSparkwise({ keepBodies: false });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  port.on('message', (order: Order) => {
    if (order.do === 'setRate') sandbox.setRate(order.rate);
    else if (order.do === 'clearLog') {
      sandbox.clearLog();
      delay.reset();
    } else if (order.do === 'counts') port.postMessage({ ...sandbox.counts(), stalledMs: delay.max / 1e6 });
    else void sandbox.close().then(() => port.close());
  });
  port.postMessage(sandbox.url);
}

/** Starts a sandbox in a thread of its own. */
export async function startSandboxThread(): Promise<SandboxThread> {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const [url] = (await once(worker, 'message')) as [string];
  const send = (order: Order): void => worker.postMessage(order);
  return {
    url,
    setRate: (rate) => send({ do: 'setRate', rate }),
    clearLog: () => send({ do: 'clearLog' }),
    counts: async () => {
      const answer = once(worker, 'message');
      send({ do: 'counts' });
      const [counts] = (await answer) as [ThreadCounts];
      return counts;
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
