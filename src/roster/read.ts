import { isAscii, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { RollcallError } from '../errors.ts';
import { contentOf, TornArchive } from './bytes.ts';
import { incompleteReasons } from './completeness.ts';
import { compileDateFormat } from './dates.ts';
import { type Layout, layoutOf } from './delimiter.ts';
import { Utf8Decoder } from './encoding.ts';
import { findRoster, rosterFileAt } from './find.ts';
import { resolveColumns } from './header.ts';
import type { CsvRecord, Records } from './records.ts';
import { RowIntake } from './rows.ts';
import { openRecords } from './threaded-records.ts';
import type { IncompleteReason, ReadRosterOptions, RosterFile, RosterProof } from './types.ts';

/**
 * Reads the roster as it is now: every row becomes a person or is rejected by name, and the proof says whether the whole
 * counts as complete. Nothing is kept of a row but hashes: 25 bytes a person and 4 for each mapped field (with `prefer`, the
 * rows that are not preferred wait whole).
 *
 * People are delivered while the file is read. A later row can contradict an earlier one: then the person is retracted, and
 * all their rows are rejected. **Once the promise resolves, the people delivered and not retracted are final, and none of
 * them has a rejected row.** If it rejects, nothing that was delivered counts.
 *
 * @throws RollcallError ROSTER_NOT_FOUND, ROSTER_UNREADABLE, ROSTER_HEADER, ROSTER_CHANGING (written to meanwhile),
 * CONFIG_INVALID (date format), RUN_ABORTED (by `signal`).
 */
export async function readRoster(options: ReadRosterOptions): Promise<RosterProof> {
  const parseDate = compileDateFormat(options.config.dateFormat);
  const source = await findRoster(options.config);
  const hash = createHash('sha256');
  const decoder = new Utf8Decoder();
  await using reading = new Reading(source, options, parseDate);
  const torn: string[] = [];
  try {
    for await (const chunk of contentOf(source, options.onProgress)) {
      stopIfAsked(options.signal);
      hash.update(chunk);
      await reading.take(decoder.write(chunk));
    }
  } catch (error) {
    if (!(error instanceof TornArchive)) throw error;
    torn.push(error.message);
  }
  const { rest, torn: brokenCharacter } = decoder.end();
  await reading.take(rest);
  if (brokenCharacter) torn.push('it ends in the middle of a character');
  await refuseIfChanged(source);
  const { rows, layout } = await reading.end();
  torn.push(...rows.torn);

  const reasons: IncompleteReason[] = incompleteReasons(
    { ...rows.counts, modifiedAtMs: source.modifiedAtMs },
    options,
  );
  reasons.push(...rows.trailerReasons);
  if (torn.length > 0) {
    reasons.push({
      code: 'ROSTER_TORN',
      message: `The roster is torn: ${torn.join('; ')}. Have it exported or copied again; rows before that were read.`,
    });
  }
  return {
    ...source,
    ...rows.tally,
    complete: reasons.length === 0,
    reasons,
    fingerprint: hash.digest('hex'),
    encoding: decoder.encoding,
    delimiter: layout.delimiter,
  };
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

const replacementBytes = Buffer.from('\uFFFD');

/** One file on its way through: layout from its head, header from its first row, then row by row. */
class Reading {
  readonly #source: RosterFile;
  readonly #options: ReadRosterOptions;
  readonly #parseDate: ReturnType<typeof compileDateFormat>;
  #layout: Layout | undefined;
  #records: Records | undefined;
  #rows: RowIntake | undefined;
  #lastByte = 0x0a;
  #mayBeDamaged = false;

  constructor(
    source: RosterFile,
    options: ReadRosterOptions,
    parseDate: ReturnType<typeof compileDateFormat>,
  ) {
    this.#source = source;
    this.#options = options;
    this.#parseDate = parseDate;
  }

  /** UTF-8, beginning with the head of the file in one piece. */
  async take(bytes: Buffer): Promise<void> {
    const last = bytes.at(-1);
    if (last === undefined) return;
    this.#lastByte = last;
    // A chunk that cuts a character in two only looks damaged: then cells are searched for nothing.
    if (!isAscii(bytes) && (!isUtf8(bytes) || bytes.includes(replacementBytes))) {
      this.#mayBeDamaged = true;
      this.#rows?.expectDamage();
    }
    if (this.#records === undefined) {
      this.#layout = layoutOf(bytes.toString('utf8'));
      this.#records = openRecords(this.#layout, this.#source.sizeBytes);
      this.#accept(await this.#records.write(bytes.subarray(this.#layout.skipBytes)));
    } else {
      this.#accept(await this.#records.write(bytes));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records?.close();
  }

  async end(): Promise<{ rows: RowIntake; layout: Layout }> {
    if (this.#records !== undefined) this.#accept(await this.#records.end());
    const [rows, layout] = [this.#rows, this.#layout];
    if (rows === undefined || layout === undefined) {
      throw new RollcallError('ROSTER_HEADER', 'the roster is empty: it has no header line.', {
        place: { file: this.#source.file },
        hint: 'Check the export in the HR system.',
      });
    }
    rows.finish({
      endsInLine: this.#lastByte === 0x0a || this.#lastByte === 0x0d,
      damagedAtLine: this.#records?.damagedAtLine,
    });
    return { rows, layout };
  }

  #accept(records: Iterable<CsvRecord>): void {
    for (const record of records) {
      if (this.#rows !== undefined) {
        this.#rows.take(record);
        continue;
      }
      const place = { file: this.#source.file, line: record.line };
      const columns = resolveColumns(this.#options.config, record.cells, place);
      this.#rows = new RowIntake(columns, this.#layout?.delimiter ?? ',', this.#parseDate, this.#options);
      if (this.#mayBeDamaged) this.#rows.expectDamage();
    }
  }
}
