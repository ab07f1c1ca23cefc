import { glob, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RosterConfig } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { namesThere, pickOne } from './pick.ts';
import type { RosterFile } from '../types.ts';

const globSigns = /[*?[\]{}!]/;

/** The file's size and time; undefined when there is no such file (a folder is none). */
export async function rosterFileAt(file: string): Promise<RosterFile | undefined> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? { file, modifiedAtMs: stats.mtimeMs, sizeBytes: stats.size } : undefined;
  } catch (cause) {
    if (isErrno(cause, 'ENOENT', 'ENOTDIR')) return undefined;
    throw unreadable(file, cause);
  }
}

/** True when the error is one of the system's, of one of these codes. */
function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** ROSTER_UNREADABLE for an error of the system (no permission, a folder, a broken disk). */
export function unreadable(file: string, cause: unknown): RollcallError {
  const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'an unknown error';
  return new RollcallError('ROSTER_UNREADABLE', `the roster cannot be read (${why}).`, {
    place: { file },
    hint: 'Check that the file is one and that the service may read it.',
    cause,
  });
}

/**
 * The roster file now: `source` as a path, or else as a glob; of several matches the one modified last (`pick: modified`;
 * ties go to the last by name) or the last by name (`pick: name`).
 *
 * @throws RollcallError ROSTER_NOT_FOUND (names the source and the nearest files of its folder), ROSTER_UNREADABLE.
 */
export async function findRoster(config: {
  readonly source: string;
  readonly pick: RosterConfig['pick'];
}): Promise<RosterFile> {
  const exact = await rosterFileAt(config.source);
  if (exact !== undefined) return exact;
  const matches: (RosterFile & { readonly name: string })[] = [];
  if (globSigns.test(config.source)) {
    for await (const path of glob(config.source)) {
      const found = await rosterFileAt(path);
      if (found !== undefined) matches.push({ ...found, name: path });
    }
  }
  const best = pickOne(matches, config.pick);
  if (best !== undefined) {
    const { file, modifiedAtMs, sizeBytes } = best;
    return { file, modifiedAtMs, sizeBytes };
  }
  if (await isFolder(config.source))
    throw new RollcallError('ROSTER_NOT_FOUND', `roster.source "${config.source}" is a folder.`, {
      place: { key: 'roster.source' },
      hint: `Name the file in it, or a pattern such as ${config.source.replace(/\/+$/, '')}/*.csv. ${await whatIsThere(`${config.source}/*`)}`,
    });
  throw new RollcallError('ROSTER_NOT_FOUND', `no file matches roster.source "${config.source}".`, {
    place: { key: 'roster.source' },
    hint: await whatIsThere(config.source),
  });
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

async function whatIsThere(source: string): Promise<string> {
  let folder = dirname(source);
  while (globSigns.test(folder)) folder = dirname(folder);
  try {
    const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile());
    return namesThere(
      `The folder ${folder}`,
      basename(source),
      names.map((entry) => entry.name),
    );
  } catch (cause) {
    return isErrno(cause, 'ENOENT')
      ? `The folder ${folder} does not exist.`
      : `The folder ${folder} cannot be listed.`;
  }
}
