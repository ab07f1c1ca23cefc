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

/**
 * Where a TypeScript module of ours lies that another one names by its path. Node looks each of them up on the disk, its links
 * and the package that it is in, which takes as long as loading it from the cache. Not for JavaScript: what a file of a package
 * is, module or CommonJS, is that package's to say.
 *
 * @type {import('node:module').ResolveHookSync}
 */
function resolve(specifier, context, next) {
  const { parentURL } = context;
  if (parentURL === undefined || !specifier.startsWith('.') || !specifier.endsWith('.ts'))
    return next(specifier, context);
  return { url: new URL(specifier, parentURL).href, format: 'module-typescript', shortCircuit: true };
}

// Does nothing where NODE_COMPILE_CACHE names a folder already.
const folder = cacheFolder();
if (folder !== null) enableCompileCache(folder);
registerHooks({ resolve });
// Loaded after that, so that all of it is cached.
const { runProcess } = await import('./command-line.ts');
await runProcess();
