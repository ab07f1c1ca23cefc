import { gzipSync } from 'node:zlib';
import { type Keyring, type KeyOptions, type MessageOptions, openKeyring } from '../../../support/gnupg.ts';

// What the suites read: made by GnuPG beforehand, so that they run everywhere (`made.json`, by make-messages.ts), and
// made anew where there is a GnuPG. The keys are good for nothing else.

export const passphrase = 'unlock me, please';
/** When the messages are read, and when they were made. */
export const nowMs = Date.parse('2026-03-02T12:00:00Z');
const madeAt = '2026-03-02T01:00:00Z';

/** Everybody's address is in it, and in no message of ours. */
export const content = `id,email,first,department,status\n${Array.from(
  { length: 40 },
  (_, n) => `E${n + 1},p${n + 1}@harbour.example,Person ${n + 1},Finance,Active`,
).join('\n')}\n`;

export const keys = {
  rollcall: { algorithm: 'ecc', passphrase },
  'rollcall-rsa': { algorithm: 'rsa' },
  hr: { algorithm: 'rsa' },
  'hr-ecc': { algorithm: 'ecc' },
  stranger: { algorithm: 'ecc' },
  ended: { algorithm: 'ecc', expires: '2026-02-01' },
  revoked: { algorithm: 'ecc' },
} as const satisfies Readonly<Record<string, KeyOptions>>;
export type KeyName = keyof typeof keys;

/** `opens`: the key that decrypts it. `from`: whose signature is asked for; without it none is. */
export type Case = {
  readonly opens: KeyName;
  readonly from?: KeyName;
  readonly write: MessageOptions;
  readonly gzip?: boolean;
  /** Nothing for what is read; else the code and what the message says. */
  readonly refused?: readonly [code: string, said: RegExp];
};

const signed = {
  opens: 'rollcall',
  from: 'hr',
  write: { to: ['rollcall'], signedBy: ['hr'], at: madeAt },
} as const;
const with_ = (...more: readonly string[]): MessageOptions => ({ ...signed.write, more });

export const cases: Readonly<Record<string, Case>> = {
  'curve25519, signed by RSA': { ...signed, write: with_('--compress-algo', 'none') },
  'RSA, signed by Ed25519, armoured': {
    opens: 'rollcall-rsa',
    from: 'hr-ecc',
    write: { to: ['rollcall-rsa'], signedBy: ['hr-ecc'], armour: true, at: madeAt },
  },
  'zlib inside': { ...signed, write: with_('--compress-algo', 'zlib') },
  'zip inside': { ...signed, write: with_('--compress-algo', 'zip') },
  'bzip2 inside': { ...signed, write: with_('--compress-algo', 'bzip2') },
  'gzip inside': { ...signed, gzip: true },
  'a hidden recipient': { ...signed, write: { hiddenTo: ['rollcall'], signedBy: ['hr'], at: madeAt } },
  'two recipients': { ...signed, write: { to: ['stranger', 'rollcall'], signedBy: ['hr'], at: madeAt } },
  'two signatures': { ...signed, write: { to: ['rollcall'], signedBy: ['stranger', 'hr'], at: madeAt } },
  'signed as text': { ...signed, write: with_('--textmode') },
  'AES-128': { ...signed, write: with_('--cipher-algo', 'AES128') },
  'unsigned, and no signature asked for': { opens: 'rollcall', write: { to: ['rollcall'], at: madeAt } },
  'signed by anybody, and no signature asked for': {
    opens: 'rollcall',
    write: { to: ['rollcall'], signedBy: ['stranger'], at: madeAt },
  },
  unsigned: {
    ...signed,
    write: { to: ['rollcall'], at: madeAt },
    refused: ['ROSTER_SIGNATURE', /it has no signature/],
  },
  'signed by somebody else': {
    ...signed,
    write: { to: ['rollcall'], signedBy: ['stranger'], at: madeAt },
    refused: [
      'ROSTER_SIGNATURE',
      /it is signed by [0-9A-F]{16}, and roster\.decrypt\.signedBy is [0-9A-F]{40}/,
    ],
  },
  'signed tomorrow': {
    ...signed,
    write: { ...signed.write, at: '2026-03-03T13:00:00Z' },
    refused: ['ROSTER_SIGNATURE', /bears a time at which it cannot have been made/],
  },
  'signed with SHA-1': {
    ...signed,
    write: with_('--digest-algo', 'SHA1'),
    refused: ['ROSTER_SIGNATURE', /uses a digest that is broken/],
  },
  'encrypted to somebody else': {
    ...signed,
    write: { to: ['stranger'], signedBy: ['hr'], at: madeAt },
    refused: [
      'ROSTER_DECRYPT',
      /it is encrypted to [0-9A-F]{16}, and roster\.decrypt\.privateKey is [0-9A-F]{40}/,
    ],
  },
  'encrypted to a hidden somebody else': {
    ...signed,
    write: { hiddenTo: ['stranger'], signedBy: ['hr'], at: madeAt },
    refused: ['ROSTER_DECRYPT', /roster\.decrypt\.privateKey does not open it/],
  },
  'encrypted with a password': {
    ...signed,
    write: { at: madeAt, more: ['--symmetric'] },
    refused: ['ROSTER_DECRYPT', /it is encrypted with a password/],
  },
  'signed and not encrypted': {
    ...signed,
    write: { signedBy: ['hr'], at: madeAt },
    refused: ['ROSTER_DECRYPT', /it is not encrypted: it is an OpenPGP message that is only signed/],
  },
  'signed and readable': {
    ...signed,
    write: { signedBy: ['hr'], at: madeAt, more: ['--clear-sign'] },
    refused: ['ROSTER_DECRYPT', /it is no encrypted message but a PGP signed message/],
  },
};

/** Keys and messages by name. */
export type Made = {
  readonly secret: Readonly<Record<KeyName, string>>;
  readonly public: Readonly<Record<KeyName, string>>;
  readonly messages: Readonly<Record<string, Buffer>>;
};

/** Makes them with the GnuPG of this machine. */
export async function makeAll(names: readonly string[] = Object.keys(cases)): Promise<Made> {
  await using ring: Keyring = await openKeyring();
  const people = Object.keys(keys) as KeyName[];
  for (const name of people) await ring.make(name, keys[name]);
  const messages: Record<string, Buffer> = {};
  for (const [name, { write, gzip }] of Object.entries(cases).filter(([one]) => names.includes(one)))
    messages[name] = await ring.write(gzip === true ? gzipSync(content) : content, write);
  await ring.revoke('revoked');
  const ofAll = async (read: (name: string) => Promise<string>) =>
    Object.fromEntries(await Promise.all(people.map(async (name) => [name, await read(name)]))) as Record<
      KeyName,
      string
    >;
  return { secret: await ofAll(ring.secretKey), public: await ofAll(ring.publicKey), messages };
}
