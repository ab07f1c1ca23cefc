import { asRulePerson, compileStateRules } from '../../diff/rules.ts';
import type { Person } from '../../person.ts';
import {
  inboxOf,
  type RejectedRow,
  type RosterProof,
  type RosterRules,
  readRoster,
} from '../../roster/index.ts';
import type { Store } from '../../store/store.ts';
import type { Customer } from '../customer.ts';

/** What a run needs of the roster besides the people, who go to `onPerson`. */
export type RosterRead = {
  readonly proof: RosterProof;
  readonly rejectedRows: readonly RejectedRow[];
  readonly today: string;
};

export type ReadCustomerRosterOptions = {
  readonly customer: Customer;
  readonly store: Pick<Store, 'roster'>;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  readonly onPerson: (person: Person) => void;
  readonly onRetract: (id: string) => void;
  readonly onLeftToo?: (person: Person) => void;
  readonly onProgress?: (bytes: number, totalBytes: number) => void;
};

/** The calendar date in a time zone, `yyyy-MM-dd`. */
export function dateIn(timezone: string, atMs: number): string {
  // Sweden writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(atMs);
}

/** Rejected rows that are kept one by one; beyond that they are only counted, and the roster is incomplete anyway. */
const mostRejectedRows = 20_000;

/** Reads the customer's roster by its rules, against the sizes of the last 30 days. */
export async function readCustomerRoster(options: ReadCustomerRosterOptions): Promise<RosterRead> {
  const { customer, nowMs } = options;
  const { roster } = customer.config;
  const today = dateIn(roster.timezone, nowMs);
  const baseline = await options.store.roster.baseline(customer.name, nowMs);
  const rejectedRows: RejectedRow[] = [];
  const stateOf = compileStateRules(
    customer.compiler,
    roster.state,
    roster.columns.status !== undefined,
    today,
  );
  const rules: RosterRules = { stateOf };
  if (roster.duplicates !== 'reject') {
    const prefer = customer.compiler.predicate(roster.duplicates.prefer, 'roster.duplicates.prefer');
    rules.prefer = (row) => prefer(asRulePerson(row), today);
  }
  const read = await readRoster({
    config: roster,
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
    lastExpectedMs: customer.rosterDueMs,
    onPerson: options.onPerson,
    onRetract: options.onRetract,
    ...(options.onLeftToo === undefined ? {} : { onLeftToo: options.onLeftToo }),
    onRejected: (row) => {
      if (rejectedRows.length < mostRejectedRows) rejectedRows.push(row);
    },
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  return { proof: await datedProof(read, options), rejectedRows, today };
}

/** Within this, the same content without a date is the same export: every platform fetches its own. */
const oneExportMs = 12 * 3_600_000;

/**
 * Of a delivery that bears no date, the time of fetching is no export of its own: what was fetched with the same content a
 * short while ago counts as that one, so that nobody is absent from five exports because five platforms asked.
 */
async function datedProof(
  proof: RosterProof,
  { customer, store, nowMs }: Pick<ReadCustomerRosterOptions, 'customer' | 'store' | 'nowMs'>,
): Promise<RosterProof> {
  if (proof.isDated) return proof;
  const last = await store.roster.lastExport(customer.name);
  const isTheSame =
    last?.fingerprint === proof.fingerprint && Math.abs(nowMs - last.modified_ms) < oneExportMs;
  return isTheSame ? { ...proof, modifiedAtMs: last.modified_ms } : proof;
}
