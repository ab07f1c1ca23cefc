import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

type Entry = { readonly optionalDependencies?: Readonly<Record<string, string>> };
const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>;
};

// A registry mirror that lacks a package for another machine makes npm drop its entry, and `npm ci` then refuses the
// lock file everywhere.
it('the lock file has an entry for every optional package of every machine', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  expect(missing).toEqual([]);
});
