import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliveryFault, signInPage } from './stage.ts';

const sshd = '/usr/sbin/sshd';

/** Whether an OpenSSH server is installed here. */
export const hasSshd = existsSync(sshd);

/** A running OpenSSH server, with a proxy before it that can break connections. */
export type SftpServer = {
  readonly port: number;
  readonly user: string;
  /** The folder that is served. */
  readonly folder: string;
  /** Private keys: one that is known there, the same with a passphrase, and one that is not known. */
  readonly keys: { readonly known: string; readonly locked: string; readonly unknown: string };
  readonly passphrase: string;
  /** The fingerprint of the host key, as ssh-keygen shows it. */
  readonly hostKey: string;
  put(name: string, content: string | Buffer, modifiedAtMs: number): void;
  fail(fault: DeliveryFault, name: string): void;
  heal(): void;
  readonly connections: () => number;
  readonly close: () => Promise<void>;
};

/** Starts Debian's OpenSSH server on loopback, for the user who runs this, with keys and a folder of its own. */
export async function startSftp(): Promise<SftpServer> {
  const home = await mkdtemp(join(tmpdir(), 'rollcall-sftp-'));
  const folder = join(home, 'out');
  mkdirSync(folder);
  const passphrase = 'open-sesame';
  const key = (name: string, secret: string): Promise<string> => {
    const file = join(home, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', secret, '-f', file]);
    return readFile(file, 'utf8');
  };
  await key('host', '');
  const keys = {
    known: await key('known', ''),
    locked: await key('locked', passphrase),
    unknown: await key('unknown', ''),
  };
  const [hostKey = ''] =
    /SHA256:\S+/.exec(execFileSync('ssh-keygen', ['-lf', join(home, 'host.pub')], { encoding: 'utf8' })) ??
    [];
  const allowed = [join(home, 'known.pub'), join(home, 'locked.pub')];
  await writeFile(
    join(home, 'authorized_keys'),
    (await Promise.all(allowed.map((file) => readFile(file, 'utf8')))).join(''),
  );
  // Started by root, it wants the folder that it separates privileges in.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  await writeFile(
    join(home, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(home, 'host')}`,
      `AuthorizedKeysFile ${join(home, 'authorized_keys')}`,
      `PidFile ${join(home, 'pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin yes',
      'MaxStartups 100',
      'Subsystem sftp internal-sftp',
      '',
    ].join('\n'),
  );
  const server: ChildProcess = spawn(sshd, ['-D', '-e', '-f', join(home, 'sshd_config')], {
    stdio: 'ignore',
  });
  await listening(port);

  let fault: { readonly of: DeliveryFault; readonly name: string; readonly size: number } | undefined;
  let cuts = 0;
  let connections = 0;
  const sockets = new Set<Socket>();
  const sizes = new Map<string, number>();

  function put(name: string, content: string | Buffer, modifiedAtMs: number): void {
    const file = join(folder, name);
    writeFileSync(`${file}.new`, content);
    utimesSync(`${file}.new`, modifiedAtMs / 1_000, modifiedAtMs / 1_000);
    renameSync(`${file}.new`, file);
    sizes.set(name, Buffer.byteLength(content));
  }

  const proxy = createServer((inner) => {
    connections++;
    const outer = connect(port, '127.0.0.1');
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    let sent = 0;
    inner.pipe(outer);
    outer.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      const limit = limitOf();
      if (limit !== undefined && sent >= limit) {
        if (fault?.of.kind === 'change') {
          const { of, name } = fault;
          fault = undefined;
          put(name, of.to, Date.now());
        } else if (fault?.of.kind === 'cut') {
          cuts++;
          inner.write(chunk.subarray(0, Math.max(0, chunk.length - (sent - limit))), () => inner.destroy());
          outer.destroy();
          return;
        }
      }
      inner.write(chunk);
    });
    outer.on('close', () => inner.destroy());
    inner.on('close', () => outer.destroy());
  });
  /** After so many bytes of a connection it happens; the content has more of them than the sign-in before it. */
  function limitOf(): number | undefined {
    if (fault?.of.kind === 'change') return fault.size / 2;
    if (fault?.of.kind === 'cut' && cuts < fault.of.times) return Math.floor(fault.of.after * fault.size);
    return undefined;
  }
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');

  return {
    port: (proxy.address() as AddressInfo).port,
    user: userInfo().username,
    folder,
    keys,
    passphrase,
    hostKey,
    put,
    fail: (of, name) => {
      cuts = 0;
      if (of.kind === 'page') put(name, signInPage, Date.now());
      fault = { of, name, size: sizes.get(name) ?? 0 };
    },
    heal: () => {
      fault = undefined;
    },
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
      if (server.exitCode === null) {
        server.kill('SIGTERM');
        await once(server, 'exit');
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isUp) return;
    await sleep(20);
  }
  throw new Error(`no OpenSSH server came up on port ${port}`);
}
