import type { Content } from '../../content/content.ts';
import type { FormatFacts, ReadingOptions, RecordBatch, RosterReading, RosterRecord } from '../format.ts';
import { DecodedText } from '../text/decoded.ts';
import { createTokenizer, tokensOf } from './read-json.ts';
import { RecordCutter, UncutJson } from './record-cutter.ts';

/** The longest line, in characters: of a longer one nothing is read. */
const longestLine = 16 * 1024 ** 2;

/**
 * Reads JSON lines: a record on each. A line that is no JSON is a row of somebody who cannot be read; the last one that is
 * not, and has no line break, was cut.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_ENCODING
 */
export function readJsonLines(content: Content, options: ReadingOptions): RosterReading {
  const text = new DecodedText(content, options);
  const cutter = new RecordCutter({ columns: options.columns, records: null });
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let parser = createTokenizer(true);
  let rest = '';
  let isTooLong = false;
  let line = 0;
  let cutAt: number | undefined;
  let endsInLine = true;

  function unread(what: string, code: 'NOT_A_RECORD' | 'ROW_TORN' = 'NOT_A_RECORD'): RosterRecord {
    parser = createTokenizer(true);
    cutter.reset();
    return { cells: [], line, multiline: false, fault: { code, what } };
  }

  function recordOf(written: string): RosterRecord | undefined {
    line++;
    if (isTooLong) return unread(`the line has more than ${longestLine / 1024 ** 2} MiB`);
    if (written.trim() === '') return undefined;
    const before = cutter.records;
    try {
      for (const token of tokensOf(parser, `${written}\n`)) cutter.push(token);
    } catch (error) {
      return unread(
        error instanceof UncutJson ? 'the line is nested too deep, or too long' : 'the line is no JSON',
      );
    }
    if (!cutter.isClosed || cutter.records === before) return unread('the line is not all of a record');
    if (cutter.records > before + 1)
      return unread('the line has two records: the line break between them is missing');
    const [record] = cutter.take();
    return record === undefined ? undefined : { ...record, line };
  }

  function linesOf(decoded: string): RosterRecord[] {
    const found: RosterRecord[] = [];
    let from = 0;
    for (let at = decoded.indexOf('\n'); at >= 0; at = decoded.indexOf('\n', from)) {
      const record = recordOf(rest + decoded.slice(from, at));
      if (record !== undefined) found.push(record);
      rest = '';
      isTooLong = false;
      from = at + 1;
    }
    rest += decoded.slice(from);
    if (rest.length > longestLine) {
      rest = '';
      isTooLong = true;
    }
    return found;
  }

  function lastLine(): RosterRecord | undefined {
    endsInLine = rest === '' && !isTooLong;
    if (endsInLine) return undefined;
    const record = recordOf(rest);
    if (record?.fault?.code !== 'NOT_A_RECORD') return record;
    cutAt = line;
    return unread('the last line ends in the middle', 'ROW_TORN');
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    yield { records: [{ cells: options.columns, line: 0, multiline: false }], isSuspect: true };
    for await (const chunk of text.chunks())
      yield { records: linesOf(utf8.decode(chunk, { stream: true })), isSuspect: true };
    const last = lastLine();
    if (last !== undefined) yield { records: [last], isSuspect: true };
  }

  return {
    format: 'jsonl',
    traits: { place: 'line', isDelimited: false },
    batches: { [Symbol.asyncIterator]: batches },
    candidates: () => [],
    delimiter: () => ',',
    facts: async (): Promise<FormatFacts> => ({
      torn: cutAt === undefined ? text.torn : [...text.torn, `its last line (${cutAt}) ends in the middle`],
      encoding: text.encoding,
      delimiter: null,
      sheet: null,
      notes: [],
      endsInLine,
      unfinished: undefined,
      fields:
        cutAt === undefined && text.torn.length === 0 && cutter.records > 0
          ? { missing: cutter.missing, names: cutter.names }
          : undefined,
    }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
