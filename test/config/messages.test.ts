import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRuleCompiler } from '../../src/diff/rules.ts';
import { academy, failure, load, newFolder, problems, ref, roster } from './fixtures.ts';

const block = (lines: string): string => `${roster}${academy}${lines.replace(/^/gm, '    ')}\n`;
const end = (lines: string): string => `${roster}${academy}${lines}\n`;
const inRoster = (lines: string): string => `${roster}${lines.replace(/^/gm, '  ')}\n${academy}`;

describe('a mistake that people make is answered with where, what, and what to do', () => {
  test.each<[mistake: string, text: string, said: RegExp]>([
    // A key at the wrong level.
    [
      'maxAge beside expected',
      inRoster('maxAge: 26h'),
      /^4:3 roster\.maxAge: is not a key here: it belongs under roster\.expected$/,
    ],
    [
      'limits at the top',
      end('limits: { deactivate: { count: 5 } }'),
      /^9:1 limits: is not a key here: it belongs under platforms\.NAME$/,
    ],
    ['mode at the top', end('mode: full'), /^9:1 mode: is not a key here: it belongs under platforms\.NAME$/],
    [
      'schedule at the top',
      end('schedule: "0 2 * * *"'),
      /^9:1 schedule: .*it belongs under platforms\.NAME/,
    ],
    [
      'enrollments at the top',
      end('enrollments: []'),
      /^9:1 enrollments: .*it belongs under platforms\.NAME/,
    ],
    ['rate at the top', end('rate: 5/s'), /^9:1 rate: .*it belongs under platforms\.NAME/],
    ['channels at the top', end('channels: []'), /^9:1 channels: .*it belongs under alerts/],
    ['tokens at the top', end('tokens: []'), /^9:1 tokens: .*it belongs under control/],
    ['listen at the top', end('listen: 127.0.0.1:7654'), /^9:1 listen: .*it belongs under control/],
    ['columns at the top', end('columns: { id: ID }'), /^9:1 columns: .*it belongs under roster/],
    ['source at the top', end('source: ./hr.csv'), /^9:1 source: .*it belongs under roster/],
    ['maxShrink at the top', end('maxShrink: 10%'), /^9:1 maxShrink: .*it belongs under roster/],
    ['dataDir under a platform', block('dataDir: ./data'), /^9:5 platforms\.academy\.dataDir: unknown key/],
    [
      'attributes under columns',
      `roster:\n  source: a.csv\n  columns: { id: ID, attributes: [X] }\n${academy}`,
      /^3:22 roster\.columns\.attributes: .*it belongs under roster$/,
    ],
    // Units.
    [
      'a rate without a unit',
      block('rate: 20'),
      /^9:11 platforms\.academy\.rate: is a number without a unit: write 5\/s, 300\/m or 1000\/h$/,
    ],
    [
      'a share as a fraction',
      inRoster('maxShrink: 0.1'),
      /^4:14 roster\.maxShrink: is a number without its sign: write 10% for ten in a hundred$/,
    ],
    [
      'a percentage without its sign',
      inRoster('maxRejected: 1'),
      /^4:16 roster\.maxRejected: is a number without its sign: write 10%/,
    ],
    [
      'a duration without a unit',
      block('timeout: 30'),
      /^9:14 platforms\.academy\.timeout: is a number without a unit: write 30s, 15m, 26h or 30d$/,
    ],
    [
      'an expiry without a unit',
      end('approval: { expires: 24 }'),
      /^9:22 approval\.expires: is a number without a unit: write 30s/,
    ],
    ['a rate of words', block('rate: five a second'), /^9:11 .*is not a rate; write 5\/s or 300\/m$/],
    [
      'a duration of words',
      block('jitter: 5 minutes'),
      /^9:13 .*is not a duration; write 90s, 15m, 26h, 30d or 5y$/,
    ],
    ['a timeout of a day', block('timeout: 1d'), /^9:14 platforms\.academy\.timeout: must be at most 15m$/],
    ['a jitter of a week', block('jitter: 7d'), /^9:13 platforms\.academy\.jitter: must be at most 1d$/],
    ['a duration of millennia', end('retention: { journal: 99999999999d }'), /^9:23 .*is not a duration/],
    // YAML.
    [
      'a block that is indented too far',
      `${roster}${academy}     mode: full\n`,
      /^\d+:\d+.*the indentation does not fit|not valid YAML/,
    ],
    [
      'a text with a colon',
      block('accounts: person.id: x'),
      /^9:\d+.*the indentation does not fit: keys of one mapping begin in one column, and a text with a colon and a space in it needs quotes$/,
    ],
    [
      'a reference in braces without quotes',
      end(`alerts: { channels: [ { type: opsgenie, apiKey: ${ref('KEY')} } ] }`),
      /inside \{ \} or \[ \] a reference has to be quoted/,
    ],
    // Names.
    [
      'a mode that there is not',
      block('mode: live'),
      /^9:11 platforms\.academy\.mode: must be observe, additive or full$/,
    ],
    [
      'a typing error',
      block('scheduel: "0 2 * * *"'),
      /^9:5 platforms\.academy\.scheduel: unknown key; did you mean "schedule"\?$/,
    ],
    ['an unknown time zone', block('timezone: Dublin'), /^9:15 platforms\.academy\.timezone: /],
    [
      'a proxy that is no address',
      end('control: { trustedProxies: [proxy.internal] }'),
      /^9:29 control\.trustedProxies\[0\]: write an address or a range, such as 10\.0\.0\.5 or 10\.0\.0\.0\/8$/,
    ],
    [
      'a range that is none',
      end('control: { trustedProxies: [10.0.0.0/33] }'),
      /^9:29 control\.trustedProxies\[0\]: write an address or a range/,
    ],
    [
      'a port that is none',
      end('control: { listen: "127.0.0.1:99999" }'),
      /^9:20 control\.listen: the port must be at most 65535$/,
    ],
    [
      'a trailer that is no pattern',
      inRoster('trailer: { match: "^(?<count>" }'),
      /^4:21 roster\.trailer\.match: /,
    ],
    // Values that are empty or of another kind.
    [
      'an empty value',
      block('accounts:'),
      /^9:5 platforms\.academy\.accounts: is empty; give it a value or leave the key out$/,
    ],
    [
      'a list where a text belongs',
      block('accounts: [a]'),
      /^9:5 platforms\.academy\.accounts: must be text$/,
    ],
    ['a number where a list belongs', end('ignore: { people: 7 }'), /^9:19 ignore\.people: must be a list$/],
  ])('%s', async (_mistake, text, said) => {
    const [first] = await problems(text);
    expect(first).toMatch(said);
  });

  test('a variable that is not set, with and without a file .env beside the configuration', async () => {
    const text = `${roster}${academy.replace('"12345678"', ref('UNSET'))}`;
    expect((await failure(text)).message).toMatch(/the environment variable UNSET is not set$/);
    const folder = await newFolder();
    await writeFile(join(folder, '.env'), 'UNSET=x\n');
    expect((await failure(text, folder)).message).toMatch(
      /UNSET is not set; the file \.env beside the configuration is not read by itself: set -a; \. \.\/\.env; set \+a$/,
    );
  });

  test('a key that was pasted with its quotes is warned of, and not shown', async () => {
    const { warnings } = await load(`${roster}${academy.replace('"12345678"', `"'${'k'.repeat(8)}'"`)}`);
    const [quoted] = warnings.filter((warning) => warning.includes('begins and ends with a quote'));
    expect(quoted).toMatch(
      /acme\.yaml:8:13 platforms\.academy\.apiKey: begins and ends with a quote, which is taken as a part of it: was it pasted with its quotes\?$/,
    );
    expect(warnings.join()).not.toContain('kkkk');
  });

  test.each([
    ['person.department = "Sales"', 'Write == to compare.'],
    ['person.department == "Sales" && person.state = "active"', 'Write == to compare.'],
    ['person.depratment == "Sales"', 'No such key: depratment'],
    ['person.department.matches("(?=x)")', 'there are no look-aheads'],
  ])('the rule %s', (source, said) => {
    expect(() => createRuleCompiler([]).predicate(source, 'platforms.academy.accounts')).toThrow(said);
  });

  test('a rule that compares with == is not told to', () => {
    expect(() => createRuleCompiler([]).predicate('person.x == "a = b"', 'a')).toThrow(/^(?!.*Write ==)/);
  });
});
