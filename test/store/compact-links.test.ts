import { expect, test } from 'vitest';
import type { Link } from '../../src/account.ts';
import { openEmbedded, openPostgres } from '../../src/store/database.ts';
import { type LinkRow, linkOf } from '../../src/store/links.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { tempFolder } from '../roster/reading.ts';
import { type BackendName, describeOn, sharedPostgres } from '../support/backends.ts';
import { makeDataDir } from '../support/template.ts';

const of = { customer: 'harbour', platform: 'academy' } as const;
const link = (person: string, rest: Partial<LinkRow> = {}): LinkRow => ({
  ...of,
  person,
  account_id: `account-${person}`,
  external_id: null,
  email: null,
  written_hash: null,
  email_hash: 9_007_199_254_740_991,
  confirmed_hash: 0,
  deactivated: false,
  linked_ms: 1,
  run_id: null,
  ...rest,
});

async function allOf(store: Store): Promise<Link[]> {
  const links: Link[] = [];
  for await (const page of store.links.compact(of.customer, of.platform)) links.push(...page);
  return links;
}

for (const backend of ['embedded', 'postgres'] satisfies BackendName[]) {
  describeOn(backend, 'links for the diff', () => {
    test('all of a platform, by person, over pages, and separators in a value are no separators', {
      timeout: 60_000,
    }, async () => {
      await using folder = await tempFolder();
      if (backend === 'embedded') await makeDataDir(folder.path);
      const database =
        backend === 'embedded'
          ? await openEmbedded(folder.path, 'test')
          : await openPostgres(await (await sharedPostgres()).database());
      const store = createStore(database);
      expect(await allOf(store)).toEqual([]);

      const some = [
        link('a1'),
        link('A2', { account_id: null, external_id: 'x9', email: 'ada@example.com', confirmed_hash: null }),
        link('ä3', { written_hash: 12, email_hash: null, deactivated: true }),
        // What an array of a column would have to quote.
        link('NULL', { account_id: 'a,{b}"c\\d', external_id: '', email: null, run_id: "it's" }),
      ];
      await store.links.put(some);
      await store.links.put([link('a1', { platform: 'other', account_id: 'elsewhere' })]);
      const byPerson = [some[1], some[3], some[0], some[2]].flatMap((row) =>
        row === undefined ? [] : [row],
      );
      // An external id without letters is none to the diff.
      const asCompared = byPerson.map(linkOf).map((one) => ({ ...one, externalId: one.externalId || null }));
      expect(await allOf(store)).toEqual(asCompared);
      const stored = await store.links.ofPeople(of.customer, of.platform, ['NULL', 'a1']);
      expect([stored.get('NULL'), stored.get('a1')]).toEqual([some[3], some[0]]);

      // A page and some more, and a value that looks like two.
      const many = Array.from({ length: 20_050 }, (_, at) => link(`p${String(at).padStart(6, '0')}`));
      const odd = link('p0', { account_id: 'one\u001ftwo\u001ethree' });
      await store.links.put([...many, odd]);
      const all = await allOf(store);
      expect(all.length).toBe(20_055);
      const [before, after] = [asCompared.slice(0, 3), asCompared.slice(3)];
      expect(all).toEqual([...before, ...[odd, ...many].map(linkOf), ...after]);
      await database.close();
    });
  });
}
