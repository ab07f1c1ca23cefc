/**
 * The one place where text from outside gets its canonical form. Pure, no imports: the roster and the comparison with a
 * platform's accounts must agree on it to the character.
 */

/** Invisible characters that carry no meaning in a name: zero-width space, word joiner, BOM, soft hyphen, direction marks. */
const invisible = /[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/g;
/**
 * Zero-width (non-)joiners next to an edge, a space, a Latin letter, a digit or punctuation. Between letters of scripts
 * such as Persian or Devanagari they belong to the spelling and stay.
 */
const strayJoiner =
  /(?<=^|[\s\p{Script=Latin}\p{Script=Common}])[\u200C\u200D]+|[\u200C\u200D]+(?=$|[\s\p{Script=Latin}\p{Script=Common}])/gu;
/** Control characters, except those that are white space. */
const controls = /(?![\t-\r\u0085])\p{Cc}/gu;
const whiteSpace = /[\s\u0085]+/g;

/** Printable ASCII with single inner spaces only: already in canonical form. Most cells are, and regexes cost. */
function isPlain(value: string): boolean {
  const last = value.length - 1;
  let afterSpace = true;
  for (let i = 0; i <= last; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x20) {
      if (afterSpace || i === last) return false;
      afterSpace = true;
    } else {
      if (code < 0x21 || code > 0x7e) return false;
      afterSpace = false;
    }
  }
  return true;
}

const unwanted = /(?![\t-\r])[\p{Cc}\u00AD\u200B-\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/u;

/** Text without what nobody sees. Most accented text has none of it, and one look is cheaper than three replacements. */
function visible(value: string): string {
  if (!unwanted.test(value)) return value;
  return value.replace(controls, '').replace(invisible, '').replace(strayJoiner, '');
}

/**
 * Text in canonical form: Unicode NFC, runs of white space (no-break spaces and line breaks too) as one space, trimmed,
 * without invisible and control characters. Case is kept. Idempotent.
 */
export function normaliseText(value: string): string {
  if (isPlain(value)) return value;
  return visible(value).replace(whiteSpace, ' ').trim().normalize('NFC');
}

/** An email address in canonical form: as `normaliseText`, in lower case. Says nothing about its being one. */
export function normaliseEmail(value: string): string {
  if (isPlain(value)) return value.toLowerCase();
  return normaliseText(value).toLowerCase().normalize('NFC');
}

/**
 * An employee id in canonical form: trimmed, NFC, without invisible characters; case, leading zeros and inner spaces are
 * kept, since two ids that differ in them are two people. Control characters stay, for the caller to refuse.
 */
export function normaliseId(value: string): string {
  if (isPlain(value)) return value;
  return value.replace(invisible, '').replace(strayJoiner, '').trim().normalize('NFC');
}
