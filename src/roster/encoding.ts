import { isAscii, isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import type { RosterEncoding } from './types.ts';

/** Enough to see how a file is encoded and where its header line ends. */
const headBytes = 65_536;
const empty = Buffer.alloc(0);

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

/**
 * Whether bytes that are not all valid are UTF-8 with a few damaged sequences rather than Windows-1252: UTF-8 text has
 * more valid sequences than stray bytes; Windows-1252 text hardly ever has a valid one.
 */
function isDamagedUtf8(bytes: Uint8Array): boolean {
  let valid = 0;
  let stray = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte >= 0xc2 && isUtf8(bytes.subarray(i, i + wanted))) {
      valid++;
      i += wanted - 1;
    } else {
      stray++;
    }
  }
  return valid > stray;
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

/**
 * Turns the bytes of a file into UTF-8, whatever it is encoded in, chunk by chunk.
 *
 * Told apart: a BOM; UTF-16 without one; and else, at the first byte beyond ASCII, UTF-8 from Windows-1252 (up to that
 * byte the two are the same, so nothing has to be decided earlier). UTF-8 passes through uncopied, with damaged sequences
 * as they are: decoding shows them as U+FFFD, for which the reader looks.
 */
export class Utf8Decoder {
  /** `head`: too few bytes seen; `ascii`: nothing beyond ASCII yet. */
  #state: 'head' | 'ascii' | RosterEncoding = 'head';
  #decoder: TextDecoder | undefined;
  #waiting: Buffer = empty;
  #last: Uint8Array = empty;

  /** What the bytes turned out to be; plain ASCII counts as UTF-8. */
  get encoding(): RosterEncoding {
    return this.#state === 'head' || this.#state === 'ascii' ? 'utf-8' : this.#state;
  }

  /** The next bytes as UTF-8; empty while there are too few to tell. */
  write(chunk: Buffer): Buffer {
    if (this.#state === 'utf-8') {
      this.#last = chunk.length >= 4 ? chunk.subarray(-4) : Buffer.concat([this.#last, chunk]).subarray(-4);
      return chunk;
    }
    if (this.#decoder !== undefined) return Buffer.from(this.#decoder.decode(chunk, { stream: true }));
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#waiting = empty;
    if (this.#state === 'head' && bytes.length < headBytes) {
      this.#waiting = bytes;
      return empty;
    }
    return this.#decide(bytes, false);
  }

  /** What was left; `torn` when the file ends in the middle of a character. */
  end(): { readonly rest: Buffer; readonly torn: boolean } {
    const rest = this.#waiting;
    this.#waiting = empty;
    const decided = rest.length === 0 ? empty : this.#decide(rest, true);
    if (this.#decoder === undefined) return { rest: decided, torn: unfinishedUtf8(this.#last) > 0 };
    const tail = this.#decoder.decode();
    return { rest: tail === '' ? decided : Buffer.concat([decided, Buffer.from(tail)]), torn: tail !== '' };
  }

  #decide(bytes: Buffer, final: boolean): Buffer {
    if (this.#state === 'head') {
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
        this.#state = 'utf-8';
        return this.write(bytes.subarray(3));
      }
      const mark =
        bytes[0] === 0xff && bytes[1] === 0xfe
          ? 'utf-16le'
          : bytes[0] === 0xfe && bytes[1] === 0xff
            ? 'utf-16be'
            : undefined;
      const wide = mark ?? nulPattern(bytes);
      if (wide !== undefined) return this.#decodeAs(wide, bytes);
      this.#state = 'ascii';
    }
    if (isAscii(bytes)) return bytes;
    const unfinished = unfinishedUtf8(bytes);
    const whole = bytes.subarray(0, bytes.length - unfinished);
    if (isUtf8(whole)) {
      if (!isAscii(whole)) {
        this.#state = 'utf-8';
        return this.write(bytes);
      }
      // The only bytes beyond ASCII are the last: the next chunk tells what they are.
      if (!final) {
        this.#waiting = Buffer.from(bytes.subarray(whole.length));
        return whole;
      }
    } else if (isDamagedUtf8(whole)) {
      this.#state = 'utf-8';
      return this.write(bytes);
    }
    return this.#decodeAs('windows-1252', bytes);
  }

  #decodeAs(encoding: RosterEncoding, bytes: Buffer): Buffer {
    this.#state = encoding;
    this.#decoder = new TextDecoder(encoding);
    return Buffer.from(this.#decoder.decode(bytes, { stream: true }));
  }
}
