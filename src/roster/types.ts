import type { RosterConfig, RosterFormat } from '../config/schema.ts';
import type { Person, PersonState } from '../person.ts';
import type { EncryptionFacts } from './content/openpgp/facts.ts';
import type { DeliveryContext } from './sources/context.ts';
import type { RowHashes } from '../row-hashes.ts';

/** One row, mapped, normalised, with its dates parsed; its state is not derived yet. */
export type RowInput = Omit<Person, 'state'>;

/** The configured CEL rules as functions; the roster knows no CEL. */
export type RosterRules = {
  /** The state by the first rule that matches; null when none does (the row is rejected then). */
  stateOf(row: RowInput): PersonState | null;
  /** `duplicates: { prefer }`: true for the row that counts among several of one id. Absent: contradictions are rejected. */
  prefer?(row: RowInput): boolean;
};

/** Why a row was rejected. */
export type RejectCode =
  | 'ID_MISSING'
  | 'ID_UNREADABLE'
  | 'STATUS_UNKNOWN'
  | 'DATE_INVALID'
  | 'DATES_CONTRADICT'
  | 'EMAIL_INVALID'
  | 'ENCODING'
  | 'ERROR_WORD'
  | 'QUOTES'
  | 'COLUMN_COUNT'
  | 'NOT_A_RECORD'
  | 'NOT_A_TEXT'
  | 'CELL_TOO_LONG'
  | 'ROW_SWALLOWS'
  | 'ROW_TORN'
  | 'NOT_A_PERSON'
  | 'SKIPPED'
  | 'DUPLICATE_CONTRADICTS'
  | 'DUPLICATE_PREFER'
  | 'IN_TWO_PARTS';

/**
 * A row that describes nobody. `id` is null when it cannot be read, `line` is where the row begins (from 1), `field` the
 * column's name. `message` is for reports: it holds ids, column names, lines and
 * the shapes of values, never a cell.
 */
export type RejectedRow = {
  readonly id: string | null;
  readonly line: number;
  readonly field: string | null;
  readonly code: RejectCode;
  readonly message: string;
};

/** Why a roster does not prove that it is complete. */
export type IncompleteCode =
  | 'ROSTER_EMPTY'
  | 'ROSTER_TORN'
  | 'ROSTER_SHRUNK'
  | 'ROSTER_SHRUNK_VALUE'
  | 'ROSTER_STALE'
  | 'ROSTER_REJECTED'
  | 'ROSTER_SKIPPED'
  | 'TRAILER_MISSING'
  | 'TRAILER_COUNT';

/** `message` has the numbers and what to do. */
export type IncompleteReason = { readonly code: IncompleteCode; readonly message: string };

/** The file that is the roster at this moment. */
export type RosterFile = { readonly file: string; readonly modifiedAtMs: number; readonly sizeBytes: number };

/** A mapped field that no record has: it is read as empty for everybody. */
export type LackingField = {
  readonly name: string;
  /** The key that names it: `roster.columns.endDate`. */
  readonly key: string;
  /** The fields that there are, and which of them was probably meant. */
  readonly hint: string;
};

/** What one read of the roster amounts to, and whether it is complete (only then may anyone be removed). */
export type RosterProof = RosterFile & {
  readonly complete: boolean;
  /** Whether `modifiedAtMs` is when the export was written; false when it is when it was fetched, and nothing is said of that. */
  readonly isDated: boolean;
  /** Empty exactly when `complete`. */
  readonly reasons: readonly IncompleteReason[];
  /** Data rows: without header, blank lines and trailer; the rejected ones count. */
  readonly rows: number;
  /** People delivered and not retracted. */
  readonly usable: number;
  /**
   * People rejected: distinct ids, and each row whose id cannot be read as one more. `maxRejected` is compared with
   * their share of all people.
   */
  readonly rejected: number;
  /** Rows of rejected people, the good ones too, and rows without a readable id. */
  readonly rejectedRows: number;
  /** Rows whose id cannot be read. Not 0: all removals of the run are to be withheld. */
  readonly unreadableIds: number;
  /** Rows per value of the `shrinkBy` column; empty when none is configured. */
  readonly perShrinkValue: Readonly<Record<string, number>>;
  /** SHA-256 (hex) of the content; of a compressed file, of what it unpacks to. */
  readonly fingerprint: string;
  /** What it is written in, found or configured. */
  readonly format: RosterFormat;
  /** The sheet that was read, of a workbook. */
  readonly sheet: string | null;
  /** Mapped fields that no record has; empty where there is a header, which has to have all. */
  readonly lacking: readonly LackingField[];
  /** What whoever asks `check` should know of the file, in words. */
  readonly notes: readonly string[];
  /** The label of the encoding, found or configured. */
  readonly encoding: string;
  readonly delimiter: string | null;
  /** Absent of a roster that is not encrypted. */
  readonly encryption?: EncryptionFacts;
  /** Whether the last line has its line break. */
  readonly endsInLine: boolean;
  /** People who have left by a row of which another cell cannot be read. */
  readonly flawedLeavers: number;
  /** Status values that no rule knows, as far as they are words, with their rows: for whoever asks `check`, and nothing else. */
  readonly unknownStatuses: readonly { readonly value: string; readonly rows: number }[];
};

/** The largest complete reads of the last 30 days; `maxPeople` is null when there are none. */
export type RosterBaseline = {
  /** Delivered and rejected ones together, whatever the number of their rows. */
  readonly maxPeople: number | null;
  readonly maxPerShrinkValue: Readonly<Record<string, number>>;
  /** Whether the last line of the last good export had its line break; null when there is none. */
  readonly endsInLine: boolean | null;
};

export type ReadRosterOptions = {
  readonly config: RosterConfig;
  readonly baseline: RosterBaseline;
  readonly rules: RosterRules;
  readonly nowMs: number;
  /** `yyyy-MM-dd` in `config.timezone`. */
  readonly today: string;
  /** The last time (in ms) at or before the given one at which `config.expected.cron` was due. */
  readonly lastExpectedMs: (atMs: number) => number;
  readonly signal?: AbortSignal;
  /** Where and how what is fetched from elsewhere is kept. */
  readonly delivery: Omit<DeliveryContext, 'signal'>;
  /** A person, at once when their row is read. No id comes twice. `row`: hashes of the cells, as far as they are theirs. */
  readonly onPerson: (person: Person, row?: RowHashes) => void;
  /** A person delivered before whom a later row has made unusable. No id comes twice, and none is delivered afterwards. */
  readonly onRetract: (id: string) => void;
  /**
   * A further row of somebody delivered, who has left by all of their rows, which differ: whatever spares them by one of
   * the rows spares them.
   */
  readonly onLeftToo?: (person: Person) => void;
  /** One rejected row; no line comes twice. */
  readonly onRejected: (row: RejectedRow) => void;
  /** Bytes of the file (compressed ones, if it is) read so far. */
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
};
