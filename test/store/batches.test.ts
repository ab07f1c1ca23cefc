import pg from 'pg';
import { expect, test } from 'vitest';
import type { LinkRow } from '../../src/store/links.ts';
import type { ChangeOutcome } from '../../src/store/outcomes.ts';
import { type BackendName, describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { until } from '../support/until.ts';

const customer = 'harbour';

for (const backend of ['embedded', 'postgres'] satisfies BackendName[]) {
  describeOn(backend, 'outcomes of a batch', () => {
    test('one a change whatever is recorded twice, and one person an account', {
      timeout: 60_000,
    }, async () => {
      const rows = people(3);
      await using company = await openSparkwiseCompany({ backend, rows });
      const { store } = await company.opened();
      const { id: run } = await company.sync();
      if (run === null) throw new Error('no run');
      const [first, second, third] = rows.map(({ id }) => id);
      if (first === undefined || second === undefined || third === undefined) throw new Error('three people');
      const linkOf = async (person: string): Promise<LinkRow | undefined> =>
        (await store.links.ofPeople(customer, platformName, [person])).get(person);
      const before = await linkOf(first);
      if (before === undefined) throw new Error('no link');

      const journal = () =>
        store.database.db
          .selectFrom('journal')
          .select(['seq', 'outcome', 'outcome_code'])
          .where('run_id', '=', run)
          .orderBy('seq')
          .execute();
      const done = [0, 1, 2].map((seq) => ({ seq, outcome: 'done', outcome_code: null }));
      expect(await journal()).toEqual(done);

      // As after a worker that died before it could finish; and the platform says that the second person's account is
      // the first one's.
      await store.database.db.updateTable('batches').set({ status: 'sending', applied_ms: null }).execute();
      expect(await journal()).toEqual(done.map((line) => ({ ...line, outcome: null })));
      const performed = { run_id: run, lease: 1 };
      const batch = { ...performed, batch: 1, attempt: 1, size: 3 };
      const again = [first, second, third].map(
        (person, seq): ChangeOutcome => ({
          seq,
          outcome: 'done',
          code: null,
          message: null,
          link: person === second ? { ...before, person } : null,
          isNewLink: true,
          alias: null,
        }),
      );
      await store.batches.finish(batch, again, { reads: 0, writes: 0 }, Date.now());
      expect(await journal()).toEqual(done);
      expect(await linkOf(second)).toMatchObject({ account_id: before.account_id });
      expect(await linkOf(first)).toBeUndefined();
      expect(await linkOf(third)).toBeDefined();

      // The same through a link alone.
      await store.links.put([{ ...before, person: third }]);
      expect(await linkOf(third)).toMatchObject({ account_id: before.account_id });
      expect(await linkOf(second)).toBeUndefined();

      // A second worker that had the same batch, and another answer; and a run that is closed after that.
      const late = again.map((outcome) => ({
        ...outcome,
        outcome: 'failed' as const,
        code: 'LATE',
        link: null,
      }));
      await store.batches.recordOutcomes(batch, late.slice(0, 1), Date.now());
      await store.batches.finish(batch, late, { reads: 0, writes: 1 }, Date.now());
      await store.batches.closeRun(performed, 'skipped', 'CLOSED', 'closed', Date.now());
      expect(await journal()).toEqual(done);
    });

    test('of a batch that is finished in parts every change has its own outcome', {
      timeout: 60_000,
    }, async () => {
      await using company = await openSparkwiseCompany({ backend, rows: people(3) });
      const { store } = await company.opened();
      const { id: run } = await company.sync();
      if (run === null) throw new Error('no run');
      await store.database.db.updateTable('batches').set({ status: 'sending', applied_ms: null }).execute();
      const performed = { run_id: run, lease: 1 };
      const batch = { ...performed, batch: 1, attempt: 1, size: 3 };
      const outcomeOf = (seq: number, code: string | null): ChangeOutcome => ({
        seq,
        outcome: code === null ? 'done' : 'failed',
        code,
        message: null,
        link: null,
        isNewLink: false,
        alias: null,
      });
      await store.batches.recordOutcomes(batch, [outcomeOf(0, 'NO')], Date.now());
      // The rest, after another begin: it does not stand for the one before.
      await store.batches.finish(batch, [outcomeOf(1, null)], { reads: 0, writes: 1 }, Date.now());
      await store.batches.closeRun(performed, 'skipped', 'CLOSED', 'closed', Date.now());
      const { applied, failed, open } = await store.runs.outcomes(run);
      expect({ applied: applied.create, failed: failed.create, open }).toEqual({
        applied: 1,
        failed: 2,
        open: 0,
      });
    });

    test('a run ends once: its requests are not counted again', { timeout: 60_000 }, async () => {
      await using company = await openSparkwiseCompany({ backend, rows: people(3) });
      const { store } = await company.opened();
      const { id, requests } = await company.sync();
      if (id === null) throw new Error('no run');
      const before = await store.runs.find(id);
      await store.runs.end(id, { status: 'failed', reasons: [] }, Date.now());
      expect(await store.runs.find(id)).toEqual(before);
      expect(before).toMatchObject(requests);
    });
  });
}

describeOn('postgres', 'a run that is closed while a batch is being finished', () => {
  test('waits for that batch, and its changes stay done', { timeout: 60_000 }, async () => {
    await using company = await openSparkwiseCompany({ backend: 'postgres', rows: people(3) });
    const { store } = await company.opened();
    const { id: run } = await company.sync();
    if (run === null) throw new Error('no run');
    await store.database.db.updateTable('batches').set({ status: 'sending', applied_ms: null }).execute();
    const worker = new pg.Client({ connectionString: company.backend.databaseUrl });
    await worker.connect();
    await worker.query('begin');
    await worker.query("update rollcall.batches set status = 'done', applied_ms = 1");
    const closing = store.batches.closeRun(
      { run_id: run, lease: 1 },
      'skipped',
      'CLOSED',
      'closed',
      Date.now(),
    );
    await until('the closing to wait', async () => {
      const { rows } = await worker.query('select 1 from pg_locks where not granted');
      return rows.length > 0;
    });
    await worker.query('commit');
    await worker.end();
    await closing;
    const { applied, failed } = await store.runs.outcomes(run);
    expect({ applied: applied.create, failed: failed.create }).toEqual({ applied: 3, failed: 0 });
  });
});
