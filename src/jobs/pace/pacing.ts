import type { Rate } from '../../config/units.ts';

/**
 * Added to the window: what a request may be late on its way when the one R before it was not. When it left is known
 * (providers/departure.ts), and by how much more than this it was held up (providers/usual-time.ts). Without any margin
 * windows did not hold, counted by a separate server. It costs 2 % of a rate by the second and nothing of one by the minute.
 */
export const windowMarginMs = 20;

/**
 * A slot that begins this soon is taken at once and waited for: to ask the log takes milliseconds on a busy process, which
 * would be lost between any two requests. Longer would take slots for requests that a pause is about to stop.
 */
export const takenAheadMs = 25;

/**
 * The least distance between two sends, as a part of the mean one: a full window is spread over a quarter of its time at
 * least, and a process that was held up can still make up for it.
 */
export const leastDistance = 0.25;

/** What is known of a rate group: its last sends, oldest first, and until when nobody may send. */
export type SendLog = { readonly sentMs: readonly number[]; readonly pausedUntilMs: number };

/**
 * How long to wait before the next send, in ms; 0 when it may go now.
 *
 * Send k waits for send k−R plus the window and its margin, so that no sliding window sees more than R; and for the
 * least distance after the one before, so that a full window is no burst.
 */
export function waitBeforeSend(log: SendLog, rate: Rate, nowMs: number): number {
  const { sentMs } = log;
  const last = sentMs.at(-1);
  const oldest = sentMs.length >= rate.count ? sentMs[sentMs.length - rate.count] : undefined;
  const afterWindow = oldest === undefined ? 0 : oldest + rate.windowMs + windowMarginMs - nowMs;
  const afterLast = last === undefined ? 0 : last + (leastDistance * rate.windowMs) / rate.count - nowMs;
  return Math.max(0, afterWindow, afterLast, log.pausedUntilMs - nowMs);
}
