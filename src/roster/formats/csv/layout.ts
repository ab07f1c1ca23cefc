/** The separators that are looked for. */
const candidates = [',', ';', '\t', '|'] as const;

/** How a file is laid out, as far as its first lines tell. */
export type Layout = {
  readonly delimiter: string;
  /** `\r` alone ends lines only where it ends the header line, as on very old systems. */
  readonly lineBreaks: readonly string[];
  /** Bytes (of UTF-8) before the header line: what `above` says, blank lines, and the `sep=;` line that spreadsheets understand. */
  readonly skipBytes: number;
  /** Lines among them. */
  readonly skipLines: number;
};

export type LayoutOptions = {
  /** Lines above the header that are not blank. */
  readonly above: number;
  /** What separates cells; found if undefined. */
  readonly delimiter: string | undefined;
};

/** A line of the head, without its break. */
type Line = { readonly text: string; readonly at: number; readonly end: number; readonly number: number };

const separatorLine = /^sep=(.)$/i;

/** The lines of a text; where they are cut, quotes do not matter. */
function* linesOf(text: string): Generator<Line> {
  const breaks = /\r\n|\r|\n/g;
  let at = 0;
  for (let number = 1; ; number++) {
    const match = breaks.exec(text);
    const until = match?.index ?? text.length;
    yield { text: text.slice(at, until), at, end: match === null ? until : breaks.lastIndex, number };
    if (match === null) return;
    at = breaks.lastIndex;
  }
}

const isBlank = (text: string): boolean => /^[ \t]*$/.test(text);

/** Reads the layout off the beginning of a file, quotes minded: in the header line the commonest delimiter is the one. */
export function layoutOf(head: string, options: LayoutOptions = { above: 0, delimiter: undefined }): Layout {
  let declared: string | undefined;
  let start = head.length;
  let skipLines = 0;
  let above = options.above;
  let first = true;
  for (const line of linesOf(head)) {
    start = line.at;
    skipLines = line.number - 1;
    if (isBlank(line.text)) continue;
    const separator = first ? separatorLine.exec(line.text)?.[1] : undefined;
    first = false;
    if (separator !== undefined) declared = separator;
    else if (above > 0) above--;
    else break;
    // Were this the last line, nothing would be left for a header.
    start = line.end;
  }
  const { delimiter, end } = headerLine(head, start);
  return {
    delimiter: options.delimiter ?? candidates.find((candidate) => candidate === declared) ?? delimiter,
    lineBreaks:
      head[end] === '\r' && end + 1 < head.length && head[end + 1] !== '\n' ? ['\r'] : ['\r\n', '\n'],
    skipBytes: Buffer.byteLength(head.slice(0, start)),
    skipLines,
  };
}

/** The commonest delimiter of the line that begins there, and where it ends. */
function headerLine(head: string, start: number): { readonly delimiter: string; readonly end: number } {
  const counts = new Map<string, number>(candidates.map((candidate) => [candidate, 0]));
  let quoted = false;
  let end = start;
  for (; end < head.length; end++) {
    const sign = head.charAt(end);
    if (sign === '"') quoted = !quoted;
    else if (!quoted && (sign === '\n' || sign === '\r')) break;
    else if (!quoted && counts.has(sign)) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  }
  let delimiter: string = ',';
  for (const candidate of candidates) {
    if ((counts.get(candidate) ?? 0) > (counts.get(delimiter) ?? 0)) delimiter = candidate;
  }
  return { delimiter, end };
}

/** Lines near the beginning, each as a header would be read. Only to be told where the header is: quoted cells are cut simply. */
export function headerCandidates(
  head: string,
  most: number,
): readonly { readonly cells: readonly string[]; readonly line: number; readonly above: number }[] {
  const found: { cells: readonly string[]; line: number; above: number }[] = [];
  let above = 0;
  for (const { text, number, at } of linesOf(head)) {
    if (isBlank(text) || (above === 0 && separatorLine.test(text))) continue;
    const { delimiter } = headerLine(head, at);
    const cells = text.split(delimiter).map((cell) => cell.replace(/^\s*"|"\s*$/g, ''));
    found.push({ cells, line: number, above });
    if (++above >= most) break;
  }
  return found;
}
