import { editDistance, plain } from './edit-distance.ts';

/**
 * The candidate that `word` was probably meant to be, or undefined when none is close.
 *
 * Close is: equal but for case and punctuation, or at most a third of the word's letters (and at least one) inserted,
 * dropped, replaced or swapped with their neighbour.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const plainWord = plain(word);
  const mostEdits = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let fewest = mostEdits + 1;
  for (const candidate of candidates) {
    const edits = editDistance(plainWord, plain(candidate));
    if (edits < fewest) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

/** `did you mean "x"?`, led by a separator, or an empty string: for the end of a message. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const match = nearest(word, candidates);
  return match === undefined ? '' : `; did you mean "${match}"?`;
}
