import { describe, expect, test } from 'vitest';
import { academy, problems, roster } from './fixtures.ts';

describe('a problem is reported with its exact place', () => {
  const block = (lines: string) => `${roster}${academy}${lines.replace(/^/gm, '    ')}\n`;
  test.each<[what: string, text: string, expected: string[]]>([
    [
      'an empty file',
      '',
      ['1:1: must be a mapping of keys to values; it needs at least roster and platforms'],
    ],
    ['a list', '- a\n', ['1:1: must be a mapping of keys to values; it needs at least roster and platforms']],
    [
      'nothing but a customer',
      'customer: acme\n',
      ['1:1 roster: is required', '1:1 platforms: is required: a mapping of names to at least one platform'],
    ],
    [
      'broken YAML',
      'roster:\n  - a\n b: c\n',
      [
        '3:1: not valid YAML: the indentation does not fit: keys of one mapping begin in one column, and a text with a colon and a space in it needs quotes',
      ],
    ],
    [
      'an unquoted reference in a flow mapping',
      `control: { token: \${KEY} }\n`,
      [`1:20 control.token: inside { } or [ ] a reference has to be quoted: "\${NAME}"`],
    ],
    [
      'an unknown alias',
      `${roster}${academy}    mode: *none\n`,
      ['9:11 platforms.academy.mode: no anchor of that name comes before this alias'],
    ],
    [
      'an alias inside its own anchor',
      `${roster}${academy}protect: &p { people: [*p] }\n`,
      ['1:1: the aliases of this file refer to themselves, or to too much'],
    ],
    [
      'aliases that multiply',
      `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c]\n`,
      ['1:1: the aliases of this file refer to themselves, or to too much'],
    ],
    [
      'an unknown tag',
      `${roster}${academy}    mode: !env MODE\n`,
      ['9:11 platforms.academy.mode: unresolved tag: !env'],
    ],
    [
      'two documents',
      `${roster}${academy}---\na: 1\n`,
      ['9:1: not valid YAML: source contains multiple documents'],
    ],
    ['a key twice', `${roster}${academy}dataDir: a\ndataDir: b\n`, ['10:1 dataDir: the key is there twice']],
    [
      'an unknown key at the top',
      `${roster}${academy}dataDirr: x\n`,
      ['9:1 dataDirr: unknown key; did you mean "dataDir"?'],
    ],
    [
      'an unknown key far from all',
      `${roster}${academy}absence: { weeks: 3 }\n`,
      ['9:12 absence.weeks: unknown key; known here: exports, days'],
    ],
    [
      'an unknown key of a platform',
      block('shedule: "0 2 * * *"'),
      ['9:5 platforms.academy.shedule: unknown key; did you mean "schedule"?'],
    ],
    [
      'an unknown key in a limit',
      block('limits:\n  deactivate: { pecrent: 3 }'),
      ['10:21 platforms.academy.limits.deactivate.pecrent: unknown key; did you mean "percent"?'],
    ],
    [
      'an unknown column',
      `${roster.replace('email', 'emial')}${academy}`,
      ['3:22 roster.columns.emial: unknown key; did you mean "email"?'],
    ],
    [
      'an unknown key in a union',
      `${roster}  expected: { cron: "0 1 * * *", timezon: UTC }\n${academy}`,
      ['4:34 roster.expected.timezon: unknown key; did you mean "timezone"?'],
    ],
    [
      'an unknown key in a channel',
      `${roster}${academy}alerts:\n  channels:\n    - { type: slack, webhookURL: "https://x.example" }\n`,
      [
        '11:7 alerts.channels[0].webhookUrl: is required',
        '11:22 alerts.channels[0].webhookURL: unknown key; did you mean "webhookUrl"?',
      ],
    ],
    [
      'an unknown channel',
      `${roster}${academy}alerts: { channels: [ { type: slakc } ] }\n`,
      [
        '9:31 alerts.channels[0].type: must be pagerduty, opsgenie, slack, teams, webhook or email; did you mean "slack"?',
      ],
    ],
    [
      'a mode that is none',
      block('mode: additve'),
      ['9:11 platforms.academy.mode: must be observe, additive or full; did you mean "additive"?'],
    ],
    [
      'a duration that is none',
      `${roster}${academy}approval: { expires: soon }\n`,
      ['9:22 approval.expires: "soon" is not a duration; write 90s, 15m, 26h, 30d or 5y'],
    ],
    [
      'a number where text belongs',
      `${roster}${academy}ignore: { people: [ 00042 ] }\n`,
      ['9:21 ignore.people[0]: must be text; put the value in quotes'],
    ],
    [
      'text where a number belongs',
      `${roster}${academy}absence: { exports: three }\n`,
      ['9:21 absence.exports: must be a number'],
    ],
    [
      'a fraction where a whole number belongs',
      `${roster}${academy}absence: { exports: 2.5 }\n`,
      ['9:21 absence.exports: must be a whole number'],
    ],
    [
      'a key without a value',
      `${roster}${academy}dataDir:\n`,
      ['9:1 dataDir: is empty; give it a value or leave the key out'],
    ],
    [
      'a cron expression that is none',
      block('schedule: nightly'),
      [
        '9:15 platforms.academy.schedule: is not a cron expression: write five fields, such as "0 2 * * *", or six with seconds first',
      ],
    ],
    [
      'a time zone that is none',
      block('timezone: Europe/Dubln'),
      ['9:15 platforms.academy.timezone: is not an IANA time zone such as Europe/Dublin'],
    ],
    [
      'no provider',
      `${roster}platforms:\n  academy:\n    mode: full\n`,
      ['5:3 platforms.academy.provider: is required; known: lantern, beacon, careless'],
    ],
    [
      'an unknown provider',
      `${roster}${academy.replace('lantern', 'lantren')}`,
      ['6:15 platforms.academy.provider: there is no such provider; did you mean "lantern"?'],
    ],
    [
      'a missing credential',
      `${roster}platforms:\n  a:\n    provider: lantern\n    baseUrl: https://a.example\n`,
      ['5:3 platforms.a.apiKey: is required'],
    ],
    [
      'a name that is none',
      `${roster}${academy.replace('academy', '"my academy"')}`,
      [
        '5:3 platforms.my academy: is not a name for a platform: use letters, digits, _ and -, and begin with a letter (63 at most)',
      ],
    ],
    [
      'enrollments where there are none',
      block('enrollments: []'),
      ['9:5 platforms.academy.enrollments: Lantern has no operation that enrolls anyone'],
    ],
    [
      'a platform that is text',
      `${roster}platforms:\n  academy: lantern\n`,
      ['5:12 platforms.academy: must be a mapping of keys to values, provider first'],
    ],
    [
      'a person protected and ignored',
      `${roster}${academy}protect: { people: [a, b] }\nignore: { people: [c, b] }\n`,
      ['10:23 ignore.people[1]: is in protect.people too: a person is protected or ignored, not both'],
    ],
    [
      'one column for two fields',
      `${roster.replace('Mail', 'ID')}${academy}`,
      ['3:29 roster.columns.email: names the same column as roster.columns.id'],
    ],
    [
      'an attribute twice',
      `${roster}  attributes: [Site, Job, Site]\n${academy}`,
      ['4:27 roster.attributes[2]: is in the list twice'],
    ],
    [
      'a channel for no platform',
      `${roster}${academy}alerts: { channels: [ { type: opsgenie, apiKey: k, platforms: [acadmy] } ] }\n`,
      [
        '9:64 alerts.channels[0].platforms[0]: no platform of this name is configured; did you mean "academy"?',
      ],
    ],
    [
      'a floor above its count',
      block('limits: { deactivate: { count: 5, floor: 10 } }'),
      [
        '9:46 platforms.academy.limits.deactivate.floor: is above count, which would then never bind: the limit is at least floor',
      ],
    ],
    [
      'an open port without a token',
      `${roster}${academy}control: { listen: 0.0.0.0:7654 }\n`,
      ['9:20 control.listen: is open to other machines: control.tokens needs a token first'],
    ],
    [
      'an open port with a short token',
      `${roster}${academy}control:\n  listen: "[::]:7654"\n  tokens:\n    - { name: ops, role: operator, token: short }\n`,
      [
        '12:43 control.tokens[0].token: must have at least 32 characters, because control.listen is open to other machines',
      ],
    ],
    [
      'a port that is none',
      `${roster}${academy}control: { listen: localhost:99999 }\n`,
      ['9:20 control.listen: the port must be at most 65535'],
    ],
    [
      'two tokens of one name',
      `${roster}${academy}control: { tokens: [ { name: a, role: viewer, token: x }, { name: a, role: viewer, token: y } ] }\n`,
      ['9:67 control.tokens[1].name: is the name of another token: the journal could not tell them apart'],
    ],
  ])('%s', async (_what, text, expected) => {
    expect(await problems(text)).toEqual(expected);
  });
});
