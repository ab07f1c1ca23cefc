import type { DecryptConfig } from '../../config/roster-source.ts';
import type { RosterFormat } from '../../config/schema.ts';
import { RollcallError } from '../../errors.ts';
import { normaliseText } from '../../normalise.ts';
import { type Content, headOf } from '../content/content.ts';
import { openContent } from '../content/open.ts';
import type { ReadingOptions, RosterRecord } from '../formats/format.ts';
import { openReading } from '../formats/open.ts';
import { recognise, recognisedBytes } from '../formats/recognise.ts';
import { NotUtf8, Utf8Decoder } from '../formats/text/encoding.ts';
import { likelyLabels } from '../formats/text/likely-labels.ts';
import type { RosterFile } from '../types.ts';
import { createColumnSurvey, type ColumnSurvey } from './column.ts';
import { longestList } from './json-lists.ts';
import { fieldOf } from './words.ts';

/** What a roster looks like to somebody who knows nothing of it. Of people, only counts and words that stand in many rows. */
export type Survey = {
  readonly format: RosterFormat;
  /** What has to be said of the encoding: a label that is likely, and whatever else is; undefined where it is found. */
  readonly encoding: { readonly label: string; readonly others: readonly string[] } | undefined;
  /** Where the list is, in JSON that is not a list itself. */
  readonly records: string | undefined;
  /** The sheet that has a header, where a workbook's first one has none. */
  readonly sheet: string | undefined;
  readonly skip: { readonly above: number; readonly below: number; readonly end: number };
  readonly rows: number;
  readonly columns: readonly ColumnSurvey[];
};

/** A header is looked for so far down. */
const deepestHeader = 20;
/** Rows at the end that may be a total or an end mark. */
const lastRows = 3;
const closing =
  /^(total|totals|summe|gesamt|suma|somme|ende|end|end of (file|report)|eof|trailer|count|anzahl|razem|łącznie)\b/i;

/**
 * Looks at a roster: its format, encoding, where its header is (`aboveHeader` where that is known), and what its columns hold.
 * Reads all of it, as a stream.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_FORMAT, ROSTER_HEADER
 */
export async function surveyRoster(
  file: RosterFile,
  nowMs: number,
  aboveHeader?: number,
  decrypt?: DecryptConfig,
): Promise<Survey> {
  const { content } = await openContent(file, {
    decrypt,
    nowMs,
    onProgress: undefined,
    stopIfAsked: () => undefined,
  });
  const found = recognise(await headOf(content, recognisedBytes));
  const format = 'format' in found ? found.format : 'csv';
  const encoding = format === 'csv' ? await encodingOf(content) : undefined;
  const records = format === 'json' ? await longestList(content) : undefined;
  const options: ReadingOptions = {
    encoding: encoding?.label,
    delimiter: undefined,
    above: 0,
    columns: [],
    format: undefined,
    sheet: undefined,
    records,
    onBytes: () => undefined,
    onProgress: undefined,
  };
  if (format === 'json' || format === 'jsonl') {
    const names = await namesOf(content, options);
    return {
      format,
      encoding,
      records,
      sheet: undefined,
      ...(await surveyRows(content, { ...options, columns: names })),
      skip: { above: 0, below: 0, end: 0 },
    };
  }
  const header =
    aboveHeader === undefined ? await findHeader(content, options) : { above: aboveHeader, sheet: undefined };
  const { rows, columns, below, end } = await surveyRows(content, { ...options, ...header });
  const { above, sheet } = header;
  return { format, encoding, records, sheet, rows, columns, skip: { above, below, end } };
}

async function encodingOf(content: Content): Promise<Survey['encoding']> {
  const decoder = new Utf8Decoder();
  try {
    for await (const chunk of content.read()) decoder.write(chunk);
    decoder.end();
    return undefined;
  } catch (error) {
    if (!(error instanceof NotUtf8)) throw error;
    const [label, ...others] = likelyLabels(error.sample);
    return { label: label ?? 'windows-1252', others };
  }
}

async function namesOf(content: Content, options: ReadingOptions): Promise<readonly string[]> {
  await using reading = await openReading(content, options);
  for await (const { records } of reading.batches) for (const _record of records);
  const { fields } = await reading.facts();
  if (fields !== undefined && fields.names.length > 0) return fields.names;
  throw new RollcallError('ROSTER_HEADER', 'the roster has no records with fields.', {
    place: { file: content.file },
    hint: 'Is it the export that was meant?',
  });
}

/**
 * How many lines stand above the header, and the sheet that it is on where that is not the one that is read by itself.
 * Of the first lines, the header is that of which the most cells name what a header names.
 */
async function findHeader(
  content: Content,
  options: ReadingOptions,
): Promise<{ readonly above: number; readonly sheet: string | undefined }> {
  const { above, sheets } = await headerOn(content, options);
  if (above !== undefined) return { above, sheet: undefined };
  for (const sheet of sheets?.all ?? []) {
    if (sheet === sheets?.read) continue;
    const found = await headerOn(content, { ...options, sheet });
    if (found.above !== undefined) return { above: found.above, sheet };
  }
  // Whatever stands there may be people: none of it is shown.
  throw new RollcallError('ROSTER_HEADER', 'none of the first lines reads like a header.', {
    place: { file: content.file },
    hint: 'If it has one, say how many lines that are not blank stand above it: --above 0.',
  });
}

async function headerOn(content: Content, options: ReadingOptions) {
  await using reading = await openReading(content, options);
  for await (const { records } of reading.batches) {
    let some = false;
    for (const _record of records) {
      some = true;
      break;
    }
    if (some) break;
  }
  let best: { above: number; score: number } | undefined;
  for (const { cells, above } of reading.candidates()) {
    if (above > deepestHeader) break;
    const score = new Set(cells.map((cell) => fieldOf(cell)).filter((field) => field !== undefined)).size;
    if (score > (best?.score ?? 0)) best = { above, score };
  }
  return { above: best?.above, sheets: reading.sheets?.() };
}

async function surveyRows(
  content: Content,
  options: ReadingOptions,
): Promise<{
  readonly rows: number;
  readonly columns: readonly ColumnSurvey[];
  readonly below: number;
  readonly end: number;
}> {
  await using reading = await openReading(content, options);
  let columns: ReturnType<typeof createColumnSurvey>[] | undefined;
  let first: RosterRecord | undefined;
  let rows = 0;
  const last: RosterRecord[] = [];
  const count = (record: RosterRecord): void => {
    rows++;
    for (const [at, column] of (columns ?? []).entries()) column.see(normaliseText(record.cells[at] ?? ''));
  };
  for await (const { records } of reading.batches)
    for (const record of records) {
      if (columns === undefined) {
        columns = record.cells.map((name, at) => createColumnSurvey(normaliseText(name), at));
        continue;
      }
      if (record.cells.every((cell) => cell.trim() === '')) continue;
      if (first === undefined) {
        first = record;
        continue;
      }
      last.push(record);
      const next = last.length > lastRows ? last.shift() : undefined;
      if (next !== undefined) count(next);
    }
  if (columns === undefined)
    throw new RollcallError('ROSTER_HEADER', 'the roster is empty: it has no header.', {
      place: { file: content.file },
      hint: 'Is it the export that was meant?',
    });
  const isClosing = ({ cells }: RosterRecord): boolean =>
    cells.filter((cell) => cell.trim() !== '').length <= 2 && cells.some((cell) => closing.test(cell.trim()));
  const endsAt = last.findIndex(isClosing);
  const people = endsAt < 0 ? last : last.slice(0, endsAt);
  for (const record of people) count(record);
  const seen = columns.map((column) => column.finish());
  const isLabel = first !== undefined && rows > 0 && isLabelRow(first, seen);
  if (first !== undefined && !isLabel) {
    count(first);
    return {
      rows,
      columns: columns.map((column) => column.finish()),
      below: 0,
      end: last.length - people.length,
    };
  }
  return { rows, columns: seen, below: isLabel ? 1 : 0, end: last.length - people.length };
}

/** A row whose cells are of another kind than those under it: no address where all others are, no date, no digit. */
function isLabelRow({ cells }: RosterRecord, columns: readonly ColumnSurvey[]): boolean {
  let against = 0;
  let fits = 0;
  for (const [at, { addresses, filled, dateFormats, numbered }] of columns.entries()) {
    const cell = normaliseText(cells[at] ?? '');
    if (cell === '' || filled === 0) continue;
    const expects =
      addresses > filled * 0.8 ? /@/ : dateFormats.length > 0 || numbered > filled * 0.95 ? /\d/ : undefined;
    if (expects === undefined) continue;
    if (expects.test(cell)) fits++;
    else against++;
  }
  return against > 0 && fits === 0;
}
