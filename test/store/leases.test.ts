import { expect, test } from 'vitest';
import type { Attempt } from '../../src/store/batches.ts';
import { longestLeaseMs } from '../../src/store/leases.ts';
import type { ChangeOutcome } from '../../src/store/outcomes.ts';
import { describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';

const customer = 'harbour';
const sender = { name: 'worker', lastsMs: 5_000 };

const done = (seq: number): ChangeOutcome => ({
  seq,
  outcome: 'done',
  code: null,
  message: null,
  link: null,
  isNewLink: false,
  alias: null,
});

async function open() {
  const company = await openSparkwiseCompany({ backend: 'postgres', rows: people(3) });
  const { store } = await company.opened();
  const { leases, database } = store;
  const take = (owner: string, gone?: string) => leases.take(customer, platformName, owner, 15_000, gone);
  const setUntil = (offsetMs: number) =>
    database.db
      .updateTable('platforms')
      .set({ lease_until_ms: Date.now() + offsetMs })
      .where('platform', '=', platformName)
      .execute();
  return { company, store, leases, take, setUntil };
}

describeOn('postgres', 'leases', () => {
  test('one holder at a time; each take-over has a higher number', { timeout: 60_000 }, async () => {
    const { company, leases, take, setUntil } = await open();
    await using _company = company;
    expect(await take('a')).toEqual({ mine: true, number: 1, from: null });
    expect(await take('a')).toEqual({ mine: true, number: 1, from: null });
    expect(await take('b')).toEqual({ mine: false, owner: 'a' });
    expect(await leases.holder(customer, platformName)).toBe('a');
    expect(await leases.holds(customer, platformName, 1)).toBe(true);

    // It runs out: by the database's clock, whatever the clocks of the processes say.
    await setUntil(-1);
    expect(await leases.holder(customer, platformName)).toBeNull();
    expect(await leases.holds(customer, platformName, 1)).toBe(false);
    expect(await take('b')).toEqual({ mine: true, number: 2, from: 'a' });
    expect(await leases.renew(customer, platformName, 'a', 1, 15_000)).toBe(false);
    await leases.release(customer, platformName, 'a');
    expect(await leases.holder(customer, platformName)).toBe('b');

    // Given back: whoever had it does not get it back by renewing it.
    await leases.release(customer, platformName, 'b');
    expect(await leases.renew(customer, platformName, 'b', 2, 15_000)).toBe(false);
    expect(await take('c')).toEqual({ mine: true, number: 3, from: null });
    expect(await take('d', 'c')).toEqual({ mine: true, number: 4, from: 'c' });
  });

  test('one that ends later than any lease can was stored under another clock, and is over', {
    timeout: 60_000,
  }, async () => {
    const { company, leases, take, setUntil } = await open();
    await using _company = company;
    await take('a');
    await setUntil(longestLeaseMs - 1_000);
    expect(await take('b')).toEqual({ mine: false, owner: 'a' });
    await setUntil(3_600_000);
    expect(await leases.holder(customer, platformName)).toBeNull();
    expect(await take('b')).toEqual({ mine: true, number: 2, from: 'a' });
  });

  test('a batch is begun and ended under one lease: what an earlier holder says of it is refused', {
    timeout: 60_000,
  }, async () => {
    const { company, store, leases, take, setUntil } = await open();
    await using _company = company;
    const { id: run } = await company.sync();
    // The run has ended a moment before its lease is given back.
    await until(
      'the lease to be given back',
      async () => (await leases.holder(customer, platformName)) === null,
    );
    if (run === null) throw new Error('no run');
    const { db } = store.database;
    await db.updateTable('batches').set({ status: 'pending', applied_ms: null, attempts: 0 }).execute();
    const begin = (lease: number) => store.batches.begin({ run, batch: 1, lease }, sender, Date.now());
    const begun = async (lease: number): Promise<Attempt> => {
      const one = await begin(lease);
      if (one.state !== 'begun') throw new Error(one.state);
      return one.attempt;
    };
    const finish = (attempt: Attempt) =>
      store.batches.finish(
        { ...attempt, size: 3 },
        [done(0), done(1), done(2)],
        { reads: 0, writes: 1 },
        Date.now(),
      );
    const take1 = await take('a');
    if (!take1.mine) throw new Error('not mine');
    const first = take1.number;
    // Nobody performs the run yet, or under another lease.
    expect(await begin(first)).toEqual({ state: 'stale' });
    expect(await store.runs.perform(run, first)).toBe(true);
    expect(await begin(first - 1)).toEqual({ state: 'stale' });
    const slept = await begun(first);
    expect(await store.batches.holds(slept)).toBe(true);
    expect(await leases.busy(customer, platformName)).toMatchObject([{ run, batch: 1, sender: 'worker' }]);

    // Somebody else takes the platform over.
    await setUntil(-1);
    const take2 = await take('b');
    if (!take2.mine) throw new Error('not mine');
    expect(await store.batches.holds(slept)).toBe(false);
    expect(await store.runs.perform(run, first)).toBe(false);
    expect(await begin(first)).toEqual({ state: 'stale' });
    // Its answer still counts while the new holder waits for requests that are on their way, and not after that.
    await leases.adopt(customer, platformName, take2.number);
    expect(await leases.busy(customer, platformName)).toEqual([]);
    expect(await finish(slept)).toBe(false);
    await store.batches.closeRun({ run_id: run, lease: first }, 'skipped', 'STALE', 'stale', Date.now());
    expect((await store.runs.outcomes(run)).open).toBe(3);

    // The same batch taken up twice under one lease: only the later attempt may send and end it.
    await store.runs.perform(run, take2.number);
    const one = await begun(take2.number);
    const again = await begin(take2.number);
    expect(again).toMatchObject({ state: 'begun', repeated: true, sender: 'worker' });
    if (again.state !== 'begun') throw new Error(again.state);
    expect(again.quietMs).toBeGreaterThan(sender.lastsMs - 2_000);
    expect(again.quietMs).toBeLessThanOrEqual(sender.lastsMs);
    expect([await store.batches.holds(one), await store.batches.holds(again.attempt)]).toEqual([false, true]);
    expect(await finish(one)).toBe(false);
    // Known to be over: nobody has to wait for its requests.
    await store.batches.letGo(again.attempt, true);
    const third = await begin(take2.number);
    expect(third).toMatchObject({ state: 'begun', repeated: false, sender: null });
    if (third.state !== 'begun') throw new Error(third.state);
    expect(await finish(third.attempt)).toBe(true);
    expect((await store.runs.outcomes(run)).applied.create).toBe(3);
  });

  test('a plan is not stored once the platform was taken over, or its run was ended', {
    timeout: 60_000,
  }, async () => {
    const { company, store, take, setUntil } = await open();
    await using _company = company;
    const { id } = await company.sync();
    if (id === null) throw new Error('no run');
    await until(
      'the lease to be given back',
      async () => (await store.leases.holder(customer, platformName)) === null,
    );
    const before = await store.runs.find(id);
    const taken = await take('a');
    if (!taken.mine) throw new Error('not mine');
    await setUntil(-1);
    await take('b');
    const record = { run: id } as Parameters<typeof store.plans.save>[0];
    await expect(store.plans.save(record, taken.number, Date.now())).rejects.toMatchObject({
      code: 'RUN_OVERLAP',
    });
    const end = { status: 'failed', reasons: [], lease: taken.number } as const;
    await store.runs.end(id, end, Date.now());
    expect(await store.runs.find(id)).toEqual(before);
  });
});
