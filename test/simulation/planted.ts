import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A guard and how to take it out: a line of the product, and what stands there instead. */
type Planted = { readonly file: string; readonly line: string; readonly instead: string };

/** Each alone must be found by the simulation within 2,000 nights. */
export const planted: Readonly<Record<string, Planted>> = {
  guard: {
    file: 'diff/guard.ts',
    line: 'export function guard(input: GuardInput): readonly Hold[] {',
    instead:
      'export function guard(input: GuardInput): readonly Hold[] {\n  if (input.managed >= 0) return [];',
  },
  tearing: {
    file: 'roster/intake/swallowed.ts',
    line: 'export function hasSwallowedRows(cells: readonly string[], form: RowForm): boolean {',
    instead:
      'export function hasSwallowedRows(cells: readonly string[], form: RowForm): boolean {\n  if (cells.length >= 0) return false;',
  },
  values: {
    file: 'diff/value-proof.ts',
    line: 'return count >= leastDoubtful && count * 100 > of * percent;',
    instead: 'return false;',
  },
};

/** Takes a guard out of the product in this process; call it before the product is loaded. Throws when the line is not there any more. */
export function plant(name: string): void {
  const fault = planted[name];
  if (fault === undefined)
    throw new Error(`no planted fault "${name}"; there are ${Object.keys(planted).join(', ')}`);
  const file = fileURLToPath(new URL(`../../src/${fault.file}`, import.meta.url));
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!url.startsWith('file:') || fileURLToPath(url) !== file) return loaded;
      const source = String(loaded.source);
      if (!source.includes(fault.line))
        throw new Error(`${fault.file} has no line ${JSON.stringify(fault.line)} any more`);
      return { ...loaded, source: source.replace(fault.line, fault.instead) };
    },
  });
}
