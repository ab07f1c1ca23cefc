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
/** Only a hang takes this long, on a machine with much other work too. */
const patienceMs = 180_000;
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

/** The environment of a process whose clock is as far off as that file says at the moment. */
function faked(file: { readonly path: string }) {
  return {
    LD_PRELOAD: library ?? '',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1',
    get FAKETIME_TIMESTAMP_FILE() {
      return file.path;
    },
  };
}

/** In one step: a process that looks meanwhile finds the old offset or the new one. */
async function setOffset(file: string, ms: number): Promise<void> {
  await writeFile(`${file}.next`, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1_000}`);
  await rename(`${file}.next`, file);
}

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
  const env = faked(clockFile);
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
      await setOffset(clockFile.path, ms);
    };
    await set(0);
    const start = async () => {
      const before = company.logged().split('service started').length;
      const service = await company.start();
      await until('the service', () => company.logged().split('service started').length > before, patienceMs);
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
    const heard = (events: readonly string[], from: number, kind = 'PLATFORM_STALE'): boolean =>
      webhook.state
        .slice(from)
        .some((body) => body['kind'] === kind && events.includes(String(body['event'])));
    await until('a good run', () => goodRun(0, 0), patienceMs);
    let sinceMs = Date.now();
    await set(offsetMs);
    await until('a good run by the wrong clock', () => goodRun(offsetMs, sinceMs), patienceMs);
    // Set back, what was stored before lies in the future now, and in the past again once the clock is right.
    if (offsetMs < 0)
      await until('on-call to hear of the clock', () => heard(['begin'], 0, 'CLOCK_WRONG'), patienceMs);
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
    await until('on-call to hear of no good run', () => heard(['begin', 'reminder'], told), patienceMs);

    company.sandbox.clearFaults();
    sinceMs = Date.now();
    await until('a good run once the platform is back', () => goodRun(0, sinceMs), patienceMs);
    await until('on-call to hear that it is', () => heard(['end'], told), patienceMs);
    // Set back to now or from it: stored times lay in the future, and there is a word for that.
    await until('on-call to hear of the clock', () => heard(['begin'], 0, 'CLOCK_WRONG'), patienceMs);
    expect(await service.kill('SIGTERM')).toBeUndefined();
    await company.configure({ platform: { schedule: '0 0 1 1 *' } });
    // What the service was at when it was stopped comes to its end first.
    await company.sync();
    const { store: left } = await company.opened();
    await until(
      'the end of all runs',
      async () => (await left.runs.open('harbour')).length === 0,
      patienceMs,
    );
    await expectEndsInStep(company, rows);
  } finally {
    await receiver.close();
    await on.stop();
  }
}

type Change = {
  readonly name: string;
  readonly schedule: string;
  /** Instants to which the clock is moved, one after the other, each a little before something that is due or is not. */
  readonly moves: readonly string[];
  readonly slots: readonly string[];
};

/** In Dublin the clock goes from 01:00 to 02:00 on 29 March 2026, and from 02:00 to 01:00 on 25 October: both at 01:00 UTC. */
const changes: readonly Change[] = [
  {
    name: 'a slot in the hour that is skipped comes once',
    schedule: '30 1 * * *',
    moves: ['2026-03-29T00:29:58Z', '2026-03-29T00:59:58Z', '2026-03-29T01:29:58Z', '2026-03-30T00:29:58Z'],
    slots: ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
  },
  {
    name: 'a slot in the hour that comes twice comes once',
    schedule: '30 1 * * *',
    moves: ['2026-10-25T00:29:58Z', '2026-10-25T00:59:58Z', '2026-10-25T01:29:58Z', '2026-10-26T01:29:58Z'],
    slots: ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
  },
  {
    name: 'half-hourly slots keep their distance in the hour that comes twice',
    schedule: '*/30 * * * *',
    moves: ['2026-10-25T00:29:58Z', '2026-10-25T00:59:58Z', '2026-10-25T01:29:58Z'],
    slots: ['2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z'],
  },
  {
    name: 'half-hourly slots keep their distance where an hour is skipped',
    schedule: '*/30 * * * *',
    moves: ['2026-03-29T00:29:58Z', '2026-03-29T00:59:58Z', '2026-03-29T01:29:58Z'],
    slots: ['2026-03-29T00:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-29T01:30:00.000Z'],
  },
];

/** A service of that time zone, in it, while the clock on the wall is put forward or back. */
async function changeTime({ schedule, moves, slots }: Change): Promise<void> {
  const [first = ''] = moves;
  const startMs = Date.parse(first) - 600_000;
  const clockFile = { path: '' };
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows: people(10),
    clock: new Date(startMs).toISOString(),
    platform: { schedule, timezone: 'Europe/Dublin' },
    config: { control: { listen: '127.0.0.1:0' } },
    env: Object.assign(faked(clockFile), { TZ: 'Europe/Dublin' }),
  });
  clockFile.path = join(company.folder, 'clock');
  let aheadMs = 0;
  const set = async (atMs: number): Promise<void> => {
    aheadMs = atMs - Date.now();
    await setOffset(clockFile.path, aheadMs);
  };
  await set(startMs);
  const service = await company.start();
  await until('the service', () => company.logged().includes('service started'), patienceMs);
  const { store } = await company.opened();
  const ended = async (): Promise<readonly string[]> =>
    (await store.runs.list({ customer: 'harbour', platform: platformName, limit: 50 }))
      .filter((run) => run.ended_ms !== null)
      .map((run) => new Date(run.slot_ms ?? 0).toISOString())
      .toReversed();
  for (const move of moves) {
    const atMs = Date.parse(move);
    await set(atMs);
    const isDue = slots.some((slot) => Math.abs(Date.parse(slot) - atMs) < 5_000);
    const before = slots.filter((slot) => Date.parse(slot) < atMs + 5_000).length;
    if (isDue)
      await until(`the slot after ${move}`, async () => (await ended()).length >= before, patienceMs);
    // Nothing is due here: some beats later, nothing has come.
    else await until(`the time after ${move}`, () => Date.now() + aheadMs > atMs + 6_000);
  }
  expect(await ended()).toEqual(slots);
  await service.kill('SIGTERM');
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
  const chosen = soak ? settings : settings.filter(({ name }) => name.startsWith('a day ahead'));
  const onTheWall = soak ? changes : changes.slice(0, 2);
  describeOn(
    'redis',
    'on shared servers, whose own clock is right',
    () => {
      test.for(chosen)('$name', { timeout: 900_000 }, (setting) => setClock('redis', setting));
    },
    { concurrent: true },
  );
  describeOn(
    'embedded',
    'whose clock goes with it',
    () => {
      test.for(chosen)('$name', { timeout: 900_000 }, (setting) => setClock('embedded', setting));
    },
    { concurrent: true },
  );
  describeOn(
    'embedded',
    'put forward or back on the wall',
    () => {
      test.for(onTheWall)('$name', { timeout: 900_000 }, (change) => changeTime(change));
    },
    { concurrent: true },
  );
});
