import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';

/** Enough to see how a file is encoded and where its header line ends. */
const headBytes = 65_536;
/** Of a chunk of good UTF-8, so many bytes are counted: enough to weigh it against damage. */
const weighedBytes = 8_192;
const empty = Buffer.alloc(0);
const replacementBytes = Buffer.from('\uFFFD');
/** ISO-2022-JP is ASCII to the eye: an escape sequence leads over to its own signs. */
const escapes = [Buffer.from('\u001b$'), Buffer.from('\u001b(J')];
/** Text of so many sequences that all happen to be UTF-8 is UTF-8; some short words of Asian encodings look like it. */
const sequencesToBeSure = { bytes: 1, multibyte: 10 };
/** Damage in decoded text: signs that could not be read, and controls that no text has. */
const damage = /[\uFFFD\u0080-\u0084\u0086-\u009F]/;

/** A file that is not UTF-8, and whose encoding nobody named. */
export class NotUtf8 extends Error {
  override readonly name = 'NotUtf8';
  /** The first byte that is not UTF-8, from 0. */
  readonly offset: number;
  /** Bytes around it, to judge by what they may be. */
  readonly sample: Buffer;

  constructor(offset: number, sample: Buffer) {
    super('the file is not UTF-8');
    this.offset = offset;
    this.sample = sample;
  }
}

/** A file that is UTF-8 throughout, though another encoding is configured. */
export class IsUtf8 extends Error {
  override readonly name = 'IsUtf8';
}

type Decoding = { readonly write: (bytes: Buffer) => string; readonly end: () => string };

/** The decoder of a label: of the WHATWG list, or one of the older code pages. Undefined when nobody knows the label. */
export function decoderOf(label: string): Decoding | undefined {
  try {
    const decoder = new TextDecoder(label);
    return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
  } catch {
    if (!iconv.encodingExists(label)) return undefined;
    const decoder = iconv.getDecoder(label, { stripBOM: false });
    return { write: (bytes) => decoder.write(bytes), end: () => decoder.end() ?? '' };
  }
}

/** Bytes at the end of `bytes` that begin a UTF-8 sequence without finishing it: 0 to 3. */
function unfinishedUtf8(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return wanted > back ? back : 0;
    }
  }
  return 0;
}

/** How many sequences beyond ASCII are UTF-8, how many bytes are not, and where the first of those is. */
function weigh(bytes: Uint8Array): {
  readonly valid: number;
  readonly stray: number;
  readonly firstStray: number;
} {
  let valid = 0;
  let stray = 0;
  let firstStray = -1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte >= 0xc2 && isUtf8(bytes.subarray(i, i + wanted))) {
      valid++;
      i += wanted - 1;
    } else {
      if (firstStray < 0) firstStray = i;
      stray++;
    }
  }
  return { valid, stray, firstStray };
}

/** UTF-16 without a BOM: in text that is mostly Latin, every other byte is NUL. */
function nulPattern(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const pairs = Math.min(bytes.length >> 1, 2_048);
  if (pairs < 2) return undefined;
  let [even, odd] = [0, 0];
  for (let i = 0; i < pairs * 2; i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  if (odd > pairs / 2 && even < pairs / 20) return 'utf-16le';
  if (even > pairs / 2 && odd < pairs / 20) return 'utf-16be';
  return undefined;
}

/** UTF-16, by its mark or by what it looks like; undefined when it is neither. */
export function wideEncodingOf(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return nulPattern(bytes);
}

const singleByte = /^(windows-125|windows-874|iso-8859|koi8|ibm|cp|mac|x-mac)/i;

/**
 * Turns the bytes of a file into UTF-8, chunk by chunk. UTF-8 and UTF-16 are found; every other encoding has to be named,
 * since nothing in a byte tells `ł` from `³`. UTF-8 passes through uncopied, with a few damaged sequences as they are
 * (decoding shows them as U+FFFD, for which the reader looks); more of them than good ones are another encoding.
 *
 * @throws NotUtf8 when no encoding was named and the file needs one; IsUtf8 (at the end) when the named one is wrong.
 */
export class Utf8Decoder {
  readonly #declared: string | undefined;
  /** undefined: too few bytes seen. */
  #encoding: string | undefined;
  #decoder: Decoding | undefined;
  #waiting: Buffer = empty;
  /** The beginning of a sequence that the next chunk ends. */
  #carry: Buffer = empty;
  #offset = 0;
  #valid = 0;
  #stray = 0;
  #firstStray = -1;
  #isDamaged = false;

  constructor(declared?: string) {
    this.#declared = declared?.toLowerCase() === 'utf8' ? 'utf-8' : declared?.toLowerCase();
  }

  /** What the bytes turned out to be; plain ASCII counts as UTF-8. */
  get encoding(): string {
    return this.#encoding ?? 'utf-8';
  }

  /** Whether characters so far could not be read. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** The next bytes as UTF-8; empty while there are too few to tell. */
  write(chunk: Buffer): Buffer {
    if (this.#encoding !== undefined) return this.#pass(chunk, false);
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    if (bytes.length < headBytes) {
      this.#waiting = bytes;
      return empty;
    }
    this.#waiting = empty;
    return this.#begin(bytes, false);
  }

  /** What was left; `torn` when the file ends in the middle of a character. */
  end(): { readonly rest: Buffer; readonly torn: boolean } {
    const waiting = this.#waiting;
    this.#waiting = empty;
    const rest = this.#encoding === undefined ? this.#begin(waiting, true) : this.#pass(empty, true);
    if (this.#decoder === undefined) return { rest, torn: this.#carry.length > 0 };
    const enough = singleByte.test(this.encoding) ? sequencesToBeSure.bytes : sequencesToBeSure.multibyte;
    const isWide = this.encoding.startsWith('utf-16');
    if (!isWide && this.#stray === 0 && this.#carry.length === 0 && this.#valid >= enough) throw new IsUtf8();
    const tail = this.#decoder.end();
    return { rest: tail === '' ? rest : Buffer.concat([rest, Buffer.from(tail)]), torn: tail !== '' };
  }

  #begin(bytes: Buffer, final: boolean): Buffer {
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
      this.#encoding = 'utf-8';
      this.#offset = 3;
      return this.#pass(bytes.subarray(3), final);
    }
    const found = wideEncodingOf(bytes) ?? this.#declared ?? 'utf-8';
    this.#encoding = found;
    if (found !== 'utf-8') {
      this.#decoder = decoderOf(found);
      if (this.#decoder === undefined) throw new RangeError(`no decoder for ${found}`);
    }
    return this.#pass(bytes, final);
  }

  #pass(bytes: Buffer, final: boolean): Buffer {
    if (!this.encoding.startsWith('utf-16')) this.#check(bytes, final);
    if (this.#decoder === undefined) return bytes;
    const text = this.#decoder.write(bytes);
    this.#isDamaged ||= damage.test(text);
    return Buffer.from(text);
  }

  /** Holds the bytes against UTF-8, whatever they are decoded as. */
  #check(bytes: Buffer, final: boolean): void {
    const start = this.#offset - this.#carry.length;
    this.#offset += bytes.length;
    if (this.#carry.length === 0 && isAscii(bytes)) {
      if (this.#decoder === undefined && escapes.some((sign) => bytes.includes(sign)))
        throw new NotUtf8(start + bytes.indexOf(0x1b), bytes);
      return;
    }
    const all = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    const unfinished = final ? 0 : unfinishedUtf8(all);
    // At the end of the file, the beginning of a character is torn and no sign of another encoding.
    const whole = all.subarray(0, all.length - (final ? unfinishedUtf8(all) : unfinished));
    this.#carry = Buffer.from(all.subarray(whole.length));
    if (isUtf8(whole)) {
      this.#valid += weigh(whole.subarray(0, weighedBytes)).valid || (isAscii(whole) ? 0 : 1);
      if (this.#decoder === undefined) this.#isDamaged ||= whole.includes(replacementBytes);
      return;
    }
    const { valid, stray, firstStray } = weigh(whole);
    this.#valid += valid;
    this.#stray += stray;
    if (this.#firstStray < 0) this.#firstStray = start + firstStray;
    if (this.#decoder !== undefined) return;
    this.#isDamaged = true;
    if (this.#stray >= this.#valid) throw new NotUtf8(this.#firstStray, whole);
  }
}
