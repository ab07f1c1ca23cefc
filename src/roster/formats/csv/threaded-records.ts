import { Worker } from 'node:worker_threads';
import type { Layout } from './layout.ts';
import { type PackedRecords, type RecordsQuestion, unpack } from './record-packing.ts';
import type { RosterRecord } from '../format.ts';
import { RecordReader, type Records } from './records.ts';

/**
 * From this size on (about 100,000 people) a file is parsed in a thread of its own, while this one maps and compares what
 * was parsed: a sixth off the time of a plan of a million. At 200,000 it gains next to nothing, and below that a thread is
 * not worth its start.
 */
export const threadedFromBytes = 8 * 1024 * 1024;
/** Chunks that the thread may be ahead: a few megabytes. */
const mostAhead = 4;

/** A reader of a file's records: in this thread, or for a large file in one of its own. */
export function openRecords(layout: Layout, sizeBytes: number): Records {
  return sizeBytes < threadedFromBytes ? new RecordReader(layout) : new ThreadedRecords(layout);
}

type Waiting = {
  readonly resolve: (packed: PackedRecords) => void;
  readonly reject: (error: Error) => void;
};

/** The records of the chunks so far, some chunks later. */
export class ThreadedRecords implements Records {
  readonly #thread: Worker;
  readonly #waiting: Waiting[] = [];
  readonly #ahead: Promise<PackedRecords>[] = [];
  #damagedAtLine: number | undefined;
  #ended: Error | undefined;

  constructor(layout: Layout) {
    this.#thread = new Worker(new URL('./record-thread.ts', import.meta.url), { workerData: layout });
    this.#thread.on('message', (packed: PackedRecords) => this.#waiting.shift()?.resolve(packed));
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', () => this.#fail(new Error('the thread that reads the roster has ended')));
  }

  get damagedAtLine(): number | undefined {
    return this.#damagedAtLine;
  }

  async write(chunk: Buffer): Promise<Iterable<RosterRecord>> {
    this.#ask(chunk);
    return this.#ahead.length > mostAhead ? this.#next() : [];
  }

  async end(): Promise<Iterable<RosterRecord>> {
    this.#ask(null);
    const rest: RosterRecord[] = [];
    while (this.#ahead.length > 0) rest.push(...(await this.#next()));
    return rest;
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #ask(chunk: Uint8Array | null): void {
    const answer = Promise.withResolvers<PackedRecords>();
    // A failure is met by who waits for the next records.
    answer.promise.catch(() => undefined);
    this.#ahead.push(answer.promise);
    if (this.#ended !== undefined) {
      answer.reject(this.#ended);
      return;
    }
    this.#waiting.push(answer);
    this.#thread.postMessage({ chunk } satisfies RecordsQuestion);
  }

  async #next(): Promise<Iterable<RosterRecord>> {
    const packed = await this.#ahead.shift();
    if (packed === undefined) return [];
    this.#damagedAtLine ??= packed.damagedAtLine;
    return unpack(packed);
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
