import { formatDuration } from '../../config/units.ts';
import { RollcallError } from '../../errors.ts';
import { type DeliveryError, isOfTheFuture, isRemote, lookAtRoster } from '../../roster/index.ts';
import type { ExportRow } from '../../store/roster-state.ts';
import type { RunTrigger } from '../../store/schema.ts';
import type { Customer, Part } from '../customer.ts';
import type { Reason } from '../reasons.ts';

/** How often a run that waits for the roster looks again. */
const arrivalEveryMs = 30_000;
/** A file written to this recently may still be growing; a run that nobody watches lets it settle. */
export const settleMs = 2_000;
/** How soon a file that was written to is looked at again. */
export const settleEveryMs = 2_000;
/** How often a roster that is fetched from elsewhere is looked for: each look is a sign-in there. */
const remoteEveryMs = 5 * 60_000;
/** A run asked for by hand gives up this soon on a file that keeps changing. */
const handWaitMs = 60_000;

/** Whether a run may read the roster now. `afterMs`: how long to wait before looking again. */
export type Arrival =
  | { readonly go: true; readonly notes: readonly Reason[] }
  | { readonly go: false; readonly afterMs: number; readonly notes: readonly Reason[] };

export type ArrivalOptions = {
  readonly customer: Customer;
  readonly trigger: RunTrigger;
  /** The run's slot, or when it was asked for. */
  readonly fromMs: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
};

/**
 * Whether a run by schedule should wait for a fresh roster: while the file is older than expected, until `roster.waitFor`
 * after the slot. Then it goes on with what there is; a file that is too old withholds removals by itself. Of several parts
 * each is waited for as long as it says.
 */
export async function rosterArrival(options: ArrivalOptions): Promise<Arrival> {
  const { customer, trigger } = options;
  if (trigger !== 'schedule' && trigger !== 'catch-up') return { go: true, notes: [] };
  const arrivals: Arrival[] = [];
  for (const part of customer.parts) arrivals.push(await partArrival(options, part));
  const notes = arrivals.flatMap((arrival) => arrival.notes);
  const waits = arrivals.flatMap((arrival) => (arrival.go ? [] : [arrival.afterMs]));
  return waits.length === 0
    ? { go: true, notes }
    : {
        go: false,
        afterMs: Math.min(...waits),
        // What a part was waited for in vain is said once the run goes on.
        notes: arrivals.flatMap((arrival) => (arrival.go ? [] : arrival.notes)),
      };
}

async function partArrival(options: ArrivalOptions, part: Part): Promise<Arrival> {
  const { fromMs, nowMs } = options;
  const { waitFor, source } = part.config;
  const deadlineMs = fromMs + waitFor;
  const late = await lateness(options, part);
  if (late === 'settling')
    return nowMs < deadlineMs ? { go: false, afterMs: settleEveryMs, notes: [] } : { go: true, notes: [] };
  if (late === undefined) return { go: true, notes: [] };
  const of = part.name === '' ? {} : { part: part.name };
  const said = part.name === '' ? late : `${part.name}: ${late}`;
  if (nowMs < deadlineMs) {
    return {
      go: false,
      afterMs: Math.min(isRemote(source) ? remoteEveryMs : arrivalEveryMs, Math.max(deadlineMs - nowMs, 100)),
      notes: [
        {
          code: 'ROSTER_AWAITED',
          message: `${said}; the run waits for it until ${new Date(deadlineMs).toISOString()} (roster.waitFor).`,
          ...of,
        },
      ],
    };
  }
  return {
    go: true,
    notes: [
      {
        code: 'ROSTER_LATE',
        message: `${said}; the run waited ${formatDuration(waitFor)} for it (roster.waitFor) and went on with what there is.`,
        ...of,
      },
    ],
  };
}

/** Why a part is not the one expected; undefined when it is. Without `roster.expected` any file is. */
async function lateness(
  { nowMs, signal }: ArrivalOptions,
  part: Part,
): Promise<string | 'settling' | undefined> {
  const { config } = part;
  let modifiedMs: number;
  try {
    const waiting = await lookAtRoster(config, signal);
    // Only the read can tell how old it is.
    if (waiting === null) return undefined;
    modifiedMs = waiting.modifiedAtMs;
  } catch (error) {
    signal.throwIfAborted();
    const awaited = config.expected !== undefined && error instanceof RollcallError;
    // Without an expectation the read says what is wrong.
    return awaited && error.code === 'ROSTER_NOT_FOUND' ? 'there is no roster file' : undefined;
  }
  // What is fetched proves by itself that it has settled.
  if (!isRemote(config.source) && nowMs - modifiedMs < settleMs && nowMs >= modifiedMs) return 'settling';
  const { expected } = config;
  if (expected === undefined) return undefined;
  const modified = new Date(modifiedMs).toISOString();
  if (isOfTheFuture(modifiedMs, nowMs)) return `the roster is dated ${modified}, in the future`;
  if ('maxAge' in expected) {
    return nowMs - modifiedMs <= expected.maxAge
      ? undefined
      : `the roster is of ${modified}, older than roster.expected.maxAge (${formatDuration(expected.maxAge)})`;
  }
  const dueMs = part.dueMs(nowMs);
  return modifiedMs >= dueMs
    ? undefined
    : `the roster is of ${modified}, and a newer one was due at ${new Date(dueMs).toISOString()}`;
}

/** How long a run puts up with a roster that is written to while it is read. */
export function changingDeadlineMs(options: WaitOptions): number {
  const scheduled = options.trigger === 'schedule' || options.trigger === 'catch-up';
  return options.fromMs + (scheduled ? longestWaitMs(options) : handWaitMs);
}

/** What a run waits for: a part of the roster, or any of them. */
export type WaitOptions = Pick<ArrivalOptions, 'customer' | 'trigger' | 'fromMs'> & { readonly part?: Part };

function longestWaitMs({ customer, part }: Pick<WaitOptions, 'customer' | 'part'>): number {
  return part?.config.waitFor ?? Math.max(...customer.parts.map(({ config }) => config.waitFor));
}

/**
 * How long until a run by schedule tries again to fetch a roster that could not be fetched; undefined when it fails: at
 * `roster.waitFor` after its slot, when somebody waits for it, and when trying again changes nothing but the number of
 * refused sign-ins.
 */
export function fetchAgainMs(
  error: DeliveryError,
  options: WaitOptions & Pick<ArrivalOptions, 'nowMs'>,
): number | undefined {
  const { trigger, fromMs, nowMs } = options;
  if (!error.passing || (trigger !== 'schedule' && trigger !== 'catch-up')) return undefined;
  const leftMs = fromMs + longestWaitMs(options) - nowMs;
  if (leftMs <= 0) return undefined;
  return Math.min(leftMs, Math.max(remoteEveryMs, error.retryAfterMs ?? 0));
}

/**
 * The note that the platform's run before this one read the very same file; null when it did not. With a time at which
 * a new file is expected, a file of that time or later is nothing to remark on.
 */
export function sameRoster(
  read: { readonly fingerprint: string; readonly modifiedMs: number },
  known: ExportRow | undefined,
  lastRunMs: number | null,
  expectedMs: number | null,
  part = '',
): Reason | null {
  const same = known?.fingerprint === read.fingerprint && known.modified_ms === read.modifiedMs;
  if (known === undefined || !same || lastRunMs === null || known.first_read_ms > lastRunMs) return null;
  if (expectedMs !== null && read.modifiedMs >= expectedMs) return null;
  return {
    code: 'ROSTER_UNCHANGED',
    message: `${part === '' ? '' : `${part}: `}the roster is the same file as at the last run (written ${new Date(read.modifiedMs).toISOString()})`,
    ...(part === '' ? {} : { part }),
  };
}
