import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { webhookReceiver } from '../../sandbox/receivers/index.ts';
import { startSandbox } from '../../sandbox/server.ts';
import { type Backend, type BackendName, describeOn, openBackend } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { type Company, openSparkwiseCompany, platformName } from '../support/harness.ts';
import { endServer, makeDataDir } from '../support/template.ts';
import { until } from '../support/until.ts';

// The fault matrix of docs/guarantees.md, measured: under a service with a schedule, what on-call is told and how long after
// it began, and how long after its end there is a good run again, without anybody's doing.

const run = promisify(execFile);
const patienceMs = 180_000;
const secret = 'of the receiver';
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
if (!mayMount) process.stderr.write('skipped: disks that are full: only root may mount a small one\n');

const mounted: string[] = [];
const measured: string[] = [];
afterAll(async () => {
  for (const folder of mounted) {
    await run('umount', ['-l', folder]).catch(() => undefined);
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
  process.stderr.write(`${measured.sort().join('\n')}\n`);
});

type Scene = { readonly company: Company; readonly backend: Backend; readonly disk: string };
type Fault = {
  readonly name: string;
  readonly on: BackendName;
  /** The alert that has to come; null: nobody needs to be told. */
  readonly told: string | null;
  /** What is mounted small: the data directory, or the folder of the log. */
  readonly small?: 'data' | 'log';
  readonly begin: (scene: Scene) => Promise<() => Promise<unknown>>;
};

async function readOnly({ company }: Scene): Promise<() => Promise<unknown>> {
  const { queuePool } = (await company.opened()).store.database;
  const admin = new pg.Client(queuePool.options);
  await admin.connect();
  await admin.query('set default_transaction_read_only = off');
  const turn = async (value: 'on' | 'off'): Promise<void> => {
    await admin.query(`alter system set default_transaction_read_only = ${value}`);
    await admin.query('select pg_reload_conf()');
  };
  await turn('on');
  return async () => {
    await turn('off');
    await admin.end();
  };
}

async function fill({ disk }: Scene): Promise<() => Promise<unknown>> {
  const filling = join(disk, 'filling');
  await writeFile(filling, Buffer.alloc(256 * 1024 * 1024, 1)).catch(() => undefined);
  return () => rm(filling);
}

function redisFault(
  begin: (redis: Redis, other: Redis) => Promise<unknown>,
  end: (redis: Redis) => Promise<unknown>,
): Fault['begin'] {
  return async ({ backend }) => {
    const [redis, other] = [new Redis(backend.redisUrl ?? ''), new Redis(backend.redisUrl ?? '')];
    for (const one of [redis, other]) one.on('error', () => undefined);
    await begin(redis, other);
    return async () => {
      await end(redis);
      redis.disconnect();
      other.disconnect();
    };
  };
}

const faults: readonly Fault[] = [
  { name: 'store read-only', on: 'postgres', told: 'STORE_UNREACHABLE', begin: readOnly },
  { name: 'store read-only', on: 'embedded', told: 'STORE_UNREACHABLE', begin: readOnly },
  { name: 'store full', on: 'embedded', told: 'STORE_UNREACHABLE', small: 'data', begin: fill },
  { name: 'log full', on: 'embedded', told: 'LOG_LOST', small: 'log', begin: fill },
  {
    name: 'Redis READONLY',
    on: 'redis',
    told: 'QUEUE_UNREACHABLE',
    begin: redisFault(
      (redis) => redis.replicaof('127.0.0.1', 1),
      (redis) => redis.replicaof('NO', 'ONE'),
    ),
  },
  {
    name: 'Redis OOM',
    on: 'redis',
    told: 'QUEUE_UNREACHABLE',
    begin: redisFault(
      (redis) => redis.config('SET', 'maxmemory', '1mb'),
      (redis) => redis.config('SET', 'maxmemory', '0'),
    ),
  },
  {
    name: 'Redis NOREPLICAS',
    on: 'redis',
    told: 'QUEUE_UNREACHABLE',
    begin: redisFault(
      (redis) => redis.config('SET', 'min-replicas-to-write', '1'),
      (redis) => redis.config('SET', 'min-replicas-to-write', '0'),
    ),
  },
  {
    name: 'Redis busy with a script',
    on: 'redis',
    told: 'QUEUE_UNREACHABLE',
    begin: redisFault(
      async (redis, other) => {
        await redis.config('SET', 'busy-reply-threshold', '100');
        other.eval('while true do end', 0).catch(() => undefined);
      },
      (redis) => redis.script('KILL'),
    ),
  },
];

async function small(folder: string): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=0700', 'tmpfs', folder]);
  mounted.push(folder);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

async function measure(fault: Fault): Promise<void> {
  const webhook = webhookReceiver(secret, Date.now);
  const receiver = await startSandbox(webhook, { rate: 0 });
  const backend = await openBackend(fault.on);
  const logs = await mkdtemp(join(tmpdir(), 'rollcall-told-'));
  try {
    await using company = await openSparkwiseCompany({
      backend: fault.on,
      on: backend,
      rows: people(20),
      rate: 50,
      platform: { schedule: '*/2 * * * * *', timezone: 'UTC', staleAfter: '1h' },
      config: {
        control: { listen: '127.0.0.1:0' },
        alerts: { channels: [{ type: 'webhook', url: `${receiver.url}/hook`, secret }] },
      },
      ...(fault.small === 'log'
        ? { startedBy: () => ['sh', '-c', 'exec "$@" 2>>"$0"', join(logs, 'rollcall.log')] }
        : {}),
    });
    const data = join(company.folder, 'data');
    if (fault.small === 'data') {
      await company.close();
      await small(data);
      await makeDataDir(data);
    }
    if (fault.small === 'log') await small(logs);
    const service = await company.start();
    const { store } = await company.opened();
    const goodRun = (sinceMs: number) => async (): Promise<boolean> =>
      (
        await store.runs.list({ customer: 'harbour', platform: platformName, limit: 20 }).catch(() => [])
      ).some(
        ({ trigger, status, created_ms: createdMs }) =>
          trigger !== 'command' && createdMs > sinceMs && ['applied', 'unchanged'].includes(status),
      );
    const heard = (event: string) => (): boolean =>
      webhook.state.some((body) => body['kind'] === fault.told && body['event'] === event);
    await until('a good run', goodRun(0), patienceMs);
    expect(heard('begin')()).toBe(false);

    const beganMs = Date.now();
    const end = await fault.begin({ company, backend, disk: fault.small === 'log' ? logs : data });
    await until(`${fault.told}`, heard('begin'), patienceMs);
    const toldMs = Date.now() - beganMs;
    const others = webhook.state.map((body) => String(body['kind'])).filter((kind) => kind !== fault.told);
    const endedMs = Date.now();
    await end();
    await until('a good run', goodRun(endedMs), patienceMs);
    const goodMs = Date.now() - endedMs;
    // That lines were lost is told of for longer than anybody waits here.
    if (fault.told !== 'LOG_LOST') await until('its end to be told', heard('end'), patienceMs);
    const failed = (
      await store.runs.list({ customer: 'harbour', platform: platformName, limit: 100 })
    ).filter(({ status }) => status === 'failed');
    measured.push(
      `${fault.name} [${fault.on}]: ${fault.told} after ${seconds(toldMs)}, a good run ${seconds(goodMs)} after its end, ${failed.length} runs failed${others.length === 0 ? '' : `; also ${[...new Set(others)].join(', ')}`}`,
    );
    expect(failed).toEqual([]);
    await service.kill('SIGTERM');
    await company.close();
    if (fault.small === 'data') {
      // Its server ends with the last of its processes, and is on the disk until then.
      await endServer(data);
      await run('umount', [data]);
    }
  } finally {
    await receiver.close();
    await backend.stop();
    await rm(logs, { recursive: true, force: true }).catch(() => undefined);
  }
}

describe('on-call is told, and work goes on by itself', () => {
  for (const on of ['embedded', 'redis', 'postgres'] as const)
    describeOn(on, 'a fault under a service', () => {
      for (const fault of faults.filter((one) => one.on === on))
        test.skipIf(fault.small !== undefined && !mayMount)(fault.name, { timeout: 600_000 }, () =>
          measure(fault),
        );
    });
});
