// What a cell may have swallowed. A quote that is opened and not closed takes in what follows as far as the next quote, and
// the row may look whole: it is told by what stands between the line breaks of a cell.

const anyLineBreak = /\r\n|\r|\n/;

/** What a roster's rows look like, as far as a cell is judged by it. */
export type RowForm = {
  /** Cells of a row, the fewest and the most of those that were read. */
  readonly fewest: number;
  readonly most: number;
  readonly idAt: number;
  readonly delimiter: string;
  /** Whether a text looks like the other ids. */
  readonly isLikeId: (text: string) => boolean;
};

/** Delimiters in a piece of a row; those behind an opening quote at the beginning of a cell do not count. */
function delimitersIn(piece: string, delimiter: string): number {
  const quoted = piece.indexOf(`${delimiter}"`);
  const plain = quoted < 0 ? piece : piece.slice(0, quoted + delimiter.length);
  return plain.split(delimiter).length - 1;
}

/**
 * The mark that csv-parse leaves on a cell whose quote was closed by nothing: it gives the opening quote back, and the cell
 * ends after the quote that fitted nowhere. A cell with a quotation at its beginning and one at its end looks like it.
 */
function isUnclosed(cell: string, delimiter: string): boolean {
  if (!cell.startsWith('"')) return false;
  const last = cell.lastIndexOf('"');
  const rest = cell.slice(last + 1);
  return last > 0 && rest !== '' && !rest.includes(delimiter) && !anyLineBreak.test(rest);
}

/**
 * Whether a row with line breaks in its cells has swallowed other rows. Of a cell's lines, one in the middle would have the
 * delimiters of a whole row; the first one those of the rest of its own row, and the last one those of the beginning of
 * another. A note or an address of several lines has neither.
 */
export function hasSwallowedRows(cells: readonly string[], form: RowForm): boolean {
  if (form.most < 2 || !cells.some((cell) => anyLineBreak.test(cell))) return false;
  if (cells.length < form.fewest || cells.length > form.most) return true;
  return cells.some((cell, at) => anyLineBreak.test(cell) && isOfRows(cell, at, cells.length, form));
}

function isOfRows(cell: string, at: number, width: number, form: RowForm): boolean {
  const { delimiter, fewest, most, idAt } = form;
  const pieces = cell.split(anyLineBreak);
  const counts = pieces.map((piece) => delimitersIn(piece, delimiter));
  const [first = 0] = counts;
  const last = counts.at(-1) ?? 0;
  const looksLikeId = (piece: string | undefined): boolean =>
    form.isLikeId((piece?.split(delimiter)[idAt] ?? '').replace(/^\s*"|"\s*$/g, ''));
  for (let i = 1; i < pieces.length - 1; i++) {
    const cellsOfPiece = (counts[i] ?? 0) + 1;
    if (cellsOfPiece < Math.max(2, fewest) || cellsOfPiece > most) continue;
    if (most > 3 || looksLikeId(pieces[i])) return true;
  }
  if (isUnclosed(cell, delimiter) && counts.some((count) => count > 0)) return true;
  const slack = most - fewest;
  const own = width - 1 - at;
  const fits = Math.abs(first - own) <= slack && Math.abs(last - at) <= slack && first + last > 0;
  if (!fits) return false;
  // The id of the row that was swallowed stands before this column, or behind it.
  const id = idAt < at ? pieces.at(-1)?.split(delimiter)[idAt] : pieces[0]?.split(delimiter)[idAt - at];
  const seemsId = form.isLikeId((id ?? '').replace(/^\s*"|"\s*$/g, ''));
  return seemsId || (slack === 0 && most > 4);
}

/** Two rows of that many cells on one line, with nothing between the last cell of one and the first of the other. */
export function isJoined(cells: readonly string[], count: number): boolean {
  return count > 1 && cells.length >= 2 * count - 1 && cells.slice(count).some((cell) => cell.trim() !== '');
}

/** Whether it is a lone carriage return that joins them. */
export function isJoinedByReturn(cells: readonly string[], count: number): boolean {
  return isJoined(cells, count) && /[^\r\n]\r[^\r\n]/.test(cells[count - 1] ?? '');
}
