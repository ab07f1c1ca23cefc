import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSshd, type SftpServer, startSftp } from '../../../sandbox/deliveries/sftp.ts';
import { rosterSource, type SftpSource } from '../../../src/config/roster-source.ts';
import { formatError } from '../../../src/errors.ts';
import { lookAtRoster } from '../../../src/roster/index.ts';
import { readFrom, tempFolder } from '../reading.ts';
import { describeSource, exportOf } from './conformance.ts';

if (!hasSshd) process.stderr.write('skipped: SFTP. Install openssh-server to try it against a real one.\n');

function sourceOf(settings: object): SftpSource {
  const parsed = rosterSource.parse({ type: 'sftp', host: '127.0.0.1', settle: '1ms', ...settings });
  if (typeof parsed === 'string' || parsed.type !== 'sftp') throw new TypeError('not sftp');
  return parsed;
}

async function errorOf(source: SftpSource): Promise<unknown> {
  await using folder = await tempFolder();
  return await readFrom('unused', { source }, { delivery: { inbox: folder.path, retryBaseMs: 1 } }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.skipIf(!hasSshd)('OpenSSH', () => {
  describeSource('sftp', async () => {
    const server = await startSftp();
    const common = { port: server.port, user: server.user, hostKey: server.hostKey };
    const path = join(server.folder, 'roster.csv');
    return {
      // As a secret file gives it: without its last line break.
      source: sourceOf({ ...common, path, privateKey: server.keys.known.trim() }),
      refusedSource: sourceOf({ ...common, path, privateKey: server.keys.unknown }),
      secrets: [server.keys.known.slice(40, 80), server.keys.unknown.slice(40, 80)],
      put: (content, modifiedAtMs) => server.put('roster.csv', content, modifiedAtMs),
      fail: (fault) => server.fail(fault, 'roster.csv'),
      heal: () => server.heal(),
      close: () => server.close(),
    };
  });

  describe('a server', () => {
    let server: SftpServer;
    let common: { readonly port: number; readonly user: string; readonly hostKey: string };
    beforeAll(async () => {
      server = await startSftp();
      common = { port: server.port, user: server.user, hostKey: server.hostKey };
      server.put('roster.csv', exportOf(3), 1_700_000_000_000);
    }, 30_000);
    afterAll(() => server?.close());

    const known = (path: string, more: object = {}): SftpSource =>
      sourceOf({ ...common, path: join(server.folder, path), privateKey: server.keys.known, ...more });

    test('with another host key than the one written down is sent nothing, and the error has the right form', async () => {
      const wrong = `SHA256:${'A'.repeat(43)}`;
      const error = await errorOf(known('roster.csv', { hostKey: wrong }));
      expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
      expect(formatError(error)).toContain(`hostKey: "${server.hostKey}"`);
      expect(await errorOf(known('roster.csv', { hostKey: [wrong, server.hostKey] }))).toBeUndefined();
    });

    test('takes a key with a passphrase; a wrong passphrase and what is no key are errors without either', async () => {
      const locked = { privateKey: server.keys.locked, passphrase: server.passphrase };
      expect(await errorOf(known('roster.csv', locked))).toBeUndefined();
      for (const wrong of [{ ...locked, passphrase: 'let-me-in' }, { privateKey: 'no-key-at-all' }]) {
        const error = await errorOf(known('roster.csv', wrong));
        expect(error).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
        expect(formatError(error)).toContain('the private key cannot be used');
        expect(formatError(error)).not.toMatch(/let-me-in|no-key-at-all/);
      }
    });

    test('a listing of 3,000 names gives the one modified last, or the last by name', async () => {
      const folder = join(server.folder, 'many');
      mkdirSync(folder);
      for (let n = 1; n <= 3_000; n++) {
        const file = join(folder, `roster-${String(n).padStart(4, '0')}.csv`);
        writeFileSync(file, n === 2_000 || n === 3_000 ? exportOf(n / 100) : '');
        utimesSync(file, 1_700_000_000, 1_700_000_000 + (n === 2_000 ? 60 : 0));
      }
      writeFileSync(join(folder, 'roster-9999.csv.part'), 'still coming');
      mkdirSync(join(folder, 'roster-9999.csv'));
      const source = known('many/roster-*.csv');
      const signal = new AbortController().signal;
      expect(await lookAtRoster({ source, pick: 'modified' }, signal)).toEqual({
        name: 'roster-2000.csv',
        sizeBytes: exportOf(20).length,
        modifiedAtMs: 1_700_000_060_000,
      });
      await using inbox = await tempFolder();
      const read = await readFrom('unused', { source, pick: 'name' }, { delivery: { inbox: inbox.path } });
      expect(read.people).toHaveLength(30);
      expect(read.proof.file).toBe(`sftp://127.0.0.1:${server.port}/…/roster-3000.csv`);
    });

    test('what is not there is named with what is; a link is followed', async () => {
      expect(formatError(await errorOf(known('rooster.csv')))).toMatch(
        /no file on .* matches ".*rooster\.csv"\. The folder .* has roster\.csv/,
      );
      expect(await errorOf(known('rooster.csv'))).toMatchObject({ code: 'ROSTER_NOT_FOUND' });
      expect(formatError(await errorOf(known('nowhere/roster.csv')))).toContain('does not exist there');
      symlinkSync(join(server.folder, 'roster.csv'), join(server.folder, 'latest.csv'));
      expect(await errorOf(known('latest.csv'))).toBeUndefined();
      expect(await errorOf(known('lat*.csv'))).toBeUndefined();
    });

    test('a file that is another one at the second look is not read', async () => {
      server.put('large.csv', exportOf(3_000), Date.now() - 60_000);
      server.fail({ kind: 'change', to: exportOf(3_001) }, 'large.csv');
      const error = await errorOf(known('large.csv'));
      expect(error).toMatchObject({ code: 'ROSTER_CHANGING' });
      expect(formatError(error)).toContain(
        `it had ${exportOf(3_000).length} bytes and has ${exportOf(3_001).length}`,
      );
      expect(await errorOf(known('large.csv'))).toBeUndefined();
    });

    test('the second look comes no sooner than settle after the first', async () => {
      const began = performance.now();
      expect(await errorOf(known('roster.csv', { settle: '700ms' }))).toBeUndefined();
      expect(performance.now() - began).toBeGreaterThan(700);
    });
  });
});

// OpenSSH asks the system's accounts for passwords; this server has its own.
test.each(['password', 'keyboard-interactive'])(
  'signs in by %s, and a wrong password is refused',
  async (method) => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const server = new ssh2.Server({ hostKeys: [privateKey] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (asked) => {
        if (asked.method !== method)
          return asked.reject(method === 'password' ? ['password'] : ['keyboard-interactive']);
        if (asked.method === 'password') return asked.password === 'right' ? asked.accept() : asked.reject();
        if (asked.method !== 'keyboard-interactive') return asked.reject();
        asked.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          if (answers[0] === 'right') asked.accept();
          else asked.reject();
        });
      });
      client.on('session', (accept) => {
        accept().on('sftp', (take) => {
          const sftp = take();
          sftp.on('STAT', (id: number) => sftp.status(id, 2));
          sftp.on('OPENDIR', (id: number) => sftp.status(id, 2));
        });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const common = { port, user: 'hr', path: '/out/roster.csv', hostKey: `SHA256:${'A'.repeat(43)}` };
    const told = formatError(await errorOf(sourceOf({ ...common, password: 'right' })));
    const hostKey = /SHA256:[A-Za-z0-9+/]{43}/.exec(told)?.[0];
    expect(await errorOf(sourceOf({ ...common, hostKey, password: 'right' }))).toMatchObject({
      code: 'ROSTER_NOT_FOUND',
    });
    const refused = await errorOf(sourceOf({ ...common, hostKey, password: 'wr0ng' }));
    expect(refused).toMatchObject({ code: 'ROSTER_UNREACHABLE', passing: false });
    expect(formatError(refused)).not.toContain('wr0ng');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  },
);

test('what the configuration must say of SFTP', () => {
  const good = {
    type: 'sftp',
    host: 'h',
    user: 'u',
    path: '/out/*.csv',
    hostKey: `SHA256:${'A'.repeat(43)}`,
  };
  const isGood = (more: object): boolean => rosterSource.safeParse({ ...good, ...more }).success;
  expect(isGood({ password: 'p' })).toBe(true);
  expect(isGood({ privateKey: 'k', passphrase: 'p' })).toBe(true);
  expect(isGood({})).toBe(false);
  expect(isGood({ password: 'p', privateKey: 'k' })).toBe(false);
  expect(isGood({ password: 'p', passphrase: 'p' })).toBe(false);
  expect(isGood({ password: 'p', hostKey: undefined })).toBe(false);
  expect(isGood({ password: 'p', hostKey: 'MD5:00' })).toBe(false);
  expect(isGood({ password: 'p', path: '/out/*/roster.csv' })).toBe(false);
});
