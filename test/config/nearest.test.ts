import { expect, test } from 'vitest';
import { nearest, suggestion } from '../../src/config/nearest.ts';

const keys = ['schedule', 'mode', 'baseUrl', 'apiKey', 'limits', 'id'];

test.each([
  ['shedule', 'schedule'],
  ['scheduel', 'schedule'],
  ['Mode', 'mode'],
  ['base_url', 'baseUrl'],
  ['api-key', 'apiKey'],
  ['limit', 'limits'],
  ['di', 'id'],
  ['schedule', 'schedule'],
  ['timezone', undefined],
  ['x', undefined],
  ['', undefined],
])('nearest to "%s" is %s', (word, expected) => {
  expect(nearest(word, keys)).toBe(expected);
});

test('the opposite is not near', () => {
  expect(nearest('inactive', ['active', 'terminated'])).toBeUndefined();
  expect(nearest('unenroll', ['enroll'])).toBeUndefined();
  expect(nearest('activ', ['active', 'inactive'])).toBe('active');
});

test('the closest wins over the first', () => {
  expect(nearest('platforms', ['platform', 'platforms', 'platfrms'])).toBe('platforms');
});

test('a suggestion is the end of a sentence, or nothing', () => {
  expect(suggestion('mdoe', keys)).toBe('; did you mean "mode"?');
  expect(suggestion('whatever', keys)).toBe('');
});
