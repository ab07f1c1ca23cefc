import { editDistance, plain } from './edit-distance.ts';

const negations = ['in', 'un', 'non', 'not', 'no', 'de', 'dis', 'ex'];

/**
 * The candidate that `word` was probably meant to be, or undefined when none is close.
 *
 * Close is: equal but for case and punctuation, or at most a third of the word's letters (and at least one) inserted,
 * dropped, replaced or swapped with their neighbour. What says the opposite (`inactive`, `active`) is not close, however few letters
 * it is away.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const plainWord = plain(word);
  const mostEdits = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let fewest = mostEdits + 1;
  for (const candidate of candidates) {
    const edits = editDistance(plainWord, plain(candidate));
    if (edits < fewest && !areOpposite(plainWord, plain(candidate))) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

function areOpposite(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  return negations.some((negation) => long === `${negation}${short}`);
}

/** `did you mean "x"?`, led by a separator, or an empty string: for the end of a message. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const match = nearest(word, candidates);
  return match === undefined ? '' : `; did you mean "${match}"?`;
}
