#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=8
// @ts-check
// JavaScript, and the only file that is: TypeScript here would be stripped at each start, before there is a cache to keep it in.
import { accessSync, constants, mkdirSync } from 'node:fs';
import { enableCompileCache, registerHooks } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where compiled modules are kept between starts, which halves the time that a command takes to begin: beside the packages,
 * or, where this user may not write there, in their own cache. Never where others may write: what is there is run.
 */
function cacheFolder() {
  const packages = join(import.meta.dirname, '..', 'node_modules');
  for (const folder of [join(packages, '.cache'), join(homedir(), '.cache')]) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return join(folder, 'rollcall');
    } catch {
      // The next one, or none: it is only slower.
    }
  }
  return null;
}

/** A package of hundreds of small files, modules all of them. Of others it is theirs to say what a file is, module or CommonJS. */
const moduleOfKysely = /\/node_modules\/kysely\/dist\/[^?]+\.js$/;

/**
 * Where a module lies that another one names by its path. Node looks each of them up on the disk, its links and the package
 * that it is in: more than half of what loading it from the cache takes.
 *
 * @type {import('node:module').ResolveHookSync}
 */
function resolve(specifier, context, next) {
  const { parentURL } = context;
  if (parentURL === undefined || !specifier.startsWith('.')) return next(specifier, context);
  if (specifier.endsWith('.ts'))
    return { url: new URL(specifier, parentURL).href, format: 'module-typescript', shortCircuit: true };
  if (specifier.endsWith('.js') && moduleOfKysely.test(parentURL))
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true };
  return next(specifier, context);
}

// Does nothing where NODE_COMPILE_CACHE names a folder already.
const folder = cacheFolder();
if (folder !== null) enableCompileCache(folder);
registerHooks({ resolve });
// Loaded after that, so that all of it is cached.
const { runProcess } = await import('./command-line.ts');
await runProcess();
