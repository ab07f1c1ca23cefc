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

/** Ways in which the new spelling may differ, in the order in which they are tried. */
const ways: readonly {
  readonly made: (before: string) => readonly string[];
  readonly words: readonly [string, string];
}[] = [
  { made: (id) => [id.replace(/^0+(?=.)/, '')], words: ['without its zeros', 'without their zeros'] },
  { made: (id) => [id.toLowerCase(), id.toUpperCase()], words: ['in another case', 'in another case'] },
  { made: (id) => [`'${id}`, `’${id}`], words: ['with an apostrophe', 'with an apostrophe'] },
  { made: (id) => [`="${id}"`], words: ['as a formula (="…")', 'as formulas (="…")'] },
  { made: (id) => [`"${id}"`, `'${id}'`], words: ['in quotes', 'in quotes'] },
  { made: (id) => [`${id}.0`, `${id},0`, `${id}.00`], words: ['with .0 behind it', 'with .0 behind them'] },
];
/** The same ways back: the new ids are right, or were before. */
const waysBack: typeof ways = [
  { made: (id) => [id.replace(/^0+(?=.)/, '')], words: ['with zeros in front', 'with zeros in front'] },
  { made: (id) => [`'${id}`, `’${id}`], words: ['without its apostrophe', 'without their apostrophe'] },
  { made: (id) => [`="${id}"`], words: ['without its ="…"', 'without their ="…"'] },
  { made: (id) => [`"${id}"`, `'${id}'`], words: ['without its quotes', 'without their quotes'] },
  { made: (id) => [`${id}.0`, `${id},0`, `${id}.00`], words: ['without its .0', 'without their .0'] },
];

/** A new id, and the absent one that it is in another spelling. */
export type Respelled = { readonly id: string; readonly was: string };

function wayOf({ id, was }: Respelled, many: boolean): string {
  const at = many ? 1 : 0;
  for (const { made, words } of ways) if (id !== was && made(was).includes(id)) return words[at];
  for (const { made, words } of waysBack) if (id !== was && made(id).includes(was)) return words[at];
  return 'in another spelling';
}

/** `40 new ids are 40 absent ones without their zeros`, with an example. Ids may be named, people may not. */
export function describeRespelled(pairs: readonly Respelled[]): string {
  const many = pairs.length !== 1;
  const ways = new Map<string, number>();
  for (const pair of pairs) ways.set(wayOf(pair, many), (ways.get(wayOf(pair, many)) ?? 0) + 1);
  const [[only] = ['in another spelling']] = [...ways];
  const how = ways.size === 1 ? only : 'in another spelling';
  const [first] = pairs;
  const example = first === undefined ? '' : ` (${first.was} is now ${first.id})`;
  return many
    ? `${pairs.length} new ids are ${new Set(pairs.map(({ was }) => was)).size} absent ones ${how}${example}`
    : `1 new id is an absent one ${how}${example}`;
}
