/**
 * How text from outside (a platform, a roster, a client of the queue) is shown to people: what a terminal would obey, or
 * what turns the direction of reading, is written out. Pure.
 */

/** Control characters, line separators, and marks that change the direction of what follows. */
const obeyed = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069\u200E\u200F]/gu;
/** The same, without tab and line feed. */
const obeyedInLines = /(?![\t\n])[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069\u200E\u200F]/gu;
const names: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function writtenOut(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return names[character] ?? `\\u${code.toString(16).padStart(4, '0')}`;
}

/** One value on one line: a line break in it cannot begin a line that looks like ours. */
export function shown(value: string): string {
  return value.replace(obeyed, writtenOut);
}

/** Text of several lines for a terminal: line feeds and tabs stay. */
export function shownLines(text: string): string {
  return text.replace(obeyedInLines, writtenOut);
}
