import type { RosterRecord } from '../format.ts';

/** Between the cells of a row, and between rows, in one text for many. */
export const betweenCells = '\u001f';
export const betweenRows = '\u001e';

/** A chunk of the file for the thread; null: the file has ended. */
export type RecordsQuestion = { readonly chunk: Uint8Array | null };

/** Rows on their way between threads: one text instead of millions of cells; arrays only where a cell holds a separator. */
export type PackedRecords = {
  readonly rows: string | readonly (readonly string[])[];
  readonly lines: Uint32Array;
  /** Which of the rows have line breaks in their cells. */
  readonly multiline: readonly number[];
  readonly damagedAtLine: number | undefined;
};

/** The rows as they were before they were packed: one by one, so that few of them are alive at once. */
export function* unpack({ rows, lines, multiline }: PackedRecords): Generator<RosterRecord> {
  if (lines.length === 0) return;
  const broken = new Set(multiline);
  const packed = typeof rows === 'string' ? rows.split(betweenRows) : rows;
  for (let at = 0; at < packed.length; at++) {
    const row = packed[at] ?? '';
    yield {
      cells: typeof row === 'string' ? row.split(betweenCells) : row,
      line: lines[at] ?? 0,
      multiline: broken.size > 0 && broken.has(at),
    };
  }
}
