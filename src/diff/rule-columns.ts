import type { ASTNode } from '@marcbachmann/cel-js';

/**
 * What a rule reads of a person: names of fields, `attributes.NAME` for the extra columns, `manager.FIELD`. `all` where the rule does not
 * say which (`person[today]`): it may read any.
 */
export type RuleReads = { readonly fields: ReadonlySet<string>; readonly all: boolean };

/** What a checked rule reads, from its syntax tree: no rule has to be run, and none is missed because `&&` ended early. */
export function readsOf(tree: ASTNode): RuleReads {
  const fields = new Set<string>();
  let all = false;

  /** The names after `person`, outermost last; undefined when the expression is not a path that begins there. */
  function pathOf(node: ASTNode): readonly (string | null)[] | undefined {
    if (node.op === 'id') return node.args === 'person' ? [] : undefined;
    if (node.op === '.' || node.op === '.?') {
      const before = pathOf(node.args[0]);
      return before === undefined ? undefined : [...before, node.args[1]];
    }
    if (node.op === '[]' || node.op === '[?]') {
      const [of, key] = node.args;
      const before = pathOf(of);
      if (before === undefined) return undefined;
      return [...before, key.op === 'value' && typeof key.args === 'string' ? key.args : null];
    }
    return undefined;
  }

  function take([first, second]: readonly (string | null)[]): void {
    if (
      first === undefined ||
      first === null ||
      ((first === 'attributes' || first === 'manager') && second == null)
    )
      all = true;
    else if (first === 'attributes' || first === 'manager') fields.add(`${first}.${second}`);
    else fields.add(first);
  }

  function walk(value: unknown): void {
    if (Array.isArray(value)) {
      for (const one of value) walk(one);
      return;
    }
    if (!isNode(value)) return;
    const path = pathOf(value);
    if (path === undefined) walk(value.args);
    else {
      take(path);
      walkKeys(value);
    }
  }

  /** What stands in brackets may read the person, too. */
  function walkKeys(node: ASTNode): void {
    if (node.op === '.' || node.op === '.?') walkKeys(node.args[0]);
    else if (node.op === '[]' || node.op === '[?]') {
      walk(node.args[1]);
      walkKeys(node.args[0]);
    }
  }

  walk(tree);
  return { fields, all };
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
