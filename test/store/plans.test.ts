import pg from 'pg';
import { expect, test } from 'vitest';
import { noChanges } from '../../src/change.ts';
import { openPostgres } from '../../src/store/database.ts';
import type { PlanRecord } from '../../src/store/plan-record.ts';
import { createStore } from '../../src/store/store.ts';
import { describeOn, sharedPostgres } from '../support/backends.ts';
import { until } from '../support/until.ts';

const customer = 'harbour';

/** A plan of nothing; `onLaidOut` is called when its changes have been stored. */
function planOf(platform: string, onLaidOut: () => void): PlanRecord {
  return {
    run: `${platform}-1`,
    customer,
    platform,
    roster: {
      reads: [
        {
          read: {
            part: '',
            fingerprint: 'f',
            modifiedMs: 1,
            rows: 2,
            usable: 2,
            rejected: 0,
            perValue: {},
            endsInLine: true,
            complete: true,
            reasons: [],
          },
          rejectedRows: [],
        },
      ],
      missing: [{ exports: ['f@1'], people: ['gone'] }],
      present: () => false,
      members: null,
      parts: [''],
      renamed: [],
    },
    adoptions: [],
    reviews: [],
    changes: [],
    batches: () => {
      onLaidOut();
      return [];
    },
    summary: () => ({
      hash: null,
      planned: noChanges(),
      held: noChanges(),
      reasons: [],
      notes: [],
      rejected: 0,
      review: 0,
      managed: 2,
      accounts: 2,
      members: {},
      targetNames: {},
      holdExpiresMs: null,
    }),
    status: 'unchanged',
    approval: null,
  };
}

describeOn('postgres', 'plans of several platforms', () => {
  test('none waits until another one is stored, for all that the two write the same rows of the roster', {
    timeout: 30_000,
  }, async () => {
    const url = await (await sharedPostgres()).database();
    const database = await openPostgres(url);
    const store = createStore(database);
    const performed = async (platform: string): Promise<number> => {
      const run = `${platform}-1`;
      const asked = { id: run, customer, platform, person: null, trigger: 'command', actor: null } as const;
      await store.runs.begin({ ...asked, slotMs: null, approval: null }, Date.now());
      const taken = await store.leases.take(customer, platform, 'test', 60_000);
      if (!taken.mine || !(await store.runs.perform(run, taken.number))) throw new Error('no lease');
      return taken.number;
    };
    await store.plans.save(
      planOf('academy', () => undefined),
      await performed('academy'),
      Date.now(),
    );
    // Another platform's plan, which has come as far as the roster and is not stored yet.
    const other = new pg.Client({ connectionString: url });
    await other.connect();
    await other.query('begin');
    await other.query('select from rollcall.exports for update');

    let laidOut = false;
    let stored = false;
    const record = planOf('awareness', () => {
      laidOut = true;
    });
    const saving = store.plans.save(record, await performed('awareness'), Date.now()).then(() => {
      stored = true;
    });
    await until('its changes are stored', () => laidOut);
    expect(stored).toBe(false);
    await other.query('commit');
    await saving;
    // Counted once, whoever plans with it.
    const absences = await store.roster.absences(customer);
    expect(absences.get('gone')).toMatchObject({ exports: 1 });
    await other.end();
    await database.close();
  });
});
