import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { platformBase } from '../../src/config/schema.ts';
import { providerRegistry, providers } from '../../src/providers/registry.ts';

const folders = readdirSync(new URL('../../src/providers', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

/** The keys of a block that are its provider's own. */
function ownKeys(name: string): readonly string[] {
  const common = new Set(['provider', 'enrollments', ...Object.keys(platformBase.shape)]);
  return Object.keys(providers[name]?.settings.shape ?? {}).filter((key) => !common.has(key));
}

test('the registry has one provider for each folder, under its own name', () => {
  expect(Object.keys(providers).sort()).toEqual(folders);
  for (const [name, module] of Object.entries(providers)) expect(module.name).toBe(name);
});

test.each(folders)('%s has everything that the guide asks for', (name) => {
  const root = new URL('../../', import.meta.url);
  const has = (file: string, text: string): string[] => {
    const path = new URL(file, root);
    return existsSync(path) && readFileSync(path, 'utf8').includes(text) ? [] : [`${file}: ${text}`];
  };
  expect(
    [
      ...['api', 'index', 'schema', 'settings'].flatMap((file) =>
        has(`src/providers/${name}/${file}.ts`, 'export '),
      ),
      ...has(`src/providers/${name}/readme.md`, '# '),
      ...has(`sandbox/${name}/index.ts`, 'export '),
      ...has(`test/sandbox/${name}.test.ts`, `sandbox/${name}/index.ts`),
      ...has(`test/conformance/${name}.test.ts`, 'conformance({'),
      ...has(`test/conformance/${name}.test.ts`, 'const answers'),
      ...has(`test/providers/${name}.test.ts`, `src/providers/${name}/`),
      ...has(`docs/providers/${name}.md`, '# '),
      ...ownKeys(name).flatMap((key) => has(`docs/providers/${name}.md`, key)),
      ...has('docs/providers/README.md', `](${name}.md) |`),
      ...has('README.md', `](docs/providers/${name}.md)`),
      ...has('config/all-platforms.yaml', `provider: ${name}\n`),
    ],
    'docs/adding-a-provider.md asks for each of these files, with that text in it',
  ).toEqual([]);
});

test('a block of each provider names it', () => {
  for (const [name, { settings }] of Object.entries(providers)) {
    expect(settings.shape['provider']?.safeParse(name).success).toBe(true);
    expect(settings.shape['provider']?.safeParse('another').success).toBe(false);
  }
});

test('every block has the common keys, a base URL and a rate', () => {
  for (const { settings } of Object.values(providers)) {
    expect(Object.keys(settings.shape)).toEqual(
      expect.arrayContaining(['provider', 'baseUrl', 'rate', 'mode', 'accounts', 'timeout', 'enrollments']),
    );
  }
});

async function load(block: readonly string[]): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-registry-'));
  const file = join(folder, 'rollcall.yaml');
  const head = ['roster:', '  source: roster.csv', '  columns: { id: ID }', 'platforms:', '  academy:'];
  await writeFile(file, [...head, ...block.map((line) => `    ${line}`), ''].join('\n'));
  return loadConfig(file, { registry: providerRegistry, env: {} });
}

test('a Sparkwise block loads through the registry, with its defaults', async () => {
  expect(await load(['provider: sparkwise', 'apiKey: key-1234'])).toMatchObject({
    platforms: {
      academy: {
        baseUrl: 'https://account-api.sparkwise.co',
        apiKeyHeader: 'x-api-key',
        rate: { count: 5, windowMs: 1_000 },
        batch: 200,
        sendEmail: false,
        completedWhen: 'attended && percentageStepsVisited >= 80',
        paths: { users: 'GET /users', completions: 'GET /completions' },
        enrollments: [],
      },
    },
  });
});

test.each([
  [['enrollments:', '  - { target: x, when: "true" }'], /enrollments.*self-registration/],
  [['leavers: unenroll'], /leavers.*self-registration/],
  [['completedWhen: percentage > 3'], /completedWhen.*Unknown variable: percentage.*percentageStepsVisited/],
  [['completedWhen: stepsVisited'], /completedWhen.*must be true or false/],
  [['batch: 201'], /batch/],
  [['paths: { users: /users }'], /paths\.users.*GET \/users/],
])('a Sparkwise block with %j is refused with the reason', async (lines, reason) => {
  const problem = await load(['provider: sparkwise', 'apiKey: key-1234', ...lines]).catch(
    (error: unknown) => error,
  );
  expect(problem).toBeInstanceOf(ConfigError);
  expect(problem).toHaveProperty('message', expect.stringMatching(reason));
});
