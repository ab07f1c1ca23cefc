import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Answers of one kind that "usual" is taken from: the last ones, so that a platform that has become slower is known in the
 * end. Of twenty, a whole window's worth may have been held up together, and nothing would look late.
 */
const remembered = 100;
/** With fewer answers than this nothing is usual yet, and all of the time counts as delay. */
const fewest = 5;
/** The first answers wait so long for others to be compared with: they come together, and a window is longer. */
const patienceMs = 250;

/** How long requests of a kind take. */
export type UsualTime = {
  /** Notes that a request took so long, and says by how much that is longer than the fastest of the last ones, in ms. */
  readonly note: (kind: string, tookMs: number) => Promise<number>;
};

/** The last times of a kind; `enough` settles when there are so many that something is usual. */
type Times = { last: readonly number[]; readonly enough: PromiseWithResolvers<void> };

/**
 * The part of a request's time that is not the platform's usual work on it. What is longer than the fastest may have been
 * spent on the way there: then the platform counts the request later than it was sent.
 */
export function createUsualTime(): UsualTime {
  const kinds = new Map<string, Times>();
  return {
    note: async (kind, tookMs) => {
      const times = kinds.get(kind) ?? { last: [], enough: Promise.withResolvers<void>() };
      kinds.set(kind, times);
      times.last = [...times.last, tookMs].slice(-remembered);
      if (times.last.length >= fewest) times.enough.resolve();
      else await Promise.race([times.enough.promise, sleep(patienceMs, undefined, { ref: false })]);
      return times.last.length < fewest ? tookMs : Math.max(0, tookMs - Math.min(...times.last));
    },
  };
}
