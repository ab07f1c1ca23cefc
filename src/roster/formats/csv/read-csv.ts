import { RollcallError } from '../../../errors.ts';
import { contentOf, TornArchive } from '../../sources/content.ts';
import type { RosterFile } from '../../types.ts';
import type { FormatFacts, RecordBatch, RosterReading, RosterRecord } from '../format.ts';
import { otherFormat, wrongFormat } from '../recognise.ts';
import { IsUtf8, NotUtf8, Utf8Decoder } from './encoding.ts';
import { headerCandidates, type Layout, layoutOf } from './layout.ts';
import { likelyLabels } from './likely-labels.ts';
import type { Records } from './records.ts';
import { openRecords } from './threaded-records.ts';
import { unfinishedRow } from './unfinished-row.ts';

export type CsvOptions = {
  /** A label, checked before; found when undefined. */
  readonly encoding: string | undefined;
  readonly delimiter: string | undefined;
  /** Lines above the header, blank ones not counted. */
  readonly above: number;
  readonly onBytes: (chunk: Buffer) => void;
  readonly onProgress: ((bytes: number, totalBytes: number) => void) | undefined;
};

/** Lines that are looked at for a header elsewhere. */
const mostCandidates = 60;
const backslash = 0x5c;

/**
 * Reads a CSV file as a stream of rows: gzip unpacked, decoded, its layout found in the head.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_FORMAT (another format), ROSTER_ENCODING (not UTF-8, and nothing named).
 */
export function readCsv(source: RosterFile, options: CsvOptions): RosterReading {
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
    records = openRecords(layout, source.sizeBytes);
    return { records: await records.write(bytes.subarray(layout.skipBytes)), isSuspect };
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    let isFirst = true;
    try {
      for await (const chunk of contentOf(source, options.onProgress)) {
        if (isFirst) {
          const other = otherFormat(chunk);
          if (other !== undefined) throw wrongFormat(other, source.file);
          isFirst = false;
        }
        options.onBytes(chunk);
        yield await rowsOf(decoder.write(chunk));
      }
    } catch (error) {
      if (!(error instanceof TornArchive)) throw error;
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
      if (error instanceof NotUtf8) throw await notUtf8(source, error);
      if (error instanceof IsUtf8) throw isUtf8(source, decoder.encoding);
      throw error;
    }
  }

  async function facts(): Promise<FormatFacts> {
    const endsInLine = lastByte === 0x0a || lastByte === 0x0d;
    const common = { encoding: decoder.encoding, delimiter: layout?.delimiter ?? null, endsInLine };
    const at = records?.damagedAtLine;
    if (at === undefined || layout === undefined) return { ...common, torn, unfinished: undefined };
    const row: RosterRecord | undefined = await unfinishedRow(source, decoder.encoding, at, layout.delimiter);
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
async function lineOf(source: RosterFile, offset: number): Promise<number> {
  let left = offset;
  let line = 1;
  for await (const chunk of contentOf(source, undefined)) {
    const part = chunk.subarray(0, left);
    const breaks = part.includes(0x0a) ? 0x0a : 0x0d;
    for (let at = part.indexOf(breaks); at >= 0; at = part.indexOf(breaks, at + 1)) line++;
    left -= part.length;
    if (left <= 0) break;
  }
  return line;
}

async function notUtf8(source: RosterFile, { offset, sample }: NotUtf8): Promise<RollcallError> {
  const line = await lineOf(source, offset);
  const likely = likelyLabels(sample);
  const [first] = likely;
  const example = first === undefined ? 'its label' : first;
  return new RollcallError(
    'ROSTER_ENCODING',
    `the roster stops being UTF-8 on line ${line} (byte ${offset + 1} of the file)${likely.length === 0 ? '' : `; by its text it is likely ${likely.join(' or ')}`}.`,
    {
      place: { file: source.file, line, key: 'roster.encoding' },
      hint: `Have it exported as UTF-8, or set roster.encoding: ${example}, run "rollcall check", and look whether names with accents come out right.`,
    },
  );
}

function isUtf8(source: RosterFile, declared: string): RollcallError {
  return new RollcallError(
    'ROSTER_ENCODING',
    `roster.encoding is ${declared}, and the roster is UTF-8 from its beginning to its end: names with accents would be wrong.`,
    { place: { file: source.file, key: 'roster.encoding' }, hint: 'Remove roster.encoding: UTF-8 is found.' },
  );
}
