import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RollcallError } from '../../errors.ts';
import { largestRosterBytes } from '../bounds.ts';

/** A file that nobody can be working on any more: no delivery takes half as long (`timeout` is at most three hours). */
const abandonedAfterMs = 24 * 3_600_000;

/** Tells the files of this process from those of one that had its number before: in a container both are 1. */
const instance = randomBytes(6).toString('hex');
const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** How much was saved, and its SHA-256 (hex). */
export type Saved = { readonly bytes: number; readonly digest: string };

/** Saves content into the private file of a delivery, in place of what it held. */
export type SaveTo = (content: AsyncIterable<Uint8Array>) => Promise<Saved>;

/** A private file for one delivery, gone with it (`await using`). */
export type InboxFile = {
  readonly file: string;
  readonly saveTo: SaveTo;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** The folder of a data directory in which deliveries stand while they are read. */
export function inboxOf(dataDir: string): string {
  return join(dataDir, 'inbox');
}

/**
 * A new file that only this user may read (0600, in a folder of 0700). Files of processes that are gone are swept first.
 *
 * @throws RollcallError DATA_DIR_UNUSABLE
 */
export async function openInboxFile(inbox: string): Promise<InboxFile> {
  const file = join(inbox, `${machine}-${process.pid}-${instance}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(inbox, { recursive: true, mode: 0o700 });
    await sweepInbox(inbox);
    await (await open(file, 'wx', 0o600)).close();
  } catch (cause) {
    throw unusable(inbox, cause);
  }
  return {
    file,
    saveTo: (content) => save(file, inbox, content),
    [Symbol.asyncDispose]: () => rm(file, { force: true }),
  };
}

async function save(file: string, inbox: string, content: AsyncIterable<Uint8Array>): Promise<Saved> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using handle = await open(file, 'r+').catch((cause: unknown) => {
    throw unusable(inbox, cause);
  });
  await handle.truncate(0);
  for await (const chunk of content) {
    hash.update(chunk);
    await handle.writeFile(chunk).catch((cause: unknown) => {
      throw unusable(inbox, cause);
    });
    bytes += chunk.length;
    if (bytes > largestRosterBytes)
      throw new RollcallError(
        'ROSTER_UNREADABLE',
        `the delivery has more than ${largestRosterBytes.toLocaleString('en')} bytes: that is no roster.`,
        { place: { key: 'roster.source' } },
      );
  }
  return { bytes, digest: hash.digest('hex') };
}

/** Removes what processes left behind that were killed. Without a folder there is nothing to do. */
export async function sweepInbox(inbox: string): Promise<void> {
  const names = await readdir(inbox).catch(() => []);
  for (const name of names) {
    const file = join(inbox, name);
    if (await isAbandoned(name, file)) await rm(file, { force: true });
  }
}

async function isAbandoned(name: string, file: string): Promise<boolean> {
  const [, of, pid, by] = /^([0-9a-f]{8})-(\d+)-([0-9a-f]{12})-[0-9a-f]{12}$/.exec(name) ?? [];
  if (of === undefined) return false;
  if (by === instance) return false;
  if (of === machine && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
  const stats = await stat(file).catch(() => undefined);
  // The file bears the time of its delivery once it has come; when it was made is another matter.
  return stats !== undefined && Date.now() - stats.ctimeMs > abandonedAfterMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function unusable(inbox: string, cause: unknown): RollcallError {
  const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an unknown error';
  return new RollcallError('DATA_DIR_UNUSABLE', `the roster cannot be put there (${why}).`, {
    place: { file: inbox },
    hint: 'Check the rights to dataDir and the room on its disk.',
    cause,
  });
}
