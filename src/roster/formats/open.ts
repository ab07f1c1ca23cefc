import { type Content, headOf } from '../content/content.ts';
import { isZip } from '../content/is-zip.ts';
import { readCsv } from './csv/read-csv.ts';
import type { ReadingOptions, RosterReading } from './format.ts';
import { type Recognised, recognise, recognisedBytes, unexpectedFormat, wrongFormat } from './recognise.ts';

/** How documents of the old kind begin ([MS-CFB], section 2.2). */
const compoundFile = Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);

/**
 * The roster, in whichever format it is. Those that are not CSV are loaded when one is met: each has packages of its own.
 *
 * @throws RollcallError ROSTER_FORMAT (one that cannot be read, or another than configured), ROSTER_UNREADABLE
 */
export async function openReading(content: Content, options: ReadingOptions): Promise<RosterReading> {
  const head = await headOf(content, recognisedBytes);
  const found = await recognised(content, head);
  if ('other' in found) throw wrongFormat(found.other, content.file);
  const { format: wanted } = options;
  const isText = (format: string | undefined): boolean => format === 'json' || format === 'jsonl';
  const format = wanted ?? found.format;
  // One record is JSON as well as JSON lines, and nothing may be either.
  const isEither = head.length === 0 || (isText(format) && isText(found.format));
  if (format !== found.format && !isEither) throw unexpectedFormat(found.format, format, content.file);
  switch (format) {
    case 'json':
      return (await import('./json/read-json.ts')).readJson(content, options);
    case 'jsonl':
      return (await import('./json/read-json-lines.ts')).readJsonLines(content, options);
    case 'xlsx':
      return (await import('./xlsx/read-xlsx.ts')).readXlsx(content, options);
    case 'csv':
      return readCsv(content, options);
  }
}

/** What it is; of documents in archives, by what is in them. */
async function recognised(content: Content, head: Buffer): Promise<Recognised> {
  if (isZip(head)) {
    const { otherDocument } = await import('./xlsx/document-kind.ts');
    const other = await otherDocument(content);
    return other === null ? { format: 'xlsx' } : { other };
  }
  if (!compoundFile.equals(head.subarray(0, compoundFile.length))) return recognise(head);
  const { oldDocument } = await import('./xlsx/document-kind.ts');
  return { other: await oldDocument(content) };
}
