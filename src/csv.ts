import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Beginnings that a spreadsheet takes for a formula. */
const formula = /^[=+\-@\t\r]/;

/** One line of CSV (RFC 4180). A cell that a spreadsheet would run as a formula gets an apostrophe before it. */
export function csvLine(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells
    .map((cell) => {
      if (cell === null) return '';
      if (typeof cell !== 'string') return String(cell);
      const safe = formula.test(cell) ? `'${cell}` : cell;
      return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
    })
    .join(',')}\r\n`;
}

/** Writes and waits until there is room for more, so that a large table is never in memory at once. */
export async function writeAll(out: Writable, text: string): Promise<void> {
  if (!out.write(text)) await once(out, 'drain');
}
