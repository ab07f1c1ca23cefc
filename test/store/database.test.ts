import { sql } from 'kysely';
import pg from 'pg';
import { expect, test } from 'vitest';
import { openPostgres } from '../../src/store/database.ts';
import { migrations } from '../../src/store/migrations.ts';
import { createStore } from '../../src/store/store.ts';
import { describeOn, sharedPostgres } from '../support/backends.ts';

const dayMs = 24 * 3_600_000;
const newest = migrations.at(-1)?.version ?? 0;

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describeOn('postgres', 'the database', () => {
  test('a fresh one is brought up to date, opening it again changes nothing, and it keeps its id', async () => {
    const url = await (await sharedPostgres()).database();
    const first = await openPostgres(url);
    await first.close();
    const shape = () =>
      withClient(url, async (client) => {
        const columns = await client.query(
          "select table_name, column_name, data_type from information_schema.columns where table_schema = 'rollcall' order by 1, 2",
        );
        const indexes = await client.query(
          "select indexdef from pg_indexes where schemaname = 'rollcall' order by 1",
        );
        return [columns.rows, indexes.rows];
      });
    const before = await shape();
    const second = await openPostgres(url);
    expect(second.id).toBe(first.id);
    await second.close();
    expect(await shape()).toEqual(before);
  });

  test('a transaction that sleeps is ended by the server, of the store and of the queue: a stopped process keeps no locks', async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    try {
      const store = await sql<{
        setting: string;
      }>`select current_setting('idle_in_transaction_session_timeout') as setting`.execute(database.db);
      const queue = await database.queuePool.query(
        "select current_setting('idle_in_transaction_session_timeout') as setting",
      );
      expect([store.rows, queue.rows]).toEqual([[{ setting: '15s' }], [{ setting: '15s' }]]);
    } finally {
      await database.close();
    }
  });

  test('what cannot be read of an incomplete export does not count as people that the next one would lack', async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    try {
      const row = (fingerprint: string, complete: boolean) => ({
        customer: 'harbour',
        fingerprint,
        modified_ms: 1,
        first_read_ms: 1,
        last_read_ms: Date.now(),
        rows: 100,
        usable: 50,
        rejected: 10,
        per_value: '{}',
        complete,
        reasons: '[]',
        ends_in_line: true,
      });
      const { roster } = createStore(database);
      const insert = (values: object) =>
        database.db
          .insertInto('exports')
          .values(values as never)
          .execute();
      await insert(row('torn', false));
      expect((await roster.baseline('harbour', '', Date.now())).maxPeople).toBe(50);
      await insert(row('whole', true));
      expect((await roster.baseline('harbour', '', Date.now())).maxPeople).toBe(60);
    } finally {
      await database.close();
    }
  });

  test('several that start at once migrate it once', async () => {
    const url = await (await sharedPostgres()).database();
    const opened = await Promise.all(Array.from({ length: 4 }, () => openPostgres(url)));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    await Promise.all(opened.map((database) => database.close()));
  });

  test('one of a newer version is refused and left alone', async () => {
    const url = await (await sharedPostgres()).database();
    await (await openPostgres(url)).close();
    const version = (text: string) => withClient(url, (client) => client.query(text));
    await version(`update rollcall.meta set value = '${newest + 1}' where key = 'version'`);
    await expect(openPostgres(url)).rejects.toMatchObject({ code: 'STORE_NEWER' });
    const { rows } = await version("select value from rollcall.meta where key = 'version'");
    expect(rows).toEqual([{ value: String(newest + 1) }]);
  });

  test('one that is not there is out of reach, in one line without the password', async () => {
    const error = await openPostgres('postgres://me:topsecret@127.0.0.1:1/x').catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(String(error)).not.toContain('topsecret');
  });

  test('retention deletes old runs with their changes, and keeps links, open runs and what the guard counts', async () => {
    const database = await openPostgres(await (await sharedPostgres()).database());
    const store = createStore(database);
    const nowMs = Date.parse('2026-03-02T06:00:00Z');
    const begin = async (id: string, ageDays: number, ends = true): Promise<void> => {
      const atMs = nowMs - ageDays * dayMs;
      const from = {
        customer: 'harbour',
        platform: 'academy',
        person: null,
        trigger: 'command',
        actor: null,
      } as const;
      await store.runs.begin({ ...from, id, slotMs: null, approval: null, undoes: null }, atMs);
      if (ends) await store.runs.end(id, { status: 'applied', reasons: [] }, atMs);
      await database.db
        .insertInto('changes')
        .values({
          run_id: id,
          seq: 0,
          customer: 'harbour',
          platform: 'academy',
          kind: 'deactivate',
          person: '1',
          target: null,
          ref: JSON.stringify({}),
          before: null,
          after: null,
          changed: JSON.stringify([]),
          reason: 'TERMINATED',
          fingerprint: id,
          disposition: 'apply',
          batch: 1,
          approved: false,
          row_hash: null,
          link: null,
        } as never)
        .execute();
      await database.db
        .insertInto('outcomes')
        .values({
          run_id: id,
          seq: 0,
          outcome: 'done',
          outcome_code: null,
          outcome_message: null,
          done_ms: atMs,
        })
        .execute();
    };
    await begin('old', 401);
    await begin('old-open', 401, false);
    await begin('young', 399);
    await begin('yesterday', 0.5);
    await store.links.put([
      {
        customer: 'harbour',
        platform: 'academy',
        person: '1',
        account_id: 'a',
        external_id: null,
        email: null,
        written_hash: null,
        email_hash: null,
        confirmed_hash: null,
        deactivated: false,
        linked_ms: 0,
        run_id: 'old',
      },
    ]);
    const journalMs = 400 * dayMs;
    const resultsMs = journalMs;
    expect(await store.retain('harbour', { journalMs, resultsMs }, nowMs)).toBe(1);
    const left = await database.db.selectFrom('changes').select('run_id').orderBy('run_id').execute();
    expect(left.map((row) => row.run_id)).toEqual(['old-open', 'yesterday', 'young']);
    expect(await database.db.selectFrom('outcomes').select('run_id').orderBy('run_id').execute()).toEqual(
      left,
    );
    expect(await store.links.count('harbour', 'academy')).toBe(1);
    // However short it is set, the guard's 24 hours stay.
    await store.retain('harbour', { journalMs: 0, resultsMs }, nowMs);
    const recent = await store.journal.recentCounts('harbour', 'academy', nowMs - dayMs);
    expect(recent).toMatchObject({ deactivate: 1 });
    expect(await store.runs.find('young')).toBeUndefined();
    await database.close();
  });
});
