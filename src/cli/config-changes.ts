import { isDeepStrictEqual } from 'node:util';
import type { CustomerConfig } from '../config.ts';

/** Keys that are named of one change; more of them say no more. */
const mostNamed = 12;
/** How deep keys are told apart: `platforms.academy.limits`. */
const deepest = 3;
/** What is not written in the file, or follows from it. */
const notWritten: ReadonlySet<string> = new Set(['file', 'warnings', 'unset']);

/** Whether two configurations say the same. */
export function isSameConfig(a: CustomerConfig, b: CustomerConfig): boolean {
  return changedKeys(a, b).length === 0;
}

/** The keys whose values differ, by name: the values may be secret. */
export function changedKeys(before: object, after: object): readonly string[] {
  return [...differing(before, after, '', 1)].filter((key) => !notWritten.has(key)).toSorted();
}

/** The same in words, cut where they are many. */
export function changedInWords(keys: readonly string[]): string {
  const more = keys.length - mostNamed;
  return keys.slice(0, mostNamed).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function* differing(before: object, after: object, path: string, depth: number): Generator<string> {
  const [a, b] = [Object.entries(before), Object.entries(after)].map(
    (entries) => new Map<string, unknown>(entries),
  );
  for (const key of new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])) {
    const [was, is] = [a?.get(key), b?.get(key)];
    if (isDeepStrictEqual(was, is)) continue;
    const name = path === '' ? key : `${path}.${key}`;
    if (depth < deepest && isMapping(was) && isMapping(is)) yield* differing(was, is, name, depth + 1);
    else yield name;
  }
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
