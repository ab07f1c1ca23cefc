import { lchownSync, readdirSync } from 'node:fs';
import { access, chmod, lchown, mkdir, readFile, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { RollcallError } from '../../errors.ts';

/** The user that the server runs as; null is the one that we are. PostgreSQL refuses root. */
export type ServerAccount = { readonly uid: number; readonly gid: number } | null;

/** A command line, and the user that it has to be started as. */
export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly user: ServerAccount;
};

/** Linux's usual numbers of `nobody`, where /etc/passwd does not name one. */
const nobody = { uid: 65_534, gid: 65_534 };
const setprivFolders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(delimiter);
/** Bits of Linux's capabilities (capabilities(7)): either lets a process pass through folders that are closed to it. */
const passing = [
  { name: 'dac_read_search', bit: 2n },
  { name: 'dac_override', bit: 1n },
] as const;
/** CAP_SETPCAP: without it a process may not set its secure bits. */
const setpcap = 1n << 8n;

/** Whether this process is root, where there is such a thing. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Who the server runs as: the owner of the cluster, else of the data directory, else (both are root's) `nobody`. Only root
 * has the choice.
 */
export async function chooseAccount(dataDir: string, cluster: string): Promise<ServerAccount> {
  if (!isRoot()) return null;
  for (const folder of [cluster, dataDir]) {
    const found = await stat(folder).catch(() => null);
    if (found !== null && found.uid !== 0) return { uid: found.uid, gid: found.gid };
  }
  return findNobody();
}

async function findNobody(): Promise<{ readonly uid: number; readonly gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = /^nobody:.*$/m.exec(passwd)?.[0].split(':');
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  return Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 ? { uid, gid } : nobody;
}

/** Who makes the cluster: initdb refuses a user without a name, which a number in a container may be. */
export async function makerOf(account: ServerAccount): Promise<ServerAccount> {
  if (account === null) return null;
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return passwd.split('\n').some((line) => line.split(':')[2] === String(account.uid))
    ? account
    : await findNobody();
}

/** Gives a folder and all in it to the server's user. */
export function giveTo(account: ServerAccount, folder: string): void {
  if (account === null) return;
  // In one go: a thousand files through the event loop take ten times as long.
  lchownSync(folder, account.uid, account.gid);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(folder, name), account.uid, account.gid);
}

/** Makes a folder of the server's user that is as open as the data directory: whoever may write there may come in here. */
export async function makeFolder(account: ServerAccount, dataDir: string, folder: string): Promise<void> {
  const { mode, gid } = await stat(dataDir);
  await mkdir(folder, { recursive: true });
  const made = await stat(folder);
  const wanted = 0o700 | ((mode & 0o020) === 0 ? 0 : 0o070) | ((mode & 0o002) === 0 ? 0 : 0o007);
  if (!isRoot() && made.uid !== process.getuid?.()) return;
  if (account !== null) await lchown(folder, account.uid, (mode & 0o020) === 0 ? account.gid : gid);
  else if ((mode & 0o020) !== 0 && made.gid !== gid && process.getuid !== undefined)
    await lchown(folder, made.uid, gid).catch(() => undefined);
  if ((made.mode & 0o777) !== wanted) await chmod(folder, wanted);
}

/**
 * How to start a program as the server's user. Where that user may not enter a folder on the way to `paths` (a checkout or
 * a data directory below /root), it is started with the capability to pass through. Throws DATA_DIR_UNUSABLE without.
 */
export async function startedAs(
  account: ServerAccount,
  file: string,
  args: readonly string[],
  paths: readonly string[],
): Promise<Command> {
  if (account === null) return { file, args, user: null };
  const closed = await firstClosed(account, paths);
  if (closed === null) return { file, args, user: account };
  const held = await heldCapabilities();
  const capability = passing.find(({ bit }) => (held & (1n << bit)) !== 0n)?.name ?? null;
  const setpriv = await findSetpriv();
  if (capability === null || setpriv === null)
    throw new RollcallError(
      'DATA_DIR_UNUSABLE',
      `PostgreSQL does not run as root, and the user ${account.uid} may not enter ${closed}.`,
      {
        place: { file: closed },
        hint: 'Run Rollcall as an ordinary user, or move it and its dataDir to where every user may enter (or install setpriv, of util-linux).',
      },
    );
  return {
    file: setpriv,
    args: [
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      // PostgreSQL looks for its own programs with access(2), which sees no capability of a user other than root without
      // it (access_override_creds in Linux's fs/open.c). exec leaves the process the ambient one alone either way.
      ...((held & setpcap) === 0n ? [] : ['--securebits=+no_setuid_fixup']),
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
      file,
      ...args,
    ],
    user: null,
  };
}

async function firstClosed(
  account: { readonly uid: number; readonly gid: number },
  paths: readonly string[],
): Promise<string | null> {
  for (const path of paths) {
    for (let folder = path; ; folder = dirname(folder)) {
      const { mode, uid, gid } = await stat(folder);
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return folder;
      if (folder === dirname(folder)) break;
    }
  }
  return null;
}

async function heldCapabilities(): Promise<bigint> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
}

async function findSetpriv(): Promise<string | null> {
  for (const folder of setprivFolders.split(delimiter)) {
    const path = join(folder, 'setpriv');
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
