import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { RollcallError } from '../../errors.ts';
import { type Address, addressOf } from './address.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { makeCluster } from './cluster.ts';
import { type Layout, openLayout, type Reach, unusable } from './layout.ts';
import { failureIn, startServer, type Started } from './postmaster.ts';

const run = promisify(execFile);

/**
 * Every process that works on the server holds this advisory lock together with the others. Whoever goes tries to hold it
 * alone: who can is the last one and stops the server, and whoever comes meanwhile waits for the lock and is sent away with
 * the server's end, to start it again.
 */
const presenceLock = 7_265_533;
/** How soon a server that starts or stops is asked again. */
const retryMs = 15;
/** How soon it is started again where another one was in the way. */
const startAgainMs = 100;
/** How long a server may say nothing at all before that counts as a failure. */
const silentMs = 30_000;
/** How long a server may be busy with its recovery after a crash. */
const recoveryMs = 15 * 60_000;
/** How long a server may take to stop; it does so by itself if it takes longer. */
const stopMs = 15_000;
/** How soon a server that went away is looked for again, and at the longest. */
const reconnectMs = { first: 50, most: 2_000 } as const;

/** A running server that this process takes part in. */
export type EmbeddedServer = {
  readonly config: pg.ClientConfig;
  /** What the other processes on it are, by their commands. */
  readonly others: () => Promise<readonly string[]>;
  /** Takes leave; the last one stops the server. */
  readonly close: () => Promise<void>;
};

/** A data directory's server as this process looks for it. */
type Door = {
  readonly layout: Layout;
  readonly command: string;
  readonly findBinaries: () => Promise<Binaries>;
  address: Address | null;
};

/** What a test may want to have otherwise. */
export type ServerOptions = {
  /** Default: a socket, and loopback on Windows. */
  readonly reach?: Reach;
  readonly findBinaries?: () => Promise<Binaries>;
};

/**
 * Finds or starts the server of a data directory.
 *
 * @throws RollcallError DATA_DIR_UNUSABLE, DATA_DIR_FOREIGN, DATA_DIR_LOCKED, EMBEDDED_UNSUPPORTED or STORE_UNAVAILABLE
 */
export async function openServer(
  dataDir: string,
  command: string,
  options: ServerOptions = {},
): Promise<EmbeddedServer> {
  const door: Door = {
    layout: await openLayout(dataDir, options.reach),
    command,
    findBinaries: options.findBinaries ?? findBinaries,
    address: null,
  };
  let client = await enter(door);
  let closing = false;
  let again: Promise<void> = Promise.resolve();

  /** A server that dies (killed, or out of memory) is started again, as long as somebody works on it. */
  function watch(): void {
    client.once('end', () => {
      if (!closing) again = reenter();
    });
  }

  async function reenter(): Promise<void> {
    for (let waitMs: number = reconnectMs.first; !closing; waitMs = Math.min(waitMs * 2, reconnectMs.most)) {
      await sleep(waitMs, undefined, { ref: false });
      try {
        client = await enter(door);
        if (closing) return await leave(door.layout, client);
        return watch();
      } catch {
        // Whoever asks the database meanwhile is told that it is out of reach; this goes on.
      }
    }
  }

  watch();
  return {
    config: door.address?.config ?? {},
    others: async () => {
      await again;
      const { rows } = await client.query<{ application_name: string }>(
        `select a.application_name from pg_locks l join pg_stat_activity a using (pid)
         where l.locktype = 'advisory' and l.objid = $1 and l.granted and l.pid <> pg_backend_pid()`,
        [presenceLock],
      );
      return rows.map(({ application_name: name }) => name.replace(/^rollcall /, ''));
    },
    close: async () => {
      if (closing) return;
      closing = true;
      // What is on its way in takes leave by itself.
      await Promise.race([again, sleep(reconnectMs.most, undefined, { ref: false })]);
      await leave(door.layout, client);
      await door.address?.forget();
    },
  };
}

/** Whether a server runs on that data directory. */
export async function isInUse(dataDir: string): Promise<boolean> {
  if (!existsSync(dataDir)) return false;
  const layout = await openLayout(dataDir);
  const client = await knock({ layout, command: 'look', findBinaries, address: null });
  if (typeof client !== 'object') return client === 'busy';
  await leave(layout, client);
  return true;
}

/** Comes to the server as one of those who work on it; starts it if nobody has. */
async function enter(door: Door): Promise<pg.Client> {
  const { layout } = door;
  const beganMs = performance.now();
  let binaries: Binaries | undefined;
  let started: Started | undefined;
  let heardMs = beganMs;
  let startAtMs = beganMs;
  let said = '';
  for (;;) {
    const answer = await knock(door);
    if (typeof answer === 'object') return answer;
    const nowMs = performance.now();
    if (answer === 'busy') heardMs = nowMs;
    const end = await started?.ended();
    if (typeof end === 'string') {
      const failure = failureIn(layout, end);
      if (failure !== null) throw failure;
      // Another process starts it, or it is about to end.
      started = undefined;
      said = end;
      startAtMs = nowMs + startAgainMs;
    }
    if (nowMs - heardMs > silentMs) throw lockedOut(layout, said);
    if (nowMs - beganMs > recoveryMs)
      throw new RollcallError('STORE_UNAVAILABLE', 'the embedded PostgreSQL still recovers from a crash.', {
        place: { file: layout.log },
        hint: 'Try again later; the file says how far it is.',
      });
    if (answer === 'silent' && started === undefined && nowMs >= startAtMs) {
      try {
        binaries ??= await door.findBinaries();
        started = await startServer(layout, binaries, await makeCluster(layout, binaries));
      } catch (error) {
        throw unusable(layout.dataDir, error);
      }
      continue;
    }
    await sleep(retryMs);
  }
}

/** What node-postgres says of a connection that ended under it, which has no code. */
const cutOff = /^(Connection terminated|Client has encountered a connection error)/;

/** Tries to come in: `silent` when nobody listens, `busy` while the server starts, stops or recovers. */
async function knock(door: Door): Promise<pg.Client | 'silent' | 'busy'> {
  const { layout, command } = door;
  // Asked first, it saves what is made to reach it: most of the time nobody listens yet.
  if (layout.reach === 'socket' && !existsSync(layout.run)) return 'silent';
  door.address ??= await addressOf(layout);
  if (door.address === null) return 'silent';
  const client = new pg.Client({ ...door.address.config, application_name: `rollcall ${command}` });
  // Errors come with what was asked; the event on top of that would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [presenceLock]);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (/^(ENOENT|ECONNREFUSED)$/.test(code)) return 'silent';
    // Stopped while we were coming in (57P01 to 57P03), or cut off by its end.
    if (/^(57P0.|ECONNRESET|EPIPE|08...)$/.test(code)) return 'busy';
    if (error instanceof Error && cutOff.test(error.message)) return 'busy';
    if (code === '53300')
      throw new RollcallError('STORE_UNAVAILABLE', 'the embedded PostgreSQL has no connection left.', {
        place: { file: layout.dataDir },
        hint: 'Wait for other commands to end.',
        cause: error,
      });
    throw unusable(layout.dataDir, error);
  }
}

function lockedOut(layout: Layout, said: string): RollcallError {
  const why = /lock file|shared memory/.test(said)
    ? 'PostgreSQL says that another server uses it, and none answers here'
    : 'its PostgreSQL does not answer';
  return new RollcallError('DATA_DIR_LOCKED', `the data directory is in use: ${why}.`, {
    place: { file: layout.dataDir },
    hint: `Stop what uses it on another machine or in another container; ${layout.log} has what the server said.`,
  });
}

async function leave(layout: Layout, client: pg.Client): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [presenceLock]);
    const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [
      presenceLock,
    ]);
    if (rows[0]?.alone === true) await stopServer(layout, client);
  } catch {
    // It has gone already, or goes: there is nothing left to stop.
  }
  await client.end().catch(() => undefined);
}

async function stopServer(layout: Layout, client: pg.Client): Promise<void> {
  const ended = new Promise<void>((done) => client.once('end', () => done()));
  if (layout.reach === 'loopback' && process.platform === 'win32') {
    const { pgCtl } = await findBinaries();
    await run(pgCtl, ['stop', '-D', layout.cluster, '-m', 'fast'], { windowsHide: true });
    return;
  }
  // Told by itself: who leaves last may be another user than the one that it runs as, or be in another container.
  const { rows } = await client.query<{ pid: string }>(
    `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`,
  );
  const pid = Number(rows[0]?.pid);
  if (!Number.isInteger(pid) || pid <= 0) return;
  await client.query(`copy (select '') to program 'kill -INT ${pid}'`).catch(() => undefined);
  await Promise.race([ended, sleep(stopMs, undefined, { ref: false })]);
  await gone(layout, pid);
}

/** Waits until the server has put everything away: whoever copies or deletes the folder next finds it at rest. */
async function gone(layout: Layout, pid: number): Promise<void> {
  const file = join(layout.cluster, 'postmaster.pid');
  const beganMs = performance.now();
  while (performance.now() - beganMs < stopMs) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null || Number(text.split('\n')[0]) !== pid) return;
    await sleep(retryMs);
  }
}
