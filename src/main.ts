#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=8
import { accessSync, constants, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where compiled modules are kept between starts, which halves the time that a command takes to begin: beside the packages,
 * or, where this user may not write there, in their own cache. Never where others may write: what is there is run.
 */
function cacheFolder(): string | null {
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

// Does nothing where NODE_COMPILE_CACHE names a folder already.
const folder = cacheFolder();
if (folder !== null) enableCompileCache(folder);
// Loaded after that, so that all of it is cached.
const { runProcess } = await import('./command-line.ts');
await runProcess();
