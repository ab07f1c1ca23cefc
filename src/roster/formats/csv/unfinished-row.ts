import { type Content, TornContent } from '../../content/content.ts';
import type { RosterRecord } from '../format.ts';
import { Utf8Decoder } from '../text/encoding.ts';

/** More than any line of a roster has. */
const mostCharacters = 65_536;

/**
 * The line on which a row begins whose quote is never closed, cut at its delimiters as far as the quote: the parser never
 * gave the row out, and its id is wanted. The file is read once more, up to there.
 */
export async function unfinishedRow(
  content: Content,
  encoding: string,
  line: number,
  delimiter: string,
): Promise<RosterRecord | undefined> {
  const decoder = new Utf8Decoder(encoding);
  let text = '';
  let at = 1;
  const take = (part: string): boolean => {
    text += part;
    while (at < line) {
      const next = /\r\n|\r(?!\n)|\n/.exec(text);
      if (next === null) return false;
      text = text.slice(next.index + next[0].length);
      at++;
    }
    return text.length > mostCharacters || /[\r\n]/.test(text);
  };
  try {
    for await (const chunk of content.read()) if (take(decoder.write(chunk).toString('utf8'))) break;
    take(decoder.end().rest.toString('utf8'));
  } catch (error) {
    if (!(error instanceof TornContent)) throw error;
  }
  const row = /^[^\r\n]*/.exec(text)?.[0] ?? '';
  if (at < line || row === '') return undefined;
  return { cells: closedCells(row, delimiter), line, multiline: false };
}

/** The cells before the quote that is not closed. */
function closedCells(row: string, delimiter: string): readonly string[] {
  const cells: string[] = [];
  for (let at = 0; at < row.length; ) {
    if (row[at] === '"') {
      const end = closingQuote(row, at + 1, delimiter);
      if (end === undefined) break;
      cells.push(row.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 1 + delimiter.length;
    } else {
      const end = row.indexOf(delimiter, at);
      // The last cell of a line whose quote opens later cannot be this one.
      if (end < 0) break;
      cells.push(row.slice(at, end));
      at = end + delimiter.length;
    }
  }
  return cells;
}

function closingQuote(row: string, from: number, delimiter: string): number | undefined {
  for (let at = from; at < row.length; at++) {
    if (row[at] !== '"') continue;
    if (row[at + 1] === '"') at++;
    else if (row.startsWith(delimiter, at + 1)) return at;
  }
  return undefined;
}
