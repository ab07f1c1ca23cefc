/**
 * Hashes of a row's cells, made once while it is read, for whoever compares cells: two rooms do, and hashing is most of
 * what it costs them.
 */
export type RowHashes = {
  /** Whose hashes: fields of a person, `attributes.NAME` of an extra column. The same array for all rows of a file. */
  readonly cells: readonly string[];
  /** `fnv1a` of each text, 0 where there is none. The next row overwrites them. */
  readonly hashes: Uint32Array;
};

/** What `attributes.NAME` is called in `RowHashes`. */
export function attributeCell(name: string): string {
  return `attributes.${name}`;
}

/** FNV-1a over UTF-16 code units, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
