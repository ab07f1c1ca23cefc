import type { Limited, RequestKind } from '../../providers/contract.ts';
import { type Patience, pauseMsAfter } from '../../providers/rate-limit.ts';

/** Refusals of one kind of request in a row. */
type Refusals = {
  readonly count: number;
  /** When the last pause began and until when it lasts, by `performance.now()`. */
  readonly sinceMs: number;
  readonly untilMs: number;
};

/** What a rate group has been refused lately. Writes are counted apart: reads may go through while every write is refused. */
export type Strain = {
  /** Notes a 429 and says how long the group pauses for it, in ms. */
  readonly limited: (refused: Limited, nowMs: number) => number;
  readonly answered: (kind: RequestKind) => void;
  /** Whether the platform has refused requests and taken none of that kind since. */
  readonly holds: (nowMs: number) => boolean;
};

/** The strain of one rate group, in this process. */
export function createStrain(limits: Patience): Strain {
  const known = new Map<'read' | 'write', Refusals>();
  const sideOf = (kind: RequestKind): 'read' | 'write' => (kind === 'write' ? 'write' : 'read');
  /** What was refused long ago says nothing of now: the next slot begins with a second again. */
  const fresh = (side: 'read' | 'write', nowMs: number): Refusals | undefined => {
    const refusals = known.get(side);
    return refusals === undefined || nowMs > refusals.untilMs + limits.longestPauseMs ? undefined : refusals;
  };
  return {
    limited: ({ kind, sentMs, askedMs }, nowMs) => {
      const side = sideOf(kind);
      const before = fresh(side, nowMs);
      // Requests that were on their way together are refused together, and that is one refusal.
      const together = before !== undefined && sentMs < before.sinceMs;
      const count = together ? before.count : (before?.count ?? 0) + 1;
      const pauseMs = pauseMsAfter(count, askedMs, limits);
      const sinceMs = together ? before.sinceMs : nowMs;
      known.set(side, { count, sinceMs, untilMs: Math.max(before?.untilMs ?? 0, nowMs + pauseMs) });
      return pauseMs;
    },
    answered: (kind) => void known.delete(sideOf(kind)),
    holds: (nowMs) => fresh('read', nowMs) !== undefined || fresh('write', nowMs) !== undefined,
  };
}
