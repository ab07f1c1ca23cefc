import type { RosterSourceConfig } from './roster-source.ts';
import type { PartConfig, WholeRosterConfig, WrittenRoster } from './schema.ts';

/**
 * The roster with its parts, each with what stands beside them in place of what it leaves out; a key that a part has
 * counts as a whole. A roster without parts is one part without a name. `pathOf` makes a source's path absolute.
 */
export function withParts(
  written: WrittenRoster,
  pathOf: (source: RosterSourceConfig) => RosterSourceConfig,
): WholeRosterConfig {
  const { parts: own, onBoth: _, ...beside } = written;
  const parts =
    own === undefined
      ? [partOf(beside, { name: '', idPrefix: '', key: 'roster' }, pathOf)]
      : own.map(({ name, idPrefix = '', ...keys }, at) =>
          partOf({ ...beside, ...given(keys) }, { name, idPrefix, key: `roster.parts[${at}]` }, pathOf),
        );
  return {
    ...written,
    ...(own === undefined ? { source: parts[0]?.source } : {}),
    parts,
    // The first part that maps a field names it: what is asked here is whether one does.
    columns: Object.assign({ id: '' }, ...parts.toReversed().map((part) => given(part.columns))),
    attributes: [...new Set(parts.flatMap(({ attributes }) => attributes))],
  };
}

/** Validated: each part has a source and columns. */
function partOf(
  keys: Omit<WrittenRoster, 'parts' | 'onBoth'>,
  of: Pick<PartConfig, 'name' | 'idPrefix' | 'key'>,
  pathOf: (source: RosterSourceConfig) => RosterSourceConfig,
): PartConfig {
  const { source = '', columns = { id: '' } } = keys;
  return { ...keys, columns, source: pathOf(source), ...of };
}

/** Without keys that are there and undefined, which would hide a default. */
function given<T extends object>(keys: T): Given<T> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined)) as Given<T>;
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };
