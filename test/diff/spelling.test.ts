import { describe, expect, it } from 'vitest';
import { describeRespelled, spellingKey } from '../../src/diff/spelling.ts';

describe('an id in another spelling', () => {
  it.each([
    ['00123', '123'],
    ['00123', "'00123"],
    ['00123', '="00123"'],
    ['123', '123.0'],
    ['00123', '123.0'],
    ['00123', '"00123"'],
    ['ab-1', 'AB-1'],
    ['0', '000'],
    ['E0001', 'e0001'],
    ['12', '１２'],
    ['A 12', 'A12'],
  ])('%s and %s are the same', (one, other) => {
    expect(spellingKey(one)).toBe(spellingKey(other));
  });

  it.each([
    ['123', '1230'],
    ['E0001', 'E1'],
    ['1.5', '15'],
    ['10', '100'],
    ['A1', 'A10'],
    ['0', ''],
  ])('%s and %s are two', (one, other) => {
    expect(spellingKey(one)).not.toBe(spellingKey(other));
  });

  it.each([
    ['00123', '123', 'without its zeros'],
    ['123', '00123', 'with zeros in front'],
    ['ab1', 'AB1', 'in another case'],
    ['123', "'123", 'with an apostrophe'],
    ["'123", '123', 'without its apostrophe'],
    ['123', '="123"', 'as a formula'],
    ['="123"', '123', 'without its ="…"'],
    ['123', '"123"', 'in quotes'],
    ['123', '123.0', 'with .0 behind it'],
    ['123.0', '123', 'without its .0'],
    ['00ab', 'AB.0', 'in another spelling'],
  ])('%s that is now %s is said to be %s', (was, id, words) => {
    expect(describeRespelled([{ id, was }])).toContain(`1 new id is an absent one ${words}`);
  });
});
