import type { ChangeCore } from '../change.ts';
import { shown } from '../shown.ts';

/**
 * A plan as a table for people: kind, employee id, name, what, with targets by name. Shows `limit` changes and counts the rest. Names are for
 * a reviewer's screen and nowhere else.
 */
export function planTable(
  changes: Iterable<ChangeCore>,
  nameOf: (person: string) => string | null,
  limit: number,
  targetName: (target: string) => string = (target) => target,
): string {
  const rows: [string, string, string, string][] = [];
  let more = 0;
  for (const change of changes) {
    if (rows.length >= limit) more++;
    else {
      const { kind, person } = change;
      rows.push([kind, shown(person), shown(nameOf(person) ?? ''), shown(whatOf(change, targetName))]);
    }
  }
  if (rows.length === 0) return more === 0 ? '' : `  … and ${more.toLocaleString('en')} more`;
  const widths = [0, 1, 2].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => (at < 3 ? cell.padEnd(widths[at] ?? 0) : cell))
      .join('  ')
      .trimEnd(),
  );
  if (more > 0) lines.push(`… and ${more.toLocaleString('en')} more`);
  return lines.map((line) => `  ${line}`).join('\n');
}

function whatOf(change: ChangeCore, targetName: (target: string) => string): string {
  if (change.target !== null)
    return `${targetName(change.target)}${change.reason === 'EMAIL_MOVED' ? ' (email changed)' : ''}`;
  if (change.kind === 'deactivate')
    return change.reason === 'TERMINATED'
      ? 'left'
      : change.reason === 'ABSENT'
        ? 'missing from the roster'
        : 'rule';
  if (change.kind === 'create') return '';
  return change.changed
    .map((name) => `${name}: ${change.before?.[name] ?? ''} → ${change.after?.[name] ?? ''}`)
    .join(', ');
}
