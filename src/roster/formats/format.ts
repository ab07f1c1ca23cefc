import type { RosterFormat } from '../../config/schema.ts';
import type { Progress } from '../content/content.ts';
import type { RejectCode } from '../types.ts';

// The contract of what a roster can be written in: one folder a format, which all feed the same intake.

/** What is wrong with a cell before anybody asks what it means: a list where a text belongs. `what` follows the column's name. */
export type CellFault = { readonly at: number; readonly code: RejectCode; readonly what: string };

/** A row's cells as they stand in the roster, and where it stands (from 1, counted as `RowTraits.place` says). */
export type RosterRecord = {
  readonly cells: readonly string[];
  readonly line: number;
  /** Whether a cell has a line break that may have cut a row; only where rows are lines. */
  readonly multiline: boolean;
  /** Positions of cells that are dates by themselves, written `yyyy-MM-dd`, perhaps with a time of day behind. */
  readonly dates?: readonly number[];
  /** Cells (empty in `cells`) that are none. Absent: all are. */
  readonly faults?: readonly CellFault[];
  /** Why all of it describes nobody, as what is said of the row; not even an id can be read. */
  readonly fault?: { readonly code: RejectCode; readonly what: string };
};

/** What the rows of a format are like, for messages and for what may be wrong with them. */
export type RowTraits = {
  /** What `line` counts, as messages call it. */
  readonly place: 'line' | 'row' | 'record';
  /** Whether delimiters, quotes and line breaks tell the cells apart: then some may be missing, or stand where they should not. */
  readonly isDelimited: boolean;
};

/** Some rows, in their order. */
export type RecordBatch = {
  readonly records: Iterable<RosterRecord>;
  /** Whether the roster has shown signs so far that its cells have to be searched for: damaged characters, backslashes. */
  readonly isSuspect: boolean;
};

/** What a format knows of a roster once it has been read to its end. */
export type FormatFacts = {
  /** What points to a roster that was cut off or damaged, in words. */
  readonly torn: readonly string[];
  /** The label of the encoding, found or configured. */
  readonly encoding: string;
  /** What separates cells; null where nothing does. */
  readonly delimiter: string | null;
  /** The sheet that was read, where there are sheets. */
  readonly sheet: string | null;
  /** What whoever asks `check` should know: rows that are hidden, sheets that were not read. */
  readonly notes: readonly string[];
  /** Whether the last line has its line break; true where there are no lines. */
  readonly endsInLine: boolean;
  /** A row that swallows all that follows, as far as it can be read. */
  readonly unfinished: RosterRecord | undefined;
  /**
   * Where there is no header, which of the columns no record had, and the names of fields that the first ones have;
   * undefined where there is one, or not all was read.
   */
  readonly fields: { readonly missing: readonly string[]; readonly names: readonly string[] } | undefined;
};

/** A line near the beginning that may be the header, and how many lines that are not blank stand above it. */
export type HeaderCandidate = {
  readonly cells: readonly string[];
  readonly line: number;
  readonly above: number;
};

/** What a format is told of the configuration. */
export type ReadingOptions = {
  /** A label, checked before; found when undefined. */
  readonly encoding: string | undefined;
  readonly delimiter: string | undefined;
  /** Rows above the header, blank ones not counted. */
  readonly above: number;
  /** Names of the columns that are configured, each once: where there is no header, these are looked for. */
  readonly columns: readonly string[];
  /** `roster.format`; found when undefined. */
  readonly format: RosterFormat | undefined;
  /** Where in JSON the list is. */
  readonly records: string | undefined;
  /** The sheet of a workbook, by name or by number from 1. */
  readonly sheet: string | number | undefined;
  /** To be told of all bytes that the roster's content is: the fingerprint is made of them. */
  readonly onBytes: (chunk: Buffer) => void;
  readonly onProgress: Progress | undefined;
};

/**
 * A roster in some format, being read: rows with line numbers, the header first. Whatever comes after (mapping, people,
 * proof) knows nothing of the format.
 */
export type RosterReading = {
  readonly format: RosterFormat;
  readonly traits: RowTraits;
  readonly batches: AsyncIterable<RecordBatch>;
  /** For a message only: lines other than the one taken for the header. */
  readonly candidates: () => readonly HeaderCandidate[];
  /** For a message only, once rows have come: the names of all sheets, and the one that is read; undefined where there are none. */
  readonly sheets?: () => { readonly read: string; readonly all: readonly string[] } | undefined;
  /** What the text is like that separates cells, for messages and for what a cell may have swallowed. */
  readonly delimiter: () => string;
  /** To be asked once the batches have ended. */
  readonly facts: () => Promise<FormatFacts>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};
