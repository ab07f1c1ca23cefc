import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { RollcallError } from '../../errors.ts';
import {
  chooseAccount,
  giveTo,
  isRoot,
  makeFolder,
  makerOf,
  type ServerAccount,
  startedAs,
} from './account.ts';
import { type Binaries, makeLinks } from './binaries.ts';
import { type Layout, systemError, unusable } from './layout.ts';
import { isAlive } from './process.ts';

const run = promisify(execFile);

/** The database's user; whoever may write in the data directory is it. */
export const userName = 'rollcall';

/** A cluster that a server can be started on. */
export type Cluster = {
  readonly account: ServerAccount;
  readonly env: Readonly<Record<string, string>>;
};

/** Where a server without a socket listens, and what it asks for. */
export type Loopback = { readonly port: number; readonly password: string };

const draftPrefix = 'draft-';
/** How long another process may take to make the cluster before this one makes its own. */
const makingMs = 30_000;
const waitForOtherMs = 25;

const loopbackFile = 'rollcall-loopback.json';

/** Makes the cluster if there is none, and the folders beside it. Throws DATA_DIR_UNUSABLE. */
export async function makeCluster(layout: Layout, binaries: Binaries): Promise<Cluster> {
  try {
    const account = await chooseAccount(layout.dataDir, layout.cluster);
    for (const folder of [layout.home, layout.run]) await makeFolder(account, layout.dataDir, folder);
    const library = await makeLinks(binaries, layout.links);
    const env = environment(library);
    const made = await stat(layout.cluster).catch(() => null);
    if (made === null) await initialise(layout, binaries, account, env);
    else if (process.getuid !== undefined && !isRoot() && made.uid !== process.getuid())
      throw new RollcallError(
        'DATA_DIR_UNUSABLE',
        `the database belongs to the user ${made.uid}, this is ${process.getuid()}, and no service is running on it.`,
        {
          place: { file: layout.cluster },
          hint: 'Run the command as that user or as root; while a service runs, everybody who may write in dataDir may.',
        },
      );
    else {
      // Copied, from a backup of files for example: PostgreSQL takes only what is its own and closed to others.
      if (account !== null && made.uid === 0) giveTo(account, layout.cluster);
      if ((made.mode & 0o077) !== 0) await chmod(layout.cluster, 0o700);
    }
    return { account, env };
  } catch (error) {
    throw unusable(layout.dataDir, error);
  }
}

/** All that the server sees of an environment: what is set for other servers (PGPORT, PGDATA) is not for this one. */
function environment(library: string | null): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    ...(library === null ? {} : { LD_LIBRARY_PATH: library, DYLD_LIBRARY_PATH: library }),
    // Without it Windows finds no libraries.
    ...(process.platform === 'win32' ? { SystemRoot: 'C:\\Windows' } : {}),
  };
}

/**
 * Makes the cluster beside its place and moves it there: it is there whole or not at all. Of several processes that come to
 * an empty directory one makes it, and the others wait for it.
 */
async function initialise(
  layout: Layout,
  binaries: Binaries,
  account: ServerAccount,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const draft = join(layout.home, `${draftPrefix}${process.pid}-${randomUUID().slice(0, 8)}`);
  const maker = await makerOf(account);
  await makeFolder(maker, layout.dataDir, draft);
  try {
    if (await otherMakes(layout, draft)) return;
    const cluster = join(draft, 'data');
    const shape = ['-U', userName, '-E', 'UTF8', '--no-locale', '--no-instructions'];
    const loopback: Loopback | null =
      layout.reach === 'socket'
        ? null
        : { port: await freePort(), password: randomBytes(24).toString('hex') };
    if (loopback === null) shape.push('-A', 'trust');
    else {
      await writeFile(join(draft, 'password'), loopback.password);
      giveTo(maker, draft);
      shape.push('-A', 'scram-sha-256', `--pwfile=${join(draft, 'password')}`);
    }
    const args = ['-D', cluster, ...shape];
    const command = await startedAs(maker, binaries.initdb, args, [binaries.native, draft]);
    await run(command.file, [...command.args], { env, cwd: draft, ...command.user, windowsHide: true });
    if (loopback !== null) {
      await writeFile(join(cluster, loopbackFile), JSON.stringify(loopback), { mode: 0o600 });
    }
    giveTo(account, cluster);
    // Another process may have been faster; its cluster is as good.
    await rename(cluster, layout.cluster).catch((error: unknown) => {
      if (!isTaken(error)) throw error;
    });
  } catch (error) {
    throw failedToMake(layout, error);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Waits for whoever makes the cluster already. True when it is there; false when it is on us. */
async function otherMakes(layout: Layout, draft: string): Promise<boolean> {
  const beganMs = performance.now();
  while (performance.now() - beganMs < makingMs) {
    if ((await stat(layout.cluster).catch(() => null)) !== null) return true;
    const drafts = (await readdir(layout.home)).filter((name) => name.startsWith(draftPrefix)).toSorted();
    let first: string | undefined;
    for (const name of drafts) {
      if (isAlive(Number(name.slice(draftPrefix.length).split('-')[0]))) first ??= name;
      // Somebody was killed while making it.
      else await rm(join(layout.home, name), { recursive: true, force: true });
    }
    if (first === undefined || join(layout.home, first) === draft) return false;
    await sleep(waitForOtherMs);
  }
  return false;
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(ENOTEMPTY|EEXIST|EPERM)$/.test(String(error.code));
}

function failedToMake(layout: Layout, error: unknown): unknown {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  if (said === '') return error;
  if (/No space left on device/i.test(said)) return systemError('ENOSPC');
  if (/user does not exist/.test(said))
    return new RollcallError(
      'DATA_DIR_UNUSABLE',
      `a new database cannot be made by the user ${process.getuid?.()}, who has no entry in /etc/passwd.`,
      {
        place: { file: layout.dataDir },
        hint: 'Run Rollcall as a user with a name, or set DATABASE_URL.',
        cause: error,
      },
    );
  const line = said
    .split('\n')
    .find((one) => /error|fatal/i.test(one))
    ?.replace(/^\S*initdb: /, '')
    .trim();
  return new RollcallError(
    'STORE_UNAVAILABLE',
    `the database could not be made: ${line ?? 'initdb failed'}.`,
    {
      place: { file: layout.dataDir },
      hint: 'Set DATABASE_URL to use a PostgreSQL of your own instead.',
      cause: error,
    },
  );
}

/** How a cluster is reached over loopback; undefined while there is none. */
export async function loopbackOf(layout: Layout): Promise<Loopback | undefined> {
  const text = await readFile(join(layout.cluster, loopbackFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Loopback);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise<void>((done) => server.close(() => done()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
