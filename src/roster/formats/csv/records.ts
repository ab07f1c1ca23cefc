import { finished } from 'node:stream/promises';
import { Parser } from 'csv-parse';
import { maxRecordBytes } from '../../bounds.ts';
import type { RosterRecord } from '../format.ts';
import type { Layout } from './layout.ts';

/**
 * csv-parse, taken by the chunk instead of by the object stream: its stream of single rows costs about a third of the time.
 * `push` is where a parser hands over a row, in the call that completes it, so its counters are those of that row.
 */
class BatchParser extends Parser {
  batch: RosterRecord[] = [];
  /** The line on which the next row begins, if no blank lines come before it. */
  nextLine: number;
  #infoLines = 0;
  #emptyLines = 0;

  constructor(layout: Layout) {
    super({
      delimiter: layout.delimiter,
      record_delimiter: [...layout.lineBreaks],
      ltrim: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
    this.nextLine = layout.skipLines + 1;
  }

  override push(cells: readonly string[] | null): boolean {
    if (cells === null) return super.push(null);
    const { lines, empty_lines: emptyLines } = this.info;
    const blank = emptyLines - this.#emptyLines;
    const line = this.nextLine + blank;
    // The parser counts a quoted CR LF twice: where a row has line breaks in its cells, they are counted here.
    const inner = lines - this.#infoLines === blank + 1 ? 0 : lineBreaksIn(cells);
    this.nextLine = line + 1 + inner;
    this.#infoLines = lines;
    this.#emptyLines = emptyLines;
    this.batch.push({ cells, line, multiline: inner > 0 });
    return true;
  }
}

const anyLineBreak = /\r\n|\r|\n/;

function lineBreaksIn(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) {
    count += cell.split(anyLineBreak).length - 1;
  }
  return count;
}

/** CSV rows from UTF-8 chunks. After damage that no row can be read from, `damagedAtLine` is set and the rest is dropped. */
export type Records = {
  /** The line near which quotes went wrong for good; undefined while all is well, as far as rows were handed out. */
  readonly damagedAtLine: number | undefined;
  /** Rows that are complete by now, in their order; perhaps not yet those of this chunk. */
  readonly write: (chunk: Buffer) => Promise<Iterable<RosterRecord>>;
  /** All the others; the last one too, when the file ends without a line break. */
  readonly end: () => Promise<Iterable<RosterRecord>>;
  /** Gives back what it holds, also in the middle of a file. */
  readonly close: () => Promise<void>;
};

/** Reads CSV rows in this thread. */
export class RecordReader implements Records {
  readonly #parser: BatchParser;
  #damagedAtLine: number | undefined;
  #bytesSinceRow = 0;

  constructor(layout: Layout) {
    this.#parser = new BatchParser(layout);
    this.#parser.on('error', () => {
      this.#damagedAtLine ??= this.#parser.nextLine;
    });
    this.#parser.resume();
  }

  get damagedAtLine(): number | undefined {
    return this.#damagedAtLine;
  }

  async write(chunk: Buffer): Promise<readonly RosterRecord[]> {
    if (this.#damagedAtLine !== undefined || chunk.length === 0) return [];
    await new Promise<void>((resolve) => {
      // The error, if any, is the event's business.
      this.#parser.write(chunk, () => resolve());
    });
    const rows = this.#take();
    this.#bytesSinceRow = rows.length > 0 ? 0 : this.#bytesSinceRow + chunk.length;
    if (this.#bytesSinceRow > maxRecordBytes) this.#damagedAtLine ??= this.#parser.nextLine;
    return rows;
  }

  async end(): Promise<readonly RosterRecord[]> {
    if (this.#damagedAtLine === undefined) {
      this.#parser.end();
      try {
        await finished(this.#parser);
      } catch {
        this.#damagedAtLine ??= this.#parser.nextLine;
      }
    }
    return this.#take();
  }

  async close(): Promise<void> {
    this.#parser.destroy();
  }

  #take(): readonly RosterRecord[] {
    const rows = this.#parser.batch;
    this.#parser.batch = [];
    return rows;
  }
}
