/**
 * Parses JSON so that what `JSON.stringify` makes of it has every number as it was written: an employee number of twenty
 * digits is not one that JavaScript can count with. Undefined when it is no JSON.
 */
export function parseVerbatim(text: string): unknown {
  try {
    return JSON.parse(text, keepDigits);
  } catch {
    return undefined;
  }
}

// ECMAScript 2026 (https://github.com/tc39/proposal-json-parse-with-source): Node 24 has it, the library's types do not all.
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };

function keepDigits(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? rawJSON(source)
    : value;
}

/** What stands at a path of names with dots between; undefined when nothing does. */
export function valueAt(data: unknown, path: string): unknown {
  let value: unknown = data;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

/** A whole number that is not negative, also one written as text; undefined when it is none. */
export function countOf(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}
