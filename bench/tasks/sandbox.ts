import { busiestWindow } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import { personAt } from '../company.ts';

/** What the sandbox process is asked for. One question, one answer, in order. */
export type SandboxQuestion =
  | { readonly ask: 'counts' }
  | { readonly ask: 'reset' }
  | { readonly ask: 'latency'; readonly ms: number }
  | { readonly ask: 'rate'; readonly perSecond: number };

/** Numbers over one platform's log; times in ms on the sandbox's own clock. */
export type PlatformCounts = {
  readonly reads: number;
  readonly writes: number;
  readonly items: number;
  readonly tooMany: number;
  readonly busiestWindow: number;
  /** From the first request to the last, writes only. */
  readonly writeSpanMs: number;
  /** From the first request of any kind to the last. */
  readonly spanMs: number;
};

export type SandboxSettings = {
  users: number;
  seed: number;
  rate: number;
  latencyMs: number;
  platforms: number;
};

const options = JSON.parse(process.argv[2] ?? '{}') as SandboxSettings;

function* users() {
  for (let at = 0; at < options.users; at++) {
    const { id, firstName, lastName } = personAt(at, options.seed);
    yield { firstName, lastName, active: true, remoteId: id };
  }
}

const platforms = await Promise.all(
  Array.from({ length: options.platforms }, () =>
    startSparkwise({ users: users(), rate: options.rate, latencyMs: options.latencyMs, keepBodies: false }),
  ),
);

function countsOf({ sandbox }: (typeof platforms)[number]): PlatformCounts {
  const span = (times: readonly number[]): number =>
    times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
  const { reads, writes, items, tooMany } = sandbox.counts();
  const all = sandbox.log.map((entry) => entry.atMs).sort((a, b) => a - b);
  const written = sandbox.log.filter((entry) => entry.kind === 'write').map((entry) => entry.atMs);
  return {
    reads,
    writes,
    items,
    tooMany,
    busiestWindow: busiestWindow(all, 1_000),
    writeSpanMs: span(written),
    spanMs: span(all),
  };
}

process.on('message', (question: SandboxQuestion) => {
  for (const { sandbox } of platforms) {
    if (question.ask === 'reset') sandbox.clearLog();
    if (question.ask === 'latency') sandbox.setLatency(question.ms);
    if (question.ask === 'rate') sandbox.setRate(question.perSecond);
  }
  process.send?.(platforms.map(countsOf));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ urls: platforms.map(({ sandbox }) => sandbox.url), apiKey: sparkwiseApiKey });
