import type { Change } from '../../diff/change.ts';
import { flag, type Population } from '../../diff/population.ts';
import type { Suppression } from '../../store/decisions.ts';

/** Earlier decisions as a question about a change. */
export function indexSuppressions(
  suppressions: readonly Suppression[],
  rowHashes: ReadonlyMap<string, string>,
) {
  const people = new Map<string, Suppression[]>();
  const outdated: string[] = [];
  const matched = new Set<string>();
  for (const suppression of suppressions) {
    const row = rowHashes.get(suppression.person);
    // Without a hash there was no row when it was undone: a row is news.
    if (suppression.cause === 'undone' && row !== undefined && row !== suppression.row_hash) {
      outdated.push(suppression.id);
      continue;
    }
    people.set(suppression.person, [...(people.get(suppression.person) ?? []), suppression]);
  }
  return {
    people,
    outdated,
    matches: (change: Change): boolean =>
      (people.get(change.person) ?? []).some((suppression) => {
        if (suppression.fingerprint !== null) {
          if (suppression.fingerprint !== change.fingerprint) return false;
          matched.add(suppression.id);
          return true;
        }
        // The row is gone for as long as absence takes: it is not the row any more that the undo was about.
        if (change.reason === 'ABSENT' && suppression.row_hash !== null) return false;
        return suppression.kind === change.kind && suppression.target === change.target;
      }),
    /**
     * Rejections of account changes that a complete run did not need any more: HR has corrected what was wrong. Were they
     * kept, somebody who really leaves later would stay.
     */
    settled: (population: Population): readonly string[] =>
      [...people.values()].flat().flatMap(({ id, cause, person, target }) => {
        const ordinal = population.find(person);
        const judged = ordinal >= 0 && !population.has(ordinal, flag.rejected | flag.ignored | flag.review);
        return cause === 'rejected' && target === null && judged && !matched.has(id) ? [id] : [];
      }),
  };
}
