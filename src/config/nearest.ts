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
    const edits = plain(candidate) === plainWord ? 0 : editDistance(plainWord, plain(candidate));
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

function plain(word: string): string {
  return word.toLowerCase().replace(/[\s_.-]/g, '');
}

/** Optimal string alignment: like Levenshtein, with a swap of neighbours as one edit. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
