import { type Content, TornContent } from '../../content/content.ts';
import { damagedArchive } from '../../content/unzip.ts';
import { openZip } from '../../content/zip.ts';
import type {
  FormatFacts,
  HeaderCandidate,
  ReadingOptions,
  RecordBatch,
  RosterReading,
  RosterRecord,
} from '../format.ts';
import { NumberFormats } from './number-formats.ts';
import { SharedStrings } from './shared-strings.ts';
import { columnName, type SheetRow, SheetRows } from './sheet-rows.ts';
import { chooseSheet, Parts, readWorkbook, type Sheet, type Workbook } from './workbook.ts';
import { parseXml } from './xml.ts';

/** Rows that are kept to tell where the header is. */
const mostCandidates = 60;
const shown = 5;

/**
 * Reads a sheet of a workbook (Office Open XML, ECMA-376) as a stream of rows: the strings that its cells share are kept,
 * nothing else. Cells have addresses, so none can shift into another column. A workbook whose end is missing, or of which
 * anything that is read is damaged, is an error: never half a roster.
 *
 * @throws RollcallError ROSTER_UNREADABLE, ROSTER_FORMAT (no such sheet)
 */
export function readXlsx(content: Content, options: ReadingOptions): RosterReading {
  const notes: string[] = [];
  const candidates: HeaderCandidate[] = [];
  let sheet: Sheet | undefined;
  let sheets: readonly string[] = [];
  let above = options.above;
  let width: number | undefined;
  let headerRow = 0;
  let hiddenRows = 0;

  /** The row as it is handed on; undefined for one above the header. */
  function recordOf({ row, cells, dates, faults, isHidden }: SheetRow): RosterRecord | undefined {
    const last = Math.max(-1, ...cells.keys());
    if (width === undefined) {
      if (candidates.length < mostCandidates)
        candidates.push({ cells: asList(cells, last + 1), line: row, above: candidates.length });
      if (above-- > 0) return undefined;
      width = last + 1;
      headerRow = row;
    } else {
      if (candidates.length < mostCandidates)
        candidates.push({ cells: asList(cells, last + 1), line: row, above: candidates.length });
      if (isHidden) hiddenRows++;
    }
    const record = { cells: asList(cells, width), line: row, multiline: false };
    const kept = faults.filter(({ at }) => at < (width ?? 0));
    return {
      ...record,
      ...(dates.length === 0 ? {} : { dates }),
      ...(kept.length === 0 ? {} : { faults: kept }),
    };
  }

  async function* read(): AsyncGenerator<RecordBatch> {
    await using zip = await openZip(content);
    const parts = new Parts(zip, options.onBytes);
    const workbook = await readWorkbook(parts);
    const chosen = chooseSheet(workbook.sheets, options.sheet, content.file);
    sheet = chosen;
    sheets = workbook.sheets.map(({ name }) => name);
    const formats = new NumberFormats(workbook.dateSystem);
    if (workbook.styles !== undefined) await formats.read(parts.read(workbook.styles));
    const strings = new SharedStrings();
    if (workbook.sharedStrings !== undefined) await strings.read(parts.read(workbook.sharedStrings));
    const rows = new SheetRows(strings, formats);
    const size = Math.max(1, parts.sizeOf(chosen.part));
    let bytes = 0;
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const chunk of parts.read(chosen.part)) {
        bytes += chunk.length;
        options.onProgress?.(Math.round((bytes / size) * content.deliveredBytes), content.deliveredBytes);
        yield chunk;
      }
    }
    for await (const found of parseXml(counted(), rows, () => rows.take())) {
      const records = found.map(recordOf).filter((record) => record !== undefined);
      yield { records, isSuspect: true };
    }
    notes.push(...notesOn(workbook, chosen, rows));
  }

  function notesOn(workbook: Workbook, chosen: Sheet, rows: SheetRows): readonly string[] {
    const found: string[] = [];
    const others = workbook.sheets.filter((other) => other !== chosen).map(({ name }) => `"${name}"`);
    if (options.sheet === undefined && others.length > 0)
      found.push(
        `the workbook has ${others.length === 1 ? 'another sheet' : 'other sheets'}, not read: ${listed(others)}; roster.sheet says which is`,
      );
    if (chosen.isHidden) found.push(`the sheet "${chosen.name}" is hidden, and is read`);
    if (hiddenRows > 0)
      found.push(
        `${hiddenRows} ${hiddenRows === 1 ? 'row is' : 'rows are'} hidden (a filter?), and read as all others`,
      );
    const columns = rows.hidden.flatMap(({ from, to }) => {
      const end = Math.min(to, (width ?? 0) - 1);
      return from > end
        ? []
        : [from === end ? columnName(from) : `${columnName(from)} to ${columnName(end)}`];
    });
    if (columns.length > 0) found.push(`hidden columns are read as all others: ${listed(columns)}`);
    const merged = rows.merged.filter(({ top, from }) => top > headerRow && from < (width ?? 0));
    if (merged.length > 0)
      found.push(
        `${merged.length} merged ${merged.length === 1 ? 'cell is' : 'cells are'} among the rows: only its first cell has the value, the others are empty`,
      );
    return found;
  }

  async function* batches(): AsyncGenerator<RecordBatch> {
    try {
      yield* read();
    } catch (error) {
      throw error instanceof TornContent ? damagedArchive(content, error) : error;
    }
  }

  return {
    format: 'xlsx',
    traits: { place: 'row', isDelimited: false },
    batches: { [Symbol.asyncIterator]: batches },
    candidates: () => candidates,
    sheets: () => (sheet === undefined ? undefined : { read: sheet.name, all: sheets }),
    delimiter: () => ',',
    facts: async (): Promise<FormatFacts> => ({
      torn: [],
      encoding: 'utf-8',
      delimiter: null,
      sheet: sheet?.name ?? null,
      notes,
      endsInLine: true,
      unfinished: undefined,
      fields: undefined,
    }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function asList(cells: ReadonlyMap<number, string>, width: number): readonly string[] {
  return Array.from({ length: width }, (_, at) => cells.get(at) ?? '');
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, shown).join(', ')}${names.length > shown ? ` and ${names.length - shown} more` : ''}`;
}
