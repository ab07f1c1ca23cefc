/** Number of single-character edits between two strings. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Case, spaces and punctuation are what people get wrong: they do not count. */
function bare(text: string): string {
  return text.toLowerCase().replace(/[\s_.-]+/g, '');
}

/** The candidates most like `wanted`, nearest first, `count` at most. */
export function nearest(wanted: string, candidates: readonly string[], count: number): string[] {
  const goal = bare(wanted);
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(goal, bare(candidate)) }))
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** The one candidate that is near enough to be meant; undefined when none is. */
export function nearestMeant(wanted: string, candidates: readonly string[]): string | undefined {
  const [first] = nearest(wanted, candidates, 1);
  if (first === undefined) return undefined;
  const [goal, found] = [bare(wanted), bare(first)];
  if (goal.length > 2 && found.length > 2 && (found.includes(goal) || goal.includes(found))) return first;
  return editDistance(goal, found) <= Math.max(2, Math.floor(goal.length / 2)) ? first : undefined;
}
