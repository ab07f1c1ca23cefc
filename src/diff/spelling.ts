/**
 * One id in several spellings: what spreadsheets and changes of system do to ids. Two ids with the same key are not taken
 * for one another; they only are not treated as a stranger and a leaver.
 */

const quotes = /^["'`´‘’“”«»]+|["'`´‘’“”«»]+$/g;

/** What an id has in common with its other spellings: case, leading zeros, quotes, apostrophe, `="…"` and `.0` do not count. */
export function spellingKey(id: string): string {
  let key = id.normalize('NFKC').replace(/[\s\u00a0]+/g, '');
  if (key.startsWith('=')) key = key.slice(1);
  key = key
    .replace(quotes, '')
    .replace(/[.,]0+$/, '')
    .replace(quotes, '')
    .toLowerCase();
  const bare = key.replace(/^0+/, '');
  return bare === '' ? (key === '' ? '' : '0') : bare;
}

type Way = { readonly is: (id: string, was: string) => boolean; readonly words: readonly [string, string] };

const unzeroed = (id: string): string => id.replace(/^0+(?=.)/, '');
const without = (made: RegExp) => (id: string, was: string) =>
  id === was.replace(made, '$<id>') && id !== was;
const withIt = (made: RegExp) => (id: string, was: string) => was === id.replace(made, '$<id>') && id !== was;
const apostrophe = /^['’](?<id>[^'’]+)$/;
const quoted = /^["“'](?<id>[^"”']+)["”']$/;
const formula = /^="(?<id>.*)"$/;
const decimals = /^(?<id>.+)[.,]0+$/;

/** Ways in which the new spelling may differ, in the order in which they are tried; for one id and for several. */
const ways: readonly Way[] = [
  {
    is: (id, was) => unzeroed(id) === unzeroed(was) && id.length < was.length,
    words: ['without its zeros', 'without their zeros'],
  },
  {
    is: (id, was) => unzeroed(id) === unzeroed(was) && id.length > was.length,
    words: ['with zeros in front', 'with zeros in front'],
  },
  {
    is: (id, was) => id.toLowerCase() === was.toLowerCase(),
    words: ['in another case', 'in another case'],
  },
  { is: withIt(apostrophe), words: ['with an apostrophe', 'with an apostrophe'] },
  { is: without(apostrophe), words: ['without its apostrophe', 'without their apostrophe'] },
  { is: withIt(formula), words: ['as a formula (="…")', 'as formulas (="…")'] },
  { is: without(formula), words: ['without its ="…"', 'without their ="…"'] },
  { is: withIt(quoted), words: ['in quotes', 'in quotes'] },
  { is: without(quoted), words: ['without its quotes', 'without their quotes'] },
  { is: withIt(decimals), words: ['with .0 behind it', 'with .0 behind them'] },
  { is: without(decimals), words: ['without its .0', 'without their .0'] },
];

/** A new id, and the absent one that it is in another spelling. */
export type Respelled = {
  readonly id: string;
  readonly was: string;
  /** Both are the same behind the prefix of their part. */
  readonly by?: 'prefix';
};

function wayOf({ id, was, by }: Respelled, many: boolean): string {
  if (by === 'prefix') return 'under another prefix';
  const way = ways.find(({ is }) => is(id, was));
  if (way !== undefined) return way.words[many ? 1 : 0];
  return spellingKey(id) === spellingKey(was) ? otherSpelling : 'by their people';
}

const otherSpelling = 'in another spelling';

/** `40 new ids are 40 absent ones without their zeros`, with an example. Ids may be named, people may not. */
export function describeRespelled(pairs: readonly Respelled[]): string {
  const many = pairs.length !== 1;
  const [only, ...others] = new Set(pairs.map((pair) => wayOf(pair, many)));
  const how = only === undefined || others.length > 0 ? otherSpelling : only;
  const [first] = pairs;
  const example = first === undefined ? '' : ` (${first.was} is now ${first.id})`;
  return many
    ? `${pairs.length} new ids are ${new Set(pairs.map(({ was }) => was)).size} absent ones ${how}${example}`
    : `1 new id is an absent one ${how}${example}`;
}
