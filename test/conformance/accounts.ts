import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/account.ts';
import type { AccountItem } from '../../src/providers/contract.ts';
import {
  type Bench,
  fewestRequests,
  type Harness,
  married,
  people,
  type ReadFault,
  readFaults,
  type SamplePerson,
} from './harness.ts';
import type { Case, Open } from './harness.ts';

const accountKinds = ['create', 'update', 'reactivate', 'deactivate'] as const;

/** Whether one item alone goes through; a refused request counts as its failure. */
async function oneByOne(bench: Bench, item: AccountItem): Promise<{ readonly ok: boolean }> {
  try {
    const [outcome] = await bench.apply([item]);
    return { ok: outcome?.ok === true };
  } catch (error) {
    bench.heard.add(error);
    expect(error).toMatchObject({ code: 'PLATFORM_REFUSED' });
    return { ok: false };
  }
}

/** Reading and writing accounts. */
export function describeAccounts(harness: Harness, open: Open, test: Case): void {
  const { capabilities } = harness;
  const noAccounts =
    capabilities.accounts === 'write' ? undefined : (capabilities.missing.accounts ?? 'no accounts');
  const missing = (...kinds: readonly AccountItem['kind'][]): string | undefined => {
    const lacking = kinds.find((kind) => !capabilities.operations.some(({ kinds }) => kinds.includes(kind)));
    return noAccounts ?? (lacking === undefined ? undefined : `no operation for ${lacking}`);
  };

  it('has the capabilities that it declares, with a reason for what is missing', async () => {
    const { provider } = await open();
    expect(provider.capabilities).toEqual(capabilities);
    if (!capabilities.lookUp && capabilities.accounts === 'write') {
      expect(capabilities.missing.lookUp).toMatch(/\w+ \w+/);
    }
    for (const { limit } of capabilities.operations) {
      expect(limit).toBeGreaterThan(0);
      expect(limit).toBeLessThanOrEqual(200);
    }
  });

  describe('reading', () => {
    test('gives every account once, and says how many to expect', noAccounts, async () => {
      const bench = await open();
      const all = people(harness.accountsOfThreePages);
      await bench.started.seed(all, true);
      const totals: number[] = [];
      const ids = new Set<string>();
      let pages = 0;
      for await (const page of bench.provider.readAccounts(bench.ctx, (total) => totals.push(total))) {
        pages++;
        for (const account of page) ids.add(String(account.id));
      }
      expect(pages).toBeGreaterThan(1);
      expect(ids.size).toBe(all.length);
      for (const total of totals) expect(total).toBe(all.length);
      expect(bench.sandbox.counts().writes).toBe(0);
    });

    test('asks for the first page alone, before any is read ahead', noAccounts, async () => {
      const bench = await open();
      await bench.started.seed(people(harness.accountsOfThreePages), true);
      await bench.readAny();
      bench.sandbox.clearLog();
      // Long enough for those that are asked for at once to be there before the first is answered.
      bench.sandbox.setLatency(30);
      let atFirstAnswer: number | undefined;
      const pagesAsked = (): number => bench.sandbox.log.filter(({ kind }) => kind === 'read').length;
      bench.sandbox.fail({
        kind: 'read',
        times: Number.POSITIVE_INFINITY,
        effect: {
          do: 'rewrite',
          rewrite: (response) => {
            atFirstAnswer ??= pagesAsked();
            return response;
          },
        },
      });
      await bench.read();
      expect(atFirstAnswer).toBe(1);
      expect(pagesAsked()).toBeGreaterThan(2);
    });

    test('of an empty platform ends without accounts', noAccounts, async () => {
      const bench = await open();
      expect(await bench.read()).toEqual([]);
    });

    for (const [fault, title] of Object.entries(readFaults) as [ReadFault, string][]) {
      test(`fails as incomplete when ${title}`, noAccounts ?? harness.impossibleFaults?.[fault], async () => {
        const bench = await open();
        await bench.started.seed(people(harness.accountsOfThreePages), true);
        expect(await bench.read()).toHaveLength(harness.accountsOfThreePages);
        bench.started.breakRead(fault);
        const error = await bench.failure(bench.read());
        expect(error).toMatchObject({ code: 'READ_INCOMPLETE', message: expect.stringMatching(/\d/) });
      });
    }

    test('goes away quietly when the reader stops after one page', noAccounts, async () => {
      const bench = await open();
      await bench.started.seed(people(harness.accountsOfThreePages), true);
      for await (const page of bench.provider.readAccounts(bench.ctx)) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
      const requests = bench.sandbox.log.length;
      await bench.provider.signIn(bench.ctx);
      const later = bench.sandbox.log.slice(requests).filter(({ kind }) => kind !== 'auth');
      expect(later.length).toBeLessThanOrEqual(2);
    });

    const noLookUp = noAccounts ?? (capabilities.lookUp ? undefined : capabilities.missing.lookUp);
    test('looks up one account as the read gives it, and null for nobody', noLookUp, async () => {
      const bench = await open();
      const [known, unknown] = [people(3), people(1, 50)];
      await bench.started.seed(known, true);
      const account = (await bench.accountsOf(known.slice(1, 2)))[0] as Account;
      const { id, externalId, email } = account;
      expect(await bench.provider.lookUp({ id, externalId, email }, bench.ctx)).toEqual(account);
      const [nobody] = await bench.items('create', unknown);
      expect(await bench.provider.lookUp(nobody?.ref ?? account, bench.ctx)).toBeNull();
    });

    test(
      'looks up by the id, or by what is known without it, and does not read all for it',
      noLookUp,
      async () => {
        const bench = await open();
        const all = people(harness.accountsOfThreePages);
        await bench.started.seed(all, true);
        const [account] = (await bench.accountsOf(all.slice(-1))) as [Account];
        const [stranger] = await bench.items('create', people(1, all.length));
        const { id, externalId, email } = account;
        for (const [ref, found] of [
          [{ id, externalId: null, email: null }, account],
          [{ id: null, externalId, email }, account],
          [stranger?.ref ?? account, null],
        ] as const) {
          bench.sandbox.clearLog();
          expect(await bench.provider.lookUp(ref, bench.ctx)).toEqual(found);
          expect(bench.sandbox.counts().reads).toBeLessThan(3);
        }
      },
    );
  });

  describe('writing', () => {
    test('creates what is then read back, field by field', missing('create'), async () => {
      const bench = await open();
      const joiners = people(3);
      const items = await bench.items('create', joiners);
      const outcomes = await bench.apply(items);
      const read = await bench.accountsOf(joiners);
      for (const [index, account] of read.entries()) {
        expect(outcomes[index]).toMatchObject({ ok: true });
        expect(account.active).toBe(true);
        for (const [name, { readBack }] of Object.entries(capabilities.fields)) {
          if (readBack) expect(account.fields[name] ?? '').toBe(items[index]?.fields[name] ?? '');
        }
        const outcome = outcomes[index];
        if (outcome?.ok === true && outcome.account !== undefined)
          expect(outcome.account.id).toBe(account.id);
      }
    });

    test('updates what is then read back, and nothing else', missing('update'), async () => {
      const bench = await open();
      const known = people(3);
      await bench.started.seed(known, true);
      const before = await bench.accountsOf(known);
      const there = bench.started.accountsThere();
      const items = await bench.items('update', married(known.slice(0, 2)));
      expect(await bench.apply(items)).toMatchObject(items.map(() => ({ ok: true })));
      const after = await bench.accountsOf(known);
      for (const [index, { fields }] of items.entries()) {
        for (const [name, { readBack }] of Object.entries(capabilities.fields)) {
          if (readBack && fields[name] !== undefined) expect(after[index]?.fields[name]).toBe(fields[name]);
        }
      }
      expect(after.slice(2)).toEqual(before.slice(2));
      expect(bench.started.accountsThere()).not.toEqual(there);
      expect(await bench.read()).toHaveLength(known.length);
      expect(after.every(({ active }) => active)).toBe(true);
    });

    test('deactivates and reactivates the same account', missing('deactivate', 'reactivate'), async () => {
      const bench = await open();
      const known = people(2);
      await bench.started.seed(known, true);
      const before = await bench.accountsOf(known);
      const leaver = known.slice(0, 1);
      expect(await bench.apply(await bench.items('deactivate', leaver))).toMatchObject([{ ok: true }]);
      expect(await bench.accountsOf(known)).toEqual(
        before.map((account, index) => (index === 0 ? { ...account, active: false } : account)),
      );
      expect(await bench.apply(await bench.items('reactivate', leaver))).toMatchObject([{ ok: true }]);
      expect((await bench.accountsOf(known)).map(({ id, active }) => ({ id, active }))).toEqual(
        before.map(({ id }) => ({ id, active: true })),
      );
    });

    for (const kind of accountKinds) {
      test(`applied twice, ${kind} leaves what once leaves`, missing(kind), async () => {
        const bench = await open();
        const some = people(3);
        if (kind !== 'create') await bench.started.seed(some, kind !== 'reactivate');
        const items = await bench.items(kind, kind === 'update' ? married(some) : some);
        const ok = some.map(() => ({ ok: true }));
        expect(await bench.apply(items)).toMatchObject(ok);
        const once = bench.started.accountsThere();
        expect(await bench.apply(items, true)).toMatchObject(ok);
        expect(bench.started.accountsThere()).toEqual(once);
      });

      test(`${kind} whose answer was lost can be sent again`, missing(kind), async () => {
        const bench = await open();
        const some = people(1);
        if (kind !== 'create') await bench.started.seed(some, kind !== 'reactivate');
        const items = await bench.items(kind, kind === 'update' ? married(some) : some);
        bench.sandbox.fail({ kind: 'write', effect: { do: 'drop', applied: true } });
        const error = await bench.failure(bench.apply(items));
        expect(error).toMatchObject({ code: 'PLATFORM_UNAVAILABLE', applied: 'unknown' });
        const once = bench.started.accountsThere();
        expect(await bench.apply(items, true)).toMatchObject([{ ok: true }]);
        expect(bench.started.accountsThere()).toEqual(once);
        expect(await bench.read()).toHaveLength(1);
      });

      test(`${kind} takes the fewest requests that the limit allows`, missing(kind), async () => {
        const bench = await open();
        const limit = capabilities.operations.find(({ kinds }) => kinds.includes(kind))?.limit ?? 1;
        const many = people(2 * limit + 1);
        if (kind !== 'create') await bench.started.seed(many, kind !== 'reactivate');
        const items = await bench.items(kind, kind === 'update' ? married(many) : many);
        const outcomes = await bench.apply(items);
        expect(outcomes.filter(({ ok }) => ok)).toHaveLength(many.length);
        const { writes, largestItems } = bench.sandbox.counts();
        expect(writes).toBe(fewestRequests(capabilities, { [kind]: many.length }));
        expect(writes).toBe(3);
        expect(largestItems).toBe(limit);
      });
    }

    const allKinds = missing(...accountKinds);
    test('kinds that share an operation share its requests', allKinds, async () => {
      const bench = await open();
      const [joiners, staff, returners, leavers] = [
        people(2),
        people(2, 10),
        people(2, 20),
        people(2, 30),
      ] as const;
      await bench.started.seed([...staff, ...leavers], true);
      await bench.started.seed(returners, false);
      const items = [
        ...(await bench.items('create', joiners)),
        ...(await bench.items('update', married(staff))),
        ...(await bench.items('reactivate', returners)),
        ...(await bench.items('deactivate', leavers)),
      ];
      const outcomes = await bench.apply(items);
      expect(outcomes).toMatchObject(items.map(() => ({ ok: true })));
      expect(bench.sandbox.counts().writes).toBe(
        fewestRequests(capabilities, { create: 2, update: 2, reactivate: 2, deactivate: 2 }),
      );
      const read = await bench.read();
      expect(read.filter(({ active }) => active)).toHaveLength(6);
      expect(read.filter(({ active }) => !active)).toHaveLength(2);
    });

    test(
      'names the items that failed, and does the others',
      missing('create') ?? harness.cannotRefuseOne,
      async () => {
        const bench = await open();
        const joiners = people(3);
        const [first, second, third] = joiners as [SamplePerson, SamplePerson, SamplePerson];
        bench.started.refuse(second);
        const items = await bench.items('create', joiners);
        const outcomes = await bench.apply(items).catch((error: unknown) => {
          // Refused as a whole: the queue then sends the items one by one.
          bench.heard.add(error);
          expect(error).toMatchObject({ code: 'PLATFORM_REFUSED', applied: 'no' });
          return Promise.all(items.map((item) => oneByOne(bench, item)));
        });
        expect(outcomes).toMatchObject([{ ok: true }, { ok: false }, { ok: true }]);
        expect(await bench.accountsOf([first, third])).toHaveLength(2);
        expect(await bench.read()).toHaveLength(2);
      },
    );
  });
}
