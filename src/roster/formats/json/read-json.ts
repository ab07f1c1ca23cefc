import { jsonParser, type Token } from 'stream-json/parser.js';
import { RollcallError } from '../../../errors.ts';
import type { Content } from '../../content/content.ts';
import type { FormatFacts, ReadingOptions, RecordBatch, RosterReading } from '../format.ts';
import { DecodedText } from '../text/decoded.ts';
import { RecordCutter, UncutJson } from './record-cutter.ts';

/** How much is parsed at a time, in characters: of what cannot be parsed, no more is lost. */
const pieceCharacters = 65_536;
/** So much without a value's end, in characters: a text that is no text. */
const longestText = 16 * 1024 ** 2;
const shownLists = 10;

/** The tokens of some more text. Throws when it is no JSON. */
export function tokensOf(parser: ReturnType<typeof jsonParser>, text: string): readonly Token[] {
  const tokens: unknown = parser(text);
  // Many tokens, or none: https://github.com/uhop/stream-chain/wiki/defs
  return typeof tokens === 'object' && tokens !== null
    ? (tokens as { readonly values: readonly Token[] }).values
    : [];
}

/** A parser that gives every key, text and number whole, numbers as they were written. */
export function createTokenizer(isStreaming: boolean): ReturnType<typeof jsonParser> {
  return jsonParser({ packValues: true, streamValues: false, jsonStreaming: isStreaming });
}

/**
 * Reads JSON as a stream of records: those of the list at `records`, or of the list that it is. Whole when it ends where
 * JSON ends.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_ENCODING, ROSTER_FORMAT (no list there)
 */
export function readJson(content: Content, options: ReadingOptions): RosterReading {
  const text = new DecodedText(content, options);
  const cutter = new RecordCutter({ columns: options.columns, records: options.records ?? '' });
  const parser = createTokenizer(false);
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  let broken: string | undefined;
  let pending = 0;

  function parse(piece: string): void {
    try {
      const tokens = tokensOf(parser, piece);
      pending = tokens.length === 0 ? pending + piece.length : 0;
      if (pending > longestText)
        throw new UncutJson(`has a text of more than ${longestText / 1024 ** 2} MiB`);
      for (const token of tokens) cutter.push(token);
    } catch (error) {
      broken =
        error instanceof UncutJson
          ? `it ${error.message}`
          : cutter.tops > 0
            ? 'something follows its end'
            : `it is no JSON any more after record ${cutter.records}`;
    }
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    yield { records: [{ cells: options.columns, line: 0, multiline: false }], isSuspect: true };
    for await (const chunk of text.chunks()) {
      const decoded = utf8.decode(chunk, { stream: true });
      for (let at = 0; at < decoded.length && broken === undefined; at += pieceCharacters) {
        parse(decoded.slice(at, at + pieceCharacters));
        yield { records: cutter.take(), isSuspect: true };
      }
    }
    // A number at the top ends with what follows it.
    if (broken === undefined) parse('\n');
    yield { records: cutter.take(), isSuspect: true };
    if (broken === undefined && (cutter.tops === 0 || !cutter.isClosed))
      broken = `it ends in the middle${cutter.records === 0 ? '' : `, after record ${cutter.records}`}`;
    if (broken === undefined && cutter.found !== 'list') throw noList(content.file, options.records, cutter);
  }

  return {
    format: 'json',
    traits: { place: 'record', isDelimited: false },
    batches: { [Symbol.asyncIterator]: batches },
    candidates: () => [],
    delimiter: () => ',',
    facts: async (): Promise<FormatFacts> => ({
      torn: broken === undefined ? text.torn : [...text.torn, broken],
      encoding: text.encoding,
      delimiter: null,
      sheet: null,
      notes: [],
      endsInLine: true,
      unfinished: undefined,
      fields:
        broken === undefined && cutter.records > 0
          ? { missing: cutter.missing, names: cutter.names }
          : undefined,
    }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function noList(file: string, records: string | undefined, cutter: RecordCutter): RollcallError {
  if (cutter.lists.includes(''))
    return new RollcallError('ROSTER_FORMAT', 'the roster is JSON, and a list itself.', {
      place: { file, key: 'roster.records' },
      hint: 'Leave roster.records out.',
    });
  const lists = cutter.lists.slice(0, shownLists).map((path) => `"${path}"`);
  const what =
    records === undefined
      ? 'the roster is JSON, and not a list itself'
      : `the roster is JSON, and ${cutter.found === 'no list' ? `what it has at "${records}" is no list` : `has nothing at "${records}"`}`;
  const hint =
    lists.length === 0
      ? 'It has no list at all: is it an error message, or JSON with one record a line (roster.format: jsonl)?'
      : `Set roster.records to where the list is. The lists there are: ${lists.join(', ')}.`;
  return new RollcallError('ROSTER_FORMAT', `${what}.`, { place: { file, key: 'roster.records' }, hint });
}
