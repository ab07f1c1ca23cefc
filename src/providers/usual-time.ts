/** Answers of one kind that "usual" is taken from: the last ones, so that a platform that has become slower is known soon. */
const remembered = 20;
/** With fewer answers than this nothing is usual yet, and all of the time counts as delay. */
const fewest = 5;

/** How long requests of a kind take. */
export type UsualTime = {
  /** Notes that a request took so long, and says by how much that is longer than the fastest of the last ones. */
  readonly note: (kind: string, tookMs: number) => number;
};

/**
 * The part of a request's time that is not the platform's usual work on it. What is longer than the fastest may have been
 * spent on the way there: then the platform counts the request later than it was sent.
 */
export function createUsualTime(): UsualTime {
  const lately = new Map<string, number[]>();
  return {
    note: (kind, tookMs) => {
      const times = [...(lately.get(kind) ?? []), tookMs].slice(-remembered);
      lately.set(kind, times);
      return times.length < fewest ? tookMs : tookMs - Math.min(...times);
    },
  };
}
