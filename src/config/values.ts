import { z } from 'zod';
import { formatDuration, parseDurationMs } from './units.ts';

/** A duration such as `90s`, `26h`, `30d`, in milliseconds once parsed. */
export const durationMs = z
  .string()
  .meta({
    description: 'A duration: 90s, 15m, 26h, 30d, 5y',
    pattern: '^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d|w|y)$',
  })
  .transform((text, ctx) => {
    const value = parseDurationMs(text);
    if (value !== undefined) return value;
    ctx.addIssue({ code: 'custom', message: `"${text}" is not a duration; write 90s, 15m, 26h, 30d or 5y` });
    return z.NEVER;
  });

/** A duration that a timer has to hold, or that nothing waits longer for. */
export function durationUpTo(mostMs: number) {
  return durationMs.refine((value) => value <= mostMs, {
    message: `must be at most ${formatDuration(mostMs)}`,
  });
}

/** An address that is called: http or https, nothing else. */
export const httpUrl = z
  .url({
    protocol: /^https?$/,
    error: ({ input }) =>
      typeof input === 'string' ? 'must be a URL that begins with https:// (or http://)' : undefined,
  })
  .meta({ description: 'An https URL' });
