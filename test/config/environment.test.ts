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
