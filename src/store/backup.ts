import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { sql, type Transaction } from 'kysely';
import { RollcallError } from '../errors.ts';
import { type Database, migrateFrom, migrationLock, schemaName } from './database.ts';
import { migrations } from './migrations.ts';
import type { Tables } from './schema.ts';

/**
 * A backup is text, compressed with gzip: a line `#rollcall-backup {"format", "schema", "store", "at"}`, for each table a line
 * `#table NAME` and its rows, one JSON object a line, and last `#end {"rows", "sha256"}` of all the bytes before. Rows are
 * written and read by PostgreSQL alone: no number passes through a type that has fewer digits.
 */
const backupFormat = 1;

/** What a backup says of itself. */
export type BackupHeader = {
  readonly format: number;
  /** The version of the tables. */
  readonly schema: number;
  readonly store: string;
  readonly at: string;
};

/** How much went into a backup, or came out of it. */
export type BackupSize = { readonly tables: number; readonly rows: number };

/** Rows that are read, and written, at a time. */
const rowsAtOnce = 2_000;
/** Characters of rows that are sent to the database at a time: rows may be long. */
const charactersAtOnce = 4_000_000;
/** The longest line that is read: no row of ours is near it, and without an end it would fill the memory. */
const longestLine = 256 * 1024 * 1024;
/** Tables of the present moment, which are no state: slots of requests. */
const passing: ReadonlySet<string> = new Set(['pacers']);

async function tableNames(db: Transaction<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = ${schemaName} and table_type = 'BASE TABLE' order by table_name`.execute(db);
  return rows.map(({ name }) => name).filter((name) => !passing.has(name));
}

function tableOf(name: string) {
  return sql.table(`${schemaName}.${name}`);
}

/**
 * Writes all state of all customers into a file, as it is at one instant; runs may go on meanwhile. The file is there whole or
 * not at all.
 *
 * @throws RollcallError BACKUP_UNWRITABLE when the file cannot be written
 */
export async function writeBackup(database: Database, file: string, nowMs: number): Promise<BackupSize> {
  const draft = `${file}.part-${process.pid}`;
  let size: BackupSize = { tables: 0, rows: 0 };
  try {
    await database.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        const lines = linesOf(tx, database, nowMs, (counted) => {
          size = counted;
        });
        await pipeline(Readable.from(lines), createGzip(), createWriteStream(draft, { mode: 0o600 }));
      });
    const handle = await open(draft, 'r+');
    await handle.sync();
    await handle.close();
    await rename(draft, file);
    return size;
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    if (!(error instanceof Error) || !('syscall' in error) || !('path' in error)) throw error;
    throw new RollcallError(
      'BACKUP_UNWRITABLE',
      `the backup cannot be written (${'code' in error ? String(error.code) : 'unknown reason'}).`,
      {
        place: { file },
        hint: 'Name a file in a folder that this user may write in, with room on its disk.',
        cause: error,
      },
    );
  }
}

async function* linesOf(
  tx: Transaction<Tables>,
  database: Database,
  nowMs: number,
  counted: (size: BackupSize) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const hashed = (text: string): string => {
    hash.update(text);
    return text;
  };
  const version = await sql<{ value: string }>`select value from rollcall.meta where key = 'version'`.execute(
    tx,
  );
  const header: BackupHeader = {
    format: backupFormat,
    schema: Number(version.rows[0]?.value),
    store: database.id,
    at: new Date(nowMs).toISOString(),
  };
  yield hashed(`#rollcall-backup ${JSON.stringify(header)}\n`);
  const names = await tableNames(tx);
  let rows = 0;
  for (const name of names) {
    yield hashed(`#table ${name}\n`);
    await sql`declare backup no scroll cursor for select row_to_json(t)::text as line from ${tableOf(name)} t`.execute(
      tx,
    );
    for (;;) {
      const some = await sql<{ line: string }>`fetch ${sql.lit(rowsAtOnce)} from backup`.execute(tx);
      if (some.rows.length === 0) break;
      rows += some.rows.length;
      yield hashed(some.rows.map(({ line }) => `${line}\n`).join(''));
    }
    await sql`close backup`.execute(tx);
  }
  const size = { tables: names.length, rows };
  counted(size);
  yield `#end ${JSON.stringify({ ...size, sha256: hash.digest('hex') })}\n`;
}

/**
 * Brings a backup into an empty store, all of it or nothing.
 *
 * @throws RollcallError BACKUP_INVALID for a file that is torn, changed or no backup; STORE_NEWER for one of a newer
 * Rollcall; STORE_NOT_EMPTY
 */
export async function restoreBackup(database: Database, file: string): Promise<BackupHeader & BackupSize> {
  return await database.db.transaction().execute(async (tx) => {
    const run = (text: string): Promise<unknown> => sql.raw(text).execute(tx);
    await run(`select pg_advisory_xact_lock(${migrationLock})`);
    await refuseFull(tx);
    const lines = readLines(file);
    const first = await lines.next();
    const header = headerOf(file, first.done === true ? '' : first.value);
    // Made anew as it was when the backup was made, and brought up to date with the rows in it.
    await run(`drop schema ${schemaName} cascade; create schema ${schemaName};
      create table ${schemaName}.meta (key text primary key, value text not null)`);
    await migrateFrom(run, 0, header.schema);
    const known = new Set(await tableNames(tx));
    const size = await load(tx, file, lines, String(first.value), known).catch((error: unknown) => {
      throw refused(file, error);
    });
    const newest = migrations.at(-1)?.version ?? 0;
    await migrateFrom(run, header.schema, newest);
    await sql`update rollcall.meta set value = ${String(newest)} where key = 'version'`.execute(tx);
    return { ...header, ...size };
  });
}

/** Rows that the database refuses (classes 22 and 23), and lines that are no JSON, are of a file that was changed. */
function refused(file: string, error: unknown): unknown {
  if (error instanceof SyntaxError) return invalid(file, 'the file was changed: a line is no JSON', error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^2[23]/.test(code)
    ? invalid(file, `the file was changed: its rows are refused (${code})`, error)
    : error;
}

async function refuseFull(tx: Transaction<Tables>): Promise<void> {
  for (const name of await tableNames(tx)) {
    if (name === 'meta') continue;
    const { rows } = await sql`select 1 from ${tableOf(name)} limit 1`.execute(tx);
    if (rows.length > 0)
      throw new RollcallError(
        'STORE_NOT_EMPTY',
        `the database has state already (${name}); a backup is restored into an empty one.`,
        {
          hint: 'Name another dataDir, or another database in DATABASE_URL.',
        },
      );
  }
}

function invalid(file: string, what: string, cause?: unknown): RollcallError {
  return new RollcallError('BACKUP_INVALID', `${what}; nothing was restored.`, {
    place: { file },
    hint: 'Take another backup.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function headerOf(file: string, line: string): BackupHeader {
  const match = /^#rollcall-backup (\{.*\})$/.exec(line);
  if (match === null) throw invalid(file, 'the file is no backup of Rollcall');
  let header: BackupHeader;
  try {
    header = JSON.parse(match[1] ?? '') as BackupHeader;
  } catch (error) {
    throw invalid(file, 'the file was changed: its first line is no JSON', error);
  }
  const newest = migrations.at(-1)?.version ?? 0;
  if (header.format > backupFormat || header.schema > newest)
    throw new RollcallError(
      'STORE_NEWER',
      `the backup was made by a newer Rollcall (tables of version ${header.schema}; this one knows ${newest}); nothing was restored.`,
      { place: { file }, hint: 'Restore it with that Rollcall.' },
    );
  return header;
}

/** Rows into their tables, until the end; what the end says has to be so. */
async function load(
  tx: Transaction<Tables>,
  file: string,
  lines: AsyncGenerator<string>,
  first: string,
  known: ReadonlySet<string>,
): Promise<BackupSize> {
  const hash = createHash('sha256').update(`${first}\n`);
  let table: string | null = null;
  let tables = 0;
  let rows = 0;
  let waiting: string[] = [];
  let characters = 0;
  const flush = async (): Promise<void> => {
    if (table === null || waiting.length === 0) return;
    const json = `[${waiting.join(',')}]`;
    waiting = [];
    characters = 0;
    await sql`insert into ${tableOf(table)} select * from json_populate_recordset(null::${tableOf(table)}, ${json}::json)`.execute(
      tx,
    );
  };
  for await (const line of lines) {
    if (line.startsWith('#end ')) {
      await flush();
      const end = JSON.parse(line.slice('#end '.length)) as BackupSize & { readonly sha256: string };
      if (end.rows !== rows || end.tables !== tables || end.sha256 !== hash.digest('hex'))
        throw invalid(file, 'the file was changed: its checksum is another one');
      if ((await lines.next()).done !== true) throw invalid(file, 'the file goes on behind its end');
      return { tables, rows };
    }
    hash.update(`${line}\n`);
    if (line.startsWith('#table ')) {
      await flush();
      table = line.slice('#table '.length);
      if (!known.has(table)) throw invalid(file, 'the file has a table that there is not');
      tables++;
      // Its own version and its own name are part of it.
      if (table === 'meta') await sql`delete from rollcall.meta`.execute(tx);
      continue;
    }
    waiting.push(line);
    characters += line.length;
    rows++;
    if (waiting.length >= rowsAtOnce || characters >= charactersAtOnce) await flush();
  }
  throw invalid(file, 'the file is torn: its end is missing');
}

async function* readLines(file: string): AsyncGenerator<string> {
  const unpacked = createGunzip();
  const source = createReadStream(file);
  source.on('error', (error) => unpacked.destroy(error));
  source.pipe(unpacked);
  unpacked.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of unpacked) {
      rest += String(chunk);
      let from = 0;
      for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n', from)) {
        yield rest.slice(from, at);
        from = at + 1;
      }
      rest = rest.slice(from);
      if (rest.length > longestLine) throw invalid(file, 'the file is no backup of Rollcall');
    }
  } catch (error) {
    if (error instanceof RollcallError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('Z_')) throw invalid(file, 'the file is torn or no backup of Rollcall', error);
    throw invalid(file, `the file cannot be read (${code === '' ? 'unknown reason' : code})`, error);
  } finally {
    source.destroy();
  }
  if (rest !== '') throw invalid(file, 'the file is torn: its last line has no end');
}
