import { editDistance, plain } from '../config/edit-distance.ts';

// A wrong file or column name is answered with those that there are, however far off they may be.

/** The candidates most like `wanted`, nearest first, `count` at most. */
export function nearest(wanted: string, candidates: readonly string[], count: number): string[] {
  const goal = plain(wanted);
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(goal, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** The one candidate that is near enough to be meant, or has the wanted name in it; undefined when none is. */
export function nearestMeant(wanted: string, candidates: readonly string[]): string | undefined {
  const [first] = nearest(wanted, candidates, 1);
  if (first === undefined) return undefined;
  const [goal, found] = [plain(wanted), plain(first)];
  if (goal.length > 2 && found.length > 2 && (found.includes(goal) || goal.includes(found))) return first;
  return editDistance(goal, found) <= Math.max(2, Math.floor(goal.length / 2)) ? first : undefined;
}
