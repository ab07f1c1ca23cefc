const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Clocks of machines that set them by the network differ by less; a time that lies further ahead was stored under another clock. */
export const clockToleranceMs = 5 * minuteMs;

/**
 * How far ahead of now each stored time may lie. One that lies further counts as absent: it was stored while a clock was
 * wrong, or the clock is wrong now, and nothing may wait for a day that no clock has seen. Leases and the pacer, which go
 * by the database's clock, have the same rule in their statements.
 */
export const legalSpansMs = {
  /** The last slot that was taken care of. */
  lastSlot: clockToleranceMs,
  /** The last good run, and whatever else came to an end. */
  lastGood: clockToleranceMs,
  /** When a run was asked for, or a plan made: what came later decides what is the newest. */
  created: clockToleranceMs,
  /** When a pause began. Its end may be as far away as people like. */
  paused: clockToleranceMs,
  /** When an approval was given; it expires so long after that. */
  approved: clockToleranceMs,
  /** When an alert was sent last. */
  lastSent: clockToleranceMs,
  /** From when on results were read last. */
  resultsRead: clockToleranceMs,
  /** When the roster was read last, and since when somebody is missing from it. */
  rosterRead: clockToleranceMs,
  /** When a change was applied: the limits look back a day, and rather count one too many. */
  applied: dayMs,
} as const;
export type StoredTime = keyof typeof legalSpansMs;

/** A stored time that counts as absent, and of what it is: a platform's name, a customer's, an id. */
export type Incredible = { readonly time: StoredTime; readonly of: string; readonly atMs: number };

/** The rule for stored times, by the clock of this process, and what it has found. */
export type StoredTimes = {
  /** The time, or null where it lies too far ahead. */
  readonly credible: (time: StoredTime, atMs: number | null, of: string) => number | null;
  /** The latest that a time may be. */
  readonly latestMs: (time: StoredTime) => number;
  /** Times that were found to lie too far ahead, the last time that they were looked at or a little before. */
  readonly incredible: () => readonly Incredible[];
};

/**
 * Times of one store. Remembers what it found until the same time is credible again, and a little longer: the next run
 * puts it right within seconds, and on-call is told by somebody who looks once a minute. `upMs` is a clock that nobody sets.
 */
export function createStoredTimes(now: () => number, upMs = () => performance.now()): StoredTimes {
  const found = new Map<string, Incredible & { credibleSinceMs: number | null }>();
  const latestMs = (time: StoredTime): number => now() + legalSpansMs[time];
  return {
    latestMs,
    credible: (time, atMs, of) => {
      const key = `${time} ${of}`;
      if (atMs === null || atMs <= latestMs(time)) {
        const known = found.get(key);
        if (known !== undefined) known.credibleSinceMs ??= upMs();
        return atMs;
      }
      if (found.size < mostRemembered) found.set(key, { time, of, atMs, credibleSinceMs: null });
      return null;
    },
    incredible: () => {
      for (const [key, { credibleSinceMs }] of found)
        if (credibleSinceMs !== null && upMs() - credibleSinceMs > rememberedMs) found.delete(key);
      return [...found.values()].map(({ time, of, atMs }) => ({ time, of, atMs }));
    },
  };
}

/** How long it is remembered that a time was not credible: longer than on-call's conditions are looked at. */
const rememberedMs = 2 * minuteMs;
/** Enough to tell that clocks were wrong, and where. */
const mostRemembered = 1_000;
