import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openPostgres } from '../../src/store/database.ts';
import { type LookRecord, saveLooks } from '../../src/store/looks.ts';
import { describeOn, sharedPostgres } from '../support/backends.ts';
import { until } from '../support/until.ts';

function look(part: string, hash: string): LookRecord {
  const cells = { list: Uint16Array.of(1, 2), hash };
  return {
    part,
    ids: { list: Uint32Array.of(1, 2), hash: `ids of ${hash}` },
    encoding: 'utf-8',
    export: 'e1',
    columns: [{ name: 'Department', standing: 'measure', cells, filled: 2, shared: new Map() }],
    promote: [],
    forget: [],
  };
}

describeOn('postgres', 'the looks at an export', () => {
  test('two platforms that store the same lists in another order do not wait for each other in a circle', {
    timeout: 60_000,
  }, async () => {
    const { db, close } = await openPostgres(await (await sharedPostgres()).database());
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const waits = sql<{ n: number }>`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const save = (at: number) =>
      db.transaction().execute(async (tx) => {
        const of = { customer: 'harbour', platform: `p${at}`, run: `run-${at}` };
        const [first = '', second = ''] = at === 0 ? ['a', 'b'] : ['b', 'a'];
        await saveLooks(tx, of, look('one', first), 1);
        begun[at]?.resolve();
        let hasBegun = false;
        void begun[1 - at]?.promise.then(() => {
          hasBegun = true;
        });
        await until('the other one to have begun, or to wait for this one', async () => {
          return hasBegun || (await waits.execute(db)).rows[0]?.n === 1;
        });
        await saveLooks(tx, of, look('two', second), 1);
      });
    try {
      await Promise.all([save(0), save(1)]);
      expect(await db.selectFrom('looks').select('name').execute()).toHaveLength(4);
    } finally {
      await close();
    }
  });
});
