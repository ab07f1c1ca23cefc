import type { RosterFormat } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';

/** Formats that are no CSV, by what they begin with. */
const signatures: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['an old Excel workbook (xls)', [0xd0, 0xcf, 0x11, 0xe0]],
  ['a PDF document', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['a 7-Zip archive', [0x37, 0x7a, 0xbc, 0xaf]],
  ['a RAR archive', [0x52, 0x61, 0x72, 0x21]],
  ['a bzip2 file', [0x42, 0x5a, 0x68]],
  ['an xz file', [0xfd, 0x37, 0x7a, 0x58]],
  ['a Zstandard file', [0x28, 0xb5, 0x2f, 0xfd]],
  ['a Parquet file', [0x50, 0x41, 0x52, 0x31]],
  ['a picture (PNG)', [0x89, 0x50, 0x4e, 0x47]],
  ['a picture (JPEG)', [0xff, 0xd8, 0xff]],
  ['an SQLite database', [...Buffer.from('SQLite format 3')]],
  ['UTF-32 text', [0xff, 0xfe, 0x00, 0x00]],
  ['UTF-32 text', [0x00, 0x00, 0xfe, 0xff]],
];

const zip = [0x50, 0x4b, 0x03, 0x04];
const openPgp = /^-----BEGIN PGP/;

/** What a roster is by its first bytes: a format that can be read, or words for what it is. */
export type Recognised = { readonly format: RosterFormat } | { readonly other: string };

/** How much is looked at. */
export const recognisedBytes = 65_536;

/** What it is: CSV is whatever is nothing else. */
export function recognise(head: Buffer): Recognised {
  const other = otherFormat(head);
  return other === undefined ? { format: 'csv' } : { other };
}

function otherFormat(head: Buffer): string | undefined {
  const begins = (bytes: readonly number[]): boolean => bytes.every((byte, at) => head[at] === byte);
  if (begins(zip)) {
    const names = head.toString('latin1');
    return names.includes('xl/') || names.includes('[Content_Types].xml')
      ? 'an Excel workbook (xlsx)'
      : 'a zip archive';
  }
  const known = signatures.find(([, bytes]) => begins(bytes));
  if (known !== undefined) return known[0];
  const text = head
    .toString(isWide(head) ? 'utf16le' : 'utf8')
    .replace(/^\ufeff/, '')
    .trimStart()
    .slice(0, 2_000);
  if (openPgp.test(text)) return 'an encrypted file (OpenPGP)';
  if (text.startsWith('{\\rtf')) return 'a text document (RTF)';
  if (/^<(!doctype html|html|head|body|table|meta|script|style|div)\b/i.test(text)) return 'an HTML page';
  if (/^<(\?xml|[A-Za-z_][\w.:-]*[\s/>])/.test(text))
    return /<(html|table)\b/i.test(text) ? 'an HTML page' : 'XML';
  if (/^(\[\s*(?:[[{\]"]|-?\d|$)|\{\s*(?:"|\}|$))/.test(text)) return 'JSON';
  return undefined;
}

/** UTF-16 in the byte order of Windows, with its mark. */
function isWide(head: Buffer): boolean {
  return head[0] === 0xff && head[1] === 0xfe;
}

/** The error for a file of another format. None of its content is in it. */
export function wrongFormat(what: string, file: string): RollcallError {
  return new RollcallError('ROSTER_FORMAT', `the roster is ${what}, not CSV.`, {
    place: { file },
    hint: 'Have it exported as CSV (UTF-8), and check that roster.source names the file that was meant.',
  });
}
