import { describe, expect } from 'vitest';
import type { AccountRef } from '../../src/account.ts';
import type { MemberItem, ResultRow } from '../../src/providers/contract.ts';
import { type Bench, type Harness, people, type SamplePerson } from './harness.ts';
import type { Case, Open } from './harness.ts';

async function membersThere(bench: Bench, target: string): Promise<AccountRef[]> {
  const members: AccountRef[] = [];
  for await (const page of bench.provider.readMembers(target, bench.ctx)) members.push(...page);
  return members;
}

/** Whether two references are of one account, by any part that both have. */
function isSame(one: AccountRef, other: AccountRef): boolean {
  return (['id', 'externalId', 'email'] as const).some((key) => one[key] !== null && one[key] === other[key]);
}

/** Enrollments, targets and results. */
export function describeEnrollments(harness: Harness, open: Open, test: Case): void {
  const { capabilities } = harness;
  const none = capabilities.missing.enrollments;

  async function memberItems(bench: Bench, some: readonly SamplePerson[]): Promise<MemberItem[]> {
    const accounts = capabilities.accounts === 'write' ? await bench.accountsOf(some) : [];
    return some.map(({ person, email }, index) => {
      const { id, externalId, email: mail } = accounts[index] ?? { id: null, externalId: person, email };
      return { person, ref: { id, externalId, email: mail } };
    });
  }

  async function openTarget(bench: Bench): Promise<string> {
    const rule = bench.started.enrollmentRule;
    if (rule === undefined) throw new Error('the harness has no enrollmentRule');
    const [target] = await bench.provider.resolveTargets([rule], bench.ctx);
    if (target === undefined) throw new Error('the target of the rule was not found');
    expect(target.closed).toBeUndefined();
    return target.id;
  }

  async function change(
    bench: Bench,
    operation: 'enroll' | 'unenroll',
    target: string,
    members: readonly MemberItem[],
    repeated = false,
  ): Promise<void> {
    const limit = capabilities.operations.find(({ name }) => name === operation)?.limit ?? 1;
    for (let start = 0; start < members.length; start += limit) {
      const batch = members.slice(start, start + limit);
      const outcomes = await bench.write({ operation, target, members: batch, repeated });
      expect(outcomes).toHaveLength(batch.length);
      for (const outcome of outcomes) expect(outcome).toMatchObject({ ok: true });
    }
  }

  describe('enrolling', () => {
    test('reads back who was enrolled, and no longer who was removed', none, async () => {
      const bench = await open();
      const staff = people(4);
      await bench.started.seed(staff, true);
      const target = await openTarget(bench);
      expect(await membersThere(bench, target)).toEqual([]);
      const items = await memberItems(bench, staff.slice(0, 3));
      await change(bench, 'enroll', target, items);
      const enrolled = await membersThere(bench, target);
      expect(enrolled).toHaveLength(3);
      for (const { ref } of items) expect(enrolled.some((member) => isSame(member, ref))).toBe(true);
      await change(bench, 'unenroll', target, items.slice(0, 2));
      const left = await membersThere(bench, target);
      expect(left).toHaveLength(1);
      expect(items[2] !== undefined && left[0] !== undefined && isSame(left[0], items[2].ref)).toBe(true);
    });

    test('applied twice, leaves what once leaves', none, async () => {
      const bench = await open();
      const staff = people(3);
      await bench.started.seed(staff, true);
      const target = await openTarget(bench);
      const items = await memberItems(bench, staff);
      await change(bench, 'enroll', target, items);
      const once = await membersThere(bench, target);
      await change(bench, 'enroll', target, items, true);
      expect(await membersThere(bench, target)).toEqual(once);
      await change(bench, 'unenroll', target, items.slice(0, 1));
      await change(bench, 'unenroll', target, items.slice(0, 1), true);
      expect(await membersThere(bench, target)).toHaveLength(2);
    });

    for (const operation of ['enroll', 'unenroll'] as const) {
      test(`to ${operation} takes the fewest requests that the limit allows`, none, async () => {
        const bench = await open();
        const limit = capabilities.operations.find(({ name }) => name === operation)?.limit ?? 1;
        const many = people(2 * limit + 1);
        await bench.started.seed(many, true);
        const target = await openTarget(bench);
        const items = await memberItems(bench, many);
        await change(bench, 'enroll', target, items);
        const before = bench.sandbox.counts().writes;
        if (operation === 'enroll') expect(before).toBe(3);
        else {
          await change(bench, 'unenroll', target, items);
          expect(bench.sandbox.counts().writes - before).toBe(3);
        }
        expect(bench.sandbox.counts().largestItems).toBeLessThanOrEqual(limit);
        expect(await membersThere(bench, target)).toHaveLength(operation === 'enroll' ? many.length : 0);
      });
    }

    test('in a target that does not exist is an error that says so', none, async () => {
      const bench = await open();
      const rule = bench.started.enrollmentRule;
      if (rule === undefined) throw new Error('the harness has no enrollmentRule');
      const error = await bench.failure(
        bench.provider.resolveTargets([{ ...rule, target: 'No such target' }], bench.ctx),
      );
      expect(error).toMatchObject({
        code: 'TARGET_UNKNOWN',
        message: expect.stringContaining('No such target'),
      });
    });

    const hasThem = none === undefined ? 'it has enrollments: what is checked here is a refusal' : undefined;
    test('is refused with the reason', hasThem, async () => {
      const bench = await open();
      const rule = { target: 'Any', when: 'true', keepCompleted: true };
      const error = await bench.failure(bench.provider.resolveTargets([rule], bench.ctx));
      expect(error).toMatchObject({
        code: 'CAPABILITY_MISSING',
        message: expect.stringContaining(none ?? ''),
      });
      const write = { operation: 'enroll', target: 'Any', members: [], repeated: false } as const;
      expect(await bench.failure(bench.write(write))).toMatchObject({ code: 'CAPABILITY_MISSING' });
      expect(bench.sandbox.counts().writes).toBe(0);
    });
  });

  test('lists its targets', capabilities.missing.targets, async () => {
    const bench = await open();
    const listed = await bench.provider.listTargets(bench.ctx);
    if (bench.started.enrollmentRule !== undefined) {
      const target = await openTarget(bench);
      expect(listed.map(({ id }) => id)).toContain(target);
    }
    for (const { id, name, kind } of listed) expect([id, name, kind]).not.toContain('');
  });

  test('reads results back: who completed, and who did not', capabilities.missing.results, async () => {
    const bench = await open();
    const [done, open_] = people(2) as [SamplePerson, SamplePerson];
    await bench.started.seed([done, open_], true);
    const { recordResult, enrollmentRule } = bench.started;
    if (recordResult === undefined) throw new Error('the harness cannot record results');
    const items = await memberItems(bench, [done, open_]);
    if (none === undefined) await change(bench, 'enroll', await openTarget(bench), items);
    recordResult(done, true);
    recordResult(open_, false);
    const rules = enrollmentRule === undefined ? [] : [enrollmentRule];
    const targets = await bench.provider.resolveTargets(rules, bench.ctx);
    const rows: ResultRow[] = [];
    for await (const page of bench.provider.readResults(targets, null, bench.ctx)) rows.push(...page);
    const statusOf = ({ ref }: MemberItem): (string | undefined)[] =>
      rows.filter((row) => isSame(row.ref, ref)).map(({ status }) => status);
    expect(items.map(statusOf)).toEqual([['completed'], ['open']]);
  });
}
