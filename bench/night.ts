import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKeepnet } from '../sandbox/keepnet/index.ts';
import { addGroup as addMimecastGroup, startMimecast } from '../sandbox/mimecast/index.ts';
import { startOutthink } from '../sandbox/outthink/index.ts';
import { startScim } from '../sandbox/scim/index.ts';
import { busiestWindow, type Sandbox } from '../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../sandbox/sparkwise/index.ts';
import { rowsOf, writeRoster } from './company.ts';
import { productFlags } from './measure.ts';
import type { BenchStore } from './stores.ts';
import { createWorld, seed } from './world.ts';

/** A night of many customers in one service. */
export type NightRow = {
  readonly store: string;
  readonly customers: number;
  readonly people: number;
  /** From the first request of the night to the last, of all customers whose platform answers, in s. */
  readonly seconds: number;
  /** What the slowest rate alone needs for its requests, in s. */
  readonly idealSeconds: number;
  /** The busiest second of any rate group, and its limit. */
  readonly busiestWindow: number;
  readonly limit: number;
  readonly tooMany: number;
  /** Of those that share a rate: when the first of them was done, as a share of the time that all of them took. Fair is near 1. */
  readonly firstShared: number;
  /** The last of those with a rate of their own, in s: a dead and a slow platform are among the customers. */
  readonly alone: number;
  /** Runs that came to a good end, of those whose platform answers. */
  readonly good: number;
  readonly answering: number;
  /** Resident memory of the service when it had started, at its highest, and after the night, in MB. */
  readonly memory: readonly [number, number, number];
};

type Tenant = { readonly sandbox: Sandbox; readonly block: Readonly<Record<string, unknown>> };

/** A credential of a reseller: so many requests a second for all who share it. */
const ratePerS = 10;
const group = 'Harbour awareness';
/** An answer of the slow platform, in ms. */
const slowMs = 3_000;
const token = 'the-operator-of-the-night-bench-00000001';
const port = 17_690;

const kinds: readonly (() => Promise<Tenant>)[] = [
  async () => {
    const { sandbox } = await startSparkwise({});
    return { sandbox, block: { provider: 'sparkwise', baseUrl: sandbox.url, apiKey: sparkwiseApiKey } };
  },
  async () => {
    const { sandbox, baseUrl, token: secret } = await startScim({});
    return { sandbox, block: { provider: 'scim', baseUrl, token: secret } };
  },
  async () => {
    const { sandbox, restUrl, scimUrl, credentials } = await startOutthink({
      scim: { bulk: { maxOperations: 100 } },
    });
    const { customerId, apiKey, scimToken } = credentials;
    return {
      sandbox,
      block: {
        provider: 'outthink',
        baseUrl: restUrl,
        customerId,
        apiKey,
        scim: { baseUrl: scimUrl, token: scimToken },
      },
    };
  },
  async () => {
    const { sandbox, state, client } = await startMimecast({ api: '2.0', joinEnrolls: true });
    addMimecastGroup(state, { description: group });
    const enrollments = [{ target: group, when: 'person.state == "active"' }];
    return {
      sandbox,
      block: { provider: 'mimecast', baseUrl: sandbox.url, ...client, batch: 50, enrollments },
    };
  },
  async () => {
    const { sandbox, credentials } = await startKeepnet({});
    return { sandbox, block: { provider: 'keepnet', baseUrl: sandbox.url, ...credentials } };
  },
];

/** All customers create all their people in one night, half of them behind one credential a kind of platform. */
export async function benchNight(store: BenchStore, customers: number, people: number): Promise<NightRow> {
  const world = await createWorld();
  const folder = join(world.dir, 'customers');
  await mkdir(folder);
  await writeRoster(world.roster, rowsOf(people, seed));
  const all: (Tenant & { readonly name: string; readonly rate: string; readonly answers: boolean })[] = [];
  for (let at = 0; at < customers; at++) {
    const start = kinds[at % kinds.length];
    if (start === undefined) continue;
    const tenant = await start();
    tenant.sandbox.setRate(ratePerS);
    const isShared = at % 2 === 1;
    const name = `c${at + 1}`;
    // The first is dead, the third slow: both have a rate of their own.
    if (at === 0) tenant.sandbox.fail({ effect: { do: 'hang' }, times: Number.POSITIVE_INFINITY });
    if (at === 2) tenant.sandbox.setLatency(slowMs);
    const rate = isShared ? `reseller-${at % kinds.length}` : name;
    await writeFile(
      join(folder, `${name}.yaml`),
      JSON.stringify({
        dataDir: join(world.dir, 'data'),
        roster: {
          source: world.roster,
          columns: {
            id: 'WorkerID',
            firstName: 'FirstName',
            lastName: 'LastName',
            email: 'WorkEmail',
            department: 'Department',
            status: 'WorkerStatus',
          },
        },
        platforms: {
          training: { mode: 'full', rate: `${ratePerS}/s`, rateGroup: rate, timeout: '5s', ...tenant.block },
        },
      }),
    );
    all.push({ ...tenant, name, rate, answers: at !== 0 });
  }
  const control = { listen: `127.0.0.1:${port}`, tokens: [{ name: 'bench', role: 'operator', token }] };
  await writeFile(join(folder, 'operator.yaml'), JSON.stringify({ control }));
  const main = resolve(import.meta.dirname, '../src/main.js');
  const service = spawn(process.execPath, [...productFlags, main, 'start', '-c', join(folder, '*.yaml')], {
    env: { ...process.env, ...store.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  service.stderr.on('data', (chunk: Buffer) => {
    told = (told + chunk.toString()).slice(-20_000);
  });
  const ask = (path: string, body?: object) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
  const residentMb = async (): Promise<number> =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${service.pid}/status`, 'utf8'))?.[1] ?? 0) /
    1_024;
  try {
    while (!told.includes('service started')) {
      if (service.exitCode !== null) throw new Error(`the service did not start: ${told}`);
      await sleep(50);
    }
    const started = await residentMb();
    let most = started;
    await Promise.all(all.map(({ name }) => ask('/api/resync', { customer: name, platform: 'training' })));
    let good = 0;
    const answering = all.filter(({ answers }) => answers).length;
    for (;;) {
      const { platforms } = (await (await ask('/api/platforms')).json()) as {
        platforms: readonly { customer: string; lastGood: unknown; lastRun: { status: string } | null }[];
      };
      most = Math.max(most, await residentMb());
      const ended = platforms.filter(
        ({ lastRun }) =>
          lastRun !== null && !['waiting', 'reading', 'planned', 'applying'].includes(lastRun.status),
      );
      good = platforms.filter(({ lastGood }) => lastGood !== null).length;
      if (good >= answering || ended.length === all.length) break;
      await sleep(500);
    }
    return {
      store: store.name,
      customers,
      people,
      good,
      answering,
      ...measure(all),
      memory: [started, most, await residentMb()],
    };
  } finally {
    service.kill('SIGTERM');
    await new Promise((done) => service.once('exit', done));
    await Promise.all(all.map(({ sandbox }) => sandbox.close()));
    await world.remove();
    await store.reset();
  }
}

/** What the platforms saw. */
function measure(
  all: readonly { readonly sandbox: Sandbox; readonly rate: string; readonly answers: boolean }[],
): Pick<
  NightRow,
  'seconds' | 'idealSeconds' | 'busiestWindow' | 'limit' | 'tooMany' | 'firstShared' | 'alone'
> {
  const times = (sandbox: Sandbox): number[] => sandbox.log.map(({ atMs }) => atMs);
  const groups = Map.groupBy(
    all.filter(({ answers }) => answers),
    ({ rate }) => rate,
  );
  const firstMs = Math.min(...all.flatMap(({ sandbox }) => times(sandbox).slice(0, 1)));
  const endOf = (sandbox: Sandbox): number => (times(sandbox).at(-1) ?? firstMs) - firstMs;
  let ideal = 0;
  let busiest = 0;
  const shared: { readonly ends: readonly number[] }[] = [];
  let alone = 0;
  for (const [rate, members] of groups) {
    const sent = members.flatMap(({ sandbox }) => times(sandbox)).sort((a, b) => a - b);
    ideal = Math.max(ideal, (sent.length - 1) / ratePerS);
    busiest = Math.max(busiest, busiestWindow(sent, 1_000));
    const ends = members.map(({ sandbox }) => endOf(sandbox)).sort((a, b) => a - b);
    if (rate.startsWith('reseller')) shared.push({ ends });
    else alone = Math.max(alone, ...ends);
  }
  const longest = shared.toSorted((a, b) => (b.ends.at(-1) ?? 0) - (a.ends.at(-1) ?? 0))[0]?.ends ?? [1];
  const lastMs = Math.max(...all.filter(({ answers }) => answers).map(({ sandbox }) => endOf(sandbox)));
  return {
    seconds: lastMs / 1_000,
    idealSeconds: ideal,
    busiestWindow: busiest,
    limit: ratePerS,
    tooMany: all.reduce((sum, { sandbox }) => sum + sandbox.counts().tooMany, 0),
    firstShared: (longest[0] ?? 0) / (longest.at(-1) ?? 1),
    alone: alone / 1_000,
  };
}
