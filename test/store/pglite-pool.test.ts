import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Notification, PglitePool } from '../../src/store/pglite-pool.ts';
import { openPgliteSession, type PgliteSession } from '../../src/store/pglite-session.ts';
import { until } from '../support/until.ts';

let database: PgliteSession;
let pool: PglitePool;

beforeAll(async () => {
  database = await openPgliteSession('memory://');
  pool = new PglitePool(database);
  await pool.query('create table items (id integer primary key, name text)');
});

afterAll(() => database.close());

const count = async (where = 'true'): Promise<number> => {
  const { rows } = await pool.query(`select count(*)::int as n from items where ${where}`);
  return (rows[0] as unknown as { n: number }).n;
};

test('statements of others wait for the end of a transaction, and do not land in it', async () => {
  const [one, two] = [await pool.connect(), await pool.connect()];
  await one.query('begin');
  await one.query('insert into items values (1, $1)', ['rolled back']);
  const others = Promise.all([
    two.query('insert into items values (2, $1)', ['kept']),
    pool.query('insert into items values (3, $1)', ['kept']),
  ]);
  await one.query('insert into items values (4, $1)', ['rolled back']);
  await one.query('rollback');
  await others;
  expect(await count("name = 'kept'")).toBe(2);
  expect(await count("name = 'rolled back'")).toBe(0);
  one.release();
  two.release();
});

test('transactions of several clients take turns', async () => {
  await pool.query('delete from items');
  await pool.query('insert into items values (0, $1)', ['0']);
  const add = async (): Promise<void> => {
    const client = await pool.connect();
    await client.query('begin');
    const { rows } = await client.query('select name from items where id = 0');
    const value = Number((rows[0] as unknown as { name: string }).name);
    await new Promise((resolve) => setImmediate(resolve));
    await client.query('update items set name = $1 where id = 0', [String(value + 1)]);
    await client.query('commit');
    client.release();
  };
  await Promise.all(Array.from({ length: 20 }, add));
  expect(await count("id = 0 and name = '20'")).toBe(1);
});

test('a client that is released in the middle of a transaction is rolled back', async () => {
  await pool.query('delete from items');
  const client = await pool.connect();
  await client.query('begin');
  await client.query('insert into items values (1, $1)', ['left']);
  client.release();
  expect(await count()).toBe(0);
});

test('a transaction that failed ends with its commit, and the others go on', async () => {
  const client = await pool.connect();
  await client.query('begin');
  await expect(client.query('select * from nothing_there')).rejects.toThrow(/nothing_there/);
  await client.query('commit').catch(() => undefined);
  client.release();
  expect(await count()).toBe(0);
});

test('savepoints keep the transaction', async () => {
  await pool.query('delete from items');
  const client = await pool.connect();
  await client.query('begin');
  await client.query('insert into items values (1, $1)', ['kept']);
  await client.query('savepoint here');
  await client.query('insert into items values (2, $1)', ['lost']);
  await client.query('rollback to savepoint here');
  const other = pool.query('insert into items values (3, $1)', ['kept']);
  await client.query('commit');
  await other;
  client.release();
  expect(await count("name = 'kept'")).toBe(2);
  expect(await count("name = 'lost'")).toBe(0);
});

test('a statement finds its parameters after its table was altered, and what it cannot take is said', async () => {
  await pool.query('create table notes (note text)');
  const insert = 'insert into notes values ($1) returning note';
  expect((await pool.query(insert, ['plain'])).rows).toEqual([{ note: 'plain' }]);
  await pool.query('alter table notes alter column note type jsonb using to_jsonb(note)');
  expect((await pool.query(insert, [{ of: ['several', null] }])).rows).toEqual([
    { note: { of: ['several', null] } },
  ]);
  await expect(pool.query('select $1::integer as n', ['many'])).rejects.toMatchObject({ code: '22P02' });
  expect((await pool.query('select $1::integer as n', [7])).rows).toEqual([{ n: 7 }]);
});

test('a notification reaches every client that listens, also after a comment, and none that was released', async () => {
  const clients = [await pool.connect(), await pool.connect(), await pool.connect()];
  const heard: string[][] = [[], [], []];
  for (const [at, client] of clients.entries()) {
    client.on('notification', ({ channel, payload }: Notification) =>
      heard[at]?.push(`${channel}:${payload}`),
    );
    await client.query('-- wake up\n/* and more */ LISTEN "wake_up"');
  }
  clients[2]?.release();
  await pool.query("select pg_notify('wake_up', 'now')");
  await until('two notifications', () => (heard[0]?.length ?? 0) > 0 && (heard[1]?.length ?? 0) > 0);
  expect(heard).toEqual([['wake_up:now'], ['wake_up:now'], []]);
  for (const client of clients.slice(0, 2)) client.release();
});

test('a release after the database has closed is no failure', async () => {
  const own = await openPgliteSession('memory://');
  const client = await new PglitePool(own).connect();
  await client.query('begin');
  await own.close();
  const failures: unknown[] = [];
  const onFailure = (reason: unknown): void => void failures.push(reason);
  process.on('unhandledRejection', onFailure);
  client.release();
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', onFailure);
  expect(failures).toEqual([]);
});
