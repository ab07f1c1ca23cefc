import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createFilesReader } from '../../src/cli/customer-files.ts';
import { loadOperator } from '../../src/config/operator.ts';
import { operatorBase } from '../../src/config/schema.ts';
import { academy, newFolder, options, ref, roster, write } from './fixtures.ts';

const reader = (patterns: readonly string[], operatorFile?: string) =>
  createFilesReader(patterns, { ...options, secrets: 'required', operatorFile });

test('defaults stand in for what a file leaves out, a key at a time; what the file has counts as a whole', async () => {
  const folder = await newFolder();
  await write(
    folder,
    'operator.yaml',
    [
      'defaults:',
      '  dataDir: ./state',
      '  retention: { journal: 30d }',
      '  absence: { exports: 7 }',
      '  roster: { maxShrink: 3%, waitFor: 1h }',
      '  platforms: { timezone: Europe/Dublin, limits: { deactivate: { count: 9 } } }',
    ].join('\n'),
  );
  await write(
    folder,
    'acme.yaml',
    `absence: { days: 5 }\n${roster}  maxShrink: 20%\n${academy}    timezone: Asia/Tokyo\n`,
  );
  const { customers, operator } = await reader([join(folder, '*.yaml')]).read();
  expect(customers).toHaveLength(1);
  expect(customers[0]).toMatchObject({
    config: {
      customer: 'acme',
      dataDir: join(folder, 'state'),
      retention: { journal: 30 * 86_400_000 },
      absence: { exports: 3, days: 5 },
      roster: { maxShrink: 20, waitFor: 3_600_000 },
      platforms: { academy: { timezone: 'Asia/Tokyo', limits: { deactivate: { count: 9 } } } },
    },
  });
  expect(operator).toMatchObject({ hasControl: false });
});

test.each([
  ['defaults:\n  platforms: { mode: full }\n', 'defaults.platforms.mode'],
  ['defaults:\n  roster: { source: a.csv }\n', 'defaults.roster.source'],
  ['defaults:\n  absence: { exports: 0 }\n', 'defaults.absence.exports'],
  ['contrl: {}\n', 'contrl'],
  [
    `control: { tokens: [ { name: a, role: operator, token: "${ref('NOBODY_SET_IT')}" } ] }\n`,
    'control.tokens[0].token',
  ],
])('what an operator cannot say is an error with its place: %#', async (text, key) => {
  const folder = await newFolder();
  const file = await write(folder, 'operator.yaml', text);
  await expect(loadOperator(file, { env: {} })).rejects.toMatchObject({ place: { file, key } });
});

test('one file for all: two are refused, another one is named, and none above is looked for', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'b'));
  await write(folder, 'acme.yaml', `${roster}${academy}`);
  await writeFile(join(folder, 'b', 'birch.yaml'), `${roster}${academy.replace('12345678', '87654321')}`);
  await write(folder, 'operator.yaml', 'defaults: { absence: { exports: 7 } }\n');
  const files = [join(folder, 'acme.yaml'), join(folder, 'b', 'birch.yaml')];
  const exportsOf = async (...[patterns, file]: Parameters<typeof reader>) =>
    (await reader(patterns, file).read()).customers.map(
      (one) => 'config' in one && one.config.absence.exports,
    );
  expect(await exportsOf(files)).toEqual([7, 7]);
  expect(await exportsOf([join(folder, 'b', '*.yaml')])).toEqual([3]);
  expect(await exportsOf([join(folder, 'b', '*.yaml')], join(folder, 'operator.yaml'))).toEqual([7]);
  await writeFile(join(folder, 'b', 'operator.yaml'), '{}');
  await expect(reader(files).read()).rejects.toMatchObject({ code: 'USAGE' });
  await expect(reader([join(folder, 'operator.yaml')]).read()).rejects.toMatchObject({ code: 'USAGE' });
});

test('what did not change is not read again; a secret that changed is a change', async () => {
  const folder = await newFolder();
  await write(folder, 'key', 'first-key-of-acme');
  await write(folder, 'acme.yaml', `${roster}${academy.replace('"12345678"', `"${ref('file:key')}"`)}`);
  const files = reader([join(folder, '*.yaml')]);
  const configNow = async () => {
    const [one] = (await files.read()).customers;
    if (one === undefined || !('config' in one)) throw new Error('no configuration');
    return one.config;
  };
  const first = await configNow();
  expect(await configNow()).toBe(first);
  await write(folder, 'key', 'second-key-of-acme');
  expect(await configNow()).toMatchObject({ platforms: { academy: { apiKey: 'second-key-of-acme' } } });
});

test('the example is right', async () => {
  const file = fileURLToPath(new URL('../../config/reseller-operator.yaml', import.meta.url));
  const env = { NORTHGATE_ROLLCALL_TOKEN: 't'.repeat(40), NORTHGATE_OPSGENIE_KEY: 'k'.repeat(36) };
  expect(await loadOperator(file, { env })).toMatchObject({ hasControl: true });
});

test('the page names every key that defaults take', async () => {
  const page = await readFile(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('### operator.yaml'));
  const { defaults } = operatorBase.shape;
  const keys = Object.keys(defaults.unwrap().shape);
  expect(keys.length).toBeGreaterThan(5);
  for (const key of keys) expect(section).toContain(`\`${key}\``);
});
