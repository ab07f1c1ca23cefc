import { Writable } from 'node:stream';
import { shownLines } from '../shown.ts';
import type { Sink } from './sink.ts';

/** What the progress bar begins with: it clears its line. Nobody else's text may begin so at a terminal. */
export const clearLine = '\r\u001b[2K';

/**
 * Standard output or standard error. Writing to it never fails and never holds up the process: what cannot be written is
 * dropped and counted, and when its reader has gone, so is everything after that, quietly. At a terminal, control
 * characters are written out.
 */
export class Output extends Writable {
  readonly #sink: Sink;
  #lostBytes = 0;
  #failure: string | null = null;
  #closed = false;
  /** The last piece was cut: the next one begins on a line of its own. */
  #cut = false;
  #waiting: (() => void)[] = [];
  /** Told when something could be written again, with the number of bytes lost before. */
  onRecovered: ((lostBytes: number) => void) | null = null;
  #lostSince = 0;

  constructor(sink: Sink) {
    super({ decodeStrings: false });
    this.#sink = sink;
  }

  /** A person may be watching. */
  get isTerminal(): boolean {
    return this.#sink.terminal;
  }

  /** Bytes that could not be written, and were not read by anybody who went away. */
  get lostBytes(): number {
    return this.#lostBytes;
  }

  /** Why: the last error's code, such as `ENOSPC`. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Its reader has gone (`… | head`). */
  get hasNoReader(): boolean {
    return this.#closed;
  }

  /** Counts what somebody dropped before it got here. */
  drop(bytes: number): void {
    this.#lostBytes += bytes;
    this.#lostSince += bytes;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#closed) {
      this.#settle(done);
      return;
    }
    const bytes =
      typeof chunk === 'string' ? Buffer.from(this.#sink.terminal ? forTerminal(chunk) : chunk) : chunk;
    this.#sink.write(this.#cut ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes, (failure) => {
      if (failure === null) {
        this.#cut = false;
        if (this.#lostSince > 0) {
          const lost = this.#lostSince;
          this.#lostSince = 0;
          this.onRecovered?.(lost);
        }
      } else if (failure === 'EPIPE' || failure === 'ERR_STREAM_DESTROYED' || failure === 'ECONNRESET') {
        this.#closed = true;
      } else {
        this.#cut = true;
        this.#failure = failure;
        this.drop(bytes.length);
      }
      this.#settle(done);
    });
  }

  #settle(done: () => void): void {
    done();
    if (this.writableLength > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Waits until nothing is on its way any more. */
  settled(): Promise<void> {
    if (this.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

function forTerminal(text: string): string {
  return text.startsWith(clearLine) ? clearLine + shownLines(text.slice(clearLine.length)) : shownLines(text);
}
