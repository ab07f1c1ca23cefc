import { editDistance, plain } from '../../config/edit-distance.ts';

/** Words that name the same thing in headers of HR systems. */
const synonyms: Readonly<Record<string, string>> = {
  mail: 'email',
  mailaddress: 'email',
  surname: 'last',
  family: 'last',
  given: 'first',
  fore: 'first',
  forename: 'first',
  dept: 'department',
  number: 'id',
  no: 'id',
  nr: 'id',
  num: 'id',
  code: 'id',
  identifier: 'id',
  employee: 'worker',
  emp: 'worker',
  staff: 'worker',
  person: 'worker',
  personnel: 'worker',
  associate: 'worker',
  hired: 'hire',
  start: 'hire',
  joining: 'hire',
  term: 'end',
  termination: 'end',
  leaving: 'end',
  state: 'status',
  title: 'title',
};
/** Words that say nothing by themselves. */
const fillers = new Set(['the', 'of', 'a', 'name', 'address', 'primary']);

/** The words of a column's name, whatever joins them: `WorkEmail`, `Email - Work`, `work_e-mail`. */
export function wordsOf(name: string): readonly string[] {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/\be[-_ ]?mail/gi, 'Email')
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
  return words.map((word) => synonyms[word] ?? word);
}

/** How much two names have in common, by their words: 0 nothing, 1 the same words in whatever order. */
function alike(left: readonly string[], right: readonly string[]): number {
  const others = new Set(right);
  const weigh = (words: Iterable<string>): number => {
    let sum = 0;
    for (const word of words) sum += fillers.has(word) ? 0.3 : 1;
    return sum;
  };
  const all = new Set([...left, ...right]);
  return weigh(new Set(left.filter((word) => others.has(word)))) / Math.max(1, weigh(all));
}

/** Whether a cell reads as a label of that column: their words are the same, or one's are among the other's. */
export function isLabelOf(cell: string, column: string): boolean {
  const [label, name] = [wordsOf(cell), wordsOf(column)];
  if (label.length === 0 || name.length === 0) return false;
  if (plain(cell) === plain(column)) return true;
  const [few, many] = label.length < name.length ? [label, new Set(name)] : [name, new Set(label)];
  return few.every((word) => many.has(word));
}

/**
 * The column that was probably meant, by its words and only then by its letters; undefined when none is near. Columns that
 * are `taken` are somebody else's, unless it is but a letter.
 */
export function meantColumn(
  wanted: string,
  columns: readonly string[],
  taken: ReadonlySet<string>,
): string | undefined {
  const words = wordsOf(wanted);
  const goal = plain(wanted);
  let best: { column: string; score: number; distance: number } | undefined;
  for (const column of columns) {
    const found = plain(column);
    const distance = editDistance(goal, found);
    const isTypo = distance <= Math.max(1, Math.floor(goal.length / 4));
    if (column === '' || (taken.has(column.toLowerCase()) && !isTypo)) continue;
    const contains = goal.length > 2 && found.length > 2 && (found.includes(goal) || goal.includes(found));
    const score = Math.max(alike(words, wordsOf(column)), isTypo ? 0.9 : 0, contains ? 0.5 : 0);
    if (score < 0.3) continue;
    if (best === undefined || score > best.score || (score === best.score && distance < best.distance))
      best = { column, score, distance };
  }
  return best?.column;
}
