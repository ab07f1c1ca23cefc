import { RollcallError } from '../../../errors.ts';
import { type Content, TornContent } from '../../content/content.ts';
import type { FormatFacts, ReadingOptions, RecordBatch, RosterReading, RosterRecord } from '../format.ts';
import { IsUtf8, NotUtf8, Utf8Decoder } from './encoding.ts';
import { headerCandidates, type Layout, layoutOf } from './layout.ts';
import { likelyLabels } from './likely-labels.ts';
import type { Records } from './records.ts';
import { openRecords } from './threaded-records.ts';
import { unfinishedRow } from './unfinished-row.ts';

/** Lines that are looked at for a header elsewhere. */
const mostCandidates = 60;
const backslash = 0x5c;

/**
 * Reads CSV as a stream of rows: decoded, its layout found in the head.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_ENCODING (not UTF-8, and nothing named).
 */
export function readCsv(content: Content, options: ReadingOptions): RosterReading {
  const decoder = new Utf8Decoder(options.encoding);
  const torn: string[] = [];
  let head = '';
  let layout: Layout | undefined;
  let records: Records | undefined;
  let lastByte = 0x0a;
  let isSuspect = false;

  async function rowsOf(bytes: Buffer): Promise<RecordBatch> {
    const last = bytes.at(-1);
    if (last === undefined) return { records: [], isSuspect };
    lastByte = last;
    isSuspect ||= decoder.isDamaged || bytes.includes(backslash);
    if (records !== undefined) return { records: await records.write(bytes), isSuspect };
    head = bytes.toString('utf8');
    layout = layoutOf(head, options);
    records = openRecords(layout, content.deliveredBytes);
    return { records: await records.write(bytes.subarray(layout.skipBytes)), isSuspect };
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    try {
      for await (const chunk of content.read(options.onProgress)) {
        options.onBytes(chunk);
        yield await rowsOf(decoder.write(chunk));
      }
    } catch (error) {
      if (!(error instanceof TornContent)) throw error;
      torn.push(error.message);
    }
    const { rest, torn: brokenCharacter } = decoder.end();
    yield await rowsOf(rest);
    if (brokenCharacter) torn.push('it ends in the middle of a character');
    if (records !== undefined) yield { records: await records.end(), isSuspect };
  }

  async function* explained(): AsyncGenerator<RecordBatch> {
    try {
      yield* batches();
    } catch (error) {
      if (error instanceof NotUtf8) throw await notUtf8(content, error);
      if (error instanceof IsUtf8) throw isUtf8(content, decoder.encoding);
      throw error;
    }
  }

  async function facts(): Promise<FormatFacts> {
    const endsInLine = lastByte === 0x0a || lastByte === 0x0d;
    const delimiter = layout?.delimiter ?? null;
    const common = { encoding: decoder.encoding, delimiter, sheet: null, endsInLine, notes: [] };
    const at = records?.damagedAtLine;
    if (at === undefined || layout === undefined) return { ...common, torn, unfinished: undefined };
    const row: RosterRecord | undefined = await unfinishedRow(
      content,
      decoder.encoding,
      at,
      layout.delimiter,
    );
    return {
      ...common,
      torn: [
        ...torn,
        `a quote in the row at line ${at} is not closed: what follows it cannot be read (a quote within a cell has to be doubled, not led by a backslash)`,
      ],
      unfinished: row,
    };
  }

  return {
    format: 'csv',
    traits: { place: 'line', isDelimited: true },
    batches: { [Symbol.asyncIterator]: explained },
    candidates: () => headerCandidates(head, mostCandidates),
    delimiter: () => layout?.delimiter ?? ',',
    facts,
    [Symbol.asyncDispose]: async () => {
      await records?.close();
    },
  };
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
