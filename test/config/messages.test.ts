import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRuleCompiler } from '../../src/diff/rules.ts';
import { academy, failure, load, newFolder, problems, ref, roster } from './fixtures.ts';

const block = (lines: string): string => `${roster}${academy}${lines.replace(/^/gm, '    ')}\n`;
const end = (lines: string): string => `${roster}${academy}${lines}\n`;
const inRoster = (lines: string): string => `${roster}${lines.replace(/^/gm, '  ')}\n${academy}`;

const withColumns = (columns: string): string =>
  `roster:\n  source: a.csv\n  columns: ${columns}\n${academy}`;
const withSource = (source: string): string =>
  `roster:\n  source: ${source}\n  columns: { id: ID }\n${academy}`;

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
    // Values of another kind, with the keys that belong there.
    [
      'the roster as a path',
      `roster: hr.csv\n${academy}`,
      /^1:9 roster: must be a mapping of keys to values \(source, pick, columns, /,
    ],
    [
      'columns as a list',
      withColumns('[id, email]'),
      /^3:\d+ roster\.columns: must be a mapping of keys to values \(id, email, /,
    ],
    [
      'columns the wrong way round',
      withColumns('{ id: ID, WorkEmail: email }'),
      /^3:22 roster\.columns\.WorkEmail: is the wrong way round: write email: WorkEmail$/,
    ],
    [
      'a column of whole names',
      withColumns('{ id: ID, name: Name }'),
      /^3:22 roster\.columns\.name: unknown key; known here: id, email, firstName/,
    ],
    [
      'a column in other letters',
      withColumns('{ id: ID, first_name: F }'),
      /^3:22 roster\.columns\.first_name: unknown key; did you mean "firstName"\?$/,
    ],
    [
      'a column by number',
      withColumns('{ id: 3 }'),
      /^3:18 roster\.columns\.id: must be text; put the value in quotes$/,
    ],
    [
      'skip as a number',
      inRoster('skip: 3'),
      /^4:9 roster\.skip: must be a mapping of keys to values \(above, below, end\)$/,
    ],
    [
      'a header to skip',
      inRoster('skip: { header: 3 }'),
      /^4:11 roster\.skip\.header: unknown key; known here: above, below, end$/,
    ],
    [
      'ids to ignore without their key',
      end('ignore: ["E1"]'),
      /^9:1 ignore: must be a mapping of keys to values \(people, when\)$/,
    ],
    [
      'an id as a number',
      end('ignore: { people: [00123] }'),
      /^9:20 ignore\.people\[0\]: must be text; put the value in quotes$/,
    ],
    [
      'absence as a number',
      end('absence: 3'),
      /^9:10 absence: must be a mapping of keys to values \(exports, days\)$/,
    ],
    [
      'days with a unit',
      end('absence: { days: 2d }'),
      /^9:18 absence\.days: must be a number, without a unit$/,
    ],
    [
      'channels without their key',
      end('alerts: [{ type: slack }]'),
      /^9:1 alerts: must be a mapping of keys to values \(channels, /,
    ],
    ['tokens as a mapping', end('control: { tokens: { ops: x } }'), /^9:12 control\.tokens: must be a list$/],
    [
      'a limit as a share alone',
      block('limits: { deactivate: 5% }'),
      /^9:27 platforms\.academy\.limits\.deactivate: must be a mapping of keys to values \(count, percent, floor\)$/,
    ],
    [
      'a share of more than all',
      block('limits: { deactivate: { percent: 500 } }'),
      /^9:38 platforms\.academy\.limits\.deactivate\.percent: must be at most 100$/,
    ],
    [
      'a limit of a kind that there is not',
      block('limits: { delete: { count: 1 } }'),
      /^9:15 platforms\.academy\.limits\.delete: unknown key; known here: create, update/,
    ],
    [
      'several files as one source',
      withSource('[a.csv, b.csv]'),
      /^2:3 roster\.source: must be one path or source: deliveries that make up the roster together are parts$/,
    ],
    [
      'an address as a path',
      withSource('https://hr.example/a.csv'),
      /^2:11 roster\.source: is an address: write it as \{ type: https, … \}$/,
    ],
    ['FTP', withSource('{ type: ftp, host: x }'), /^2:19 roster\.source\.type: must be https, sftp or s3/],
    [
      'SFTP without a host key',
      withSource('{ type: sftp, host: x, user: u, password: p, path: /a.csv }'),
      /^2:3 roster\.source\.hostKey: is required$/,
    ],
    [
      'mail to nobody',
      end('alerts: { channels: [{ type: email, smtp: "smtp://x", from: a@b.example }] }'),
      /^9:\d+ alerts\.channels\[0\]\.to: is required$/,
    ],
    [
      'the key of another channel',
      end('alerts: { channels: [{ type: slack, webhookUrl: "https://x.example", routingKey: y }] }'),
      /routingKey: unknown key; known here: type, webhookUrl/,
    ],
    [
      'two kinds of expectation',
      inRoster('expected: { cron: "0 1 * * *", maxAge: 26h }'),
      /^4:34 roster\.expected\.maxAge: unknown key; known here: cron, timezone, grace$/,
    ],
    [
      'a state that says the opposite',
      inRoster(`state:\n  - { is: inactive, when: 'person.status == "A"' }`),
      /^5:13 roster\.state\[0\]\.is: must be preHire, active, leave or terminated$/,
    ],
    [
      'a rule of state without its condition',
      inRoster('state:\n  - { is: active }'),
      /^5:\d+ roster\.state\[0\]\.when: is required$/,
    ],
    [
      'a time of day as a schedule',
      block('schedule: "02:00"'),
      /^9:15 .*is not a cron expression: write five fields, such as "0 2 \* \* \*"/,
    ],
    [
      'a time zone as an offset',
      inRoster('timezone: UTC+1'),
      /^4:13 roster\.timezone: is not an IANA time zone such as Europe\/Dublin$/,
    ],
    [
      'a tab by its name',
      inRoster('delimiter: tab'),
      /^4:14 roster\.delimiter: must be one character, such as ";" or, for a tab, "\\t" in double quotes$/,
    ],
    [
      'a role that there is not',
      end('control: { tokens: [{ name: ops, role: admin, token: x }] }'),
      /^9:\d+ control\.tokens\[0\]\.role: must be viewer or operator$/,
    ],
    ['a customer with a space', end('customer: Acme Ltd'), /^9:11 customer: use letters, digits, _ and -/],
    [
      'decrypt as a key',
      inRoster('decrypt: x'),
      /^4:12 roster\.decrypt: must be a mapping of keys to values \(privateKey, passphrase, signedBy\)$/,
    ],
    [
      'a reference with a default',
      `${roster}${academy.replace('"12345678"', ref('KEY:-x'))}`,
      /^8:13 .*this is no reference: write \$\{NAME\} or \$\{file:PATH\}/,
    ],
    // More YAML.
    ['tabs', 'roster:\n\tsource: a.csv\n', /^2:1: not valid YAML: tabs are not allowed as indentation$/],
    [
      'a path of Windows in double quotes',
      withSource('"C:\\Users\\hr\\a.csv"'),
      /in double quotes a backslash begins an escape: write the text in single quotes, and a path with \/$/,
    ],
    [
      'a key without its colon',
      'roster\n  source: a.csv\n',
      /a key has no colon behind it, or what follows it is indented as if it had one$/,
    ],
    ['a quote that is not closed', withSource('"a.csv'), /not valid YAML: missing closing "quote$/],
    ['a key that is there twice', `${roster}${roster}${academy}`, /^4:1 roster: the key is there twice$/],
    [
      'an empty file',
      '',
      /^1:1: must be a mapping of keys to values; it needs at least roster and platforms$/,
    ],
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
    ['$SPARKWISE_API_KEY'],
    ['%SPARKWISE_API_KEY%'],
    ['env:SPARKWISE_API_KEY'],
    ['file:secrets/sparkwise'],
    ['{{ sparkwise_api_key }}'],
  ])('the reference of another program %s is warned of', async (written) => {
    const { warnings } = await load(
      `${roster}${academy.replace('"12345678"', JSON.stringify(written.padEnd(24)).replaceAll(' ', ''))}`,
    );
    expect(warnings.join()).toMatch(
      /apiKey: looks like a reference of another program.*write \$\{NAME\} for a variable, or \$\{file:PATH\}/,
    );
  });

  test('a home folder as a shell has it is warned of', async () => {
    const { warnings } = await load(end('dataDir: ~/rollcall'));
    expect(warnings.join()).toMatch(
      /acme\.yaml:9:10 dataDir: begins with ~, which is taken for a folder of that name/,
    );
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
