import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import {
  academy,
  canary,
  env,
  failure,
  load,
  newFolder,
  options,
  problems,
  ref,
  roster,
  write,
} from './fixtures.ts';
import { testRegistry } from './registry.ts';

describe('references', () => {
  test('are filled in, several in one string, from variables and files', async () => {
    const folder = await newFolder();
    await write(folder, 'token', 'from-a-file\n\n');
    const config = await load(
      roster +
        academy
          .replace('https://a.example', `https://${ref('HOST')}/${ref('SHORT')}`)
          .replace('12345678', () => `${ref('KEY')}:$${ref('KEY')}:${ref('file:token')}`),
      folder,
    );
    expect(config.platforms['academy']).toMatchObject({
      baseUrl: 'https://lantern.example/~7',
      apiKey: `${canary}:\${KEY}:from-a-file\n`,
    });
  });

  test('are not looked for in what was filled in', async () => {
    const file = await write(
      await newFolder(),
      'acme.yaml',
      `${roster}${academy.replace('12345678', ref('OUTER'))}`,
    );
    const config = await loadConfig(file, { registry: testRegistry, env: { OUTER: `\${INNER}` } });
    expect(config.platforms['academy']).toHaveProperty('apiKey', `\${INNER}`);
  });

  test.each([
    ['{UNSET}', 'the environment variable UNSET is not set'],
    ['{EMPTY}', 'the environment variable EMPTY is empty'],
    ['{toString}', 'the environment variable toString is not set'],
  ])('to a missing variable $%s are named with their place', async (reference, message) => {
    const error = await failure(`${roster}${academy.replace('12345678', `$${reference}`)}`);
    expect(error.code).toBe('CONFIG_SECRET_MISSING');
    expect(error.issues).toEqual([
      {
        code: 'CONFIG_SECRET_MISSING',
        message,
        place: { file: error.place?.file, line: 8, column: 13, key: 'platforms.academy.apiKey' },
      },
    ]);
  });

  test.each([
    ['nowhere', 'does not exist'],
    ['.', 'is a folder, not a file'],
  ])('to the unreadable file %s name its path', async (path, why) => {
    const folder = await newFolder();
    const error = await failure(`${roster}${academy.replace('12345678', ref(`file:${path}`))}`, folder);
    expect(error.code).toBe('CONFIG_SECRET_MISSING');
    expect(error.issues[0]?.message).toBe(`the secret file ${join(folder, path)} ${why}`);
  });

  test.each(['{', '{}', '{a b}', '{NAME'])(
    'that are malformed ($%s) are refused without being repeated',
    async (text) => {
      const [problem, ...rest] = await problems(
        `${roster}${academy.replace('12345678', `${canary}$${text}`)}`,
      );
      expect(rest).toEqual([]);
      expect(problem).toMatch(/^8:13 platforms\.academy\.apiKey: this is no reference: write \$\{NAME\}/);
      expect(problem).not.toContain(canary);
    },
  );

  test('that are missing in two blocks do not make them one tenant', async () => {
    const block = (name: string) =>
      `  ${name}:\n    provider: lantern\n    baseUrl: https://a.example\n    apiKey: \${UNSET_${name}}\n`;
    const error = await failure(`${roster}platforms:\n${block('one')}${block('two')}`);
    expect(error.issues.map((issue) => issue.code)).toEqual([
      'CONFIG_SECRET_MISSING',
      'CONFIG_SECRET_MISSING',
    ]);
  });
});

describe('no secret is repeated', () => {
  const careless = `platforms:\n  c:\n    provider: careless\n    baseUrl: https://c.example\n    secret: \${KEY}\n`;
  test.each<[what: string, text: string]>([
    ['as a duration', `${roster}${academy}approval: { expires: "\${KEY}" }\n`],
    ['as a part of a percentage', `${roster}  maxShrink: "7\${KEY}%"\n${academy}`],
    ['as a mode', `${roster}${academy}    mode: \${KEY}\n`],
    ['as a provider', `${roster}${academy.replace('lantern', ref('KEY'))}`],
    ['as a URL', `${roster}${academy.replace('https://a.example', ref('KEY'))}`],
    [
      'as a platform of a channel',
      `${roster}${academy}alerts: { channels: [ { type: opsgenie, apiKey: k, platforms: ["\${KEY}"] } ] }\n`,
    ],
    ['by a provider that quotes it, about the block', roster + careless],
    [
      'through an alias',
      `${roster}protect: { people: [ &k "\${KEY}" ] }\napproval: { expires: *k }\n${academy}`,
    ],
    ['as a short value', `${roster}${academy}approval: { expires: "\${SHORT}" }\n`],
  ])('%s', async (_what, text) => {
    const error = await failure(text);
    const shown = JSON.stringify([
      error.message,
      error.issues,
      error.place,
      error.hint,
      error.cause,
      error.stack,
    ]);
    expect(error.issues.length).toBeGreaterThan(0);
    expect(shown).not.toContain(canary);
    expect(shown).not.toContain('3f9a77d2');
    expect(shown).not.toContain('~7');
  });

  test('even one written into a file that is no YAML', async () => {
    const error = await failure(`apiKey: a: ${canary}\n] ${canary}\n`);
    expect(error.message).toContain('not valid YAML');
    expect(error.message).not.toContain(canary);
  });

  test('says which reference gave the value', async () => {
    expect(await problems(`${roster}${academy}approval: { expires: "\${KEY}" }\n`)).toEqual([
      `9:22 approval.expires: the value from \${KEY} is not accepted here`,
    ]);
  });
});

test('a secret file that may not be read, or is not there, is looked for among the credentials of systemd', async () => {
  const folder = await newFolder();
  const credentials = await newFolder();
  await write(credentials, 'secrets_academy', 'key-from-systemd\n');
  const file = await write(
    folder,
    'acme.yaml',
    `${roster}${academy.replace('"12345678"', `"${ref('file:secrets/academy')}"`)}`,
  );
  const at = (directory: string) =>
    loadConfig(file, { ...options, env: { ...env, CREDENTIALS_DIRECTORY: directory } });
  expect(await at(credentials)).toMatchObject({
    platforms: { academy: { apiKey: 'key-from-systemd' } },
    warnings: expect.not.arrayContaining([expect.stringContaining('chmod')]),
  });
  await expect(at(folder)).rejects.toMatchObject({
    code: 'CONFIG_SECRET_MISSING',
    message: expect.stringContaining(`${folder}/secrets/academy does not exist`),
  });
});
