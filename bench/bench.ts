import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchApplying, benchFirstSync } from './applying.ts';
import { problemsOf } from './check.ts';
import { benchNight } from './night.ts';
import { benchPeer } from './peer.ts';
import { benchPlanning } from './planning.ts';
import { benchQueue } from './queueing.ts';
import type { BenchReport } from './measured.ts';
import { asMarkdown } from './report.ts';
import { benchScaling } from './scaling.ts';
import { openStores } from './stores.ts';

const sizes: Readonly<Record<string, number>> = {
  '1k': 1_000,
  '20k': 20_000,
  '200k': 200_000,
  '1m': 1_000_000,
};
const sections = ['planning', 'applying', 'first', 'queue', 'peer', 'scaling', 'night'] as const;

const { values } = parseArgs({
  options: {
    size: { type: 'string', multiple: true, default: ['1k', '20k', '200k', '1m'] },
    // The night of 300 customers takes hours at the real rates: only when it is asked for.
    only: { type: 'string', multiple: true, default: sections.filter((section) => section !== 'night') },
    customers: { type: 'string', default: '300' },
    people: { type: 'string', default: '2000' },
    store: { type: 'string', multiple: true, default: ['embedded', 'postgres', 'redis'] },
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
});

const wants = (section: (typeof sections)[number]): boolean => values.only.includes(section);
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const { stores, missing, stop } = await openStores();
const wantedStores = stores.filter((store) => values.store.includes(store.name));
const report: BenchReport = {
  date: new Date().toISOString().slice(0, 10),
  machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  node: process.version,
  missing,
  planning: [],
  applying: [],
  firstSync: [],
  queue: [],
  peer: [],
  scaling: [],
  night: [],
};
try {
  const state = wantedStores.filter((store) => store.name !== 'redis');
  if (wants('planning')) {
    for (const name of values.size) {
      const size = sizes[name.toLowerCase()];
      if (size === undefined) throw new Error(`no size ${name}; there are ${Object.keys(sizes).join(', ')}`);
      for (const store of state) {
        say(`planning ${name} on ${store.name}`);
        report.planning.push(await benchPlanning(size, store));
      }
    }
  }
  if (wants('applying')) {
    // Rate, ms of an answer, people a request, requests. At 500 a second no platform takes 200 people at a time.
    const loads = values.short
      ? [[20, 20, 200, 200]]
      : [
          [5, 20, 200, 50],
          [5, 300, 200, 50],
          [50, 20, 200, 500],
          [50, 300, 200, 500],
          [50, 20, 20, 500],
          [50, 300, 20, 500],
          [500, 20, 20, 2_500],
          [500, 300, 20, 2_500],
        ];
    for (const store of wantedStores.filter((candidate) => candidate.name !== 'postgres')) {
      for (const [rate = 0, latencyMs = 0, batch = 0, requests = 0] of loads) {
        say(`applying at ${rate}/s, ${batch} people a request, answers in ${latencyMs} ms, on ${store.name}`);
        report.applying.push(await benchApplying(store, rate, latencyMs, batch, requests));
      }
    }
  }
  const [embedded] = wantedStores.filter((store) => store.name === 'embedded');
  if (wants('first') && embedded !== undefined) {
    say('first sync on embedded');
    report.firstSync.push(
      values.short ? await benchFirstSync(embedded, 20_000, 20) : await benchFirstSync(embedded, 100_000, 20),
    );
  }
  if (wants('queue')) {
    for (const store of wantedStores.filter((candidate) => candidate.name !== 'postgres')) {
      say(`queue on ${store.name}`);
      report.queue.push(await benchQueue(store, values.short ? 1_000 : 5_000));
    }
  }
  if (wants('peer') && embedded !== undefined) {
    say('the peer');
    report.peer = await benchPeer(embedded, values.short ? 5_000 : 20_000, 200, 20);
  }
  if (wants('night')) {
    const [customers, people] = values.short ? [30, 200] : [Number(values.customers), Number(values.people)];
    for (const store of wantedStores) {
      say(`a night of ${customers} customers of ${people} people on ${store.name}`);
      report.night.push(await benchNight(store, customers, people));
    }
  }
  const redis = wantedStores.find((store) => store.name === 'redis');
  if (wants('scaling') && redis !== undefined) {
    // Half a minute at the rate: of ten seconds, starting eight runs on two cores is a fifth.
    const people = values.short ? 400 : 6_000;
    const rate = 10;
    say('one platform alone');
    report.scaling.push(await benchScaling(redis, 1, 1, people, rate));
    for (const processes of values.short ? [4] : [1, 2, 4]) {
      say(`scaling to ${processes} processes`);
      report.scaling.push(await benchScaling(redis, processes, 8, people, rate));
    }
  }
} finally {
  await stop();
}
process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : `${asMarkdown(report)}\n`);
if (values.write)
  await writeFile(resolve(import.meta.dirname, '../docs/performance.md'), `${asMarkdown(report)}\n`);
if (values.check) {
  const problems = problemsOf(report);
  for (const problem of problems) say(`does not hold: ${problem}`);
  say(problems.length === 0 ? 'everything holds' : `${problems.length} do not hold`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
