/** How long a 429 asks to wait. The vendor says "with a recommended wait time", not where: the header is read first. */

const waitKey = /^(retry[-_ ]?after|wait)/i;
const milliseconds = /ms$|milli/i;
/** A number with a unit of time, as in "try again in 3 seconds"; "10 requests" is none. */
const inText = /(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?)\b/i;

function unitMs(unit: string): number {
  if (/^(ms|milli)/i.test(unit)) return 1;
  return /^m/i.test(unit) ? 60_000 : 1_000;
}

function textMs(text: string): number | undefined {
  const [, amount, unit] = inText.exec(text) ?? [];
  return amount === undefined || unit === undefined ? undefined : Math.ceil(Number(amount) * unitMs(unit));
}

/** A wait in the body of a 429, in ms: under a key such as `retryAfter`, else as a time in a text; seconds by default. */
export function waitInBodyMs(body: unknown): number | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const entries = Object.entries(body);
  for (const [key, value] of entries) {
    if (!waitKey.test(key)) continue;
    const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value));
    if (isNumber) return Math.ceil(Number(value) * (milliseconds.test(key) ? 1 : 1_000));
  }
  for (const [, value] of entries) {
    const found = typeof value === 'string' ? textMs(value) : waitInBodyMs(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
