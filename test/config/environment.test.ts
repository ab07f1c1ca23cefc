import { expect, test } from 'vitest';
import { readEnvironment } from '../../src/config/environment.ts';

test('what is set is taken, what is set to nothing is not', () => {
  const source = { REDIS_URL: 'redis://q:6379', DATABASE_URL: ' ', NO_COLOR: '1', OTHER: 'kept' };
  expect(readEnvironment(source)).toEqual({
    env: source,
    redisUrl: 'redis://q:6379',
    databaseUrl: undefined,
    noColor: true,
  });
});

test('a later change of the source is not seen', () => {
  const source: Record<string, string> = { A: '1' };
  const { env } = readEnvironment(source);
  source['A'] = '2';
  expect(env['A']).toBe('1');
});

test('proxies are taken in either spelling, the lower one first, and this machine goes past them', () => {
  const past = 'localhost,127.0.0.1,::1';
  expect(readEnvironment({ NO_PROXY: 'x' }).proxies).toBeUndefined();
  expect(readEnvironment({ HTTPS_PROXY: ' ' }).proxies).toBeUndefined();
  expect(
    readEnvironment({ HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower', no_proxy: 'hr.example' })
      .proxies,
  ).toEqual({ HTTPS_PROXY: 'http://lower', NO_PROXY: `hr.example,${past}` });
  expect(readEnvironment({ HTTP_PROXY: 'http://plain' }).proxies).toEqual({
    HTTP_PROXY: 'http://plain',
    NO_PROXY: past,
  });
});
