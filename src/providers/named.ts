import { ProviderError } from './error.ts';

/** Candidates that an error lists. */
const mostCandidates = 10;

/** What is looked for: by id, or by exact name. */
export type Wanted = {
  readonly platform: string;
  /** What kind of thing it is, such as `target group`. */
  readonly what: string;
  readonly wanted: string;
  /** The key of the configuration that names it, below the platform's block. */
  readonly key: string;
};

/**
 * The one row of that id, or else of that exact name.
 *
 * @throws ProviderError TARGET_UNKNOWN with the candidates: the names there are, or the ids of those that share the name
 */
export function findNamed<T extends { readonly id: string; readonly name: string }>(
  rows: readonly T[],
  { platform, what, wanted, key }: Wanted,
): T {
  const byId = rows.find(({ id }) => id === wanted);
  if (byId !== undefined) return byId;
  const named = rows.filter(({ name }) => name === wanted);
  const [only, ...others] = named;
  if (only !== undefined && others.length === 0) return only;
  const fold = (text: string) => text.trim().toLowerCase();
  const close = rows.filter(({ name }) => fold(name) === fold(wanted));
  const names = (close.length > 0 ? close : rows).map(({ name }) => `"${name}"`);
  const said =
    only === undefined
      ? `not found among ${rows.length}${rows.length === 0 ? '' : `: ${listed(names)}`}`
      : `${named.length} have that name: ${listed(named.map(({ id }) => id))}`;
  throw new ProviderError('TARGET_UNKNOWN', `${platform}: ${what} "${wanted}": ${said}.`, {
    place: { key: `platforms.${platform}.${key}` },
    hint: only === undefined ? 'Give the id or the exact name.' : 'Give the id.',
  });
}

function listed(values: readonly string[]): string {
  const more = values.length - mostCandidates;
  return values.slice(0, mostCandidates).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
