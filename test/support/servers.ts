import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';

const run = promisify(execFile);

/** In CI the suites on Redis and PostgreSQL may not be skipped. */
export const serversRequired = process.env['ROLLCALL_TEST_SERVERS'] === 'required';

/** A Redis of our own. `restart` stops it without warning and starts it again, empty unless `keep`. */
export type RedisServer = {
  readonly url: string;
  /** Where it keeps what it saves. */
  readonly folder: string;
  readonly restart: (options?: { readonly keep?: boolean; readonly downMs?: number }) => Promise<void>;
  readonly stop: () => Promise<void>;
};

/** A PostgreSQL of our own; each test takes a database of it. */
export type PostgresServer = {
  /** A new, empty database: its address. */
  readonly database: () => Promise<string>;
  readonly stop: () => Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise<void>((done) => server.close(() => done()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function findProgram(name: string): Promise<string | null> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a)))
    folders.push(`/usr/lib/postgresql/${version}/bin`);
  for (const folder of folders) {
    const path = join(folder, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

/** Why the suites on Redis cannot run here; null when they can. */
export async function whyNoRedis(): Promise<string | null> {
  return (await findProgram('redis-server')) === null ? 'redis-server is not installed' : null;
}

/** Why the suites on PostgreSQL cannot run here; null when they can. */
export async function whyNoPostgres(): Promise<string | null> {
  if ((await findProgram('initdb')) === null) return 'PostgreSQL (initdb) is not installed';
  if (process.getuid?.() === 0 && (await unprivileged()) === null)
    return 'PostgreSQL does not run as root, and there is no user postgres or nobody';
  return null;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => child.once('exit', () => done()));
}

/** A server must not outlive the tests, however they end. */
function endWithUs(child: ChildProcess, signal: NodeJS.Signals): () => void {
  const kill = (): void => {
    child.kill(signal);
  };
  process.once('exit', kill);
  return () => process.off('exit', kill);
}

/** Starts a Redis on a port of its own that keeps nothing on disk, or with `appendOnly` all. */
export async function startRedis(options: { readonly appendOnly?: boolean } = {}): Promise<RedisServer> {
  const program = await findProgram('redis-server');
  if (program === null) throw new Error('redis-server is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}/0`;
  let child: ChildProcess;
  let forget = (): void => undefined;
  const up = async (): Promise<void> => {
    const appendOnly = options.appendOnly === true ? 'yes' : 'no';
    child = spawn(
      program,
      ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder].concat([
        '--appendonly',
        appendOnly,
        '--appendfsync',
        'always',
        '--loglevel',
        'warning',
      ]),
      { stdio: 'ignore' },
    );
    forget = endWithUs(child, 'SIGKILL');
    const probe = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    probe.on('error', () => undefined);
    await probe.ping();
    probe.disconnect();
  };
  const down = async (): Promise<void> => {
    forget();
    child.kill('SIGKILL');
    await ended(child);
  };
  await up();
  return {
    url,
    folder,
    restart: async ({ keep = false, downMs = 0 } = {}) => {
      if (keep && options.appendOnly !== true) throw new Error('start it with appendOnly to keep its data');
      await down();
      if (!keep) await rm(join(folder, 'appendonlydir'), { recursive: true, force: true });
      await sleep(downMs);
      await up();
    },
    stop: async () => {
      await down();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A user that may run PostgreSQL, which refuses root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | null> {
  for (const name of ['postgres', 'nobody']) {
    try {
      const uid = Number((await run('id', ['-u', name])).stdout);
      const gid = Number((await run('id', ['-g', name])).stdout);
      return { uid, gid };
    } catch {
      // The next name.
    }
  }
  return null;
}

/** Starts a PostgreSQL on a port of its own. Made for tests, it syncs nothing to disk, unless it is to be `durable`. */
export async function startPostgres({ durable = false } = {}): Promise<PostgresServer> {
  const initdb = await findProgram('initdb');
  const why = await whyNoPostgres();
  if (initdb === null || why !== null) throw new Error(why ?? 'initdb is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-postgres-'));
  const data = join(folder, 'data');
  const port = await freePort();
  const user = process.getuid?.() === 0 ? await unprivileged() : null;
  if (user !== null) await chown(folder, user.uid, user.gid);
  const options = { cwd: folder, ...user };
  const shape = ['-U', 'rollcall', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
  await run(initdb, ['-D', data, ...shape], options);
  const settings = durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
  settings.push('max_connections=200');
  settings.push('listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'shared_buffers=64MB');
  const server = initdb.replace(/initdb$/, 'postgres');
  const args = ['-D', data, '-p', `${port}`, ...settings.flatMap((one) => ['-c', one])];
  const child = spawn(server, args, { stdio: 'ignore', ...options });
  const forget = endWithUs(child, 'SIGQUIT');
  const address = (name: string): string => `postgres://rollcall@127.0.0.1:${port}/${name}`;
  await ready(address('postgres'), child);
  let made = 0;
  return {
    database: async () => {
      const name = `test_${++made}`;
      const client = new pg.Client(address('postgres'));
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return address(name);
    },
    stop: async () => {
      forget();
      // At once, and its children with it.
      child.kill('SIGQUIT');
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}`);
    const client = new pg.Client(url);
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await client.end().catch(() => undefined);
      await sleep(30);
    }
  }
}
