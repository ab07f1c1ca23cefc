import { Redis } from 'ioredis';
import pg from 'pg';
import { expect, test } from 'vitest';
import { describeOn } from '../support/backends.ts';
import { people, person, type Row, toCsv } from '../support/company.ts';
import { type Company, openSparkwiseCompany } from '../support/harness.ts';
import { until } from '../support/until.ts';

// Planted where secrets and people come in. None of them may come out anywhere but in the store and on the screen of a
// reviewer who asked for names.
const canaries = {
  first: 'Kanarina',
  last: 'Zeisigmann',
  email: 'kanarina.zeisigmann@canary.example',
  key: 'sparkwise-sandbox-key',
  webhook: 'canary-webhook-secret-7731',
  token: 'canary-control-token-4410',
  answer: 'canary in the answer of the platform',
} as const;

const canaryRow = person(1, { firstName: canaries.first, lastName: canaries.last, email: canaries.email });
const rows: readonly Row[] = [canaryRow, ...people(30, 2)];
const words = Object.values(canaries);

function expectClean(where: string, text: string): void {
  const seen = words.filter((word) => text.toLowerCase().includes(word.toLowerCase()));
  expect(seen, `canaries in ${where}`).toEqual([]);
}

/** Every value of every key. */
async function redisDump(url: string): Promise<string> {
  const redis = new Redis(url);
  const parts: unknown[] = [];
  for (const key of await redis.keys('*')) {
    parts.push(key);
    const type = await redis.type(key);
    if (type === 'hash') parts.push(await redis.hgetall(key));
    else if (type === 'string') parts.push(await redis.get(key));
    else if (type === 'list') parts.push(await redis.lrange(key, 0, -1));
    else if (type === 'set') parts.push(await redis.smembers(key));
    else if (type === 'zset') parts.push(await redis.zrange(key, 0, -1));
    else if (type === 'stream') parts.push(await redis.xrange(key, '-', '+'));
    // 'none': it went meanwhile.
    else if (type !== 'none') throw new Error(`a key of type ${type}`);
  }
  redis.disconnect();
  return JSON.stringify(parts);
}

/** All rows of all tables in BullMQ's schema. */
async function postgresDump(query: (text: string) => Promise<{ rows: unknown[] }>): Promise<string> {
  const tables = await query(
    "select table_name as name from information_schema.tables where table_schema = 'bullmq'",
  );
  const parts: unknown[] = [];
  for (const { name } of tables.rows as { name: string }[]) {
    const found = await query(`select * from bullmq."${name}"`);
    parts.push(name, found.rows);
  }
  return JSON.stringify(parts);
}

async function queueDump(company: Company): Promise<string> {
  const { backend } = company;
  if (backend.redisUrl !== undefined) return redisDump(backend.redisUrl);
  if (backend.databaseUrl !== undefined) {
    const client = new pg.Client(backend.databaseUrl);
    await client.connect();
    const dump = await postgresDump((text) => client.query(text));
    await client.end();
    return dump;
  }
  const { queuePool } = (await company.opened()).store.database;
  return postgresDump((text) => queuePool.query(text));
}

// Queues in PostgreSQL are the embedded ones, on another server: the soak looks there too.
const soak = process.env['ROLLCALL_SOAK'] !== undefined;
for (const backend of ['embedded', 'redis', ...(soak ? (['postgres'] as const) : [])] as const) {
  describeOn(backend, 'canaries', () => {
    test('stay where they are', { timeout: 120_000 }, async () => {
      await using company = await openSparkwiseCompany({
        backend,
        rows,
        platform: { timeout: '1s' },
        config: {
          alerts: {
            channels: [{ type: 'webhook', url: 'http://127.0.0.1:1/hook', secret: canaries.webhook }],
          },
          control: { tokens: [{ name: 'ops', role: 'operator', token: canaries.token }] },
        },
      });
      const { sandbox } = company;
      const printed: string[] = [];
      const sync = async (): Promise<void> => {
        const ended = await company.rollcall('sync', '--json');
        printed.push(ended.out, ended.err);
      };
      const said = {
        success: false,
        error: { message: canaries.answer, metadata: { who: canaryRow } },
        data: null,
      };
      const cases = [
        { path: '/users', times: 9, effect: { do: 'answer', response: { status: 400, json: said } } },
        {
          path: '/users',
          times: 9,
          effect: { do: 'answer', response: { status: 200, text: JSON.stringify([canaryRow]).slice(3) } },
        },
        {
          path: '/users',
          times: 9,
          effect: {
            do: 'answer',
            response: { status: 200, json: { success: true, error: null, data: { items: [canaryRow] } } },
          },
        },
        { path: '/users', times: 9, effect: { do: 'answer', response: { status: 401, json: said } } },
        { path: '/users/batch', times: 99, effect: { do: 'answer', response: { status: 422, json: said } } },
        {
          path: '/users/batch',
          times: 99,
          effect: {
            do: 'answer',
            response: {
              status: 200,
              json: {
                success: true,
                error: null,
                data: {
                  success: [],
                  failed: [{ user: canaryRow, error: `${canaries.email} is not trusted` }],
                },
              },
            },
          },
        },
      ] as const;
      for (const fault of cases) {
        const remove = sandbox.fail(fault);
        await sync();
        remove();
      }
      // A batch in flight, and then one that waits for its next try with the failure of the last one.
      sandbox.clearLog();
      sandbox.fail({ path: '/users/batch', effect: { do: 'hang' } });
      sandbox.fail({ path: '/users/batch', effect: { do: 'answer', response: { status: 500, json: said } } });
      const running = sync();
      const batches = (): number => sandbox.log.filter(({ path }) => path === '/users/batch').length;
      await until('a batch in flight', () => batches() >= 1);
      const inFlight = await queueDump(company);
      expect(inFlight).toContain('rollcall-batch');
      expectClean('the queue, with a batch in flight', inFlight);
      await until('the failed batch in the queue', async () =>
        /no answer within|HTTP 500/.test(await queueDump(company)),
      );
      expectClean('the queue, with a failed batch', await queueDump(company));
      await running;
      // Rows that cannot be used, and a roster that cannot be read.
      await company.export([
        ...rows,
        { ...canaryRow, lastName: 'Other' },
        { ...canaryRow, id: '', status: canaries.last },
      ]);
      await sync();
      await company.export(toCsv(rows).replace('WorkerID', canaries.email));
      await sync();
      await company.export(rows);
      await sync();

      expect(company.state.byRemoteId.get(canaryRow.id)).toMatchObject({ lastName: canaries.last });
      expectClean('the queue', await queueDump(company));
      expectClean('the logs', company.logged());
      expect(company.logged()).toContain('run failed');
      // The header's columns are listed to whoever has to mend the mapping; they are no rows.
      expectClean('what --json printed', printed.join('\n').replaceAll(canaries.email, ''));
      const { db } = (await company.opened()).store.database;
      const runs = await db.selectFrom('runs').select(['reasons', 'notes']).execute();
      expectClean('reasons', JSON.stringify(runs).replaceAll(canaries.email, ''));
      const messages = await db.selectFrom('journal').select(['outcome_code', 'outcome_message']).execute();
      expectClean('outcomes', JSON.stringify(messages));
      const outbox = await db.selectFrom('outbox').selectAll().execute();
      const alerts = await db.selectFrom('alerts').selectAll().execute();
      expectClean('alerts', JSON.stringify([outbox, alerts]).replaceAll(canaries.email, ''));
    });

    if (backend !== 'embedded') return;
    test('the logs of a process of its own, in full', { timeout: 60_000 }, async () => {
      await using company = await openSparkwiseCompany({ backend, rows });
      company.sandbox.fail({
        path: '/users',
        effect: { do: 'answer', response: { status: 503, text: canaries.answer } },
      });
      const ended = await (await company.spawn('sync', '--json', '--verbose')).ended;
      expect(ended).toMatchObject({ exit: 0 });
      expect(ended.err).toContain('run ended');
      expectClean('standard error', ended.err);
      expectClean('standard output', ended.out);
    });
  });
}
