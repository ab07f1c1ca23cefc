import type { Stats } from 'node:fs';
import { lstat, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RollcallError } from '../../errors.ts';

/** The version of the server that we bring: clusters of another one are not opened. */
const majorVersion = '18';

/** Where things are in a data directory. */
export type Layout = {
  /** Without links: PostgreSQL is told it, and others look for it in its command line. */
  readonly dataDir: string;
  readonly home: string;
  /** What PostgreSQL calls its data directory. */
  readonly cluster: string;
  /** The folder of the socket. */
  readonly run: string;
  readonly links: string;
  readonly log: string;
  /** A private socket, or where there are none (Windows) loopback with a password. */
  readonly reach: Reach;
};

export type Reach = 'socket' | 'loopback';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it',
  EPERM: 'this user may not use it',
  EROFS: 'it is on a file system that is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'it, or what it should be in, is a file and not a folder',
  EEXIST: 'it is a file and not a folder',
  ENOENT: 'it is a link to what is not there, or cannot be made where it should be',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its path is too long',
};

/** The error of a data directory that the system refuses something about; others are given back as they are. */
export function unusable(dataDir: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RollcallError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const reason = reasons[code];
  if (reason === undefined) return error;
  return new RollcallError('DATA_DIR_UNUSABLE', `the data directory cannot be used: ${reason} (${code}).`, {
    place: { file: dataDir },
    hint:
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'Make room there, then start it again: nothing is lost.'
        : 'Name another one as dataDir, or give this user read and write access to it.',
    cause: error,
  });
}

/**
 * Makes a folder and those that it is in, from above. mkdir's own way (`recursive`) never comes back where a folder that is
 * there takes none and says ENOENT, as /proc does (seen with Node 24).
 */
async function makeFolders(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found !== null) {
    if (!found.isDirectory()) throw systemError('ENOTDIR');
    return;
  }
  await makeFolders(dirname(folder));
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    // Another process was faster.
    if (error.code !== 'EEXIST') throw error;
  });
}

/** As the system would say it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Finds or makes the data directory. Throws DATA_DIR_UNUSABLE, and DATA_DIR_FOREIGN for one of an earlier Rollcall. */
export async function openLayout(
  given: string,
  reach: Reach = process.platform === 'win32' ? 'loopback' : 'socket',
): Promise<Layout> {
  let dataDir = resolve(given);
  try {
    const link = await lstat(dataDir).catch(() => null);
    if (link?.isSymbolicLink() === true) await stat(dataDir);
    else await makeFolders(dataDir);
    dataDir = await realpath(dataDir);
    if (!(await stat(dataDir)).isDirectory()) throw systemError('ENOTDIR');
  } catch (error) {
    throw unusable(given, error);
  }
  const home = join(dataDir, 'postgres');
  const layout: Layout = {
    dataDir,
    home,
    cluster: join(home, 'data'),
    run: join(home, 'run'),
    links: join(home, 'lib'),
    log: join(home, 'server.log'),
    reach,
  };
  await refuseForeign(layout);
  return layout;
}

async function refuseForeign({ dataDir, home, cluster }: Layout): Promise<void> {
  const earlier = join(dataDir, 'pgdata');
  if ((await found(home)) === null && (await found(join(earlier, 'PG_VERSION'))) !== null)
    throw new RollcallError(
      'DATA_DIR_FOREIGN',
      'this is the database of an early Rollcall (PGlite), which this one does not read; it is left as it is.',
      {
        place: { file: earlier },
        hint: 'Name another dataDir to begin with an empty one, or move that folder away.',
      },
    );
  const version = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(() => majorVersion)).trim();
  if (version !== majorVersion)
    throw new RollcallError(
      'DATA_DIR_FOREIGN',
      `this is a database of PostgreSQL ${version}; this Rollcall brings PostgreSQL ${majorVersion}.`,
      {
        place: { file: cluster },
        hint: 'Make a backup with the Rollcall that wrote it (rollcall backup FILE), and restore it into an empty dataDir.',
      },
    );
}

async function found(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}
