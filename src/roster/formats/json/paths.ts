/** A place in a record that a configured path leads to, or through. */
export type PathNode = {
  /** What follows, by the name as it stands in the record, and in a list by position. */
  readonly next: Map<string, PathNode>;
  /** The position of the path that ends here. */
  column: number | undefined;
};

/**
 * The tree of paths of names with dots between. A name with dots in it is met as well as a name in a name:
 * `work.title` is found in `{"work": {"title": …}}` and in `{"work.title": …}`.
 */
export function pathTree(paths: readonly string[]): PathNode {
  const nodes = new Map<string, PathNode>();
  const nodeOf = (prefix: string): PathNode => {
    const known = nodes.get(prefix);
    if (known !== undefined) return known;
    const fresh: PathNode = { next: new Map(), column: undefined };
    nodes.set(prefix, fresh);
    return fresh;
  };
  // No name is empty at the beginning of a path, so that the root is nobody else's node.
  const root = nodeOf('');
  for (const [column, path] of paths.entries()) {
    const names = path.split('.');
    const prefixes = names.map((_, at) => names.slice(0, at).join('.'));
    for (const [from, prefix] of prefixes.entries())
      for (let to = from + 1; to <= names.length; to++)
        nodeOf(prefix).next.set(names.slice(from, to).join('.'), nodeOf(prefixes[to] ?? path));
    nodeOf(path).column = column;
  }
  return root;
}
