import { RollcallError, type RollcallErrorOptions } from '../../errors.ts';
import type { SaveTo } from './inbox.ts';

// The contract of what brings a roster from elsewhere. One file or folder a source; test/roster/sources/conformance.ts
// holds what every one of them has to do.

/** A delivery as it stands there, before any of it is fetched. */
export type Waiting = {
  /** The file's name there; for messages, so it holds no secret. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
};

/** A delivery that was fetched, and has proved to be whole. */
export type Fetched = {
  readonly name: string;
  /** When it was written there; null where that is not said: a report that is made when it is asked for. */
  readonly modifiedAtMs: number | null;
  /** What was made of several answers; absent where it is as it was sent. */
  readonly format?: 'jsonl';
};

/** How one source is asked. */
export type RosterSource = {
  /** Host (and port), for messages. */
  readonly host: string;
  /**
   * What waits there; null where a source can tell nothing without making or sending all of it.
   *
   * @throws RollcallError ROSTER_NOT_FOUND, DeliveryError
   */
  readonly look: (signal: AbortSignal) => Promise<Waiting | null>;
  /**
   * Brings all of it, from its beginning, and proves that it is whole: the announced length, or size and time seen twice
   * the same. May be called again after it failed.
   *
   * @throws RollcallError ROSTER_NOT_FOUND, ROSTER_CHANGING, DeliveryError
   */
  readonly fetch: (saveTo: SaveTo, signal: AbortSignal) => Promise<Fetched>;
};

/** `passing`: whether the same delivery may well succeed later, without anybody doing anything. */
export type DeliveryErrorOptions = RollcallErrorOptions & {
  readonly passing: boolean;
  /** How long the other side asked to wait. */
  readonly retryAfterMs?: number;
};

/** A delivery that failed: ROSTER_UNREACHABLE, with the host and the cause, and without secrets, paths and queries. */
export class DeliveryError extends RollcallError {
  override readonly name = 'DeliveryError';
  readonly passing: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(host: string, why: string, options: DeliveryErrorOptions) {
    super('ROSTER_UNREACHABLE', `the roster could not be fetched from ${host}: ${why}.`, {
      place: { key: 'roster.source' },
      ...options,
    });
    this.passing = options.passing;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same failure in other words. */
  renamed(message: string, options: RollcallErrorOptions): DeliveryError {
    const { passing, retryAfterMs } = this;
    const error = new DeliveryError('', '', {
      ...options,
      passing,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
    error.message = message;
    return error;
  }
}

/** ROSTER_CHANGING for a delivery that became another one while it was fetched. */
export function changedMeanwhile(host: string, what: string): RollcallError {
  return new RollcallError(
    'ROSTER_CHANGING',
    `the roster on ${host} changed while it was fetched (${what}).`,
    {
      place: { key: 'roster.source' },
      hint: 'It is still being written, or was replaced; it is fetched again on the next try. An export is best written under another name and then renamed.',
    },
  );
}
