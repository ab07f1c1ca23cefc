/** Text that lost its letters on the way to the file, and is well-formed all the same: no byte of it is wrong. */

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The byte that windows-1252 has a sign for, where that is not its code point. https://encoding.spec.whatwg.org/index-windows-1252.txt */
const byteOf: ReadonlyMap<string, number> = new Map(
  [...new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 32 }, (_, at) => 0x80 + at))].map(
    (sign, at) => [sign, 0x80 + at],
  ),
);

/**
 * A first byte of UTF-8 with a further one behind it, both as signs of windows-1252 or Latin-1, or with two. Of pairs, those that
 * stand in names are left out: a capital with an accent before a no-break space, an apostrophe or a dash, any letter before two of
 * those, and one before a letter or the sign of a brand (`MATÚŠ`, `VÝŽIVA`, `NESCAFÉ®`), but for `Ã`, `Ä` and `Å`, which stand for most
 * of Europe's letters. (A quote has another one before it, which alone is no UTF-8.)
 */
const pair = new RegExp(
  [
    '[\\u00C2-\\u00C5][\\u00AE\\u0152\\u0153\\u0160\\u0161\\u0178\\u017D\\u017E\\u2122]',
    '[\\u00C2-\\u00F4][\\u0080-\\u009F\\u00A1-\\u00AD\\u00AF-\\u00B6\\u00B8-\\u00BF\\u0192\\u02C6\\u02DC\\u201A\\u201C-\\u201E\\u2020-\\u2022\\u2030\\u2039\\u203A\\u20AC]',
    '[\\u00C2-\\u00F4](?![\\u00A0\\u2013\\u2014\\u2018\\u2019]{2})[\\u0080-\\u00BF\\u0152-\\u0192\\u02C6\\u02DC\\u2013-\\u203A\\u20AC\\u2122]{2}',
  ].join('|'),
);

/**
 * Whether a text is UTF-8 that was read as windows-1252 (or Latin-1) and written as UTF-8 once more: `JÃ¼rgen`. All of it has to
 * be such, which no text is by chance. Of the cell as it stands: half of it may be signs that nobody sees.
 */
export function isEncodedTwice(cell: string): boolean {
  if (!pair.test(cell)) return false;
  const bytes: number[] = [];
  for (const sign of cell) {
    const code = sign.codePointAt(0) ?? 0;
    const byte = byteOf.get(sign) ?? code;
    if (byte > 0xff) return false;
    bytes.push(byte);
  }
  try {
    decoder.decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a name has a sign that stands where a letter was: beside a letter `?` or what another code page has in its place (`³` for
 * `ł`), and what a web page or an address writes (`&uuml;`, `%C3%BC`). Apostrophes and accents that stand alone are in names.
 */
export function hasLostLetters(name: string): boolean {
  return lost.test(name);
}

const signs =
  '?\\u00A1-\\u00A7\\u00A9\\u00AC\\u00AE\\u00AF\\u00B1-\\u00B3\\u00B6\\u00B9\\u00BC-\\u00BF\\u00D7\\u00F7\\u2020\\u2021\\u2030\\u20AC\\u2122';
const lost = new RegExp(`\\p{L}[${signs}]|[${signs}]\\p{L}|&(?:#\\w{2,6}|[A-Za-z]{2,8});|%[0-9A-F]{2}`, 'u');

/** Hardly any name has one of these, and whatever is mangled does. */
export const mayBeMangled = /[?%&\u0080-\uFFFF]/;
