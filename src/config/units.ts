/** A rate: at most `count` requests in any window of `windowMs` milliseconds. */
export type Rate = { readonly count: number; readonly windowMs: number };

const durationUnitsMs = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 365 * 86_400_000,
} as const;
const rateWindowsMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The longest duration: a moment so far from now is still a date that everything can hold. */
const longestDurationMs = 100 * durationUnitsMs.y;

/** `90s`, `26h`, `30d`, `5y` in milliseconds; undefined when it is no duration, or one of more than 100 years. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|y)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, amount, unit] = match;
  const durationMs = Math.round(Number(amount) * durationUnitsMs[unit as keyof typeof durationUnitsMs]);
  return durationMs <= longestDurationMs ? durationMs : undefined;
}

/** `5/s`, `300/m`, `1000/h` as a rate; undefined when it is none. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d+)\s*\/\s*(s|m|h)$/.exec(text.trim());
  if (match === null) return undefined;
  const count = Number(match[1]);
  if (count < 1) return undefined;
  return { count, windowMs: rateWindowsMs[match[2] as keyof typeof rateWindowsMs] };
}

/** `10%` as 10; undefined when it is no percentage between 0 and 100. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  const percent = match === null ? Number.NaN : Number(match[1]);
  return percent >= 0 && percent <= 100 ? percent : undefined;
}

/** A duration in words, for messages: `90s`, `26h`, `2d`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = durationUnitsMs[unit];
    if (durationMs >= size && durationMs % size === 0) return `${durationMs / size}${unit}`;
  }
  return durationMs >= 1_000 ? `${Math.round(durationMs / 100) / 10}s` : `${Math.round(durationMs)}ms`;
}
