import { setTimeout as sleep } from 'node:timers/promises';
import { Output } from './output.ts';
import { standardSink } from './sink.ts';

/** The one owner of standard output and standard error. */
export type StandardOutputs = {
  /** Results. */
  readonly out: Output;
  /** Logs, progress, questions, what went wrong. */
  readonly err: Output;
  /**
   * Waits until what was written has left. A result is waited for as long as its reader is there (`… | less`), unless
   * `stop` says that nobody wants to wait; the log for a second.
   */
  readonly settled: (stop: AbortSignal) => Promise<void>;
};

/** How long the end of the process waits for its log, in ms. */
const logWaitMs = 1_000;

export function openStandardOutputs(): StandardOutputs {
  const out = new Output(standardSink(1, process.stdout));
  const err = new Output(standardSink(2, process.stderr));
  // Whatever else writes there (a warning of Node's) must not end the process either.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    out,
    err,
    settled: async (stop) => {
      await Promise.race([out.settled(), aborted(stop)]);
      await Promise.race([Promise.all([out.settled(), err.settled()]), sleep(logWaitMs)]);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
