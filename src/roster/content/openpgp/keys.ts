import type { Key, PrivateKey, Subkey } from 'openpgp';
import type { DecryptConfig } from '../../../config/roster-source.ts';
import { RollcallError } from '../../../errors.ts';
import type { KeyFacts, KeyRole } from './facts.ts';

/** The keys of `roster.decrypt`, unlocked and valid at the time for which they were opened. */
export type OpenedKeys = {
  readonly decryption: readonly PrivateKey[];
  /** Empty where no signature is asked for. */
  readonly verification: readonly Key[];
  readonly facts: readonly KeyFacts[];
};

const blocks = /-----BEGIN PGP ([A-Z ]+)-----[\s\S]*?-----END PGP \1-----/g;
const wanted: Readonly<Record<KeyRole, string>> = {
  privateKey: 'PRIVATE KEY BLOCK',
  signedBy: 'PUBLIC KEY BLOCK',
};
const howToExport: Readonly<Record<KeyRole, string>> = {
  privateKey: 'gpg --armor --export-secret-keys KEY writes it',
  signedBy: 'ask whoever signs the export for it: gpg --armor --export KEY writes it',
};

/**
 * Reads and unlocks the keys. Each text may hold several, such as an old and a new one while a sender changes over.
 *
 * @throws RollcallError ROSTER_KEY: none there, of another kind, locked, expired, revoked. It shows fingerprints, and
 * nothing of a secret.
 */
export async function openKeys(config: DecryptConfig, nowMs: number): Promise<OpenedKeys> {
  const { readKeys, readPrivateKeys } = await import('openpgp');
  const locked = await Promise.all(
    blocksOf(config.privateKey, 'privateKey').map((armoredKeys) =>
      read('privateKey', () => readPrivateKeys({ armoredKeys })),
    ),
  );
  const decryption = await Promise.all(locked.flat().map((key) => unlocked(key, config.passphrase)));
  const verification =
    config.signedBy === undefined
      ? []
      : (
          await Promise.all(
            blocksOf(config.signedBy, 'signedBy').map((armoredKeys) =>
              read('signedBy', () => readKeys({ armoredKeys })),
            ),
          )
        ).flat();
  const facts = [
    ...(await validOnes('privateKey', decryption, nowMs)),
    ...(await validOnes('signedBy', verification, nowMs)),
  ];
  const isValid = (key: Key): boolean => facts.some(({ fingerprint }) => fingerprint === fingerprintOf(key));
  return { decryption: decryption.filter(isValid), verification: verification.filter(isValid), facts };
}

/**
 * The keys that may be used at that time, without unlocking any.
 *
 * @throws RollcallError ROSTER_KEY
 */
export async function keysOf(config: DecryptConfig, nowMs: number): Promise<readonly KeyFacts[]> {
  const { readKeys, readPrivateKeys } = await import('openpgp');
  const facts: KeyFacts[] = [];
  for (const armoredKeys of blocksOf(config.privateKey, 'privateKey'))
    facts.push(
      ...(await usable(
        'privateKey',
        await read('privateKey', () => readPrivateKeys({ armoredKeys })),
        nowMs,
      )),
    );
  for (const armoredKeys of config.signedBy === undefined ? [] : blocksOf(config.signedBy, 'signedBy'))
    facts.push(...(await usable('signedBy', await read('signedBy', () => readKeys({ armoredKeys })), nowMs)));
  return facts;
}

async function usable(role: KeyRole, keys: readonly Key[], nowMs: number): Promise<readonly KeyFacts[]> {
  const all = await Promise.all(keys.map((key) => look(role, key, nowMs)));
  return all.flatMap((one) => ('facts' in one ? [one.facts] : []));
}

/** A fingerprint as `gpg` shows it. */
export function fingerprintOf(key: Key | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

function wrongKey(role: KeyRole, what: string, hint: string, cause?: unknown): RollcallError {
  return new RollcallError('ROSTER_KEY', `the key of the roster cannot be used: ${what}.`, {
    place: { key: `roster.decrypt.${role}` },
    hint,
    cause,
  });
}

function blocksOf(text: string, role: KeyRole): readonly string[] {
  const found = [...text.matchAll(blocks)];
  const right = found.filter(([, kind]) => kind === wanted[role]).map(([block]) => block);
  if (right.length > 0) return right;
  throw wrongKey(
    role,
    `${otherKind(text, found[0]?.[1])}`,
    `It begins with "-----BEGIN PGP ${wanted[role]}-----": ${howToExport[role]}.`,
  );
}

/** What a text is that is no such key. None of it is shown. */
function otherKind(text: string, kind: string | undefined): string {
  if (kind === 'PUBLIC KEY BLOCK') return 'it is the public half, which encrypts and cannot decrypt';
  if (kind === 'PRIVATE KEY BLOCK')
    return 'it is a private key, which belongs to whoever signs and to nobody else';
  if (kind !== undefined) return `it is no key but a PGP ${kind.toLowerCase()}`;
  if (/-----BEGIN PGP/.test(text)) return 'it ends before its end: the line "-----END PGP …-----" is missing';
  if (/-----BEGIN (OPENSSH|RSA|EC|ENCRYPTED )?.*PRIVATE KEY-----|^ssh-/.test(text))
    return 'it is a key for SSH or TLS, not for OpenPGP';
  if (text.includes('\ufffd') || text.includes('\0'))
    return 'it is in the binary form, and text is read here';
  return 'it is no OpenPGP key';
}

async function read<T extends Key>(role: KeyRole, work: () => Promise<T[]>): Promise<T[]> {
  try {
    return await work();
  } catch (cause) {
    throw wrongKey(role, 'it is damaged', `Export it again: ${howToExport[role]}.`, cause);
  }
}

async function unlocked(key: PrivateKey, passphrase: string | undefined): Promise<PrivateKey> {
  const { decryptKey } = await import('openpgp');
  if (key.isDecrypted()) return key;
  if (passphrase === undefined)
    throw wrongKey(
      'privateKey',
      'it is locked with a passphrase, and roster.decrypt.passphrase is not set',
      `Set passphrase: "\${NAME}" beside privateKey.`,
    );
  try {
    return await decryptKey({ privateKey: key, passphrase });
  } catch (cause) {
    throw wrongKey(
      'privateKey',
      'roster.decrypt.passphrase does not unlock it',
      'Check where the passphrase comes from; a line break or a quote at its end is a part of it.',
      cause,
    );
  }
}

/** The keys that may be used now. Throws when there are keys and none may. */
async function validOnes(role: KeyRole, keys: readonly Key[], nowMs: number): Promise<readonly KeyFacts[]> {
  const all = await Promise.all(keys.map((key) => look(role, key, nowMs)));
  const valid = all.flatMap((one) => ('facts' in one ? [one.facts] : []));
  const [first] = all;
  if (valid.length > 0 || first === undefined || 'facts' in first) return valid;
  throw first.refused;
}

/** What a key is good for now: the facts, or why it is refused. */
async function look(
  role: KeyRole,
  key: Key,
  nowMs: number,
): Promise<{ readonly facts: KeyFacts } | { readonly refused: RollcallError }> {
  const fingerprint = fingerprintOf(key);
  const now = new Date(nowMs);
  try {
    const used =
      role === 'privateKey'
        ? await key.getEncryptionKey(undefined, now)
        : await key.getSigningKey(undefined, now);
    const ends = await Promise.all([endOf(key), endOf(used)]);
    const end = Math.min(...ends);
    return { facts: { role, fingerprint, expiresAtMs: Number.isFinite(end) ? end : null } };
  } catch (cause) {
    return { refused: await refusedKey(role, key, nowMs, cause) };
  }
}

async function refusedKey(role: KeyRole, key: Key, nowMs: number, cause: unknown): Promise<RollcallError> {
  const shown = `${fingerprintOf(key)}`;
  if (await key.isRevoked())
    return wrongKey(
      role,
      `${shown} has been revoked`,
      role === 'privateKey'
        ? 'Make a new one, and give its public half to whoever encrypts the export.'
        : 'Ask whoever signs the export which key they sign with now.',
    );
  const ended = await lastEnd(key);
  if (ended < nowMs) {
    const day = new Date(ended).toISOString().slice(0, 10);
    return wrongKey(
      role,
      `${shown} expired on ${day}`,
      role === 'privateKey'
        ? 'Give it more time (gpg --quick-set-expire FINGERPRINT 2y, and the same with "*" for its subkeys), export it again, and give the new public half to whoever encrypts.'
        : 'Ask whoever signs the export for the key anew: one whose time was extended has the same fingerprint.',
    );
  }
  if (key.getCreationTime().getTime() > nowMs)
    return wrongKey(
      role,
      `${shown} was made after now, by the clock of this machine`,
      'Check the clock here and where the key was made.',
    );
  return wrongKey(
    role,
    `${shown} is not made for ${role === 'privateKey' ? 'encryption' : 'signatures'}, or its kind is too weak (RSA of fewer than 2,047 bits, DSA, ElGamal)`,
    'Make one for it: gpg --quick-generate-key NAME makes a good one.',
    cause,
  );
}

async function endOf(key: Key | Subkey): Promise<number> {
  const end = await key.getExpirationTime();
  return end instanceof Date ? end.getTime() : Number.POSITIVE_INFINITY;
}

/** When the last of a key's parts that could do it ended. */
async function lastEnd(key: Key): Promise<number> {
  const primary = await endOf(key);
  const subkeys = await Promise.all(key.getSubkeys().map((one) => endOf(one).catch(() => 0)));
  return Math.min(primary, subkeys.length === 0 ? primary : Math.max(...subkeys));
}
