import { createHash } from 'node:crypto';
import type { RosterConfig } from '../config/schema.ts';
import { RollcallError } from '../errors.ts';
import { normaliseText } from '../normalise.ts';
import { incompleteReasons } from './completeness.ts';
import { openContent } from './content/open.ts';
import { decoderOf } from './formats/text/encoding.ts';
import type { RosterReading } from './formats/format.ts';
import { openReading } from './formats/open.ts';
import { RowIntake } from './intake/rows.ts';
import { compileDateFormat } from './mapping/dates.ts';
import { otherSheets, configuredColumns, lackingFields, resolveColumns } from './mapping/header.ts';
import type { MappingRules } from './mapping/map-row.ts';
import { deliver } from './sources/deliver.ts';
import { rosterFileAt } from './sources/file.ts';
import type { IncompleteReason, ReadRosterOptions, RosterFile, RosterProof } from './types.ts';

const defaultDateFormat = 'yyyy-MM-dd';

/**
 * Reads the roster as it is now: every row becomes a person or is rejected by name, and the proof says whether the whole
 * counts as complete. Nothing is kept of a row but hashes: 25 bytes a person and 4 for each mapped field (with `prefer`, the
 * rows that are not preferred wait whole).
 *
 * People are delivered while the file is read. A later row can contradict an earlier one: then the person is retracted, and
 * all their rows are rejected. **Once the promise resolves, the people delivered and not retracted are final, and none of
 * them has a rejected row.** If it rejects, nothing that was delivered counts.
 *
 * @throws RollcallError ROSTER_NOT_FOUND, ROSTER_UNREADABLE, ROSTER_FORMAT, ROSTER_ENCODING, ROSTER_HEADER, ROSTER_KEY,
 * ROSTER_DECRYPT, ROSTER_SIGNATURE,
 * ROSTER_CHANGING (written to meanwhile), CONFIG_INVALID (date format, encoding), RUN_ABORTED (by `signal`);
 * DeliveryError (ROSTER_UNREACHABLE).
 */
export async function readRoster(options: ReadRosterOptions): Promise<RosterProof> {
  const { config } = options;
  const mapping = mappingRules(config, options.today);
  refuseUnknownEncoding(config.encoding);
  await using delivery = await deliver(config, { ...options.delivery, signal: options.signal });
  const { file, shown, isDated } = delivery;
  // Pages are saved as lines: of what the whole is like, the configuration speaks no more.
  const written =
    delivery.format === null ? config : { ...config, format: delivery.format, records: undefined };
  try {
    const proof = await readDelivered(file, mapping, { ...options, config: written });
    return { ...proof, file: shown, isDated };
  } catch (error) {
    throw shown === file.file ? error : inTheNameOf(shown, file.file, error);
  }
}

/** The same error, of the delivery instead of the private file that holds it. */
function inTheNameOf(shown: string, file: string, error: unknown): unknown {
  if (!(error instanceof RollcallError) || error.place?.file !== file) return error;
  return new RollcallError(error.code, error.message, {
    place: { ...error.place, file: shown },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}

async function readDelivered(
  source: RosterFile,
  mapping: MappingRules,
  options: ReadRosterOptions,
): Promise<Omit<RosterProof, 'isDated'>> {
  const { config } = options;
  const hash = createHash('sha256');
  const { content, encryption } = await openContent(source, {
    decrypt: config.decrypt,
    nowMs: options.nowMs,
    onProgress: options.onProgress,
    stopIfAsked: () => stopIfAsked(options.signal),
  });
  await using reading = await openReading(content, {
    encoding: config.encoding,
    delimiter: config.delimiter,
    above: config.skip.above,
    columns: configuredColumns(config),
    format: config.format,
    records: config.records,
    sheet: config.sheet,
    onBytes: (chunk) => {
      stopIfAsked(options.signal);
      hash.update(chunk);
    },
    onProgress: options.onProgress,
  });
  const rows = await readRows(reading, source, mapping, options);
  await refuseIfChanged(source);
  if (rows === undefined) {
    throw new RollcallError('ROSTER_HEADER', 'the roster is empty: it has no header line.', {
      place: { file: source.file },
      hint: `Check the export in the HR system.${otherSheets(reading.sheets?.())}`,
    });
  }
  const facts = await reading.facts();
  const lacking =
    facts.fields === undefined ? [] : lackingFields(config, facts.fields, { file: source.file });
  rows.finish(facts);

  const torn = [...facts.torn, ...rows.torn];
  const { tally } = rows;
  // An old message that is put there again has a new time of its file, and the old one of its signature.
  const modifiedAtMs = Math.min(source.modifiedAtMs, encryption?.signed?.atMs ?? Number.POSITIVE_INFINITY);
  const counts = { ...tally, perShrinkValue: rows.perShrinkValue, modifiedAtMs };
  // What ends before its first row says so by being torn.
  const counted = incompleteReasons(counts, options).filter(
    ({ code }) => torn.length === 0 || code !== 'ROSTER_EMPTY',
  );
  const reasons: IncompleteReason[] = [...counted, ...rows.reasons];
  if (torn.length > 0) {
    reasons.push({
      code: 'ROSTER_TORN',
      message: `The roster is torn: ${torn.join('; ')}. Have it exported or copied again; rows before that were read.`,
    });
  }
  return {
    ...source,
    ...tally,
    complete: reasons.length === 0,
    reasons,
    fingerprint: hash.digest('hex'),
    format: reading.format,
    sheet: facts.sheet,
    lacking,
    notes: facts.notes,
    encoding: facts.encoding,
    delimiter: facts.delimiter,
    endsInLine: facts.endsInLine,
    ...(encryption === undefined ? {} : { encryption }),
  };
}

/** The rows after the header, taken in but not settled; undefined when there is no header. */
async function readRows(
  reading: RosterReading,
  source: RosterFile,
  mapping: MappingRules,
  options: ReadRosterOptions,
): Promise<RowIntake | undefined> {
  let rows: RowIntake | undefined;
  for await (const { records, isSuspect } of reading.batches) {
    if (isSuspect) rows?.suspect();
    for (const record of records) {
      if (rows !== undefined) {
        rows.take(record);
        continue;
      }
      const columns = resolveColumns(options.config, record.cells, {
        file: source.file,
        line: record.line,
        traits: reading.traits,
        candidates: reading.candidates(),
        sheets: reading.sheets?.(),
      });
      rows = new RowIntake(columns, reading.delimiter(), mapping, options);
      if (isSuspect) rows.suspect();
    }
  }
  return rows;
}

function mappingRules(config: RosterConfig, today: string): MappingRules {
  const { dateFormat } = config;
  const formats =
    typeof dateFormat === 'string'
      ? { startDate: dateFormat, endDate: dateFormat }
      : {
          startDate: dateFormat.startDate ?? defaultDateFormat,
          endDate: dateFormat.endDate ?? defaultDateFormat,
        };
  const thisYear = Number(today.slice(0, 4));
  return {
    startDate: compileDateFormat(formats.startDate, thisYear),
    endDate: compileDateFormat(formats.endDate, thisYear),
    formats,
    empty: new Set(config.empty.map(normaliseText)),
    noDate: new Set(config.noDate.map(normaliseText)),
  };
}

function refuseUnknownEncoding(label: string | undefined): void {
  if (label === undefined || decoderOf(label) !== undefined) return;
  throw new RollcallError('CONFIG_INVALID', `roster.encoding "${label}" is no encoding that is known.`, {
    place: { key: 'roster.encoding' },
    hint: 'Use a label such as windows-1252, windows-1250, iso-8859-2, ibm850, macintosh, koi8-r, shift_jis, gb18030 or euc-kr; leave it out for UTF-8 and UTF-16.',
  });
}

function stopIfAsked(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new RollcallError('RUN_ABORTED', 'the reading of the roster was stopped.', { cause: signal.reason });
}

async function refuseIfChanged(source: RosterFile): Promise<void> {
  const now = await rosterFileAt(source.file);
  if (now?.sizeBytes === source.sizeBytes && now.modifiedAtMs === source.modifiedAtMs) return;
  const written = now === undefined ? '' : new Date(now.modifiedAtMs).toISOString();
  const what =
    now === undefined
      ? 'is gone'
      : `had ${source.sizeBytes} bytes and has ${now.sizeBytes}, written ${written}`;
  throw new RollcallError('ROSTER_CHANGING', `the roster changed while it was read (it ${what}).`, {
    place: { file: source.file },
    hint: 'It is still being written, or was replaced; it is read again on the next try. An export is best written under another name and then renamed.',
  });
}
