import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** What stands at a path of a body, by its type: never the value, which may be somebody's name. */
function kindAt(body: unknown, path: readonly PropertyKey[]): string {
  let value = body;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return 'nothing';
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * How far the shape is from what came: what fails deeper has more in common with it, and what fails by a field that is
 * not there at all has less.
 */
function distance(issues: readonly Issue[], body: unknown, path: readonly PropertyKey[]): number {
  const depth = Math.min(...issues.map((issue) => issue.path.length));
  const missing = issues.filter((issue) => kindAt(body, [...path, ...issue.path]) === 'nothing');
  return -1_000 * depth + 10 * missing.length + issues.length;
}

type Innermost = { readonly issue: Issue; readonly path: readonly PropertyKey[]; readonly nearest: string };

/** The innermost issue: of a union, of the shape that was nearest to what came. */
function innermost(issue: Issue, body: unknown, path: readonly PropertyKey[]): Innermost {
  const here = [...path, ...issue.path];
  const none: Innermost = { issue, path: here, nearest: '' };
  if (issue.code !== 'invalid_union') return none;
  const shapes = issue.errors.map((issues, index) => ({
    issues,
    number: index + 1,
    distance: distance(issues, body, here),
  }));
  const [best] = [...shapes].sort((one, other) => one.distance - other.distance);
  const [first] = best?.issues ?? [];
  // Where what came is of none of the types, no shape is nearer than another.
  if (best === undefined || first === undefined || first.path.length === 0) return none;
  const inner = innermost(first, body, here);
  return { ...inner, nearest: `${inner.nearest}, by shape ${best.number} of ${shapes.length}, the nearest` };
}

function expectedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'invalid_union': {
      const types = issue.errors.flatMap((issues) =>
        issues.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : [])),
      );
      return `expected ${types.length === 0 ? 'one of several shapes' : [...new Set(types)].join(' or ')}`;
    }
    case 'too_small':
      return `expected at least ${issue.minimum} ${issue.origin === 'string' ? 'character' : issue.origin === 'array' ? 'entry' : ''}`.trim();
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'custom':
      return issue.message;
    default:
      return issue.code;
  }
}

/**
 * What in an answer does not fit, in one line: the full path, what came there, and what was expected, such as
 * `data.0.items.3.name: boolean, expected string`. Types only: the values may be people's.
 */
export function describeMismatch(error: z.ZodError, body: unknown): string {
  const [first, ...others] = error.issues;
  if (first === undefined) return 'unknown';
  const { issue, path, nearest } = innermost(first, body, []);
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return `${path.join('.') || 'body'}: ${kindAt(body, path)}, ${expectedBy(issue)}${nearest}${more}`;
}
