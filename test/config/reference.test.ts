import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { keyNotes, referenceIntroduction } from '../../config/key-notes.ts';
import { referencePage, referenceSections } from '../../src/config/reference.ts';
import { providerRegistry } from '../../src/providers/registry.ts';

const keys = referenceSections(providerRegistry).flatMap(({ prefix, keys: own }) =>
  own.map(({ key }) => `${prefix}${key}`),
);

test('the committed page is current (npm run schema)', async () => {
  const committed = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(committed).toBe(referencePage(providerRegistry, keyNotes, referenceIntroduction));
});

test('every key of the roster says what it is for, and no note is of a key that is gone', () => {
  expect(keys.filter((key) => key.startsWith('roster.') && keyNotes[key] === undefined)).toEqual([]);
  expect(Object.keys(keyNotes).filter((key) => !keys.includes(key))).toEqual([]);
});
