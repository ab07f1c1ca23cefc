import type { Content } from '../../content/content.ts';
import type { FormatFacts, ReadingOptions, RecordBatch, RosterReading, RosterRecord } from '../format.ts';
import { DecodedText } from '../text/decoded.ts';
import { headerCandidates, type Layout, layoutOf } from './layout.ts';
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
  const text = new DecodedText(content, options);
  let head = '';
  let layout: Layout | undefined;
  let records: Records | undefined;
  let lastByte = 0x0a;
  let isSuspect = false;

  async function rowsOf(bytes: Buffer): Promise<RecordBatch> {
    const last = bytes.at(-1);
    if (last === undefined) return { records: [], isSuspect };
    lastByte = last;
    isSuspect ||= text.isDamaged || bytes.includes(backslash);
    if (records !== undefined) return { records: await records.write(bytes), isSuspect };
    head = bytes.toString('utf8');
    layout = layoutOf(head, options);
    records = openRecords(layout, content.deliveredBytes);
    return { records: await records.write(bytes.subarray(layout.skipBytes)), isSuspect };
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    for await (const chunk of text.chunks()) yield await rowsOf(chunk);
    if (records !== undefined) yield { records: await records.end(), isSuspect };
  }

  async function facts(): Promise<FormatFacts> {
    const endsInLine = lastByte === 0x0a || lastByte === 0x0d;
    const delimiter = layout?.delimiter ?? null;
    const common = {
      encoding: text.encoding,
      delimiter,
      sheet: null,
      endsInLine,
      notes: [],
      fields: undefined,
    };
    const at = records?.damagedAtLine;
    if (at === undefined || layout === undefined)
      return { ...common, torn: text.torn, unfinished: undefined };
    const row: RosterRecord | undefined = await unfinishedRow(content, text.encoding, at, layout.delimiter);
    return {
      ...common,
      torn: [
        ...text.torn,
        `a quote in the row at line ${at} is not closed: what follows it cannot be read (a quote within a cell has to be doubled, not led by a backslash)`,
      ],
      unfinished: row,
    };
  }

  return {
    format: 'csv',
    traits: { place: 'line', isDelimited: true },
    batches: { [Symbol.asyncIterator]: batches },
    candidates: () => headerCandidates(head, mostCandidates),
    delimiter: () => layout?.delimiter ?? ',',
    facts,
    [Symbol.asyncDispose]: async () => {
      await records?.close();
    },
  };
}
