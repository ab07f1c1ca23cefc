import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { createHealthProbe } from '../../src/jobs/queue/health.ts';
import { createHealth } from '../../src/web/health.ts';
import { type BackendName, describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, timesApplied } from '../support/in-step.ts';
import { makeDataDir } from '../support/template.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const rate = 20;
const batch = 5;
const rows = people(100);
const mounted: string[] = [];
afterAll(async () => {
  for (const folder of mounted) await run('umount', ['-l', folder]).catch(() => undefined);
});

/** Makes the store refuse in the middle of a run, and sees that it is noticed, waited for, and over by itself. */
async function throughTrouble(
  company: Awaited<ReturnType<typeof openSparkwiseCompany>>,
  begin: () => Promise<unknown>,
  end: () => Promise<unknown>,
): Promise<void> {
  const { store, queues, engine } = await company.opened();
  const probe = createHealthProbe({ store, queues, now: Date.now });
  const ready = createHealth({ store, queues, engine, files: () => [], troubles: () => [] });
  expect(await ready.reasons()).toEqual([]);
  const running = company.sync();
  await until('the third batch', () => company.sandbox.counts().writes >= 3);
  await begin();
  await until('the probe to see it', async () => !(await probe()).store.ok, 30_000);
  expect((await ready.reasons()).map(({ code }) => code)).toContain('STORE_UNAVAILABLE');
  // Nothing is sent that the store does not know of. A full disk may have room left for the few bytes that say so.
  for (let look = 0; look < 20; look++) {
    await probe();
    const { writes } = company.sandbox.counts();
    const { begun } = await store.database.db
      .selectFrom('batches')
      .select((eb) => eb.fn.sum<number>('attempts').as('begun'))
      .executeTakeFirstOrThrow();
    expect(writes).toBeLessThanOrEqual(Number(begun));
  }
  await end();
  await until('the probe to see its end', async () => (await probe()).store.ok, 30_000);
  expect(await ready.reasons()).toEqual([]);
  const ended = await running;
  expect({ status: ended.status, reasons: ended.reasons, exit: ended.exit }).toEqual({
    status: 'applied',
    reasons: [],
    exit: 0,
  });
  expect(ended.applied.create).toBe(rows.length);
  await expectEndsInStep(company, rows);
  const created = await timesApplied(company, 'create');
  expect([...created.values()].every((times) => times === 1)).toBe(true);
}

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
if (!mayMount) process.stderr.write('skipped: a disk that is full: only root may mount a small one\n');
const soak = process.env['ROLLCALL_SOAK'] !== undefined;
// They wait most of the time.
for (const backend of ['embedded', ...(soak ? (['postgres'] as const) : [])] satisfies BackendName[]) {
  describeOn(
    backend,
    'a database that answers and cannot be written, in the middle of a run',
    () => {
      test('made read-only', { timeout: 150_000 }, async () => {
        await using company = await openSparkwiseCompany({ backend, rows, rate, platform: { batch } });
        const { queuePool } = (await company.opened()).store.database;
        const admin = new pg.Client(queuePool.options);
        await admin.connect();
        try {
          await admin.query('set default_transaction_read_only = off');
          const turn = async (value: 'on' | 'off'): Promise<void> => {
            await admin.query(`alter system set default_transaction_read_only = ${value}`);
            await admin.query('select pg_reload_conf()');
          };
          await throughTrouble(
            company,
            () => turn('on'),
            () => turn('off'),
          );
        } finally {
          await admin.end();
        }
      });

      test.skipIf(!mayMount || backend !== 'embedded')('its disk filled', { timeout: 150_000 }, async () => {
        await using company = await openSparkwiseCompany({ backend, rows, rate, platform: { batch } });
        await company.close();
        const data = join(company.folder, 'data');
        await run('mount', ['-t', 'tmpfs', '-o', 'size=160m,mode=0700', 'tmpfs', data]);
        mounted.push(data);
        await makeDataDir(data);
        const filling = join(data, 'filling');
        await throughTrouble(
          company,
          async () => {
            await writeFile(filling, Buffer.alloc(256 * 1024 * 1024, 1)).catch(() => undefined);
          },
          () => rm(filling),
        );
        await company.close();
        await run('umount', [data]);
      });
    },
    { concurrent: true },
  );
}
