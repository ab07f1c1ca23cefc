import { type DateSystem, serialDate, serialTime } from './serial-dates.ts';
import { readXml } from './xml.ts';

// How a number is shown: ECMA-376 part 1, 18.8.30 (numFmt) and 18.8.31 (the codes).

/** Codes that every workbook has without writing them; those of dates in East Asia too. */
const builtIn: Readonly<Record<number, string>> = {
  9: '0%',
  10: '0.00%',
  14: 'yyyy-mm-dd',
  15: 'd-mmm-yy',
  16: 'd-mmm',
  17: 'mmm-yy',
  18: 'h:mm AM/PM',
  19: 'h:mm:ss AM/PM',
  20: 'h:mm',
  21: 'h:mm:ss',
  22: 'm/d/yy h:mm',
  45: 'mm:ss',
  46: '[h]:mm:ss',
  47: 'mmss.0',
};
const eastAsianDates = [27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 55, 56, 57, 58];

/** What a number is by the way in which it is shown. */
type Kind =
  | { readonly is: 'number' }
  | { readonly is: 'date' }
  | { readonly is: 'time' }
  /** Filled with zeros: `000000`. */
  | { readonly is: 'padded'; readonly digits: number }
  | { readonly is: 'percent'; readonly decimals: number };

function kindOf(code: string): Kind {
  // The first section is that of positive numbers; what is quoted, escaped or in brackets is no code.
  const [first = ''] = code
    .replace(/"[^"]*"|\\.|_.|\*./g, '')
    .replace(/\[(?![hms]+\])[^\]]*\]/gi, '')
    .split(';');
  const bare = first.trim();
  if (/general/i.test(bare)) return { is: 'number' };
  if (/[yd]/i.test(bare)) return { is: 'date' };
  if (/[hs]/i.test(bare)) return { is: 'time' };
  // A month by itself is a date; beside hours or seconds it is a minute.
  if (/m/i.test(bare)) return { is: 'date' };
  if (/^0{2,}$/.test(bare)) return { is: 'padded', digits: bare.length };
  const percent = /^[#0,]*(?:\.([0#]+))?\s*%$/.exec(bare);
  if (percent !== null) return { is: 'percent', decimals: percent[1]?.length ?? 0 };
  return { is: 'number' };
}

/** A number as text, and whether it is a date. */
export type Shown = { readonly text: string; readonly isDate: boolean };

/** From so many digits on a spreadsheet keeps no more of a whole number. */
const mostDigits = 15;

/** How the cells of a workbook show their numbers, by the number of their style. */
export class NumberFormats {
  readonly #codes = new Map<number, string>(Object.entries(builtIn).map(([id, code]) => [Number(id), code]));
  readonly #styles: number[] = [];
  readonly #kinds = new Map<number, Kind>();
  readonly #system: DateSystem;

  constructor(system: DateSystem) {
    this.#system = system;
    for (const id of eastAsianDates) this.#codes.set(id, 'yyyy-mm-dd');
  }

  /** Reads the part with the styles. Throws TornContent. */
  async read(bytes: AsyncIterable<Buffer>): Promise<void> {
    let isCells = false;
    await readXml(bytes, {
      open: (name, { numFmtId = '0', formatCode }) => {
        if (name === 'numFmt' && formatCode !== undefined) this.#codes.set(Number(numFmtId), formatCode);
        else if (name === 'cellXfs') isCells = true;
        else if (name === 'xf' && isCells) this.#styles.push(Number(numFmtId));
      },
      close: (name) => {
        if (name === 'cellXfs') isCells = false;
      },
      wantsText: () => false,
    });
  }

  /** The number in `written`, as the style shows it as far as people read it: a date, a percentage, leading zeros. */
  show(written: string, style: number): Shown {
    const value = Number(written);
    if (written.trim() === '' || Number.isNaN(value)) return { text: written, isDate: false };
    const kind = this.#kindOf(style);
    switch (kind.is) {
      case 'date':
        return { text: serialDate(value, this.#system) ?? '#####', isDate: true };
      case 'time':
        return { text: serialTime(value), isDate: false };
      case 'percent':
        return { text: `${(value * 100).toFixed(kind.decimals)}%`, isDate: false };
      case 'padded':
        if (!Number.isInteger(value) || value < 0) break;
        return { text: plain(value, written).padStart(kind.digits, '0'), isDate: false };
      case 'number':
        break;
    }
    return { text: plain(value, written), isDate: false };
  }

  #kindOf(style: number): Kind {
    const known = this.#kinds.get(style);
    if (known !== undefined) return known;
    const code = this.#codes.get(this.#styles[style] ?? 0);
    const kind: Kind = code === undefined ? { is: 'number' } : kindOf(code);
    this.#kinds.set(style, kind);
    return kind;
  }
}

/**
 * A number without exponent, `.0` and noise of floating point. A whole one of 16 digits and more lost some in the
 * spreadsheet: it is written with an exponent, by which whoever reads ids knows.
 */
function plain(value: number, written: string): string {
  if (Number.isInteger(value)) {
    const text = BigInt(value).toString();
    if (text.replace('-', '').length <= mostDigits) return text;
    return value.toExponential(mostDigits - 1).replace('e', 'E');
  }
  // Digits as they are where there are no more than a spreadsheet keeps.
  if (/^-?\d+\.\d+$/.test(written) && written.replace(/\D/g, '').length <= mostDigits) return written;
  return String(Number(value.toPrecision(mostDigits)));
}
