import { expect, test } from 'vitest';
import type { ChangeOutcome } from '../../src/store/batches.ts';
import type { LinkRow } from '../../src/store/links.ts';
import { type BackendName, describeOn } from '../support/backends.ts';
import { people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';

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

      // The platform says that the second person's account is the first one's.
      const outcome: ChangeOutcome = {
        seq: 2,
        outcome: 'failed',
        code: 'LATER',
        message: 'recorded again',
        link: { ...before, person: second },
        alias: null,
      };
      await store.batches.finish(run, 1, [outcome], { reads: 0, writes: 0 }, Date.now());

      expect(await linkOf(second)).toMatchObject({ account_id: before.account_id });
      expect(await linkOf(first)).toBeUndefined();
      expect(await linkOf(third)).toBeDefined();
      const outcomes = await store.database.db
        .selectFrom('outcomes')
        .select(['seq', 'outcome'])
        .where('run_id', '=', run)
        .orderBy('seq')
        .execute();
      expect(outcomes.map(({ outcome: became }) => became)).toEqual(['done', 'done', 'done']);
      expect(new Set(outcomes.map(({ seq }) => seq)).size).toBe(3);
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
