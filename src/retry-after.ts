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
  const answeredMs = httpDateMs(headers.get('date'));
  return usableWaitMs((httpDateMs(value) ?? nowMs) - (answeredMs ?? nowMs));
}

/** A date of HTTP in milliseconds; undefined when it is none. An asctime date names no zone and is in GMT all the same. */
export function httpDateMs(date: string | null): number | undefined {
  if (date === null) return undefined;
  const atMs = Date.parse(date.endsWith('GMT') ? date : `${date} GMT`);
  return Number.isNaN(atMs) ? undefined : atMs;
}
