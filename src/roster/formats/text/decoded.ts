import { RollcallError } from '../../../errors.ts';
import { type Content, TornContent } from '../../content/content.ts';
import type { ReadingOptions } from '../format.ts';
import { IsUtf8, NotUtf8, Utf8Decoder } from './encoding.ts';
import { likelyLabels } from './likely-labels.ts';

/** Text of a roster, as UTF-8, whatever its encoding. */
export class DecodedText {
  readonly #content: Content;
  readonly #options: Pick<ReadingOptions, 'encoding' | 'onBytes' | 'onProgress'>;
  readonly #decoder: Utf8Decoder;
  readonly #torn: string[] = [];

  constructor(content: Content, options: Pick<ReadingOptions, 'encoding' | 'onBytes' | 'onProgress'>) {
    this.#content = content;
    this.#options = options;
    this.#decoder = new Utf8Decoder(options.encoding);
  }

  /** What the bytes turned out to be; plain ASCII counts as UTF-8. */
  get encoding(): string {
    return this.#decoder.encoding;
  }

  /** Whether characters so far could not be read. */
  get isDamaged(): boolean {
    return this.#decoder.isDamaged;
  }

  /** Signs of a file that was cut off, in words. */
  get torn(): readonly string[] {
    return this.#torn;
  }

  /**
   * Its bytes; a character may lie across two chunks, and some chunks are empty. Of a torn file, what came before.
   *
   * @throws RollcallError ROSTER_UNREADABLE, ROSTER_ENCODING (not UTF-8, and nothing named)
   */
  async *chunks(): AsyncGenerator<Buffer> {
    try {
      yield* this.#read();
    } catch (error) {
      if (error instanceof NotUtf8) throw await notUtf8(this.#content, error);
      if (error instanceof IsUtf8) throw isUtf8(this.#content, this.encoding);
      throw error;
    }
  }

  async *#read(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#content.read(this.#options.onProgress)) {
        this.#options.onBytes(chunk);
        yield this.#decoder.write(chunk);
      }
    } catch (error) {
      if (!(error instanceof TornContent)) throw error;
      this.#torn.push(error.message);
    }
    const { rest, torn } = this.#decoder.end();
    yield rest;
    if (torn) this.#torn.push('it ends in the middle of a character');
  }
}

/** The line of a byte, from 1. The file is read once more: only where there is something to tell. */
async function lineOf(content: Content, offset: number): Promise<number> {
  let left = offset;
  let line = 1;
  for await (const chunk of content.read()) {
    const part = chunk.subarray(0, left);
    const breaks = part.includes(0x0a) ? 0x0a : 0x0d;
    for (let at = part.indexOf(breaks); at >= 0; at = part.indexOf(breaks, at + 1)) line++;
    left -= part.length;
    if (left <= 0) break;
  }
  return line;
}

async function notUtf8(content: Content, { offset, sample }: NotUtf8): Promise<RollcallError> {
  const line = await lineOf(content, offset);
  const likely = likelyLabels(sample);
  const [first] = likely;
  const example = first === undefined ? 'its label' : first;
  return new RollcallError(
    'ROSTER_ENCODING',
    `the roster stops being UTF-8 on line ${line} (byte ${offset + 1} of the file)${likely.length === 0 ? '' : `; by its text it is likely ${likely.join(' or ')}`}.`,
    {
      place: { file: content.file, line, key: 'roster.encoding' },
      hint: `Have it exported as UTF-8, or set roster.encoding: ${example}, run "rollcall check", and look whether names with accents come out right.`,
    },
  );
}

function isUtf8(content: Content, declared: string): RollcallError {
  return new RollcallError(
    'ROSTER_ENCODING',
    `roster.encoding is ${declared}, and the roster is UTF-8 from its beginning to its end: names with accents would be wrong.`,
    {
      place: { file: content.file, key: 'roster.encoding' },
      hint: 'Remove roster.encoding: UTF-8 is found.',
    },
  );
}
