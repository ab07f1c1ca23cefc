import { type Content, headOf } from '../content/content.ts';
import { readCsv } from './csv/read-csv.ts';
import type { ReadingOptions, RosterReading } from './format.ts';
import { readJsonLines } from './json/read-json-lines.ts';
import { readJson } from './json/read-json.ts';
import { recognise, recognisedBytes, unexpectedFormat, wrongFormat } from './recognise.ts';

/**
 * The roster, in whichever format it is.
 *
 * @throws RollcallError ROSTER_FORMAT (one that cannot be read, or another than configured), ROSTER_UNREADABLE
 */
export async function openReading(content: Content, options: ReadingOptions): Promise<RosterReading> {
  const head = await headOf(content, recognisedBytes);
  const found = recognise(head);
  if ('other' in found) throw wrongFormat(found.other, content.file);
  const { format: wanted } = options;
  const isText = (format: string | undefined): boolean => format === 'json' || format === 'jsonl';
  const format = wanted ?? found.format;
  // One record is JSON as well as JSON lines, and nothing may be either.
  const isEither = head.length === 0 || (isText(format) && isText(found.format));
  if (format !== found.format && !isEither) throw unexpectedFormat(found.format, format, content.file);
  switch (format) {
    case 'json':
      return readJson(content, options);
    case 'jsonl':
      return readJsonLines(content, options);
    default:
      return readCsv(content, options);
  }
}
