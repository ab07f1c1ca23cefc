import { type ChangeCounts, changeKinds } from '../change.ts';

/** All changes, whatever their kind. */
export function sumOf(counts: ChangeCounts): number {
  return changeKinds.reduce((sum, kind) => sum + counts[kind], 0);
}

/** Counts as words: `12 create, 3 update`. */
export function countsInWords(counts: ChangeCounts): string {
  const parts = changeKinds.filter((kind) => counts[kind] > 0).map((kind) => `${counts[kind]} ${kind}`);
  return parts.length === 0 ? 'no changes' : parts.join(', ');
}
