/** Kinds of characters that an id has, as bits: digit, lower case, upper case, anything else; an @ apart. */
function kindsOf(id: string): number {
  let kinds = 0;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) kinds |= 1;
    else if (code >= 0x61 && code <= 0x7a) kinds |= 2;
    else if (code >= 0x41 && code <= 0x5a) kinds |= 4;
    else kinds |= code === 0x40 ? 16 : 8;
  }
  return kinds;
}

/**
 * `2026-03-01`, `1-Mar`, `01.03.26`: what a spreadsheet makes of `3-1`. Not two numbers alone: ids of departments and second
 * contracts look so (`20-1` behind `100-1`).
 */
const dateForm =
  /^(?:\d{4}-\d{2}-\d{2}(?:[T ].*)?|\d{1,2}[-/.](?:\d{1,2}|\p{L}{3,4}\.?)[-/.]\d{2,4}|\d{1,2}[-/.]\p{L}{3,4}\.?)$/u;
/** Ids seen before one may be called unlike all others. */
const enough = 10;

/**
 * What the ids of a roster look like, learnt from its good rows. In a row with too few or too many cells, the first cell may
 * be the end of a broken line, such as somebody's last name: it counts as an id only if it looks like the others.
 */
export class IdShape {
  #kinds = 0;
  #shortest = Number.POSITIVE_INFINITY;
  #longest = 0;
  #withDigits = 0;
  #withoutDigits = 0;
  #dates = 0;

  learn(id: string): void {
    const kinds = kindsOf(id);
    this.#kinds |= kinds;
    if ((kinds & 1) !== 0) this.#withDigits++;
    else this.#withoutDigits++;
    if ((kinds & 9) === 9 && dateForm.test(id)) this.#dates++;
    if (id.length < this.#shortest) this.#shortest = id.length;
    if (id.length > this.#longest) this.#longest = id.length;
  }

  fits(id: string): boolean {
    return id.length >= this.#shortest && id.length <= this.#longest && (kindsOf(id) & ~this.#kinds) === 0;
  }

  /** Whether this is the only id (or one of `others` and this) without a digit, among at least ten that have one. */
  isOddOneOut(id: string, others: number): boolean {
    return (kindsOf(id) & 1) === 0 && this.#withDigits >= 10 && this.#withoutDigits <= others;
  }

  /** Whether all rows whose id has no digit are these so many, among ten times as many that have one. */
  areOddOnes(rows: number): boolean {
    return this.#withoutDigits <= rows && this.#withDigits >= 10 * rows;
  }

  /** Whether this is a date where no id so far is one or looks like it: a spreadsheet took it for one. */
  isStrayDate(id: string): boolean {
    if (this.#dates > 0 || this.#withDigits + this.#withoutDigits < enough) return false;
    return (kindsOf(id) & 9) === 9 && dateForm.test(id) && !this.fits(id);
  }

  /** Whether this is an address where no id so far is one: cells have shifted. */
  isStrayAddress(id: string): boolean {
    return id.includes('@') && this.#withDigits + this.#withoutDigits > 0 && (this.#kinds & 16) === 0;
  }
}
