import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why messages cannot be made by GnuPG here; null when they can. */
export const whyNoGnupg: string | null =
  spawnSync('gpg', ['--version']).error === undefined ? null : 'gpg is not installed';

export type KeyOptions = {
  readonly algorithm: 'ecc' | 'rsa';
  readonly passphrase?: string;
  /** `yyyy-mm-dd`; without it, never. */
  readonly expires?: string;
  readonly made?: string;
};

export type MessageOptions = {
  readonly to?: readonly string[];
  /** Whom the message does not name. */
  readonly hiddenTo?: readonly string[];
  readonly signedBy?: readonly string[];
  readonly armour?: boolean;
  readonly at?: string;
  /** Further options of `gpg`. */
  readonly more?: readonly string[];
};

/** A keyring of GnuPG in a folder of its own, gone with its agent (`await using`). */
export type Keyring = {
  readonly make: (name: string, options: KeyOptions) => Promise<void>;
  readonly publicKey: (name: string) => Promise<string>;
  readonly secretKey: (name: string) => Promise<string>;
  readonly revoke: (name: string) => Promise<void>;
  readonly write: (content: string | Buffer, options: MessageOptions) => Promise<Buffer>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const faked = (time: string): string[] => [
  '--faked-system-time',
  time.replace(/[-:]/g, '').replace(/\.\d+Z$|Z$/, ''),
];

export async function openKeyring(): Promise<Keyring> {
  // Its agent has a socket there, whose path may be 107 bytes long.
  const home = await mkdtemp(join(tmpdir(), 'pgp-'));
  // The usual count makes each unlocking take half a second.
  await writeFile(join(home, 'gpg-agent.conf'), 's2k-count 65536\n');
  const passphrases = new Map<string, string>();
  const gpg = async (args: readonly string[], passphrase = ''): Promise<Buffer> => {
    const common = [
      '--homedir',
      home,
      '--batch',
      '--yes',
      '--quiet',
      '--trust-model',
      'always',
      '--pinentry-mode',
      'loopback',
    ];
    const { stdout } = await run('gpg', [...common, '--passphrase', passphrase, ...args], {
      encoding: 'buffer',
      maxBuffer: 1e9,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    return stdout;
  };
  const address = (name: string): string => `${name}@harbour.example`;
  const fingerprint = async (name: string): Promise<string> => {
    const listed = (await gpg(['--with-colons', '--list-keys', `=${name} <${address(name)}>`])).toString();
    return /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
  };
  const text = async (args: readonly string[], passphrase?: string): Promise<string> =>
    (await gpg(args, passphrase)).toString();
  return {
    make: async (name, { algorithm, passphrase = '', expires, made = '2026-01-01T00:00:00Z' }) => {
      passphrases.set(name, passphrase);
      const kinds =
        algorithm === 'ecc'
          ? [
              'Key-Type: eddsa',
              'Key-Curve: ed25519',
              'Key-Usage: sign',
              'Subkey-Type: ecdh',
              'Subkey-Curve: cv25519',
              'Subkey-Usage: encrypt',
            ]
          : [
              'Key-Type: RSA',
              'Key-Length: 2048',
              'Key-Usage: sign',
              'Subkey-Type: RSA',
              'Subkey-Length: 2048',
              'Subkey-Usage: encrypt',
            ];
      const batch = join(home, 'batch');
      await writeFile(
        batch,
        [
          ...kinds,
          `Name-Real: ${name}`,
          `Name-Email: ${address(name)}`,
          `Expire-Date: ${expires ?? 0}`,
          ...(passphrase === '' ? ['%no-protection'] : [`Passphrase: ${passphrase}`]),
          '%commit',
          '',
        ].join('\n'),
      );
      await gpg([...faked(made), '--generate-key', batch], passphrase);
    },
    publicKey: async (name) => await text(['--armor', '--export', address(name)]),
    secretKey: async (name) =>
      await text(['--armor', '--export-secret-keys', address(name)], passphrases.get(name)),
    revoke: async (name) => {
      const made = join(home, 'openpgp-revocs.d', `${await fingerprint(name)}.rev`);
      // GnuPG puts a colon before the first line, so that nobody imports it by accident.
      await writeFile(made, (await readFile(made, 'utf8')).replace(/^:-----BEGIN/m, '-----BEGIN'));
      await gpg(['--import', made]);
    },
    write: async (content, { to = [], hiddenTo = [], signedBy = [], armour = false, at, more = [] }) => {
      const file = join(home, 'content');
      await writeFile(file, content);
      const locked = signedBy.map((name) => passphrases.get(name) ?? '').find((one) => one !== '');
      return await gpg(
        [
          ...(at === undefined ? [] : faked(at)),
          ...(armour ? ['--armor'] : []),
          ...to.flatMap((name) => ['--recipient', address(name)]),
          ...hiddenTo.flatMap((name) => ['--hidden-recipient', address(name)]),
          ...signedBy.flatMap((name) => ['--local-user', address(name)]),
          ...(signedBy.length > 0 && !more.includes('--clear-sign') ? ['--sign'] : []),
          ...(to.length + hiddenTo.length > 0 ? ['--encrypt'] : []),
          ...more,
          '--output',
          '-',
          file,
        ],
        locked ?? 'a password',
      );
    },
    [Symbol.asyncDispose]: async () => {
      await run('gpgconf', ['--homedir', home, '--kill', 'all']).catch(() => undefined);
      await rm(home, { recursive: true, force: true });
    },
  };
}
