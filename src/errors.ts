/**
 * Every error that Rollcall raises on purpose, with its stable code.
 *
 * Codes are for scripts and search engines: they never change meaning. `docs/errors.md` has an entry for each; a test
 * holds the two together.
 */
export const errorCodes = {
  // Wrong usage or configuration: exit status 2.
  USAGE: { exit: 2, title: 'The command line cannot be understood' },
  CONFIG_NOT_FOUND: { exit: 2, title: 'The configuration file does not exist or cannot be read' },
  CONFIG_INVALID: { exit: 2, title: 'The configuration is wrong' },
  CONFIG_SECRET_MISSING: {
    exit: 2,
    title: 'A variable or secret file named in the configuration is missing',
  },
  CONFIG_DUPLICATE_TENANT: { exit: 2, title: 'Two platform blocks point at one tenant' },
  RULE_INVALID: { exit: 2, title: 'A rule does not compile or names an unknown field' },
  PLATFORM_UNKNOWN: { exit: 2, title: 'No platform of that name is configured' },
  TARGET_UNKNOWN: { exit: 2, title: 'An enrollment target was not found, or several have that name' },
  CAPABILITY_MISSING: { exit: 2, title: 'The platform has no such operation' },

  // The roster: exit status 1.
  ROSTER_NOT_FOUND: { exit: 1, title: 'No roster file matches the source' },
  ROSTER_UNREACHABLE: { exit: 1, title: 'The roster could not be fetched' },
  ROSTER_UNREADABLE: { exit: 1, title: 'The roster cannot be read' },
  ROSTER_HEADER: { exit: 1, title: 'The roster lacks a mapped column' },
  ROSTER_FORMAT: { exit: 1, title: 'The roster is in no format that can be read' },
  ROSTER_ENCODING: { exit: 1, title: 'The roster is not in the encoding that it should be in' },
  ROSTER_KEY: { exit: 1, title: 'A key of roster.decrypt cannot be used' },
  ROSTER_DECRYPT: { exit: 1, title: 'The roster cannot be decrypted' },
  ROSTER_SIGNATURE: { exit: 1, title: 'The roster is not signed by whom it should be' },
  ROSTER_CHANGING: { exit: 1, title: 'The roster file changed while it was read' },

  // Platforms: exit status 1.
  SIGN_IN_REFUSED: { exit: 1, title: 'The platform refused the credentials' },
  PLATFORM_UNAVAILABLE: { exit: 1, title: 'The platform did not answer, or answered with a server error' },
  PLATFORM_RATE_LIMITED: { exit: 1, title: 'The platform asked to slow down for too long' },
  PLATFORM_BAD_ANSWER: {
    exit: 1,
    title: 'The platform answered something that is not its documented format',
  },
  PLATFORM_REFUSED: { exit: 1, title: 'The platform refused a request' },
  READ_INCOMPLETE: { exit: 1, title: 'The pages of a platform read do not add up' },

  // Our own house: exit status 1.
  DATA_DIR_LOCKED: { exit: 1, title: 'Another machine uses the data directory' },
  DATA_DIR_UNUSABLE: { exit: 1, title: 'The data directory cannot be used' },
  DATA_DIR_FOREIGN: { exit: 1, title: 'The data directory holds a database of another kind or version' },
  EMBEDDED_UNSUPPORTED: { exit: 1, title: 'There is no embedded PostgreSQL for this machine' },
  STORE_UNAVAILABLE: { exit: 1, title: 'The database is out of reach' },
  STORE_NEWER: { exit: 1, title: 'The database was written by a newer Rollcall' },
  STORE_NOT_EMPTY: { exit: 1, title: 'The database to restore into is not empty, or in use' },
  BACKUP_INVALID: { exit: 1, title: 'The file is torn, changed or no backup' },
  BACKUP_UNWRITABLE: { exit: 1, title: 'The backup cannot be written' },
  STORE_MISMATCH: { exit: 1, title: 'The queue belongs to another store' },
  QUEUE_UNAVAILABLE: { exit: 1, title: 'The queue is out of reach' },
  SERVICE_NOT_RUNNING: { exit: 1, title: 'No running service answered' },
  RUN_UNKNOWN: { exit: 2, title: 'No run of that id' },
  RUN_NOT_HELD: { exit: 2, title: 'Nothing of that run waits for a decision' },
  HASH_MISMATCH: { exit: 2, title: 'The hash is not that of the held changes' },
  APPROVAL_EXPIRED: { exit: 2, title: 'The hold is too old to be approved' },
  PERSON_UNKNOWN: { exit: 2, title: 'No person of that id is known' },
  LINK_REFUSED: { exit: 2, title: 'The link would break "one account, one person"' },
  UNDO_REFUSED: { exit: 2, title: 'The run cannot be undone' },
  RUN_ENDED: { exit: 2, title: 'The run has ended: there is nothing left to cancel' },
  RUN_ABORTED: { exit: 1, title: 'The run was stopped' },
  RUN_OVERLAP: { exit: 1, title: 'Another run of the platform is under way' },
  OUTPUT_LOST: { exit: 1, title: 'A result could not be written' },
  INTERNAL: { exit: 1, title: 'A defect of Rollcall' },
} as const satisfies Record<string, { exit: 1 | 2; title: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** Where an error is, as precisely as known. Lines count from 1. */
export type Place = {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly key?: string;
};

export type RollcallErrorOptions = {
  readonly place?: Place | undefined;
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
};

/**
 * An error with a stable code, a message that carries the numbers, the place, and what to do next.
 * Messages hold no secret, name or email; an employee id may appear.
 */
export class RollcallError extends Error {
  override readonly name: string = 'RollcallError';
  readonly code: ErrorCode;
  readonly place: Place | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: RollcallErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.place = options.place;
    this.hint = options.hint;
  }

  /** The exit status of a command that ends with this error. */
  get exitCode(): 1 | 2 {
    return errorCodes[this.code].exit;
  }
}

/** The place as `file:line:column (key)`, or an empty string. */
function formatPlace(place: Place | undefined): string {
  if (place === undefined) return '';
  const where = [place.file, place.line, place.column].filter((part) => part !== undefined).join(':');
  if (place.key === undefined) return where;
  return where === '' ? place.key : `${where} (${place.key})`;
}

/** One line for a person: what, where, what to do. */
export function formatError(error: unknown): string {
  if (!(error instanceof RollcallError)) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const place = formatPlace(error.place);
  // A message that lists several places says them itself.
  const listed = error.place?.file !== undefined && error.message.startsWith(error.place.file);
  const head = place === '' || listed ? error.message : `${place}: ${error.message}`;
  return `${head}${error.hint === undefined ? '' : ` ${error.hint}`} [${error.code}]`;
}
