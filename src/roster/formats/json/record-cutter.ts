import type { Token } from 'stream-json/parser.js';
import type { CellFault, RosterRecord } from '../format.ts';
import { type PathNode, pathTree } from './paths.ts';

/** The deepest nesting: of what people or systems write, none has a tenth of it. */
const deepest = 100;
/** The largest record, in characters: one with a photograph in it. */
const largestRecord = 16 * 1024 ** 2;
/** Records whose fields are remembered, for a message: what most of them have is among these. */
const sampledRecords = 50;
const mostNames = 400;
const mostLists = 20;

/** JSON that cannot be cut into records any further; the message says why, to follow "it". */
export class UncutJson extends Error {
  override readonly name = 'UncutJson';
}

/** An object or a list that is open. */
type Frame = {
  readonly isArray: boolean;
  /** Of the list of records. */
  readonly isList: boolean;
  /** Where its values are looked up; undefined where nothing in it is wanted. */
  readonly node: PathNode | undefined;
  /** The path of names to it, as long as names are remembered. */
  readonly path: string | undefined;
  /** The column that wanted a text where it stands. */
  readonly column: number | undefined;
  isEmpty: boolean;
  /** In an object the name of the value that comes, in a list its position. */
  key: string;
  at: number;
};

export type RecordCutterOptions = {
  /** Paths of the columns, in the order of the cells. */
  readonly columns: readonly string[];
  /**
   * Where the list of records is: a path from the top, '' for the top itself; null when every value at the top is a record.
   */
  readonly records: string | null;
};

/** Cuts the tokens of JSON into records: of each record, the cells that are wanted, as text. */
export class RecordCutter {
  readonly #columns: readonly string[];
  readonly #wanted: PathNode;
  readonly #outside: PathNode;
  readonly #isListAtTop: boolean;
  readonly #isFlat: boolean;
  readonly #frames: Frame[] = [];
  readonly #present: boolean[];
  readonly #names = new Set<string>();
  readonly #lists = new Set<string>();
  #found: 'nothing' | 'list' | 'no list' = 'nothing';
  /** Open frames below the record that is being cut; 0 outside of records. */
  #recordFrom = 0;
  #recordSize = 0;
  #cells: string[] = [];
  #isSet: boolean[] = [];
  #faults: CellFault[] = [];
  #records = 0;
  #out: RosterRecord[] = [];
  /** Values at the top that have ended. */
  tops = 0;

  constructor({ columns, records }: RecordCutterOptions) {
    this.#columns = columns;
    this.#wanted = pathTree(columns);
    this.#isFlat = records === null;
    this.#isListAtTop = records === '';
    this.#outside = pathTree(records === null || records === '' ? [] : [records]);
    this.#present = columns.map(() => false);
  }

  /** Whether nothing is open. */
  get isClosed(): boolean {
    return this.#frames.length === 0;
  }

  /** Records that have ended. */
  get records(): number {
    return this.#records;
  }

  /** What stands where the list should be. */
  get found(): 'nothing' | 'list' | 'no list' {
    return this.#found;
  }

  /** Columns that no record had. */
  get missing(): readonly string[] {
    return this.#columns.filter((_, at) => this.#present[at] !== true);
  }

  /** Paths of the fields that the first records have. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** Paths of the lists that are not the one that is read. */
  get lists(): readonly string[] {
    return [...this.#lists];
  }

  /** The records since the last time; `line` counts them from 1. */
  take(): RosterRecord[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Begins anew after what could not be parsed. */
  reset(): void {
    this.#frames.length = 0;
    this.#recordFrom = 0;
    this.#faults = [];
    this.#out = [];
  }

  /** Throws UncutJson. */
  push(token: Token): void {
    if (this.#recordFrom > 0) this.#measure(token);
    switch (token.name) {
      case 'keyValue': {
        const top = this.#frames.at(-1);
        if (top !== undefined) top.key = token.value;
        return;
      }
      case 'startObject':
      case 'startArray':
        this.#open(token.name === 'startArray');
        return;
      case 'endObject':
      case 'endArray':
        this.#close();
        return;
      case 'stringValue':
        this.#value(token.value.isWellFormed() ? token.value : token.value.toWellFormed());
        return;
      case 'numberValue':
        this.#value(plainNumber(token.value));
        return;
      case 'nullValue':
        this.#value('');
        return;
      case 'trueValue':
        this.#value('true');
        return;
      case 'falseValue':
        this.#value('false');
        return;
      default:
        return;
    }
  }

  #measure(token: Token): void {
    this.#recordSize += 'value' in token && typeof token.value === 'string' ? token.value.length + 8 : 8;
    if (this.#recordSize > largestRecord)
      throw new UncutJson(
        `has a record, the one after ${this.#records}, of more than ${largestRecord / 1024 ** 2} MiB`,
      );
  }

  #open(isArray: boolean): void {
    const top = this.#frames.at(-1);
    if (this.#frames.length >= deepest)
      throw new UncutJson(`is nested more than ${deepest} deep after record ${this.#records}`);
    const isRecord = top === undefined ? this.#isFlat : top.isList;
    if (isRecord) {
      this.#begin();
      this.#frames.push(frame({ isArray, node: isArray ? undefined : this.#wanted, path: '' }));
      if (isArray) this.#faultRecord('the record is a list, not an object');
      return;
    }
    if (top === undefined && this.#isListAtTop && isArray) {
      this.#beginList('');
      this.#frames.push(frame({ isArray, isList: true }));
      return;
    }
    const node = top === undefined ? this.#outside : this.#child(top);
    const path = top === undefined ? '' : this.#pathOf(top);
    if (this.#recordFrom === 0) {
      if (isArray && path !== undefined && this.#lists.size < mostLists && node?.column === undefined)
        this.#lists.add(path);
      const isList = node?.column !== undefined && isArray;
      if (isList) this.#beginList(path ?? '');
      else if (node?.column !== undefined) this.#found = 'no list';
      this.#step(top);
      this.#frames.push(frame({ isArray, isList, node, path }));
      return;
    }
    this.#step(top);
    const column = node?.column;
    if (column !== undefined) this.#present[column] = true;
    this.#frames.push(frame({ isArray, node, path, column }));
  }

  #beginList(path: string): void {
    if (this.#found === 'list') throw new UncutJson(`has two lists at "${path}"`);
    this.#found = 'list';
  }

  #close(): void {
    const closed = this.#frames.pop();
    if (closed?.column !== undefined) {
      if (closed.isEmpty) this.#set(closed.column, '');
      else {
        const what = `is ${closed.isArray ? 'a list' : 'an object'}, where a text belongs`;
        this.#faults.push({ at: closed.column, code: 'NOT_A_TEXT', what });
      }
    }
    if (this.#recordFrom > 0 && this.#frames.length < this.#recordFrom) this.#end();
    if (this.#frames.length === 0) this.tops++;
  }

  #value(text: string): void {
    const top = this.#frames.at(-1);
    if (top === undefined) {
      this.tops++;
      if (this.#isFlat) this.#bare();
      return;
    }
    if (top.isList) {
      this.#bare();
      return;
    }
    const node = this.#child(top);
    if (this.#recordFrom === 0) {
      if (node?.column !== undefined) this.#found = 'no list';
    } else {
      if (this.#records < sampledRecords && this.#names.size < mostNames) {
        const path = this.#pathOf(top);
        if (path !== undefined) this.#names.add(path);
      }
      if (node?.column !== undefined) this.#set(node.column, text);
    }
    this.#step(top);
  }

  #set(column: number, text: string): void {
    if (this.#isSet[column] === true && this.#cells[column] !== text)
      this.#faults.push({
        at: column,
        code: 'NOT_A_TEXT',
        what: 'stands twice in the record, with two values',
      });
    this.#cells[column] = text;
    this.#isSet[column] = true;
    this.#present[column] = true;
  }

  /** The value that the open object or list comes to, in the tree of paths. */
  #child(top: Frame): PathNode | undefined {
    return top.node?.next.get(top.isArray ? String(top.at) : top.key);
  }

  #pathOf(top: Frame): string | undefined {
    const isNamed = this.#recordFrom === 0 || this.#records < sampledRecords;
    if (top.path === undefined || !isNamed) return undefined;
    const name = top.isArray ? String(top.at) : top.key;
    return top.path === '' ? name : `${top.path}.${name}`;
  }

  /** A value has come. */
  #step(top: Frame | undefined): void {
    if (top === undefined) return;
    top.isEmpty = false;
    top.at++;
  }

  #begin(): void {
    this.#recordFrom = this.#frames.length + 1;
    this.#recordSize = 0;
    this.#cells = this.#columns.map(() => '');
    this.#isSet = [];
    this.#faults = [];
  }

  #end(): void {
    this.#recordFrom = 0;
    this.#records++;
    const cells = this.#cells;
    const faults = this.#faults;
    const line = this.#records;
    const failed = faults.find(({ at }) => at < 0);
    const record: RosterRecord = { cells, line, multiline: false };
    if (failed !== undefined) this.#out.push({ ...record, fault: failed });
    else if (faults.length > 0) this.#out.push({ ...record, cells: withoutFaulty(cells, faults), faults });
    else if (cells.every((cell) => cell.trim() === ''))
      this.#out.push({
        ...record,
        fault: { code: 'ID_MISSING', what: 'the record has nothing in any field that is mapped' },
      });
    else this.#out.push(record);
  }

  /** A record that is a text, a number or nothing. */
  #bare(): void {
    this.#begin();
    this.#faultRecord('the record is no object');
    this.#end();
  }

  #faultRecord(what: string): void {
    this.#faults.push({ at: -1, code: 'NOT_A_RECORD', what });
  }
}

function frame(given: Partial<Frame> & Pick<Frame, 'isArray'>): Frame {
  return {
    isArray: given.isArray,
    isList: given.isList ?? false,
    node: given.node,
    path: given.path,
    column: given.column,
    isEmpty: true,
    key: '',
    at: 0,
  };
}

function withoutFaulty(cells: readonly string[], faults: readonly CellFault[]): readonly string[] {
  const faulty = new Set(faults.map(({ at }) => at));
  return cells.map((cell, at) => (faulty.has(at) ? '' : cell));
}

/**
 * A number as it was written, so that no digit is lost. With an exponent it gets its sign, by which whoever reads ids
 * knows that it is rounded.
 */
function plainNumber(text: string): string {
  return text.replace(/[eE](?=\d)/, 'E+');
}
