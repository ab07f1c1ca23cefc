import { type Content, headOf } from '../content/content.ts';
import { readCsv } from './csv/read-csv.ts';
import type { ReadingOptions, RosterReading } from './format.ts';
import { recognise, recognisedBytes, wrongFormat } from './recognise.ts';

/**
 * The roster, in whichever format it is.
 *
 * @throws RollcallError ROSTER_FORMAT (one that cannot be read), ROSTER_UNREADABLE
 */
export async function openReading(content: Content, options: ReadingOptions): Promise<RosterReading> {
  const found = recognise(await headOf(content, recognisedBytes));
  if ('other' in found) throw wrongFormat(found.other, content.file);
  return readCsv(content, options);
}
