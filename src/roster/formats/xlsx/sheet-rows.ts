import { mostColumns } from '../../bounds.ts';
import { TornContent } from '../../content/content.ts';
import type { CellFault } from '../format.ts';
import type { NumberFormats } from './number-formats.ts';
import { RichText, type SharedStrings, unescaped } from './shared-strings.ts';
import type { Attributes, XmlHandler } from './xml.ts';

/** A row with something in it; cells by position, those without a value are not there. */
export type SheetRow = {
  readonly row: number;
  readonly cells: ReadonlyMap<number, string>;
  readonly dates: readonly number[];
  readonly faults: readonly CellFault[];
  readonly isHidden: boolean;
};

/** A range of columns or an area, from 0 (columns) and 1 (rows). */
export type Area = { readonly from: number; readonly to: number; readonly top: number };

/** The rows of a sheet, as its elements come (ECMA-376 part 1, 18.3.1). */
export class SheetRows implements XmlHandler {
  readonly #strings: SharedStrings;
  readonly #formats: NumberFormats;
  readonly #rich = new RichText();
  #rows: SheetRow[] = [];
  /** Columns that are hidden. */
  readonly hidden: Area[] = [];
  /** Areas of several rows or columns that are one cell, more than one column or row. */
  readonly merged: Area[] = [];
  #row = 0;
  #column = -1;
  #isHidden = false;
  #cells = new Map<number, string>();
  #dates: number[] = [];
  #faults: CellFault[] = [];
  #type = 'n';
  #style = 0;
  #value: string | undefined;
  #hasFormula = false;
  #isInline = false;
  #inCell = false;

  constructor(strings: SharedStrings, formats: NumberFormats) {
    this.#strings = strings;
    this.#formats = formats;
  }

  /** The rows that ended since the last time. */
  take(): SheetRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  readonly wantsText = (name: string): boolean => this.#inCell && (name === 'v' || name === 't');

  readonly open = (name: string, attributes: Attributes): void => {
    if (this.#inCell) {
      if (name === 'f') this.#hasFormula = true;
      else if (name === 'is') {
        this.#isInline = true;
        this.#rich.begin();
      } else this.#rich.open(name);
      return;
    }
    switch (name) {
      case 'row':
        this.#openRow(attributes);
        return;
      case 'c':
        this.#openCell(attributes);
        return;
      case 'col':
        if (isTrue(attributes['hidden']))
          this.hidden.push({
            from: Number(attributes['min']) - 1,
            to: Number(attributes['max']) - 1,
            top: 1,
          });
        return;
      case 'mergeCell': {
        const [from, to] = (attributes['ref'] ?? '').split(':').map(positionOf);
        if (from !== undefined && to !== undefined)
          this.merged.push({ from: from.column, to: to.column, top: Math.max(from.row, to.row) });
        return;
      }
      default:
        return;
    }
  };

  readonly close = (name: string, text: string): void => {
    if (this.#inCell) {
      if (name === 'v') this.#value = text;
      else if (name === 'c') this.#closeCell();
      else this.#rich.close(name, text);
    } else if (name === 'row') this.#closeRow();
  };

  #openRow(attributes: Attributes): void {
    const row = attributes['r'] === undefined ? this.#row + 1 : Number(attributes['r']);
    if (!Number.isInteger(row) || row <= this.#row)
      throw new TornContent(`its rows are not in their order after row ${this.#row}`);
    this.#row = row;
    this.#column = -1;
    this.#isHidden = isTrue(attributes['hidden']);
    this.#cells = new Map();
    this.#dates = [];
    this.#faults = [];
  }

  #openCell({ r: at, t: type = 'n', s: style = '0' }: Attributes): void {
    const column = at === undefined ? this.#column + 1 : positionOf(at)?.column;
    if (column === undefined || column <= this.#column || column >= mostColumns)
      throw new TornContent(`its cells are not in their order in row ${this.#row}`);
    this.#column = column;
    this.#type = type;
    this.#style = Number(style);
    this.#value = undefined;
    this.#hasFormula = false;
    this.#isInline = false;
    this.#inCell = true;
  }

  #closeCell(): void {
    this.#inCell = false;
    const at = this.#column;
    const value = this.#value;
    if (this.#isInline) {
      this.#set(at, this.#rich.text);
      return;
    }
    const isEmpty = value === undefined || (value === '' && this.#type === 'n');
    if (isEmpty) {
      // Whoever made the file did not work it out, and leaves that to a spreadsheet program.
      if (this.#hasFormula)
        this.#faults.push({
          at,
          code: 'NOT_A_TEXT',
          what: 'is a formula whose value is not in the file: have it opened and saved by a spreadsheet program',
        });
      return;
    }
    switch (this.#type) {
      case 's': {
        const text = this.#strings.at(Number(value));
        if (text === undefined) throw new TornContent(`a text that row ${this.#row} names is not there`);
        this.#set(at, text);
        return;
      }
      case 'b':
        this.#set(at, value.trim() === '1' || value.trim() === 'true' ? 'TRUE' : 'FALSE');
        return;
      case 'd':
        this.#set(
          at,
          value
            .trim()
            .replace(/T00:00(?::00(?:\.0+)?)?Z?$/, '')
            .replace('T', ' '),
        );
        this.#dates.push(at);
        return;
      case 'n': {
        const { text, isDate } = this.#formats.show(value, this.#style);
        this.#set(at, text);
        if (isDate) this.#dates.push(at);
        return;
      }
      default:
        // `str` (of a formula), `e` (#REF!).
        this.#set(at, unescaped(value));
    }
  }

  #set(at: number, text: string): void {
    if (text.trim() !== '') this.#cells.set(at, text);
  }

  #closeRow(): void {
    if (this.#cells.size === 0 && this.#faults.length === 0) return;
    this.#rows.push({
      row: this.#row,
      cells: this.#cells,
      dates: this.#dates,
      faults: this.#faults,
      isHidden: this.#isHidden,
    });
  }
}

function isTrue(text: string | undefined): boolean {
  return text === '1' || text === 'true';
}

/** `BC12`: column 54 (from 0), row 12. */
function positionOf(reference: string): { readonly column: number; readonly row: number } | undefined {
  const match = /^\$?([A-Za-z]{1,3})\$?(\d+)$/.exec(reference);
  if (match === null) return undefined;
  let column = 0;
  for (const letter of (match[1] ?? '').toUpperCase()) column = column * 26 + letter.charCodeAt(0) - 64;
  return { column: column - 1, row: Number(match[2]) };
}

/** The name of a column, as spreadsheets show it: A, B, … Z, AA. */
export function columnName(column: number): string {
  const letter = String.fromCharCode(65 + (column % 26));
  return column < 26 ? letter : `${columnName(Math.floor(column / 26) - 1)}${letter}`;
}
