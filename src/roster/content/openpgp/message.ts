import type { Key, Message, SessionKey } from 'openpgp';
import { RollcallError } from '../../../errors.ts';
import { recognise } from '../../formats/recognise.ts';
import { armouredAs, armourEncoding, beginsEncrypted, beginsSigned } from './begins.ts';
import type { MessageFacts } from './facts.ts';
import { fingerprintOf, type OpenedKeys } from './keys.ts';

export type MessageOptions = {
  readonly file: string;
  readonly keys: OpenedKeys;
  readonly nowMs: number;
};

/** What comes out at a time, in bytes: the library gives pieces of 8 KB, and each costs the readers something. */
const pieceBytes = 262_144;
/** What the beginning is looked at for. */
const headBytes = 4_096;
type Refuse = (why: string, hint: string, cause?: unknown) => RollcallError;
type Opened = Message<Uint8Array<ArrayBuffer>>;

/**
 * The content of an OpenPGP message (RFC 9580), as a stream. **What is yielded is proven only once the generator has ended**:
 * by its integrity check and, where keys to verify are given, by a signature of one of them.
 *
 * @returns what it proved.
 * @throws RollcallError ROSTER_DECRYPT (not encrypted, to another key, damaged), ROSTER_SIGNATURE (none, of another key,
 * invalid); and whatever reading the bytes throws. Nothing of the content is in a message.
 */
export async function* contentOfMessage(
  bytes: AsyncIterable<Buffer>,
  { file, keys, nowMs }: MessageOptions,
): AsyncGenerator<Buffer, MessageFacts> {
  const refuse: Refuse = (why, hint, cause) =>
    new RollcallError('ROSTER_DECRYPT', `the roster cannot be decrypted: ${why}.`, {
      place: { file, key: 'roster.decrypt' },
      hint,
      cause,
    });
  // A failure to read the file is told as it came, whatever the library makes of it.
  const source = new NotedSource(bytes);
  const failed = (cause: unknown): unknown =>
    source.failure ?? (cause instanceof RollcallError ? cause : damaged(refuse, cause));
  try {
    const { decrypt } = await import('openpgp');
    const message = await openMessage(source, refuse);
    const session = await sessionKeysOf(message, keys, refuse);
    const cipher = await cipherOf(message, session);
    const opened = await decrypt({
      message,
      sessionKeys: [...session],
      verificationKeys: [...keys.verification],
      format: 'binary',
      date: new Date(nowMs),
      // Nothing is acted upon before the end.
      config: { allowUnauthenticatedStream: true },
    });
    yield* pieces(opened.data as unknown as AsyncIterable<Uint8Array>);
    source.throwIfFailed();
    const signed = keys.verification.length === 0 ? null : await signerOf(opened.signatures, keys, file);
    return { cipher, signed };
  } catch (cause) {
    throw failed(cause);
  } finally {
    await source.close();
  }
}

/** Bytes that are read ahead for their head, and whose failure is remembered. */
class NotedSource {
  readonly #bytes: AsyncIterator<Buffer>;
  #failure: unknown;

  constructor(bytes: AsyncIterable<Buffer>) {
    this.#bytes = bytes[Symbol.asyncIterator]();
  }

  get failure(): unknown {
    return this.#failure;
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    try {
      const { done, value } = await this.#bytes.next();
      return done === true ? undefined : new Uint8Array(value);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#bytes.return?.();
  }
}

/** The message, its text decoded if it is armoured, whatever that text is encoded in. */
async function openMessage(source: NotedSource, refuse: Refuse): Promise<Opened> {
  const { readMessage } = await import('openpgp');
  const read: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  while (bytes < headBytes) {
    const chunk = await source.next();
    if (chunk === undefined) break;
    read.push(chunk);
    bytes += chunk.length;
  }
  const head = Buffer.concat(read);
  const armoured = armouredAs(head);
  if (armoured !== undefined && armoured !== 'MESSAGE')
    throw refuse(
      `it is no encrypted message but a PGP ${armoured.toLowerCase()}`,
      'Have the export encrypted to the key (gpg --encrypt --sign --recipient KEY), not only signed.',
    );
  if (!beginsEncrypted(head)) throw notEncrypted(head, refuse);
  async function* all(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    yield* read.splice(0);
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) yield chunk;
  }
  // The types of the library name streams by a package that is not installed with it.
  const message: unknown =
    armoured === undefined
      ? await readMessage({ binaryMessage: ReadableStream.from(all()) as never })
      : await readMessage({
          armoredMessage: ReadableStream.from(decoded(all(), armourEncoding(head))) as never,
        });
  return message as Opened;
}

async function* decoded(bytes: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

function notEncrypted(head: Buffer, refuse: Refuse): RollcallError {
  if (head.length === 0) return refuse('it is empty', 'Ask for the export again.');
  const found = recognise(head);
  const what = beginsSigned(head)
    ? 'an OpenPGP message that is only signed'
    : 'other' in found
      ? found.other
      : head.includes(0)
        ? 'something else'
        : 'text';
  return refuse(
    `it is not encrypted: it is ${what}`,
    'Whoever can write to that place could have put it there. If HR sends it without encryption from now on, remove roster.decrypt.',
  );
}

async function sessionKeysOf(
  message: Opened,
  keys: OpenedKeys,
  refuse: Refuse,
): Promise<readonly SessionKey[]> {
  const { decryptSessionKeys, enums } = await import('openpgp');
  const wanted = message.getEncryptionKeyIDs().map((id) => id.toHex().toUpperCase());
  const own = keys.decryption.flatMap((key) => key.getKeys());
  const ownIds = own.map((one) => one.getKeyID().toHex().toUpperCase());
  if (wanted.length === 0) {
    const isByPassword = message.packets.filterByTag(enums.packet.symEncryptedSessionKey).length > 0;
    throw isByPassword
      ? refuse(
          'it is encrypted with a password',
          'Have it encrypted to the key instead: gpg --encrypt --recipient KEY.',
        )
      : refuse(
          'it is an OpenPGP message that is not encrypted',
          'Have it encrypted to the key: gpg --encrypt --sign --recipient KEY.',
        );
  }
  // Of a hidden recipient nothing is said: then the keys are tried.
  const isForUs = wanted.some((id) => /^0+$/.test(id) || ownIds.includes(id));
  if (!isForUs)
    throw refuse(
      `it is encrypted to ${wanted.join(', ')}, and roster.decrypt.privateKey is ${keys.decryption.map(fingerprintOf).join(', ')} (${ownIds.join(', ')})`,
      'Give whoever encrypts the export the public half of that key, or set the private half of the one they use.',
    );
  try {
    // Its algorithm is null where the message names the cipher beside its data, and then it is not asked for.
    return (await decryptSessionKeys({ message, decryptionKeys: [...keys.decryption] })) as SessionKey[];
  } catch (cause) {
    throw refuse(
      'roster.decrypt.privateKey does not open it',
      'Have it encrypted again with a key that is made for encryption; a message that was damaged in its first bytes is refused so, too.',
      cause,
    );
  }
}

async function cipherOf(message: Opened, session: readonly SessionKey[]): Promise<string> {
  const { enums } = await import('openpgp');
  const [first] = session;
  // Since RFC 9580 the message itself has it.
  const packet: unknown = message.packets.find(
    (one) => 'cipherAlgorithm' in one && one.cipherAlgorithm !== null,
  );
  const own = (packet as { readonly cipherAlgorithm?: number } | undefined)?.cipherAlgorithm;
  const named = Object.entries(enums.symmetric).find(([, number]) => number === own);
  return first?.algorithm ?? named?.[0] ?? 'a cipher without a name';
}

/** The same bytes in larger pieces. */
async function* pieces(data: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of data) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < pieceBytes) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

function damaged(refuse: Refuse, cause: unknown): RollcallError {
  const said = cause instanceof Error ? cause.message : '';
  if (/not authenticated/i.test(said))
    return refuse(
      'it has no integrity check, so that it could have been changed on its way',
      'Have it encrypted by a program of this century: GnuPG adds the check (MDC) by itself, unless it is told not to.',
      cause,
    );
  return refuse(
    /modification detected|authentication tag|operation-specific|authenticate data/i.test(said)
      ? 'its integrity check fails: it was cut off, damaged or changed on its way'
      : 'it is cut off or damaged',
    'Ask for the export again; if it stays so, compare its size and checksum with those of the file that was sent.',
    cause,
  );
}

type Verification = {
  readonly keyID: { readonly toHex: () => string };
  readonly verified: Promise<true>;
  readonly signature: Promise<{ readonly packets: readonly { readonly created: Date | null }[] }>;
};

/** The first valid signature of a key of `signedBy`. */
async function signerOf(
  signatures: readonly Verification[],
  keys: OpenedKeys,
  file: string,
): Promise<MessageFacts['signed']> {
  const refuse: Refuse = (why, hint, cause) =>
    new RollcallError('ROSTER_SIGNATURE', `the roster is not signed by whom it should be: ${why}.`, {
      place: { file, key: 'roster.decrypt.signedBy' },
      hint: `${hint} Nothing of it was acted upon.`,
      cause,
    });
  if (signatures.length === 0)
    throw refuse(
      'it has no signature',
      'Have the export signed (gpg --sign --encrypt), or remove signedBy if anybody who has the public key may send it.',
    );
  let refused: RollcallError | undefined;
  for (const { keyID, verified, signature } of signatures) {
    const id = keyID.toHex().toUpperCase();
    const signer = keys.verification.find((key) => holds(key, id));
    try {
      await verified;
      const at = (await signature).packets[0]?.created;
      if (signer !== undefined && at instanceof Date)
        return { fingerprint: fingerprintOf(signer), atMs: at.getTime() };
    } catch (cause) {
      refused = signer === undefined ? refused : refuse(...unverified(id, cause), cause);
    }
  }
  const expected = keys.verification.map(fingerprintOf).join(', ');
  const ids = signatures.map(({ keyID }) => keyID.toHex().toUpperCase()).join(', ');
  throw (
    refused ??
    refuse(
      `it is signed by ${ids}, and roster.decrypt.signedBy is ${expected}`,
      'Ask whoever sends the export, by another way than the file, which key they sign with.',
    )
  );
}

function holds(key: Key, id: string): boolean {
  return key.getKeys().some((one) => one.getKeyID().toHex().toUpperCase() === id);
}

function unverified(id: string, cause: unknown): [why: string, hint: string] {
  const said = cause instanceof Error ? cause.message : '';
  if (/expired/i.test(said))
    return [
      `the key ${id} had expired when it signed`,
      'Ask whoever signs for the key anew: one whose time was extended has the same fingerprint.',
    ];
  if (/revoked/i.test(said))
    return [`the key ${id} was revoked`, 'Ask whoever signs which key they sign with now.'];
  if (/in the future|newer than/i.test(said))
    return [
      `the signature of ${id} bears a time at which it cannot have been made`,
      'Check the clocks here and where the export is made.',
    ];
  if (/insecure|hash algorithm/i.test(said))
    return [
      `the signature of ${id} uses a digest that is broken (MD5, SHA-1)`,
      'Have the export signed with SHA-256 or better: digest-algo SHA256 in the gpg.conf there.',
    ];
  return [
    `the signature of ${id} does not fit the content`,
    'It was changed after it was signed, or damaged. Ask for the export again.',
  ];
}
