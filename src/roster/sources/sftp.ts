import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Client from 'ssh2-sftp-client';
import type { SftpSource } from '../../config/roster-source.ts';
import type { RosterConfig } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { describeNetworkFailure } from '../../network-failure.ts';
import { namesThere, nothingThere, pickOne } from './pick.ts';
import { changedMeanwhile, DeliveryError, type RosterSource, type Waiting } from './source.ts';

/** Time for a connection and the sign-in. */
const readyTimeoutMs = 20_000;
/** How often a silent server is asked whether it lives, and how often in vain before the connection counts as broken. */
const keepalive = { keepaliveInterval: 15_000, keepaliveCountMax: 4 };
/** What is read at a time: what every server gives (draft-ietf-secsh-filexfer-02, section 6.4: at least 32,768 bytes). */
const chunkBytes = 32_768;

/** What SFTP servers answer for a file or folder that is not there, and for one that may not be read (section 7). */
const notThere: ReadonlySet<unknown> = new Set(['ENOENT', 2]);
const notAllowed: ReadonlySet<unknown> = new Set(['EACCES', 3]);

/** A signed-in connection; `lost` is why it ended, once it has. */
type Session = {
  readonly client: Client;
  readonly broken: AbortSignal;
};

/**
 * A roster on an SFTP server. It is whole when as many bytes came as the server names, and a second look, `settle` after the
 * first, finds the same size and time. The server proves who it is by a host key that was written down beforehand.
 */
export function createSftpSource(config: SftpSource, pick: RosterConfig['pick']): RosterSource {
  const host = config.port === 22 ? config.host : `${config.host}:${config.port}`;
  const { path } = config;
  const folder = posix.dirname(path);
  const base = posix.basename(path);

  /** What the failure of a step means. */
  function failed(error: unknown): Error {
    if (error instanceof RollcallError) return error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const said = error instanceof Error ? error.message : '';
    if (/authentication methods failed/i.test(said))
      return new DeliveryError(host, 'it refuses the credentials', {
        passing: false,
        hint: `Check roster.source.user and roster.source.${config.privateKey === undefined ? 'password' : 'privateKey'}: is its public half known there?`,
      });
    if (/privateKey|passphrase|bcrypt|decrypt/i.test(said))
      return new DeliveryError(host, 'the private key cannot be used', {
        passing: false,
        hint: 'Check roster.source.privateKey (OpenSSH or PEM) and roster.source.passphrase.',
      });
    if (notAllowed.has(code))
      return new DeliveryError(host, 'the file may not be read by that user', {
        passing: false,
        hint: 'Check the rights to roster.source.path there.',
      });
    if (/Timed out|timeout/i.test(said) && code === undefined)
      return new DeliveryError(host, `no answer within ${readyTimeoutMs / 1_000} s`, { passing: true });
    const { reason, hint } = describeNetworkFailure(error, {
      host,
      key: 'roster.source.host',
      timeoutMs: config.timeout,
    });
    return new DeliveryError(host, reason, { passing: true, ...(hint === undefined ? {} : { hint }) });
  }

  async function connected<T>(
    stopped: AbortSignal,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { default: SftpClient } = await import('ssh2-sftp-client');
    const lost = new AbortController();
    const signal = AbortSignal.any([stopped, lost.signal, AbortSignal.timeout(config.timeout)]);
    let offered: string | undefined;
    const onLost = (error?: unknown): void => {
      lost.abort(error instanceof Error ? error : new Error('the connection ended', { cause: error }));
    };
    const client = new SftpClient('rollcall', { error: onLost, end: onLost, close: onLost });
    // Servers that ask for the password in a dialogue of one question (RFC 4256) mean the same.
    client.on('keyboard-interactive', (...asked: readonly unknown[]) => {
      const [, , , prompts, finish] = asked as [
        unknown,
        unknown,
        unknown,
        readonly unknown[],
        (answers: readonly string[]) => void,
      ];
      finish(prompts.length === 1 && config.password !== undefined ? [config.password] : []);
    });
    try {
      await within(
        signal,
        client.connect({
          host: config.host,
          port: config.port,
          username: config.user,
          readyTimeout: readyTimeoutMs,
          ...keepalive,
          ...(config.privateKey === undefined ? {} : { privateKey: config.privateKey }),
          ...(config.passphrase === undefined ? {} : { passphrase: config.passphrase }),
          ...(config.password === undefined ? {} : { password: config.password, tryKeyboard: true }),
          hostVerifier: (key: Buffer) => {
            if (isExpected(key, config.hostKey)) return true;
            offered = `${fingerprintOf(key)}`;
            return false;
          },
        }),
      );
      return await work({ client, broken: lost.signal }, signal);
    } catch (error) {
      if (offered !== undefined) throw wrongHostKey(host, offered);
      stopped.throwIfAborted();
      throw failed(error);
    } finally {
      // The end is not waited for: a server that does not answer must not hold anything up.
      client.end().catch(() => undefined);
    }
  }

  async function find({ client }: Session, signal: AbortSignal): Promise<Waiting> {
    const exact = await statOf(client, path, signal);
    if (exact !== undefined) return exact;
    let entries: readonly Client.FileInfo[];
    try {
      entries = await within(signal, client.list(folder));
    } catch (error) {
      if (codeIsOf(error, notThere))
        throw nothingThere(host, path, `The folder ${folder} does not exist there.`);
      throw error;
    }
    const files = entries.filter(({ type }) => type !== 'd');
    const matching = files
      .filter(({ name }) => posix.matchesGlob(name, base))
      .map(({ name, modifyTime }) => ({ name, modifiedAtMs: modifyTime }));
    const best = pickOne(matching, pick);
    // Through a link, if it is one.
    const found =
      best === undefined ? undefined : await statOf(client, posix.join(folder, best.name), signal);
    if (found !== undefined) return found;
    const names = files.map(({ name }) => name);
    throw nothingThere(host, path, namesThere(`The folder ${folder} there`, base, names));
  }

  return {
    host,
    look: (stopped) => connected(stopped, (session, signal) => find(session, signal)),
    fetch: (saveTo, stopped) =>
      connected(stopped, async (session, signal) => {
        const first = await find(session, signal);
        const lookedMs = performance.now();
        const at = posix.join(folder, first.name);
        const saved = await saveTo(contentOf(session, at, signal, failed));
        await sleep(Math.max(0, config.settle - (performance.now() - lookedMs)), undefined, { signal });
        const now = await statOf(session.client, at, signal);
        if (now === undefined) throw changedMeanwhile(host, 'it is gone');
        if (now.sizeBytes !== first.sizeBytes || now.modifiedAtMs !== first.modifiedAtMs)
          throw changedMeanwhile(
            host,
            `it had ${first.sizeBytes} bytes and has ${now.sizeBytes}, written ${new Date(now.modifiedAtMs).toISOString()}`,
          );
        if (saved.bytes !== first.sizeBytes)
          throw new DeliveryError(host, `${saved.bytes} bytes came of ${first.sizeBytes}`, { passing: true });
        return { name: first.name, modifiedAtMs: first.modifiedAtMs };
      }),
  };
}

async function* contentOf(
  { client, broken }: Session,
  path: string,
  signal: AbortSignal,
  failed: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  const stream = client.createReadStream(path, { highWaterMark: chunkBytes });
  // A stream whose connection has gone waits for ever by itself.
  const stop = (): void => {
    stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) yield chunk;
    broken.throwIfAborted();
  } catch (error) {
    throw failed(error);
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

/** A file's name, size and time; undefined when there is none of that name (a folder is none). */
async function statOf(client: Client, path: string, signal: AbortSignal): Promise<Waiting | undefined> {
  try {
    const stats = await within(signal, client.stat(path));
    if (stats.isDirectory) return undefined;
    return { name: posix.basename(path), sizeBytes: stats.size, modifiedAtMs: stats.modifyTime };
  } catch (error) {
    if (codeIsOf(error, notThere)) return undefined;
    throw error;
  }
}

function codeIsOf(error: unknown, codes: ReadonlySet<unknown>): boolean {
  return error instanceof Error && 'code' in error && codes.has(error.code);
}

/** The result, or the reason of the signal as soon as it is given. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  // Whichever comes second is of no interest.
  work.catch(() => undefined);
  stopped.promise.catch(() => undefined);
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** As `ssh-keygen -l` shows it: SHA-256 of the key's blob, base64 without padding. */
function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function isExpected(key: Buffer, hostKey: SftpSource['hostKey']): boolean {
  const expected = typeof hostKey === 'string' ? [hostKey] : hostKey;
  return expected.some((one) => one.replace(/=+$/, '') === fingerprintOf(key));
}

function wrongHostKey(host: string, offered: string): DeliveryError {
  return new DeliveryError(host, `its host key is ${offered}, and roster.source.hostKey is another`, {
    passing: false,
    hint: `Nothing was sent to it. Ask whoever runs the server, by another way, whether that is its key (ssh-keygen -lf on the server shows it); only then write hostKey: "${offered}".`,
  });
}
