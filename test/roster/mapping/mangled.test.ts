import { describe, expect, test } from 'vitest';
import { hasLostLetters, isEncodedTwice, mayBeMangled } from '../../../src/roster/mapping/mangled.ts';

const names = [
  'Jürgen Åkerström',
  'Łucja Wiśniewska',
  'Ṣadé Ọlátúnjí',
  'Đặng Thị Hòa',
  'İbrahim Çağlar',
  'Мария Иванова',
  'Γιώργος',
  '田中 太郎',
  'فاطمة',
  'O’Brien',
  'O´Brien',
  'D`Angelo',
  'Mª José',
  'Núñez-Ibáñez',
  'Straße',
  'Cœur',
  'Anna „Anni“ Maria',
  'Null',
  'JOSÉ\u00a0SILVA',
  'Weiß\u00a0',
  'André\u00a0\u00a0',
  'André’\u00a0Paul',
  'MATÚŠ KRÍŽ',
  'RÚŽENA',
  'VÝŽIVA',
  'NESCAFÉ',
  'Anna „JOSÉ“ Maria',
  'Smith & Sons',
  'Zoë · Ann',
  '...',
  '?',
];

/** As an export does that takes UTF-8 for that encoding. */
function taken(text: string, label: string): string {
  return new TextDecoder(label).decode(Buffer.from(text, 'utf8'));
}

describe('text that was mangled before it was written', () => {
  test.each(names)('%s is a name', (name) => {
    expect([isEncodedTwice(name), hasLostLetters(name)]).toEqual([false, false]);
  });

  test('a brand in capitals is no damage', () => {
    expect(['NESCAFÉ®', 'CAFÉ™', 'VÝŽIVA®'].map(isEncodedTwice)).toEqual([false, false, false]);
  });

  test.each(names.filter((name) => /[^\0-\x7f]/.test(name)))('%s, encoded twice, is none', (name) => {
    const latin1 = Buffer.from(name, 'utf8').toString('latin1');
    for (const twice of [taken(name, 'windows-1252'), latin1]) {
      expect(isEncodedTwice(twice)).toBe(true);
      expect(mayBeMangled.test(twice)).toBe(true);
    }
  });

  test.each([
    ['a question mark for each letter', 'W?jcik'],
    ['at its end', 'Nguy?'],
    ['windows-1250 as windows-1252', '£ukasz'],
    ['the same', 'Pawe³'],
    ['the same', 'Gra¿yna'],
    ['cp850 as windows-1252', 'Bj÷rk'],
    ['a web page', 'J&#252;rgen'],
    ['a web page', 'J&uuml;rgen'],
    ['an address', 'J%C3%BCrgen'],
  ])('%s: %s', (_, name) => {
    expect([mayBeMangled.test(name), hasLostLetters(name)]).toEqual([true, true]);
  });
});
