import { describe, expect, test } from 'vitest';
import { RollcallError } from '../../src/errors.ts';
import { createBackOff } from '../../src/web/back-off.ts';
import { html } from '../../src/web/html.ts';
import { seriesOf } from '../../src/web/metrics.ts';
import { digestOf } from '../../src/actions/tokens.ts';
import { createSessions, idleMs, sessionMs } from '../../src/web/sessions.ts';
import { addressOf, checkExposure, controlSettingsOf, createTokenBook } from '../../src/web/tokens.ts';

const long = 'x'.repeat(32);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RollcallError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'fine';
}

describe('where it listens', () => {
  test.each(['127.0.0.1:1', 'localhost:1', '[::1]:1', '127.8.0.1:1'])('%s takes any token', (listen) => {
    const tokens = [{ customer: 'a', name: 'ops', role: 'operator', token: 'short' }] as const;
    expect(codeOf(() => checkExposure({ listen, tokens }))).toBe('fine');
    expect(codeOf(() => checkExposure({ listen, tokens: [] }))).toBe('fine');
  });

  test.each(['0.0.0.0:1', '[::]:1', '10.0.0.4:1', 'rollcall.example:1'])(
    '%s takes long tokens only',
    (listen) => {
      const of = (token: string) => [{ customer: 'a', name: 'ops', role: 'operator', token }] as const;
      expect(codeOf(() => checkExposure({ listen, tokens: of(long) }))).toBe('fine');
      const short = codeOf(() =>
        checkExposure({
          listen,
          tokens: of('s3cret-but-too-short-by-one-char').map((token) => ({
            ...token,
            token: token.token.slice(0, 31),
          })),
        }),
      );
      expect(short).toContain('CONFIG_INVALID');
      expect(short).not.toContain('s3cret');
      expect(codeOf(() => checkExposure({ listen, tokens: [] }))).toContain('there is no token');
    },
  );

  test('brackets are not part of an IPv6 host', () => {
    expect(addressOf('[::1]:7654')).toEqual({ host: '::1', port: 7654, loopback: true });
  });

  test('several customers: one address, the tokens of all', () => {
    const of = (customer: string, listen: string) => ({
      customer,
      control: {
        listen,
        trustedProxies: customer === 'a' ? ['10.0.0.0/8'] : ['10.0.0.0/8', '::1'],
        publicUrl: `https://${customer}.example`,
        tokens: [{ name: 'ops', role: 'viewer' as const, token: `${customer}-token` }],
      },
    });
    const settings = controlSettingsOf([
      of('a', '127.0.0.1:7654'),
      of('b', '127.0.0.1:9000'),
      of('c', '127.0.0.1:9000'),
    ]);
    expect(settings.listen).toBe('127.0.0.1:9000');
    expect(settings.trustedProxies).toEqual(['10.0.0.0/8', '::1']);
    expect(settings.hosts).toEqual(['a.example', 'b.example', 'c.example']);
    expect(settings.tokens.map(({ customer, token }) => [customer, token])).toEqual([
      ['a', 'a-token'],
      ['b', 'b-token'],
      ['c', 'c-token'],
    ]);
    expect(codeOf(() => controlSettingsOf([of('a', '127.0.0.1:9000'), of('b', '127.0.0.1:9001')]))).toMatch(
      /^CONFIG_INVALID: b wants 127.0.0.1:9001, and a 127.0.0.1:9000/,
    );
  });
});

test('one token in two files opens both customers, each with its own role', () => {
  const book = createTokenBook([
    { customer: 'a', name: 'ops', role: 'operator', token: long },
    { customer: 'b', name: 'look', role: 'viewer', token: long },
    { customer: 'b', name: 'own', role: 'operator', token: 'other' },
  ]);
  expect(book.find(digestOf(long))).toEqual(
    new Map([
      ['a', { name: 'ops', role: 'operator' }],
      ['b', { name: 'look', role: 'viewer' }],
    ]),
  );
  expect(book.find(digestOf('other'))).toEqual(new Map([['b', { name: 'own', role: 'operator' }]]));
  expect(book.find(digestOf(`${long}x`))).toBeNull();
  expect(book.find(digestOf(''))).toBeNull();
});

describe('back-off', () => {
  test('guesses wait longer and longer, and only those of that address', () => {
    let nowMs = 0;
    const backOff = createBackOff(() => nowMs);
    for (let at = 0; at < 5; at++) backOff.failed('10.0.0.1', `guess ${at}`);
    expect(backOff.waitMs('10.0.0.1')).toBe(0);
    const waits = [5, 6, 7, 8, 9, 10, 11, 12, 13].map((at) => {
      backOff.failed('10.0.0.1', `guess ${at}`);
      const waitMs = backOff.waitMs('10.0.0.1');
      nowMs += waitMs;
      return waitMs;
    });
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(backOff.waitMs('10.0.0.1')).toBe(0);
    expect(backOff.waitMs('10.0.0.2')).toBe(0);
    nowMs += 16 * 60_000;
    backOff.failed('10.0.0.1', 'later');
    expect(backOff.waitMs('10.0.0.1')).toBe(0);
  });

  test('a monitor with an outdated token locks nobody out', () => {
    const backOff = createBackOff(() => 0);
    for (let at = 0; at < 1_000; at++) backOff.failed('10.0.0.1', 'outdated');
    expect(backOff.waitMs('10.0.0.1')).toBe(0);
  });
});

test('a session ends after 12 hours, when nobody asked for 2, or when it is closed', () => {
  let nowMs = 0;
  const sessions = createSessions(() => nowMs);
  const digest = digestOf(long);
  const one = sessions.open(digest, false);
  const two = sessions.open(digest, false);
  expect(one).toMatch(/^[\w-]{43}$/);
  expect(one).not.toBe(two);
  sessions.close(two);
  expect(sessions.find(two)).toBeNull();
  const idle = sessions.open(digest, false);
  for (nowMs = 0; nowMs < sessionMs; nowMs += idleMs - 1)
    expect(sessions.find(one)?.digest, String(nowMs)).toBe(digest);
  expect(sessions.find(idle)).toBeNull();
  nowMs = sessionMs - 1;
  expect(sessions.find(one)?.csrf).toMatch(/^[\w-]{32}$/);
  nowMs = sessionMs;
  expect(sessions.find(one)).toBeNull();
});

test('what stands in a page is escaped', () => {
  const rows = ['<b>', '"&\''].map((text) => html`<td title="${text}">${text}</td>`);
  expect(html`<tr>${rows}</tr>`.html).toBe(
    '<tr><td title="&lt;b&gt;">&lt;b&gt;</td><td title="&quot;&amp;&#39;">&quot;&amp;&#39;</td></tr>',
  );
});

test('metrics of other customers are left out, and those of nobody stay', () => {
  const text = [
    '# HELP runs Runs of customer="b"',
    'runs{customer="a",platform="x"} 1',
    'runs{platform="x",customer="b"} 2',
    'up{state="customer"} 1',
    'cpu 3',
  ].join('\n');
  expect(seriesOf(text, new Set(['a'])).split('\n')).toEqual([
    '# HELP runs Runs of customer="b"',
    'runs{customer="a",platform="x"} 1',
    'up{state="customer"} 1',
    'cpu 3',
  ]);
});
