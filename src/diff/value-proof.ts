import type { ColumnLook } from './look.ts';

/** How much of a column may be emptied or changed from one export to the next. Percentages. */
export type ValueLimits = { readonly maxEmptied: number; readonly maxRecoded: number };

/** Fewer cells than this are never too many: everyday changes of a small company must pass. */
export const leastDoubtful = 5;

/** A column's look in the last good export, and the people it is of. */
export type Measure = {
  readonly ids: Uint32Array;
  readonly cells: Uint16Array;
  readonly values: ReadonlyMap<number, string>;
  readonly encoding: string;
};

/** A column beside its last good look: people on both only. */
export type Comparison = {
  readonly people: number;
  readonly filledBefore: number;
  readonly filledNow: number;
  /** Cells with another value, those that were or became empty too. */
  readonly changed: number;
  /** Of the cells filled both times: how many, and how many have another value. */
  readonly filledBoth: number;
  readonly recoded: number;
  /** The changes that most cells have in common, the most frequent first; '' is empty. Only nameable values. */
  readonly moves: readonly Move[];
};

/** What cells changed from and to. */
export type Move = { readonly from: string; readonly to: string; readonly people: number };

/** Why a column is not believed until somebody decides. */
export type Doubt = {
  readonly column: string;
  readonly kind: 'emptied' | 'recoded' | 'encoding';
  readonly comparison: Comparison;
  readonly encodingBefore: string;
  readonly encodingNow: string;
};

const shownMoves = 3;

/** Where the people who are on both sides stand, on each; without those whose hash somebody shares. Both lists ascend. */
export type OnBoth = { readonly before: Uint32Array; readonly now: Uint32Array };

/** Finds the people of two exports, once for all their columns. */
export function onBoth(before: Uint32Array, now: Uint32Array): OnBoth {
  const most = Math.min(before.length, now.length);
  const were = new Uint32Array(most);
  const are = new Uint32Array(most);
  let count = 0;
  let old = 0;
  for (let at = 0; at < now.length; at++) {
    const id = now[at] ?? 0;
    while (old < before.length && (before[old] ?? 0) < id) old++;
    if (before[old] !== id) continue;
    const shared = now[at + 1] === id || (at > 0 && now[at - 1] === id) || before[old + 1] === id;
    if (shared) continue;
    were[count] = old;
    are[count] = at;
    count++;
  }
  return { before: were.subarray(0, count), now: are.subarray(0, count) };
}

/** Compares a column with its measure, cell by cell. */
export function compareColumn(both: OnBoth, now: ColumnLook, measure: Measure): Comparison {
  let [filledBefore, filledNow, changed, filledBoth, recoded] = [0, 0, 0, 0, 0];
  const people = both.now.length;
  const moves = new Map<number, number>();
  const isSmall = now.values.size > 0 || measure.values.size > 0;
  for (let at = 0; at < people; at++) {
    const from = measure.cells[both.before[at] ?? 0] ?? 0;
    const to = now.cells[both.now[at] ?? 0] ?? 0;
    if (from !== 0) filledBefore++;
    if (to !== 0) filledNow++;
    if (from !== 0 && to !== 0) filledBoth++;
    if (from === to) continue;
    changed++;
    if (from !== 0 && to !== 0) recoded++;
    if (isSmall) moves.set(from * 65_536 + to, (moves.get(from * 65_536 + to) ?? 0) + 1);
  }
  return { people, filledBefore, filledNow, changed, filledBoth, recoded, moves: named(moves, measure, now) };
}

function named(
  moves: ReadonlyMap<number, number>,
  measure: Pick<Measure, 'values'>,
  now: Pick<ColumnLook, 'values'>,
): readonly Move[] {
  const text = (hash: number, values: ReadonlyMap<number, string>): string | undefined =>
    hash === 0 ? '' : values.get(hash);
  return [...moves]
    .sort(([a, m], [b, n]) => n - m || a - b)
    .flatMap(([key, people]) => {
      const from = text(Math.floor(key / 65_536), measure.values);
      const to = text(key % 65_536, now.values);
      return from === undefined || to === undefined ? [] : [{ from, to, people }];
    })
    .slice(0, shownMoves);
}

/** Why a column is in doubt; undefined when it looks as on an ordinary night. */
export function doubtOf(
  column: string,
  comparison: Comparison,
  encoding: { readonly before: string; readonly now: string },
  limits: ValueLimits,
): Doubt | undefined {
  const { people, filledBefore, filledNow, changed, filledBoth, recoded } = comparison;
  const of = (kind: Doubt['kind']): Doubt => ({
    column,
    kind,
    comparison,
    encodingBefore: encoding.before,
    encodingNow: encoding.now,
  });
  if (exceeds(filledBefore - filledNow, filledBefore, limits.maxEmptied)) return of('emptied');
  // A column that few have filled is recoded when those few are: 20 % of everybody would never be reached.
  if (exceeds(changed, people, limits.maxRecoded) || exceeds(recoded, filledBoth, limits.maxRecoded))
    return of('recoded');
  return encoding.before === encoding.now ? undefined : of('encoding');
}

function exceeds(count: number, of: number, percent: number): boolean {
  return count >= leastDoubtful && count * 100 > of * percent;
}

const number = (count: number): string => count.toLocaleString('en');

/** A doubt as a sentence: the column, what it was and what it is. `brief` names no value. */
export function describeDoubt(
  doubt: Doubt,
  limits: ValueLimits,
): { readonly text: string; readonly brief: string } {
  const { column, kind, comparison, encodingBefore, encodingNow } = doubt;
  const { people, filledBefore, filledNow, changed, moves } = comparison;
  const encoding =
    encodingBefore === encodingNow ? '' : `; the file is ${encodingNow} and was ${encodingBefore}`;
  if (kind === 'encoding') {
    const text = `${column}: the file is ${encodingNow} and was ${encodingBefore}`;
    return { text, brief: text };
  }
  const brief =
    kind === 'emptied'
      ? `${column}: ${number(filledBefore)} of ${number(people)} filled → ${number(filledNow)} (roster.maxEmptied is ${limits.maxEmptied} %)${encoding}`
      : `${column}: ${number(changed)} of ${number(people)} have another value, ${number(filledBefore)} filled → ${number(filledNow)} (roster.maxRecoded is ${limits.maxRecoded} %)${encoding}`;
  const shown = moves
    .map(({ from, to, people: count }) => `${shownValue(from)} → ${shownValue(to)} ${number(count)}`)
    .join(', ');
  return { text: shown === '' ? brief : `${brief}; ${shown}`, brief };
}

/** A value as a sentence names it. */
function shownValue(value: string): string {
  return value === '' ? 'empty' : value;
}
