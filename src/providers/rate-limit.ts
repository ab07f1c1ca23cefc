/**
 * What a 429 means, for reads and writes alike. A request that is refused so had no effect and is sent again once its rate
 * group may send; how long the group pauses is said here, and nowhere else.
 */
export type Patience = {
  /** The first pause of a 429 that names no usable time; doubled with each one that follows. */
  readonly firstPauseMs: number;
  /** The longest pause at a time, whatever was asked for: the platform is asked again by then. */
  readonly longestPauseMs: number;
  /** After so long of nothing but 429 a read or a batch gives up, and the next slot tries again. */
  readonly giveUpAfterMs: number;
};

/** A minute of a busy platform is waited for, a broken header stops nobody's night. */
export const patience: Patience = {
  firstPauseMs: 1_000,
  longestPauseMs: 15 * 60_000,
  giveUpAfterMs: 30 * 60_000,
};

/** Seconds from here on (31 years) are no wait but a date: a time since 1970, which the header does not take. */
const epochS = 1_000_000_000;

/** The three forms of a date that HTTP knows (RFC 9110, 5.6.7); anything else that `Date` can read is a guess. */
const httpDate =
  /^(?:[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4})$/;

/** A wait that can be waited: undefined for none, zero, a negative one, and what can only be a time since 1970. */
export function usableWaitMs(waitMs: number | undefined): number | undefined {
  return waitMs !== undefined && waitMs > 0 && waitMs < epochS * 1_000 ? Math.ceil(waitMs) : undefined;
}

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, section 10.2.3). A date is compared with the answer's own
 * `Date`, so that it does not matter whose clock is wrong. Undefined when it names no usable time: there is none, 0, one
 * that is past, a time since 1970, or something else.
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(value)) return usableWaitMs(Number(value) * 1_000);
  if (!httpDate.test(value)) return undefined;
  const answeredMs = Date.parse(headers.get('date') ?? '');
  return usableWaitMs(atMs(value) - (Number.isNaN(answeredMs) ? nowMs : answeredMs));
}

/** An asctime date names no zone and is in GMT all the same. */
function atMs(date: string): number {
  return Date.parse(date.endsWith('GMT') ? date : `${date} GMT`);
}

/**
 * How long a group pauses at the `refusals`th 429 in a row: for as long as was asked, and from the second one on not less
 * than the back-off, for a platform that refuses after the wait it named did not mean it.
 */
export function pauseMsAfter(refusals: number, askedMs: number | undefined, limits: Patience): number {
  const backOffMs = limits.firstPauseMs * 2 ** Math.min(refusals - 1, 30);
  return Math.min(
    limits.longestPauseMs,
    Math.max(askedMs ?? 0, askedMs !== undefined && refusals === 1 ? 0 : backOffMs),
  );
}

/** A moment as messages say it: `2026-11-25 16:25 UTC`. Rounded up to the minute: nobody comes back too early. */
export function untilInWords(untilMs: number): string {
  return `${new Date(Math.ceil(untilMs / 60_000) * 60_000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
