import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { academy, failure, load, newFolder, options, ref, roster, write } from './fixtures.ts';

describe('a good file', () => {
  test('has its defaults, units and absolute paths', async () => {
    const folder = await newFolder();
    const config = await load(roster + academy, folder);
    expect(config).toMatchObject({
      customer: 'acme',
      file: join(folder, 'acme.yaml'),
      dataDir: join(folder, 'data'),
      roster: { source: join(folder, 'hr/*.csv'), maxShrink: 10, waitFor: 7_200_000, duplicates: 'reject' },
      absence: { exports: 3, days: 2 },
      approval: { expires: 86_400_000 },
      protect: { people: [], from: ['deactivate', 'unenroll'] },
      alerts: { channels: [], remindAfter: 86_400_000 },
      control: { listen: '127.0.0.1:7654', tokens: [] },
      platforms: {
        academy: {
          provider: 'lantern',
          mode: 'observe',
          rate: { count: 5, windowMs: 1_000 },
          accounts: 'person.state in ["active", "leave"]',
          enrollments: [],
          limits: {},
        },
      },
    });
  });

  test('leaves a source that is an absolute path alone', async () => {
    const config = await load(`${roster.replace('hr/*.csv', '/srv/hr/*.csv')}${academy}`);
    expect(config.roster.source).toBe('/srv/hr/*.csv');
  });

  test('takes percentages in limits as numbers and as text', async () => {
    const config = await load(
      `${roster}${academy}    limits: { deactivate: { percent: 4 }, unenroll: { percent: 2.5% } }\n`,
    );
    expect(config.platforms['academy']?.limits).toEqual({
      deactivate: { percent: 4 },
      unenroll: { percent: 2.5 },
    });
  });

  test('takes what an anchor holds', async () => {
    const config = await load(`${roster}absence: { exports: &n 5, days: *n }\n${academy}`);
    expect(config.absence).toEqual({ exports: 5, days: 5 });
  });
});

describe('a file', () => {
  test('a file name that cannot be a customer', async () => {
    const file = await write(await newFolder(), '2 many.yaml', roster + academy);
    await expect(loadConfig(file, options)).rejects.toThrow(
      `${file}:1:1 customer: the file's name cannot be the customer's (use letters`,
    );
  });

  test('a file that is not there', async () => {
    const file = join(await newFolder(), 'absent.yaml');
    await expect(loadConfig(file, options)).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      exitCode: 2,
      message: `${file}: the configuration file does not exist`,
    });
  });

  test('all of a file together, by line, the first as the place', async () => {
    const error = await failure(
      `${roster}${academy.replace('12345678', ref('UNSET'))}    mode: fast\nabsense: 1\nignore: { people: [7] }\n`,
    );
    const file = error.place?.file ?? '';
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.place).toEqual({ file, line: 8, column: 13, key: 'platforms.academy.apiKey' });
    expect(error.message.split('\n')).toEqual([
      `${file}:8:13 platforms.academy.apiKey: the environment variable UNSET is not set`,
      `${file}:9:11 platforms.academy.mode: must be observe, additive or full`,
      `${file}:10:1 absense: unknown key; did you mean "absence"?`,
      `${file}:11:20 ignore.people[0]: must be text; put the value in quotes`,
    ]);
  });
});

test.each(['127.0.0.1:0', '127.9.9.9:1', 'localhost:7654', '"[::1]:7654"', '"[0:0:0:0:0:0:0:1]:7654"'])(
  'control.listen %s is loopback and needs no token',
  async (listen) => {
    await expect(load(`${roster}${academy}control: { listen: ${listen} }\n`)).resolves.toHaveProperty(
      'control',
    );
  },
);
