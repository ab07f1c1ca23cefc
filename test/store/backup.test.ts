import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { restoreBackup, writeBackup } from '../../src/store/backup.ts';
import { type Database, openEmbedded, openPostgres } from '../../src/store/database.ts';
import { type BackendName, describeOn, sharedPostgres } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { type Company, openSparkwiseCompany } from '../support/harness.ts';
import { processEnv } from '../support/memory-disk.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const rows = people(60);

/** A company with something of everything: runs, links, a hold, a rejection, absences. */
async function livedIn(backend: BackendName, rate = 400) {
  const company = await openSparkwiseCompany({ backend, rows, rate, platform: { batch: 5 } });
  expect((await company.sync()).status).toBe('applied');
  await company.export(rows.map((row, at) => (at < 20 ? { ...row, status: 'Terminated' } : row)));
  const held = await company.sync();
  expect(held.status).toBe('held');
  const rejected = await company.rollcall('reject', String(held.id));
  expect(rejected.exit, rejected.err).toBe(0);
  return company;
}

/** Every row of every table, without what passes. */
async function contents(database: Database): Promise<Readonly<Record<string, readonly string[]>>> {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables
    where table_schema = 'rollcall' and table_type = 'BASE TABLE'`.execute(database.db);
  const found: Record<string, string[]> = {};
  for (const { name } of tables) {
    if (name === 'pacers') continue;
    const { rows: lines } = await sql<{ line: string }>`
      select row_to_json(t)::text as line from ${sql.table(`rollcall.${name}`)} t`.execute(database.db);
    found[name] = lines
      .map(({ line }) => line)
      .filter((line) => !line.includes('"probe"'))
      .toSorted();
  }
  return found;
}

function emptyDatabase(company: Company): Promise<Database> {
  return openEmbedded(join(company.folder, 'other'), 'test');
}

for (const [from, to] of [
  ['embedded', 'postgres'],
  ['postgres', 'embedded'],
] as const) {
  describeOn('postgres', `a backup of ${from}`, () => {
    test(`goes whole into an empty ${to}, and the next run has nothing else to do`, {
      timeout: 120_000,
    }, async () => {
      await using company = await livedIn(from);
      const file = join(company.folder, 'backup.gz');
      const done = await company.rollcall('backup', file, '--json');
      expect(done.exit, done.err).toBe(0);
      expect(done.json).toMatchObject({ file, tables: expect.any(Number) });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const original = await contents((await company.opened()).store.database);
      expect(original['runs']).toHaveLength(2);
      expect(original['suppressions']?.length).toBeGreaterThan(0);
      const { hash, planned } = await company.plan();
      const address = to === 'postgres' ? await (await sharedPostgres()).database() : undefined;
      const target =
        address === undefined
          ? await openEmbedded(join(company.folder, 'other'), 'test')
          : await openPostgres(address);
      const restored = await restoreBackup(target, file);
      expect(await contents(target)).toEqual(original);
      expect(restored.rows).toBe(Object.values(original).flat().length);
      await expect(restoreBackup(target, file)).rejects.toMatchObject({ code: 'STORE_NOT_EMPTY' });
      await target.close();

      const config = (await readFile(company.configFile, 'utf8')).replace('"./data"', '"./other"');
      await writeFile(company.configFile, config);
      const { stdout } = await run(process.execPath, [mainFile, 'plan', '--json', '-c', company.configFile], {
        env: { ...processEnv(), ...(address === undefined ? {} : { DATABASE_URL: address }) },
      });
      const [moved] = (JSON.parse(stdout) as { runs: { hash: string; planned: object }[] }).runs;
      expect(moved).toMatchObject({ hash, planned });
      expect(planned.deactivate).toBe(0);
    });
  });
}

describeOn('embedded', 'a backup', () => {
  test('is of one instant, made while a run applies', { timeout: 120_000 }, async () => {
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows,
      rate: 20,
      platform: { batch: 2 },
    });
    const { store } = await company.opened();
    const running = company.sync();
    await until('some batches', () => company.sandbox.counts().writes >= 5);
    const file = join(company.folder, 'backup.gz');
    await writeBackup(store.database, file, Date.now());
    expect((await running).status).toBe('applied');
    const target = await emptyDatabase(company);
    await restoreBackup(target, file);
    const [first] = await target.db.selectFrom('runs').selectAll().execute();
    expect(first?.status).toBe('applying');
    // Links and batches were written together, and are there together.
    const batches = await target.db
      .selectFrom('batches')
      .select('batch')
      .where('applied_ms', 'is not', null)
      .execute();
    const links = await target.db.selectFrom('links').select('person').execute();
    expect(batches.length).toBeGreaterThan(0);
    expect(links.length).toBe(batches.length * 2);
    await target.close();
  });

  test('that is torn, changed, newer or none is refused, and nothing of it stays', {
    timeout: 120_000,
  }, async () => {
    await using company = await livedIn('embedded');
    const file = join(company.folder, 'backup.gz');
    expect((await company.rollcall('backup', file)).exit).toBe(0);
    const packed = await readFile(file);
    const text = gunzipSync(packed).toString('utf8');
    const lines = text.split('\n');
    const target = await emptyDatabase(company);
    const before = await contents(target);
    const flipped = Buffer.from(packed);
    flipped[Math.floor(flipped.length / 2)] = (flipped[Math.floor(flipped.length / 2)] ?? 0) ^ 0xff;
    const broken: readonly (readonly [string, Buffer, string])[] = [
      ['cut in the middle', packed.subarray(0, packed.length / 2), 'BACKUP_INVALID'],
      ['cut at the end', packed.subarray(0, packed.length - 9), 'BACKUP_INVALID'],
      ['a byte changed', flipped, 'BACKUP_INVALID'],
      ['without its end', gzipSync(lines.slice(0, -2).join('\n')), 'BACKUP_INVALID'],
      ['a row less', gzipSync(lines.filter((_, at) => at !== lines.length - 3).join('\n')), 'BACKUP_INVALID'],
      [
        'a name changed',
        gzipSync(text.replace('Terminated', 'Terminatef').replace('harbour', 'hArbour')),
        'BACKUP_INVALID',
      ],
      ['a row that is no JSON', gzipSync(text.replace('\n{"', '\n{')), 'BACKUP_INVALID'],
      ['a table that there is not', gzipSync(text.replace('#table runs', '#table ruins')), 'BACKUP_INVALID'],
      ['something else', Buffer.from('id,email\n1,a@example.com\n'), 'BACKUP_INVALID'],
      ['something else, packed', gzipSync('id,email\n1,a@example.com\n'), 'BACKUP_INVALID'],
      ['nothing', Buffer.alloc(0), 'BACKUP_INVALID'],
      ['of a newer format', gzipSync(text.replace('"format":1', '"format":2')), 'STORE_NEWER'],
      ['of newer tables', gzipSync(text.replace(/"schema":\d+/, '"schema":9999')), 'STORE_NEWER'],
    ];
    for (const [name, bytes, code] of broken) {
      await writeFile(file, bytes);
      await expect(restoreBackup(target, file), name).rejects.toMatchObject({ code });
      expect(await contents(target), name).toEqual(before);
    }
    await expect(restoreBackup(target, join(company.folder, 'none'))).rejects.toMatchObject({
      code: 'BACKUP_INVALID',
    });
    await target.close();
  });

  test('of an older version is brought up to date', { timeout: 120_000 }, async () => {
    await using company = await livedIn('embedded');
    const file = join(company.folder, 'backup.gz');
    expect((await company.rollcall('backup', file)).exit).toBe(0);
    const target = await emptyDatabase(company);
    // As the first version would have written it: its meta only, for its tables have fewer columns.
    const body =
      '#rollcall-backup {"format":1,"schema":1,"store":"old","at":"2026-03-02T00:00:00.000Z"}\n#table meta\n{"key":"version","value":"1"}\n{"key":"store","value":"old"}\n';
    const sha256 = createHash('sha256').update(body).digest('hex');
    await writeFile(file, gzipSync(`${body}#end ${JSON.stringify({ tables: 1, rows: 2, sha256 })}\n`));
    await restoreBackup(target, file);
    await target.close();
    const again = await openEmbedded(join(company.folder, 'other'), 'test');
    expect(again.id).toBe('old');
    await again.db.selectFrom('batches').selectAll().execute();
    await again.close();
  });

  test('that cannot be written leaves nothing, and is not restored beside a service', {
    timeout: 120_000,
  }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(3) });
    const { store } = await company.opened();
    const nowhere = await company.rollcall('backup', join(company.folder, 'none', 'backup.gz'));
    expect([nowhere.exit, nowhere.err]).toEqual([1, expect.stringContaining('BACKUP_UNWRITABLE')]);
    const file = join(company.folder, 'backup.gz');
    await writeBackup(store.database, file, Date.now());
    expect((await readdir(dirname(file))).filter((name) => name.includes('.part'))).toEqual([]);
    const beside = await company.rollcall('restore', file);
    expect([beside.exit, beside.err]).toEqual([1, expect.stringContaining('STORE_NOT_EMPTY')]);
  });
});
