import { readFile } from 'node:fs/promises';
import * as openpgp from 'openpgp';
import { describe, expect, test } from 'vitest';
import type { DecryptConfig } from '../../../../src/config/roster-source.ts';
import { formatError } from '../../../../src/errors.ts';
import { whyNoGnupg } from '../../../support/gnupg.ts';
import { readText } from '../../reading.ts';
import { type Case, cases, content, type Made, makeAll, nowMs, passphrase } from './catalogue.ts';

if (whyNoGnupg !== null)
  process.stderr.write(
    `skipped: messages made by GnuPG just now: ${whyNoGnupg}. Those made beforehand are read.\n`,
  );

async function madeBeforehand(): Promise<Made> {
  const { messages, ...keys } = JSON.parse(
    await readFile(new URL('made.json', import.meta.url), 'utf8'),
  ) as Pick<Made, 'secret' | 'public'> & { readonly messages: Readonly<Record<string, string>> };
  return {
    ...keys,
    messages: Object.fromEntries(
      Object.entries(messages).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
    ),
  };
}

const made = await madeBeforehand();
const fewCases = [
  'RSA, signed by Ed25519, armoured',
  'gzip inside',
  'unsigned',
  'signed by somebody else',
  'encrypted to somebody else',
];

function decryptConfig(
  { opens, from }: Pick<Case, 'opens' | 'from'>,
  keys: Pick<Made, 'secret' | 'public'> = made,
): DecryptConfig {
  return {
    privateKey: keys.secret[opens],
    passphrase,
    ...(from === undefined ? {} : { signedBy: keys.public[from] }),
  };
}

/** Reads it; what it was refused with, if it was, as people and logs would see it. */
async function read(message: Buffer | string, decrypt: DecryptConfig) {
  let error: unknown;
  const outcome = await readText(Buffer.from(message), { decrypt }, { nowMs }).catch((cause: unknown) => {
    error = cause;
  });
  return { outcome, error: error === undefined ? undefined : formatError(error as Error) };
}

function expectRefused(error: string | undefined, code: string, said: RegExp): void {
  expect(error).toMatch(said);
  expect(error).toContain(code);
  // Neither a cell nor a word of a secret.
  expect(error).not.toMatch(/Person|harbour|Finance|unlock me/);
}

describe.each([
  ['beforehand', () => Promise.resolve(made), Object.keys(cases), null],
  // As many as tell whether this GnuPG does as that one did.
  ['just now', () => makeAll(fewCases), fewCases, whyNoGnupg],
] as const)('messages that GnuPG made %s', (_when, get, names, whyNot) => {
  test.skipIf(whyNot !== null)('are read, or refused with what is wrong', { timeout: 60_000 }, async () => {
    const all = await get();
    for (const name of names) {
      const one = cases[name];
      if (one === undefined) throw new Error(`no case ${name}`);
      const { outcome, error } = await read(all.messages[name] ?? '', decryptConfig(one, all));
      if (one.refused !== undefined) {
        expect(outcome, name).toBeUndefined();
        expectRefused(error, ...one.refused);
        continue;
      }
      expect(error, name).toBeUndefined();
      expect(outcome?.people.length, name).toBe(40);
      expect(outcome?.proof, name).toMatchObject({
        complete: true,
        encryption: { cipher: name === 'AES-128' ? 'aes128' : 'aes256' },
      });
      const signer =
        one.from === undefined ? null : await openpgp.readKey({ armoredKey: all.public[one.from] });
      expect(outcome?.proof.encryption?.signed, name).toEqual(
        signer === null
          ? null
          : { fingerprint: signer.getFingerprint().toUpperCase(), atMs: Date.parse('2026-03-02T01:00:00Z') },
      );
    }
  });
});

const good = decryptConfig({ opens: 'rollcall', from: 'hr' });

describe('a message that is not as it was sent', () => {
  const binary = made.messages['curve25519, signed by RSA'] ?? Buffer.alloc(0);
  const packed = made.messages['zlib inside'] ?? Buffer.alloc(0);
  const armoured = made.messages['RSA, signed by Ed25519, armoured'] ?? Buffer.alloc(0);
  const toRsa = decryptConfig({ opens: 'rollcall-rsa', from: 'hr-ecc' });
  const broken =
    /it is cut off or damaged|its integrity check fails|does not open it|it is not encrypted|it is encrypted to/;

  test.each([
    ['binary', binary, good],
    ['compressed', packed, good],
    ['armoured', armoured, toRsa],
  ] as const)('%s: cut at every eighth, and by its last byte', async (_name, message, decrypt) => {
    for (const eighth of [1, 2, 3, 4, 5, 6, 7]) {
      const { error } = await read(message.subarray(0, Math.floor((message.length * eighth) / 8)), decrypt);
      expectRefused(error, 'ROSTER_DECRYPT', broken);
    }
    // Of armour, the line break at the end says nothing.
    const { error } = await read(message.subarray(0, message.length - 2), decrypt);
    expectRefused(error, 'ROSTER_DECRYPT', broken);
  });

  test('a bit that is another, wherever it is', async () => {
    for (const message of [binary, packed])
      for (let part = 0; part < 24; part++) {
        const changed = Buffer.from(message);
        const at = Math.floor((message.length * (part + 0.5)) / 24);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        const { outcome, error } = await read(changed, good);
        expect(outcome, `byte ${at}`).toBeUndefined();
        expectRefused(error, 'ROSTER_DECRYPT', broken);
      }
  });

  test.each([
    ['the same message', binary],
    ['text', Buffer.from('E41,mallory@harbour.example,Mallory,Finance,Active\n')],
    ['an unencrypted message', made.messages['signed and not encrypted'] ?? Buffer.alloc(0)],
  ])('%s behind it', async (_what, more) => {
    const { outcome, error } = await read(Buffer.concat([binary, more]), good);
    expect(outcome).toBeUndefined();
    expectRefused(error, 'ROSTER_DECRYPT', broken);
  });

  test('armour that a shell wrote as UTF-16, with lines of Windows, and with words before it', async () => {
    const text = armoured.toString();
    for (const written of [
      Buffer.from(`\ufeff${text}`, 'utf16le'),
      Buffer.from(`\ufeff${text}`),
      Buffer.from(text.replaceAll('\n', '\r\n')),
      Buffer.from(`\n\n${text}\n`),
    ]) {
      const { outcome, error } = await read(written, toRsa);
      expect(error).toBeUndefined();
      expect(outcome?.people).toHaveLength(40);
    }
  });

  test.each([
    ['CSV', content, /it is not encrypted: it is text/],
    ['an HTML page', '<!doctype html><title>Sign in</title>', /it is not encrypted: it is an HTML page/],
    ['a workbook', Buffer.from('504b030414000000786c2f', 'hex'), /it is not encrypted: it is /],
    ['nothing', '', /it is empty/],
    ['a key', made.public.hr, /it is no encrypted message but a PGP public key block/],
  ])('%s where a message should be', async (_what, text, said) => {
    const { error } = await read(text, good);
    expectRefused(error, 'ROSTER_DECRYPT', said);
  });

  test('a message that is not encrypted is not read without its key either', async () => {
    for (const message of [binary, armoured]) {
      const { error } = await readText(message).then(
        () => ({ error: undefined }),
        (cause: Error) => ({ error: formatError(cause) }),
      );
      expectRefused(
        error,
        'ROSTER_FORMAT',
        /the roster is encrypted \(OpenPGP\), and roster\.decrypt is not set/,
      );
      expect(error).toMatch(/roster\.decrypt/);
    }
  });
});

describe('a message of the newer form (RFC 9580), whose pieces prove themselves', async () => {
  const config = { aeadProtect: true, aeadChunkSizeByte: 4 };
  const date = new Date(nowMs - 3_600_000);
  const [key, hr] = await Promise.all(
    ['Rollcall', 'HR'].map((name) =>
      openpgp.generateKey({ userIDs: [{ name }], date, config, format: 'armored' }),
    ),
  );
  const decrypt = { privateKey: key?.privateKey ?? '', signedBy: hr?.publicKey ?? '' };
  const message = Buffer.from(
    await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: Buffer.from(content), date }),
      encryptionKeys: await openpgp.readKey({ armoredKey: key?.publicKey ?? '' }),
      signingKeys: await openpgp.readPrivateKey({ armoredKey: hr?.privateKey ?? '' }),
      date,
      format: 'binary',
      config,
    }),
  );

  test('is read', async () => {
    const parsed = await openpgp.readMessage({ binaryMessage: message });
    expect(parsed.packets.map((packet) => ('version' in packet ? packet.version : 0))).toContain(2);
    const { outcome, error } = await read(message, decrypt);
    expect(error).toBeUndefined();
    expect(outcome?.people).toHaveLength(40);
    expect(outcome?.proof.encryption).toMatchObject({ cipher: 'aes256' });
  });

  test('with a workbook in it: in memory, on no disk', async () => {
    const workbook = await readFile(new URL('../../formats/xlsx/workbooks/many.xlsx', import.meta.url));
    const sealed = await openpgp.encrypt({
      message: await openpgp.createMessage({ binary: workbook, date }),
      encryptionKeys: await openpgp.readKey({ armoredKey: key?.publicKey ?? '' }),
      signingKeys: await openpgp.readPrivateKey({ armoredKey: hr?.privateKey ?? '' }),
      date,
      format: 'binary',
      config,
    });
    const columns = { id: 'Worker ID', email: 'Work email', status: 'Status' };
    const { people, proof } = await readText(Buffer.from(sealed), { decrypt, columns }, { nowMs });
    expect(people).toHaveLength(200);
    expect(proof).toMatchObject({ format: 'xlsx', complete: true });
  });

  test('is refused when it is cut or changed', async () => {
    const broken =
      /it is cut off or damaged|its integrity check fails|does not open it|it is not encrypted|it is encrypted to/;
    for (let part = 1; part < 16; part++) {
      const at = Math.floor((message.length * part) / 16);
      expectRefused((await read(message.subarray(0, at), decrypt)).error, 'ROSTER_DECRYPT', broken);
      const changed = Buffer.from(message);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      expectRefused((await read(changed, decrypt)).error, 'ROSTER_DECRYPT', broken);
    }
  });
});
