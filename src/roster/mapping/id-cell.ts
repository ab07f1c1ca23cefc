import { normaliseId } from '../../normalise.ts';
import { longestIdCell } from '../bounds.ts';

const maxIdLength = 256;
const replacement = '\uFFFD';
const controlCharacter = /\p{Cc}/u;

/** The reading of an id cell: the id, or why there is none. */
export type IdReading =
  | { readonly id: string }
  | { readonly code: 'ID_MISSING' | 'ID_UNREADABLE'; readonly why: string };

/** What spreadsheets wrap a text in that looks like a number: `="00123"`, `=("00123")`, `=T("00123")`. */
const formula = /^=\s*(?:T\s*)?\(?\s*"(.*)"\s*\)?$/s;
/** Words of databases and scripts for "nothing", which nobody has for an id. */
const nothing = /^(?:null|\(null\)|nil|nan|none|undefined|n\/?a|<na>|-+|\?+|\.+|\*+)$/i;
/** Rounded by a spreadsheet: with an exponent that has a sign, or a fraction before it. Ids such as `1E5` are ids. */
const scientific = /^[+-]?\d+(?:[.,]\d+[eE][+-]?|[eE][+-])\d+$/;
/** What no id has, and damage brings into one. */
const stray = /["\\,;|]/;
/** A whole number that went through a column of fractions. */
const wholeFraction = /^(\d+)[.,]0+$/;

/** The text inside a spreadsheet's formula for text; any other text as it is. */
export function withoutFormula(text: string): string {
  if (text.charCodeAt(0) !== 0x3d) return text;
  const inner = formula.exec(text)?.[1];
  return inner === undefined ? text : inner.replaceAll('""', '"');
}

/** Code units that error words begin with: `#`, `E`, and of scripts `u`, `N`, `[`. Every cell is asked. */
export const mayBeErrorWord: ReadonlySet<number> = new Set([0x23, 0x45, 0x75, 0x4e, 0x5b]);

/**
 * What a spreadsheet or script writes where it has no value: `#N/A`, `#REF!`, `#¡REF!`, `Err:502`, `#####`. In the
 * language of the spreadsheet, so it is told by its form.
 */
export function isErrorWord(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first === 0x23) {
    return (
      /^#[¡¿]?\p{Lu}[\p{Lu}\p{N}_/ ]*[!?]$/u.test(text) ||
      /^#(?:N\/?A|NV|N\/?D|N\/DISP|NODISP|I\/T|SAKNAS!?|BRAK|HIV|EIO|SPILL|GETTING_DATA|LOADING\.*)$/i.test(
        text,
      ) ||
      /^#{2,}$/.test(text)
    );
  }
  return first === 0x45 ? /^Err:\d{3}$/.test(text) : /^(?:undefined|NaN|\[object Object\])$/.test(text);
}

/**
 * Reads an id as HR wrote it: without what a spreadsheet put around it (`="00123"`, a leading apostrophe, quotes), and `.0`
 * at its end. One that was rounded (`1.00012E+11`) is no id.
 */
export function readId(cell: string): IdReading {
  if (cell.length > longestIdCell)
    return { code: 'ID_UNREADABLE', why: `is longer than ${maxIdLength} characters` };
  const id = unwrapped(normaliseId(cell));
  if (id === '') return { code: 'ID_MISSING', why: 'is empty' };
  if (id.length > maxIdLength)
    return { code: 'ID_UNREADABLE', why: `is longer than ${maxIdLength} characters` };
  if (controlCharacter.test(id))
    return { code: 'ID_UNREADABLE', why: 'holds a control character or a line break' };
  if (id.includes(replacement))
    return { code: 'ID_UNREADABLE', why: 'holds bytes that are not in the encoding of the file' };
  if (stray.test(id)) return { code: 'ID_UNREADABLE', why: 'holds a quote, a backslash or a separator' };
  const last = id.charCodeAt(id.length - 1);
  // Every id passes here: only digits at the end can be a number's.
  if (last >= 0x30 && last <= 0x39) {
    if (scientific.test(id))
      return {
        code: 'ID_UNREADABLE',
        why: 'was rounded by a spreadsheet (9.99E+99): have the column exported as text',
      };
    const whole = wholeFraction.exec(id)?.[1];
    return { id: whole ?? id };
  }
  if (nothing.test(id)) return { code: 'ID_MISSING', why: 'is a word for "nothing"' };
  if (isErrorWord(id)) return { code: 'ID_UNREADABLE', why: "is a spreadsheet's error word" };
  return { id };
}

/** Without a formula for text, an apostrophe before it, and quotes around it. */
function unwrapped(id: string): string {
  const first = id.charCodeAt(0);
  if (first !== 0x3d && first !== 0x27 && first !== 0x22 && first !== 0x2019) return id;
  let inner = withoutFormula(id);
  if (/^(['"]).*\1$/s.test(inner)) inner = inner.slice(1, -1);
  else if (/^['\u2019]/.test(inner)) inner = inner.slice(1);
  return inner.trim();
}
