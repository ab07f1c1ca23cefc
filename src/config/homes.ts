import type { z } from 'zod';
import type { ProviderSettingsRegistry } from './registry.ts';
import { customerBase } from './schema.ts';
import { childrenOf } from './shape.ts';

/** Keys that are written at the wrong level are looked for so deep. */
const deepest = 4;
/** Homes that a message names. */
const mostHomes = 3;

/**
 * Where a key belongs, for one that stands where it is not known: `roster.expected`, `platforms.NAME`; the nearest to the top
 * first.
 */
export function homesOf(key: string, registry: ProviderSettingsRegistry): readonly string[] {
  const found: { readonly path: string; readonly depth: number }[] = [];
  const look = (schema: z.core.$ZodType, path: string, depth: number): void => {
    if (depth > deepest) return;
    for (const [name, inner] of childrenOf(schema)) {
      // A part may have all that the roster may: where it belongs is told once.
      if (path === 'roster' && name === 'parts') continue;
      if (name === key && path !== '') found.push({ path, depth });
      look(inner, path === '' ? name : `${path}.${name}`, depth + 1);
    }
  };
  look(customerBase, '', 0);
  for (const { settings } of Object.values(registry)) look(settings, 'platforms.NAME', 1);
  const paths = found.toSorted((a, b) => a.depth - b.depth).map(({ path }) => path.replaceAll('.[]', '[…]'));
  return [...new Set(paths)].slice(0, mostHomes);
}
