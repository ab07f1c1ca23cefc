import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LoadedConfig } from '../../src/config.ts';
import { loadConfigs } from '../../src/config.ts';
import { academy, failure, load, newFolder, options, roster, write } from './fixtures.ts';

describe('two blocks of one tenant', () => {
  const lantern = (name: string, url: string, key: string) =>
    `  ${name}: { provider: lantern, baseUrl: "${url}", apiKey: "${key}" }\n`;
  const beacon = (name: string, customer: string, token: string) =>
    `  ${name}: { provider: beacon, baseUrl: "https://b.example", customerId: ${customer}, token: ${token} }\n`;

  test.each<[what: string, blocks: string, clash: boolean]>([
    [
      'the same URL, written differently',
      lantern('a', 'https://A.example/', 'k'.repeat(8)) +
        lantern('b', 'https://a.example:443', 'k'.repeat(8)),
      true,
    ],
    [
      'other credentials',
      lantern('a', 'https://a.example', 'k'.repeat(8)) + lantern('b', 'https://a.example', 'j'.repeat(8)),
      false,
    ],
    [
      'another host',
      lantern('a', 'https://a.example', 'k'.repeat(8)) + lantern('b', 'https://b.example', 'k'.repeat(8)),
      false,
    ],
    ["the provider's own word, other tokens", beacon('a', 'c1', 't1') + beacon('b', 'c1', 't2'), true],
    ["the provider's own word, other customers", beacon('a', 'c1', 't1') + beacon('b', 'c2', 't1'), false],
  ])('%s: %#', async (_what, blocks, clash) => {
    const text = `${roster}platforms:\n${blocks}`;
    if (!clash) return expect((await load(text)).platforms).toHaveProperty('b');
    const error = await failure(text);
    expect(error.code).toBe('CONFIG_DUPLICATE_TENANT');
    return expect(error.issues).toMatchObject([
      {
        message: 'points at the same tenant as platforms.a',
        place: { line: 6, column: 3, key: 'platforms.b' },
      },
    ]);
  });
});

describe('many files', () => {
  const of = (key: string, customer = '') => `${customer}${roster}${academy.replace('12345678', key)}`;
  const outcome = (one: LoadedConfig) => ('config' in one ? one.config.customer : one.error.code);

  test('a broken one stops only itself', async () => {
    const folder = await newFolder();
    await write(folder, 'many-b.yaml', of('key-many-1'));
    await write(folder, 'many-c.yaml', 'nonsense');
    await write(folder, 'many-a.yaml', of('key-many-2'));
    const loaded = await loadConfigs([join(folder, 'many-*.yaml'), join(folder, 'many-a.yaml')], options);
    expect(loaded.map(outcome)).toEqual(['many-a', 'many-b', 'CONFIG_INVALID']);
  });

  test('what is not there is an error of its own', async () => {
    const folder = await newFolder();
    await write(folder, 'many-a.yaml', of('key-many-2'));
    const loaded = await loadConfigs([join(folder, 'none-*.yaml'), join(folder, 'many-a.yaml')], options);
    expect(loaded.map(outcome)).toEqual(['CONFIG_NOT_FOUND', 'many-a']);
  });

  test('one name for two customers stops both', async () => {
    const folder = await newFolder();
    await write(folder, 'name-1.yaml', of('key-name-1', 'customer: acme\n'));
    await write(folder, 'name-2.yaml', of('key-name-2', 'customer: Acme\n'));
    await write(folder, 'name-3.yaml', of('key-name-3'));
    const loaded = await loadConfigs([join(folder, 'name-*.yaml')], options);
    expect(loaded.map(outcome)).toEqual(['CONFIG_INVALID', 'CONFIG_INVALID', 'name-3']);
    expect(loaded[0]).toMatchObject({
      error: {
        place: { line: 1, column: 11, key: 'customer' },
        message: expect.stringContaining('name-2.yaml'),
      },
    });
  });

  test('one tenant of two customers stops both', async () => {
    const folder = await newFolder();
    await write(folder, 'tenant-1.yaml', of('key-tenant'));
    await write(folder, 'tenant-2.yaml', of('key-tenant'));
    const loaded = await loadConfigs([join(folder, 'tenant-*.yaml')], options);
    expect(loaded.map(outcome)).toEqual(['CONFIG_DUPLICATE_TENANT', 'CONFIG_DUPLICATE_TENANT']);
    expect(loaded[1]).toMatchObject({
      error: {
        place: { line: 5, column: 3, key: 'platforms.academy' },
        message: expect.stringContaining(`platforms.academy of ${join(folder, 'tenant-1.yaml')}`),
      },
    });
  });
});
