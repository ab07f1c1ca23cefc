/** A row's cells as they stand in the roster, and the line on which it begins (from 1). `multiline`: a cell has a line break. */
export type RosterRecord = {
  readonly cells: readonly string[];
  readonly line: number;
  readonly multiline: boolean;
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
  /** Whether the last line has its line break; true where there are no lines. */
  readonly endsInLine: boolean;
  /** A row that swallows all that follows, as far as it can be read. */
  readonly unfinished: RosterRecord | undefined;
};

/** A line near the beginning that may be the header, and how many lines that are not blank stand above it. */
export type HeaderCandidate = {
  readonly cells: readonly string[];
  readonly line: number;
  readonly above: number;
};

/**
 * A roster in some format, being read: rows with line numbers, the header first. Whatever comes after (mapping, people,
 * proof) knows nothing of the format.
 */
export type RosterReading = {
  readonly batches: AsyncIterable<RecordBatch>;
  /** For a message only: lines other than the one taken for the header. */
  readonly candidates: () => readonly HeaderCandidate[];
  /** What the text is like that separates cells, for messages and for what a cell may have swallowed. */
  readonly delimiter: () => string;
  /** To be asked once the batches have ended. */
  readonly facts: () => Promise<FormatFacts>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};
