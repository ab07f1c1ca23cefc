import { decoderOf } from './encoding.ts';

// Which encodings a text is likely in, for a message. It only has to be right about what people would recognise at once:
// letters of one script, in words that look like words.

/** Encodings of one byte a character, the commoner ones first: where two fit alike, the commoner is named first. */
const singleByte = [
  'windows-1252',
  'windows-1250',
  'windows-1251',
  'windows-1254',
  'ibm850',
  'macintosh',
  'iso-8859-2',
  'ibm852',
  'windows-1253',
  'windows-1257',
  'koi8-r',
  'ibm866',
  'x-mac-cyrillic',
  'iso-8859-5',
  'iso-8859-7',
  'windows-1255',
  'windows-1256',
  'windows-874',
  'ibm437',
  'koi8-u',
  'windows-1258',
  'maccenteuro',
] as const;

/**
 * Encodings of several bytes: a pattern of their characters, and the bytes that lead the common ones (the first level of
 * the national standards, which are sorted by use). The first whose common bytes are most of the text is the likeliest.
 */
const multiByte = [
  {
    label: 'shift_jis',
    lead: [
      [0x82, 0x83],
      [0x88, 0x97],
    ],
  },
  { label: 'euc-kr', lead: [[0xb0, 0xc8]] },
  {
    label: 'euc-jp',
    lead: [
      [0xa4, 0xa5],
      [0xb0, 0xcf],
    ],
  },
  { label: 'gb18030', lead: [[0xb0, 0xd7]] },
  { label: 'big5', lead: [[0xa4, 0xc6]] },
] as const;

/** Letters that are common in the languages of an encoding: what is read as others is read wrongly, or a rare name. */
const commonLetters = new Set(
  'áàâäãåæçéèêëíìîïñóòôöõøœúùûüýÿßÁÀÂÄÃÅÆÇÉÈÊËÍÎÏÑÓÔÖÕØÚÛÜÝ' +
    'ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽőűŐŰăâîșțşţĂȘȚŞŢľĺŕĽđĐ' +
    'ğıİşĞŞāēģīķļņšūžĀĒĢĪĶĻŅŠŪŽėįųĖĮŲ',
);
const shown = 3;
const mostWords = 400;

/** Words of a text that have something beyond ASCII, as bytes. */
function wordsOf(sample: Buffer): readonly Buffer[] {
  const words: Buffer[] = [];
  let start = 0;
  let beyond = false;
  for (let i = 0; i <= sample.length && words.length < mostWords; i++) {
    const byte = sample[i] ?? 0x0a;
    if (byte >= 0x80) beyond = true;
    // Trail bytes of Asian encodings can be letters, and some signs, but none of these.
    if (byte <= 0x20 || byte === 0x2c || byte === 0x3b || byte === 0x22 || byte === 0x09) {
      if (beyond) words.push(sample.subarray(start, i));
      start = i + 1;
      beyond = false;
    }
  }
  return words;
}

function scriptOf(letter: string): string {
  if (/\p{Script=Latin}/u.test(letter)) return 'Latin';
  if (/\p{Script=Cyrillic}/u.test(letter)) return 'Cyrillic';
  if (/\p{Script=Greek}/u.test(letter)) return 'Greek';
  if (/\p{Script=Hebrew}/u.test(letter)) return 'Hebrew';
  if (/\p{Script=Arabic}/u.test(letter)) return 'Arabic';
  if (/\p{Script=Thai}/u.test(letter)) return 'Thai';
  return 'other';
}

/** How much a word looks like one, for each of its signs beyond ASCII: 1 is good, below 0 is bad. */
function scoreOf(word: string): number {
  let score = 0;
  let count = 0;
  const scripts = new Set<string>();
  let before = '';
  for (const sign of word) {
    const isLetter = /\p{L}|\p{M}/u.test(sign);
    if (isLetter) scripts.add(scriptOf(sign));
    if (sign > '\u007f') {
      count++;
      if (/[\uFFFD\p{Cc}]/u.test(sign)) score -= 6;
      else if (sign === '\u2019' && /\p{L}/u.test(before)) score += 0.3;
      else if (!isLetter) score -= /[\u20ac\u2013\u2014\u2018\u2019\u201c\u201d\u00a0]/.test(sign) ? 0.6 : 2;
      else if (scriptOf(sign) === 'Latin') score += commonLetters.has(sign) ? 1 : 0.1;
      else score += scriptOf(sign) === 'other' ? -0.5 : 0.9;
    }
    // A capital behind a small letter is no way to write a name (McDonald and the like aside).
    if (/\p{Ll}/u.test(before) && /\p{Lu}/u.test(sign) && (sign > '\u007f' || before > '\u007f'))
      score -= 1.5;
    before = sign;
  }
  if (scripts.size > 1) score -= 2 * count;
  // Names begin with a capital where there are any.
  if (/^\P{ASCII}/u.test(word) && /^\p{Ll}/u.test(word)) score -= 0.8;
  // Latin words are letters with a few accents; nothing but accents is another script.
  if (scripts.has('Latin') && count > 2 && count > word.length * 0.6) score -= 1.2 * count;
  return count === 0 ? 0 : score;
}

function singleByteScores(words: readonly Buffer[]): { label: string; score: number }[] {
  const signs = words.reduce((sum, word) => sum + word.filter((byte) => byte >= 0x80).length, 0);
  return singleByte.flatMap((label, at) => {
    let score = 0;
    for (const word of words) score += scoreOf(decoderOf(label)?.write(word) ?? '');
    // Of two that fit alike, the commoner.
    return [{ label, score: score / Math.max(1, signs) - at / 1_000 }];
  });
}

function multiByteScores(words: readonly Buffer[]): { label: string; score: number }[] {
  return multiByte.flatMap(({ label, lead }) => {
    let common = 0;
    let rare = 0;
    for (const word of words) {
      const text = new TextDecoder(label).decode(word);
      if (text.includes('\ufffd')) return [];
      for (let i = 0; i < word.length; i++) {
        const byte = word[i] ?? 0;
        if (byte < 0x80) continue;
        // Half-width kana are single bytes in Shift_JIS, and nobody's names.
        if (label === 'shift_jis' && byte >= 0xa1 && byte <= 0xdf) {
          rare += 2;
          continue;
        }
        if (lead.some(([from, to]) => byte >= from && byte <= to)) common++;
        else rare++;
        i++;
      }
      // A sign of several bytes among Latin letters is an accent of another encoding.
      if (/[A-Za-z]\P{ASCII}|\P{ASCII}[a-z]/u.test(text)) rare += 3;
    }
    const score = (common - rare) / Math.max(1, common + rare);
    return [{ label, score: score > 0.5 ? score + 0.5 : score }];
  });
}

/** The labels of the encodings that these bytes are likely in, the likeliest first; ISO-2022-JP by its escapes. */
export function likelyLabels(sample: Buffer): readonly string[] {
  if (sample.includes('\u001b$')) return ['iso-2022-jp'];
  const words = wordsOf(sample);
  const scores = [...multiByteScores(words), ...singleByteScores(words)].sort((a, b) => b.score - a.score);
  const [best] = scores;
  if (best === undefined) return [];
  return scores
    .filter(({ score }) => score > best.score - 0.35)
    .slice(0, shown)
    .map(({ label }) => label);
}
