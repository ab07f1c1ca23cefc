import type { RosterFormat } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { wideEncodingOf } from './text/encoding.ts';

/** Formats that are no CSV, by what they begin with. */
const signatures: readonly (readonly [what: string, bytes: readonly number[]])[] = [
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

const openPgp = /^-----BEGIN PGP/;

/** What a roster is by its first bytes: a format that can be read, or words for what it is. */
export type Recognised = { readonly format: RosterFormat } | { readonly other: string };

/** How much is looked at. */
export const recognisedBytes = 65_536;

/** What it is; CSV is whatever is nothing else. */
export function recognise(head: Buffer): Recognised {
  const begins = (bytes: readonly number[]): boolean => bytes.every((byte, at) => head[at] === byte);
  const known = signatures.find(([, bytes]) => begins(bytes));
  if (known !== undefined) return { other: known[0] };
  const text = new TextDecoder(wideEncodingOf(head) ?? 'utf-8').decode(head).trimStart();
  const beginning = text.slice(0, 2_000);
  if (openPgp.test(beginning)) return { other: 'an encrypted file (OpenPGP)' };
  if (beginning.startsWith('{\\rtf')) return { other: 'a text document (RTF)' };
  if (/^<(!doctype html|html|head|body|table|meta|script|style|div)\b/i.test(beginning))
    return { other: 'an HTML page' };
  if (/^<(\?xml|[A-Za-z_][\w.:-]*[\s/>])/.test(beginning))
    return { other: /<(html|table)\b/i.test(beginning) ? 'an HTML page' : 'XML' };
  if (!/^(\[\s*(?:[[{\]"]|-?\d|$)|\{\s*(?:"|\}|$))/.test(beginning)) return { format: 'csv' };
  return { format: isLines(text) ? 'jsonl' : 'json' };
}

/** Whether another value follows the first one: JSON has one, JSON lines have one a line. */
function isLines(text: string): boolean {
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (isQuoted) {
      if (sign === '\\') at++;
      else if (sign === '"') isQuoted = false;
      continue;
    }
    if (sign === '"') isQuoted = true;
    else if (sign === '{' || sign === '[') depth++;
    else if (sign === '}' || sign === ']') depth--;
    if (depth === 0) return /^[\t\r ]*\n\s*[{[]/.test(text.slice(at + 1));
  }
  return false;
}

/** The error for a file that is no roster. None of its content is in it. */
export function wrongFormat(what: string, file: string): RollcallError {
  return new RollcallError('ROSTER_FORMAT', `the roster is ${what}.`, {
    place: { file },
    hint: 'Have it exported as CSV (UTF-8), XLSX or JSON, and check that roster.source names the file that was meant.',
  });
}

const names: Readonly<Record<RosterFormat, string>> = {
  csv: 'CSV',
  xlsx: 'an Excel workbook (xlsx)',
  json: 'JSON',
  jsonl: 'JSON lines',
};

/** The error for a file of a format that can be read, and that `roster.format` does not say. */
export function unexpectedFormat(found: RosterFormat, wanted: RosterFormat, file: string): RollcallError {
  const is = found === 'csv' ? 'CSV, or nothing that is known' : names[found];
  return new RollcallError('ROSTER_FORMAT', `the roster is ${is}, and roster.format says ${wanted}.`, {
    place: { file, key: 'roster.format' },
    hint: `Leave roster.format out, or have it exported as ${names[wanted]}.`,
  });
}
