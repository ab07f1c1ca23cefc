import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { DecryptConfig } from '../../../../src/config/roster-source.ts';
import { formatError } from '../../../../src/errors.ts';
import { openKeys } from '../../../../src/roster/content/openpgp/keys.ts';
import { type KeyName, nowMs, passphrase } from './catalogue.ts';

const made = JSON.parse(await readFile(new URL('made.json', import.meta.url), 'utf8')) as {
  readonly secret: Readonly<Record<KeyName, string>>;
  readonly public: Readonly<Record<KeyName, string>>;
};
const good: DecryptConfig = { privateKey: made.secret.rollcall, passphrase, signedBy: made.public.hr };

async function refused(changes: Partial<DecryptConfig>, atMs = nowMs): Promise<string> {
  const error = await openKeys({ ...good, ...changes }, atMs).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  const said = error instanceof Error ? formatError(error) : 'nothing was refused';
  expect(said).not.toMatch(/unlock me|[A-Za-z0-9+/]{60}/);
  return said;
}

describe('the keys of roster.decrypt', () => {
  test('are named by fingerprint, with their ends', async () => {
    const { facts, decryption, verification } = await openKeys(
      { ...good, signedBy: `${made.public.hr}\n${made.public['hr-ecc']}` },
      nowMs,
    );
    expect(decryption).toHaveLength(1);
    expect(verification).toHaveLength(2);
    expect(facts).toEqual([
      { role: 'privateKey', fingerprint: expect.stringMatching(/^[0-9A-F]{40}$/), expiresAtMs: null },
      { role: 'signedBy', fingerprint: expect.stringMatching(/^[0-9A-F]{40}$/), expiresAtMs: null },
      { role: 'signedBy', fingerprint: expect.stringMatching(/^[0-9A-F]{40}$/), expiresAtMs: null },
    ]);
    const before = await openKeys({ privateKey: made.secret.ended }, Date.parse('2026-01-15'));
    expect(before.facts[0]?.expiresAtMs).toBeGreaterThan(Date.parse('2026-01-31'));
    expect(before.facts[0]?.expiresAtMs).toBeLessThan(Date.parse('2026-02-03'));
  });

  test('of several, one that has ended is left out', async () => {
    const both = `${made.secret.ended}${made.secret['rollcall-rsa']}`;
    const { decryption, facts } = await openKeys({ privateKey: both, passphrase }, nowMs);
    expect(decryption).toHaveLength(1);
    expect(facts).toHaveLength(1);
  });

  const cut = made.secret.rollcall.slice(0, 400);
  test.each<[what: string, changes: Partial<DecryptConfig>, said: RegExp]>([
    ['a wrong passphrase', { passphrase: 'open sesame' }, /roster\.decrypt\.passphrase does not unlock it/],
    [
      'no passphrase',
      { passphrase: undefined },
      /locked with a passphrase, and roster\.decrypt\.passphrase is not set/,
    ],
    [
      'the public half',
      { privateKey: made.public.rollcall },
      /public half, which encrypts and cannot decrypt.*gpg --armor --export-secret-keys/,
    ],
    [
      'a key for SSH',
      { privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----' },
      /a key for SSH or TLS/,
    ],
    ['a key that is cut', { privateKey: cut }, /it ends before its end/],
    [
      'a key that is damaged',
      { privateKey: made.secret.rollcall.replace(/\n[A-Za-z0-9+/]{64}\n/, '\n') },
      /it is damaged/,
    ],
    ['the binary form', { privateKey: '\u0095\ufffd\u0000\u0001' }, /it is in the binary form/],
    [
      'a path',
      { privateKey: 'secrets/hr.asc' },
      /it is no OpenPGP key.*-----BEGIN PGP PRIVATE KEY BLOCK-----/,
    ],
    [
      'a message',
      { privateKey: '-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----' },
      /it is no key but a PGP message/,
    ],
    [
      'a private key to verify with',
      { signedBy: made.secret.hr },
      /roster\.decrypt\.signedBy: .*it is a private key, which belongs to whoever signs/,
    ],
    [
      'an ended private key',
      { privateKey: made.secret.ended },
      /roster\.decrypt\.privateKey: .*[0-9A-F]{40} expired on 2026-02-0\d.*--quick-set-expire/,
    ],
    [
      'an ended key to verify with',
      { signedBy: made.public.ended },
      /roster\.decrypt\.signedBy: .*[0-9A-F]{40} expired on 2026-02-0\d.*has the same fingerprint/,
    ],
    ['a revoked private key', { privateKey: made.secret.revoked }, /[0-9A-F]{40} has been revoked/],
    ['a revoked key to verify with', { signedBy: made.public.revoked }, /[0-9A-F]{40} has been revoked/],
  ])('%s', async (_what, changes, said) => {
    const error = await refused(changes as Partial<DecryptConfig>);
    expect(error).toMatch(said);
    expect(error).toContain('[ROSTER_KEY]');
  });

  test('a key of the future', async () => {
    expect(await refused({}, Date.parse('2025-06-01'))).toMatch(
      /was made after now, by the clock of this machine/,
    );
  });
});
