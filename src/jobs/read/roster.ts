import { asRulePerson, compileStateRules } from '../../diff/rules.ts';
import type { Person } from '../../person.ts';
import type { RowHashes } from '../../row-hashes.ts';
import { RollcallError } from '../../errors.ts';
import {
  type Across,
  asPart,
  createAcross,
  DeliveryError,
  inboxOf,
  type ReadRosterOptions,
  type RejectedRow,
  type RosterProof,
  type RosterRules,
  readRoster,
} from '../../roster/index.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Part } from '../customer.ts';
import { rosterFailures } from '../reasons.ts';
import { openHeirs } from './heirs.ts';

/** One part of the roster, as it was read. */
export type PartRead = {
  readonly part: Part;
  /** Null when it did not come, or cannot be read: then nothing is known of its people. */
  readonly proof: RosterProof | null;
  /** Why it did not come. */
  readonly failure: RollcallError | null;
  /** What it was called, where it is called otherwise now. */
  readonly formerly: string | null;
};

/** A rejected row, and the number of the part that it stands in. */
export type PartRow = RejectedRow & {
  readonly part: number;
  /** Another part counts for this person: nothing follows from the row. */
  readonly isPassedOver: boolean;
};

/** What a run needs of the roster besides the people, who go to `onPerson`. */
export type RosterRead = {
  /** In the order of the configuration. At least one has come. */
  readonly parts: readonly PartRead[];
  readonly rejectedRows: readonly PartRow[];
  readonly today: string;
  /** The number of the part that somebody has a row in; undefined of nobody in several parts. */
  readonly partOf: (person: string) => number | undefined;
};

export type ReadCustomerRosterOptions = {
  readonly customer: Customer;
  readonly store: Pick<Store, 'roster'>;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** A person, the number of their part, and hashes of their cells where there are any. */
  readonly onPerson: (person: Person, part: number, row: RowHashes | undefined) => void;
  readonly onRetract: (id: string) => void;
  readonly onLeftToo?: (person: Person) => void;
  /** A part broke off: nothing that came of it counts, and its people are as if it had not come. */
  readonly onLost?: (part: number) => void;
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
  /** Whether the run may go on without a part that did not come, for which there are others. Default: yes. */
  readonly mayMiss?: (failure: RollcallError, part: Part) => boolean;
};

/** The calendar date in a time zone, `yyyy-MM-dd`. */
export function dateIn(timezone: string, atMs: number): string {
  // Sweden writes dates as ISO 8601 does.
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat('sv-SE', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
  formats.set(timezone, format);
  return format.format(atMs);
}

/** Making one takes a thousand times as long as a date does. Time zones are few: the configuration names them. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** Rejected rows that are kept one by one; beyond that they are only counted, and the roster is incomplete anyway. */
const mostRejectedRows = 20_000;

/**
 * Reads the customer's roster by its rules, part by part, each against its own sizes of the last 30 days. A part that does
 * not come is left out, for its people nothing happens; when none comes, or `mayMiss` says no, that is an error.
 */
export async function readCustomerRoster(options: ReadCustomerRosterOptions): Promise<RosterRead> {
  const { customer, nowMs } = options;
  const { parts } = customer;
  const across = parts.length > 1 ? createAcross(customer.config.roster.onBoth) : undefined;
  const rejectedRows: PartRow[] = [];
  const reads: PartRead[] = [];
  const heirs = await openHeirs(customer, options.store, nowMs);
  let doneBytes = 0;
  for (const part of parts) {
    const onPerson = (person: Person, at: number, row: RowHashes | undefined): void => {
      heirs.see(at, person.id);
      options.onPerson(person, at, row);
    };
    const hooks = hooksOf(part, { ...options, onPerson }, across, rejectedRows);
    let lastBytes = 0;
    const onProgress = (bytes: number, total: number): void => {
      lastBytes = total;
      options.onProgress?.(doneBytes + bytes, doneBytes + total);
    };
    const rows = rejectedRows.length;
    try {
      const proof = await readPart(part, options, { ...hooks, onProgress });
      reads.push({ part, proof: await datedProof(proof, part, options), failure: null, formerly: null });
    } catch (error) {
      const failure = asFailure(error, part);
      if (parts.length === 1 || failure === undefined || options.signal.aborted) throw failure ?? error;
      if (options.mayMiss?.(failure, part) === false) throw failure;
      rejectedRows.length = rows;
      across?.lost(part.at);
      options.onLost?.(part.at);
      reads.push({ part, proof: null, failure, formerly: null });
    }
    doneBytes += lastBytes;
  }
  const [first] = reads;
  if (first?.failure != null && reads.every(({ failure }) => failure !== null))
    throw allFailed(reads, first.failure);
  for (const [at, { part, proof, failure }] of reads.entries())
    if (proof !== null) reads[at] = { part, failure, ...(await heirs.judge(part, proof)) };
  return {
    parts: reads,
    rejectedRows,
    today: dateIn(customer.config.roster.timezone, nowMs),
    partOf: across?.partOf ?? (() => 0),
  };
}

type Hooks = Required<Pick<ReadRosterOptions, 'onPerson' | 'onRetract' | 'onLeftToo' | 'onRejected'>>;

/** Where the rows of a part go: an id counts in one part only. */
function hooksOf(
  { at: part }: Part,
  options: ReadCustomerRosterOptions,
  across: Across | undefined,
  rejectedRows: PartRow[],
): Hooks {
  const { parts } = options.customer;
  const leftToo = (person: Person): void => options.onLeftToo?.(person);
  const keep = (row: RejectedRow, isPassedOver: boolean): void => {
    if (rejectedRows.length < mostRejectedRows) rejectedRows.push({ ...row, part, isPassedOver });
  };
  if (across === undefined)
    return {
      onPerson: (person, row) => options.onPerson(person, part, row),
      onRetract: options.onRetract,
      onLeftToo: leftToo,
      onRejected: (row) => keep(row, false),
    };
  const inAnother = ({ id, line }: Person): void => {
    const other = parts[across.partOf(id) ?? 0]?.name ?? '';
    const message = `Line ${line} (id ${id}): the id is in part ${other} too, and nobody knows which row is right (roster.onBoth).`;
    keep({ code: 'IN_TWO_PARTS', id, line, field: null, message }, false);
  };
  return {
    onPerson: (person, row) => {
      const verdict = across.person(person.id, person.state, part);
      if (verdict === 'counts') options.onPerson(person, part, row);
      else if (verdict === 'left too') leftToo(person);
      else if (verdict !== 'passed over') {
        if (verdict === 'taken back') options.onRetract(person.id);
        inAnother(person);
      }
    },
    onRetract: (id) => {
      if (across.retracts(id, part)) options.onRetract(id);
    },
    onLeftToo: (person) => {
      if (across.partOf(person.id) === part) leftToo(person);
    },
    onRejected: (row) => {
      const verdict = row.id === null ? 'rejected' : across.rejected(row.id, part);
      if (verdict === 'taken back' && row.id !== null) options.onRetract(row.id);
      keep(row, verdict === 'passed over');
    },
  };
}

async function readPart(
  part: Part,
  options: ReadCustomerRosterOptions,
  hooks: Hooks & Required<Pick<ReadRosterOptions, 'onProgress'>>,
): Promise<RosterProof> {
  const { customer, nowMs } = options;
  const { config, name } = part;
  const today = dateIn(config.timezone, nowMs);
  const baseline = await options.store.roster.baseline(customer.name, name, nowMs);
  const stateOf = compileStateRules(
    customer.compiler,
    config.state,
    config.columns.status !== undefined,
    today,
    part.stateKey,
  );
  const rules: RosterRules = { stateOf };
  if (config.duplicates !== 'reject') {
    const prefer = customer.compiler.predicate(config.duplicates.prefer, `${config.key}.duplicates.prefer`);
    rules.prefer = (row) => prefer(asRulePerson(row), today);
  }
  return readRoster(
    asPart(
      {
        config,
        baseline: {
          maxPeople: baseline.maxPeople,
          maxPerShrinkValue: baseline.maxPerValue,
          endsInLine: baseline.endsInLine,
        },
        rules,
        nowMs,
        today,
        signal: options.signal,
        delivery: { inbox: inboxOf(customer.config.dataDir), retryBaseMs: customer.retryBaseMs },
        lastExpectedMs: part.dueMs,
        ...hooks,
      },
      { idPrefix: config.idPrefix, absent: part.absent },
    ),
  );
}

/** Where a key of `roster` stands for a part. */
export function keyIn({ config }: Pick<Part, 'config'>, key: string): string {
  return key.replace(/^roster\b/, config.key);
}

/** The error in the name of its part; undefined for one that no part can be left out for. */
function asFailure(error: unknown, { name, config }: Part): RollcallError | undefined {
  if (!(error instanceof RollcallError) || !rosterFailures.has(error.code)) return undefined;
  if (name === '') return error;
  const key = error.place?.key === undefined ? undefined : keyIn({ config }, error.place.key);
  const options = {
    place: { ...error.place, ...(key === undefined ? {} : { key }) },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  };
  const message = `${name}: ${error.message}`;
  return error instanceof DeliveryError
    ? error.renamed(message, options)
    : new RollcallError(error.code, message, options);
}

function allFailed(reads: readonly PartRead[], first: RollcallError): RollcallError {
  const others = reads.slice(1).map(({ part, failure }) => `${part.name} (${failure?.code ?? ''})`);
  return new RollcallError(
    first.code,
    `${first.message} Nor could the other parts be had: ${others.join(', ')}.`,
    {
      ...(first.place === undefined ? {} : { place: first.place }),
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      cause: first,
    },
  );
}

/** Within this, the same content without a date is the same export: every platform fetches its own. */
const oneExportMs = 12 * 3_600_000;

/**
 * Of a delivery that bears no date, the time of fetching is no export of its own: what was fetched with the same content a
 * short while ago counts as that one, so that nobody is absent from five exports because five platforms asked.
 */
async function datedProof(
  proof: RosterProof,
  { name }: Part,
  { customer, store, nowMs }: Pick<ReadCustomerRosterOptions, 'customer' | 'store' | 'nowMs'>,
): Promise<RosterProof> {
  if (proof.isDated) return proof;
  const last = await store.roster.lastExport(customer.name, name);
  const isTheSame =
    last?.fingerprint === proof.fingerprint && Math.abs(nowMs - last.modified_ms) < oneExportMs;
  return isTheSame ? { ...proof, modifiedAtMs: last.modified_ms } : proof;
}

/** The roster as a whole: what its parts say, together. */
export function wholeOf({ parts, rejectedRows }: Pick<RosterRead, 'parts' | 'rejectedRows'>): {
  readonly complete: boolean;
  readonly rows: number;
  readonly people: number;
  readonly rejected: number;
  readonly unreadableIds: number;
} {
  const sum = (of: (proof: RosterProof) => number): number =>
    parts.reduce((total, { proof }) => total + (proof === null ? 0 : of(proof)), 0);
  const inTwo = new Set(rejectedRows.flatMap(({ code, id }) => (code === 'IN_TWO_PARTS' ? [id] : [])));
  return {
    complete: parts.every(({ proof }) => proof?.complete === true),
    rows: sum(({ rows }) => rows),
    people: sum(({ usable }) => usable),
    rejected: sum(({ rejected }) => rejected) + inTwo.size,
    unreadableIds: sum(({ unreadableIds }) => unreadableIds),
  };
}
