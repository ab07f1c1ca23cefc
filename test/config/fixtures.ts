import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { formatIssue } from '../../src/config/issues.ts';
import type { CustomerConfig } from '../../src/config.ts';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { testRegistry } from './registry.ts';

export const canary = 'CANARY-3f9a77d2-secret';
export const env = { KEY: canary, SHORT: '~7', HOST: 'lantern.example', EMPTY: '' };
export const options = { registry: testRegistry, env };

/** The least that loads: lines 1 to 3, and 4 to 8. */
export const roster = 'roster:\n  source: hr/*.csv\n  columns: { id: ID, email: Mail }\n';
export const academy =
  'platforms:\n  academy:\n    provider: lantern\n    baseUrl: https://a.example\n    apiKey: "12345678"\n';

/** A reference as it is written in a configuration. */
export const ref = (name: string): string => `\${${name}}`;

/** A folder of the running test's own. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-config-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

export async function write(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** Loads the text as `acme.yaml` of a new folder, or of the one given. */
export async function load(text: string, folder?: string): Promise<CustomerConfig> {
  return loadConfig(await write(folder ?? (await newFolder()), 'acme.yaml', text), options);
}

export async function failure(text: string, folder?: string): Promise<ConfigError> {
  const outcome: unknown = await load(text, folder).catch((error: unknown) => error);
  if (outcome instanceof ConfigError) return outcome;
  throw new Error(`expected a ConfigError, got ${String(outcome)}`);
}

/** The issues as `line:column key: message`. */
export async function problems(text: string): Promise<string[]> {
  const { issues } = await failure(text);
  return issues.map((issue) =>
    formatIssue({ ...issue, place: { ...issue.place, file: '' } }).replace(/^:/, ''),
  );
}
