import type { CauseLine } from '../actions/cause-lines.ts';
import { table } from './table.ts';

/** Lines and places that are shown; of the rest, how much there is. */
const shownLines = 12;
const shownPlaces = 3;

/** Changes by cause as a table: how many, of what share, what an ordinary day has, why and where. '' for none. */
export function causeTable(lines: readonly CauseLine[]): string {
  if (lines.length === 0) return '';
  const hasShare = lines.some(({ percent }) => percent !== null);
  const hasOrdinary = lines.some(({ ordinary }) => ordinary !== null);
  const hasTarget = lines.some(({ target }) => target !== null);
  const head = [
    'number',
    'kind',
    ...(hasTarget ? ['target'] : []),
    ...(hasShare ? ['share'] : []),
    ...(hasOrdinary ? ['usual a day'] : []),
    'why',
    'where',
  ];
  const rows = lines
    .slice(0, shownLines)
    .map((line) => [
      line.count,
      line.kind,
      ...(hasTarget ? [line.target ?? ''] : []),
      ...(hasShare ? [shareOf(line.percent)] : []),
      ...(hasOrdinary ? [line.ordinary ?? ''] : []),
      line.why,
      whereOf(line.places),
    ]);
  const rest = lines.slice(shownLines).reduce((sum, { count }) => sum + count, 0);
  return `${table([head, ...rows])}${rest === 0 ? '' : `\n… and ${rest.toLocaleString('en')} for ${lines.length - shownLines} other reasons`}`;
}

function shareOf(percent: number | null): string {
  if (percent === null) return '';
  return percent < 1 ? '<1 %' : `${Math.round(percent)} %`;
}

function whereOf(places: CauseLine['places']): string {
  const named = places.slice(0, shownPlaces).map(({ name, count }) => `${name} ${count}`);
  return `${named.join(', ')}${places.length > shownPlaces ? ', …' : ''}`;
}
