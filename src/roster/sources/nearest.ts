import { editDistance, plain } from '../../config/edit-distance.ts';

// A wrong file name is answered with those that there are, however far off they may be.

/** The candidates most like `wanted`, nearest first, `count` at most. */
export function nearest(wanted: string, candidates: readonly string[], count: number): string[] {
  const goal = plain(wanted);
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(goal, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}
