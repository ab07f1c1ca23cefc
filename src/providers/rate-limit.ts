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
