import { shown } from '../shown.ts';

/** Rows as aligned columns; the first row is the heading. Numbers are aligned to the right. */
export function table(given: readonly (readonly (string | number)[])[]): string {
  // Texts from outside too: none of them may end its line.
  const rows = given.map((row) => row.map((cell) => (typeof cell === 'string' ? shown(cell) : cell)));
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          typeof cell === 'number'
            ? String(cell).padStart(widths[at] ?? 0)
            : String(cell).padEnd(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
