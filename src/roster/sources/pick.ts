import type { RosterConfig } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { nearest } from './nearest.ts';

type Candidate = { readonly name: string; readonly modifiedAtMs: number };

/** Of several matches the one modified last (ties go to the last by name), or the last by name; undefined of none. */
export function pickOne<T extends Candidate>(
  candidates: Iterable<T>,
  pick: RosterConfig['pick'],
): T | undefined {
  let best: T | undefined;
  for (const one of candidates) if (best === undefined || comesAfter(one, best, pick)) best = one;
  return best;
}

function comesAfter(a: Candidate, b: Candidate, pick: RosterConfig['pick']): boolean {
  if (pick === 'modified' && a.modifiedAtMs !== b.modifiedAtMs) return a.modifiedAtMs > b.modifiedAtMs;
  return a.name > b.name;
}

/** The names there that are most like the one that was looked for, as a sentence. */
export function namesThere(where: string, wanted: string, names: readonly string[]): string {
  if (names.length === 0) return `${where} has no files.`;
  const like = nearest(wanted, names, 3);
  return `${where} has ${like.join(', ')}${names.length > like.length ? ` and ${names.length - like.length} more` : ''}.`;
}

/** ROSTER_NOT_FOUND for a source elsewhere. */
export function nothingThere(host: string, path: string, hint: string): RollcallError {
  return new RollcallError('ROSTER_NOT_FOUND', `no file on ${host} matches "${path}".`, {
    place: { key: 'roster.source.path' },
    hint,
  });
}
