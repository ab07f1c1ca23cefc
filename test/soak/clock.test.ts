import { existsSync } from 'node:fs';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { webhookReceiver } from '../../sandbox/receivers/index.ts';
import { startSandbox } from '../../sandbox/server.ts';
import type { Run } from '../../src/store/run-lookups.ts';
import { findBinaries } from '../../src/store/embedded/binaries.ts';
import { makeCluster } from '../../src/store/embedded/cluster.ts';
import { openLayout } from '../../src/store/embedded/layout.ts';
import { startServer } from '../../src/store/embedded/postmaster.ts';
import { type BackendName, describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { expectEndsInStep } from '../support/in-step.ts';
import { serversRequired } from '../support/servers.ts';
import { until } from '../support/until.ts';

/** Wall clocks of single processes are set with libfaketime; their monotonic clock goes on, as under a real change. */
const libraries = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
);
const library = libraries.find((file) => existsSync(file));
const skip = library === undefined && !serversRequired;
if (skip) process.stderr.write('skipped: clocks that are set: libfaketime is not installed\n');

const hourMs = 3_600_000;
const secret = 'of the receiver';

type Setting = { readonly name: string; readonly offsetMs: number; readonly kill: boolean };

const settings: readonly Setting[] = [
  ['an hour', hourMs],
  ['a day', 24 * hourMs],
  ['a year', 365 * 24 * hourMs],
].flatMap(([name, ms]) =>
  [1, -1].flatMap((sign) =>
    [false, true].map((kill) => ({
      name: `${name} ${sign > 0 ? 'ahead' : 'back'} and right again, ${kill ? 'killed meanwhile' : 'without a restart'}`,
      offsetMs: sign * Number(ms),
      kill,
    })),
  ),
);

/**
 * A service on a schedule of seconds whose clock is wrong for a while. It runs by schedule all the time; and once the clock
 * is right again, with a platform that has gone out of order meanwhile, on-call hears that there is no good run, and
 * scheduled runs go on as soon as it is back.
 */
async function setClock(backend: BackendName, { offsetMs, kill }: Setting): Promise<void> {
  let wrongMs = 0;
  const webhook = webhookReceiver(secret, () => Date.now() + wrongMs);
  const receiver = await startSandbox(webhook, { rate: 0 });
  const on = await openBackend(backend);
  const rows = people(30);
  const clockFile = { path: '' };
  const env = {
    LD_PRELOAD: library ?? '',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1',
    get FAKETIME_TIMESTAMP_FILE() {
      return clockFile.path;
    },
  };
  try {
    await using company = await openSparkwiseCompany({
      backend,
      on,
      rows,
      rate: 50,
      platform: { schedule: '*/2 * * * * *', timezone: 'UTC', staleAfter: '5s' },
      config: {
        control: { listen: '127.0.0.1:0' },
        alerts: { channels: [{ type: 'webhook', url: `${receiver.url}/hook`, secret }] },
      },
      env,
    });
    // The embedded server, which runs as somebody else where we are root, has to read it too.
    await chmod(company.folder, 0o755);
    clockFile.path = join(company.folder, 'clock');
    const set = async (ms: number): Promise<void> => {
      wrongMs = ms;
      await writeFile(`${clockFile.path}.next`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1_000}`);
      await rename(`${clockFile.path}.next`, clockFile.path);
    };
    await set(0);
    const start = async () => {
      const before = company.logged().split('service started').length;
      const service = await company.start();
      await until('the service', () => company.logged().split('service started').length > before, 30_000);
      return service;
    };
    if (backend === 'embedded') await startClocked(join(company.folder, 'data'), { ...env });
    let service = await start();
    const { store } = await company.opened();
    const runs = (): Promise<readonly Run[]> =>
      store.runs.list({ customer: 'harbour', platform: platformName, limit: 500 });
    /** A scheduled run by a clock that is off by so much, which ended well after the test's clock showed that time. */
    const goodRun = async (ms: number, sinceMs: number): Promise<boolean> =>
      (await runs()).some(
        (run) =>
          (run.status === 'applied' || run.status === 'unchanged') &&
          run.trigger !== 'command' &&
          run.created_ms > sinceMs + ms &&
          Math.abs(run.created_ms - (Date.now() + ms)) < 10 * 60_000,
      );
    const heard = (events: readonly string[], from: number): boolean =>
      webhook.state
        .slice(from)
        .some((body) => body['kind'] === 'PLATFORM_STALE' && events.includes(String(body['event'])));
    await until('a good run', () => goodRun(0, 0), 30_000);
    let sinceMs = Date.now();
    await set(offsetMs);
    await until('a good run by the wrong clock', () => goodRun(offsetMs, sinceMs), 30_000);
    const { rows: clocks } = await sql<{ ms: number }>`
      select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(store.database.db);
    const serverMs = Date.now() + (backend === 'embedded' ? offsetMs : 0);
    expect(Math.abs((clocks[0]?.ms ?? 0) - serverMs)).toBeLessThan(10_000);

    company.sandbox.fail({
      times: Number.POSITIVE_INFINITY,
      effect: { do: 'answer', response: { status: 400, text: '' } },
    });
    if (kill) await service.kill();
    await set(0);
    const told = webhook.state.length;
    if (kill) service = await start();
    // Where it was open by the wrong clock already, it was last told of at a time that has not come: it is told of again.
    await until('on-call to hear of no good run', () => heard(['begin', 'reminder'], told), 60_000);

    company.sandbox.clearFaults();
    sinceMs = Date.now();
    await until('a good run once the platform is back', () => goodRun(0, sinceMs), 60_000);
    await until('on-call to hear that it is', () => heard(['end'], told), 60_000);
    expect(await service.kill('SIGTERM')).toBeUndefined();
    await company.configure({ platform: { schedule: '0 0 1 1 *' } });
    // What the service was at when it was stopped comes to its end first.
    await company.sync();
    const { store: left } = await company.opened();
    await until('the end of all runs', async () => (await left.runs.open('harbour')).length === 0);
    await expectEndsInStep(company, rows);
  } finally {
    await receiver.close();
    await on.stop();
  }
}

/** Starts the server of a data directory with that environment: one machine, one clock. Whoever comes next finds it running. */
async function startClocked(dataDir: string, env: Readonly<Record<string, string>>): Promise<void> {
  const layout = await openLayout(dataDir);
  const binaries = await findBinaries();
  const cluster = await makeCluster(layout, binaries);
  const started = await startServer(layout, binaries, { ...cluster, env: { ...cluster.env, ...env } });
  await until('the server', async () => {
    const end = await started.ended();
    if (end !== null) throw new Error(end);
    return (await readFile(layout.log, 'utf8').catch(() => '')).includes('ready to accept connections');
  });
}

describe.skipIf(skip)('a clock that is set', () => {
  const soak = process.env['ROLLCALL_SOAK'] !== undefined;
  const chosen = soak ? settings : settings.filter(({ name }) => /^a (day|year) ahead/.test(name));
  describeOn(
    'redis',
    'on shared servers, whose own clock is right',
    () => {
      test.for(chosen)('$name', { timeout: 240_000 }, (setting) => setClock('redis', setting));
    },
    { concurrent: true },
  );
  describeOn(
    'embedded',
    'whose clock goes with it',
    () => {
      test.for(chosen)('$name', { timeout: 240_000 }, (setting) => setClock('embedded', setting));
    },
    { concurrent: true },
  );
});
