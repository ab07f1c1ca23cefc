import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { providerRegistry } from '../../src/providers/registry.ts';

const examples = fileURLToPath(new URL('../../config/', import.meta.url));
const root = await mkdtemp(join(tmpdir(), 'rollcall-examples-'));
afterAll(() => rm(root, { recursive: true }));

test.each([
  'sparkwise.yaml',
  'all-platforms.yaml',
  'reseller.yaml',
  'parts.yaml',
  'workday.yaml',
  'bamboohr.yaml',
  'personio.yaml',
  'hibob.yaml',
])('config/%s loads', async (name) => {
  const text = await readFile(join(examples, name), 'utf8');
  const file = join(root, 'config', name);
  await cp(join(examples, name), file);
  await mkdir(join(root, 'data/secrets'), { recursive: true });
  const variables = [...text.matchAll(/\$\{([A-Z_]+)\}/g)];
  for (const [, path] of text.matchAll(/\$\{file:([^}]+)\}/g)) {
    await writeFile(join(root, 'config', path ?? ''), 'a-secret-of-the-examples\n');
  }
  const env = Object.fromEntries(
    variables.map(([, variable = '']) => {
      const secret = `${variable}-${'0'.repeat(32)}`;
      return [variable, variable.endsWith('_URL') ? `https://hooks.example/${secret}` : secret];
    }),
  );
  const config = await loadConfig(file, { registry: providerRegistry, env });
  expect(Object.keys(config.platforms).length).toBeGreaterThan(0);
});
