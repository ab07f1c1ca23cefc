import type { Delimiter } from './types.ts';

const candidates = [',', ';', '\t', '|'] as const satisfies readonly Delimiter[];

/** How a file is laid out, as far as its first lines tell. */
export type Layout = {
  readonly delimiter: Delimiter;
  /** `\r` alone ends lines only where it ends the header line, as on very old systems. */
  readonly lineBreaks: readonly string[];
  /** Bytes (of UTF-8) before the header line: blank lines, and the `sep=;` line that spreadsheets understand. */
  readonly skipBytes: number;
  /** Lines among them. */
  readonly skipLines: number;
};

/** Reads the layout off the beginning of a file, quotes minded: in the header line the commonest delimiter is the one. */
export function layoutOf(head: string): Layout {
  const before = /^(?:[ \t]*(?:\r\n|\r|\n))*(?:sep=(.)(?:\r\n|\r|\n))?(?:[ \t]*(?:\r\n|\r|\n))*/i.exec(head);
  const skipped = before?.[0] ?? '';
  const counts = new Map<string, number>(candidates.map((candidate) => [candidate, 0]));
  let quoted = false;
  let end = skipped.length;
  for (; end < head.length; end++) {
    const sign = head.charAt(end);
    if (sign === '"') quoted = !quoted;
    else if (!quoted && (sign === '\n' || sign === '\r')) break;
    else if (!quoted && counts.has(sign)) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  }
  let delimiter: Delimiter = ',';
  for (const candidate of candidates) {
    if ((counts.get(candidate) ?? 0) > (counts.get(delimiter) ?? 0)) delimiter = candidate;
  }
  const declared = candidates.find((candidate) => candidate === before?.[1]);
  return {
    delimiter: declared ?? delimiter,
    lineBreaks:
      head[end] === '\r' && end + 1 < head.length && head[end + 1] !== '\n' ? ['\r'] : ['\r\n', '\n'],
    skipBytes: Buffer.byteLength(skipped),
    skipLines: skipped.split(/\r\n|\r|\n/).length - 1,
  };
}
