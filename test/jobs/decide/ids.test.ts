import { describe, expect, it } from 'vitest';
import { type CostRow, costPeople, costPerson, openCostCompany } from '../../support/cost.ts';
import type { RunEnded } from '../../support/harness.ts';

const timeoutMs = 120_000;
const nothing = { create: 0, update: 0, reactivate: 0, deactivate: 0, enroll: 0, unenroll: 0 };

function respelled(run: RunEnded): string | undefined {
  return run.reasons.find(({ code }) => code === 'ROSTER_IDS_RESPELLED')?.message;
}

function withIds(rows: readonly CostRow[], make: (id: string) => string): CostRow[] {
  return rows.map((row) => ({ ...row, id: make(row.id) }));
}

describe('ids that come in another spelling', () => {
  const spellings: readonly {
    readonly name: string;
    readonly make: (id: string) => string;
    readonly words: string;
  }[] = [
    {
      name: 'zeros',
      make: (id) => id.replace(/^0+/, ''),
      words: '40 new ids are 40 absent ones without their zeros',
    },
    { name: 'more zeros', make: (id) => `00${id}`, words: 'with zeros in front' },
    { name: 'zeros and .0', make: (id) => `${Number(id)}.0`, words: 'without their zeros' },
  ];
  /** What the reading takes off: the same ids. */
  const wrapped: readonly ((id: string) => string)[] = [
    (id) => `'${id}`,
    (id) => `="${id}"`,
    (id) => `"${id}"`,
    (id) => `${id}.0`,
  ];

  it('keep a joiner waiting whose id came in the same spelling: it would be another one on the next night', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(40);
    await using company = await openCostCompany(rows);
    const joiner = costPerson(900, { cost: 'LOG', site: 'Kiel' });
    const withoutZeros = withIds([...rows, joiner], (id) => id.replace(/^0+/, ''));
    const run = await company.night(withoutZeros);
    expect(run).toMatchObject({ exit: 3, status: 'withheld', planned: nothing });
    expect(respelled(run)).toContain('and 1 more with new ids of that form wait');
    expect(await company.night([...rows, joiner])).toMatchObject({ exit: 0, applied: { create: 1 } });
    expect(company.scim.users).toHaveLength(41);
  });

  it('are neither joiners nor leavers, however long it lasts, and nobody else is concerned', {
    timeout: timeoutMs * 2,
  }, async () => {
    const rows = costPeople(40);
    await using company = await openCostCompany(rows);
    const joiner = costPerson(900, { cost: 'LOG', site: 'Kiel' });
    for (const { name, make, words } of spellings) {
      for (let night = 0; night < 2; night++) {
        const run = await company.night([...withIds(rows, make), joiner]);
        expect({ name, exit: run.exit, status: run.status, planned: { ...run.planned, create: 0 } }).toEqual({
          name,
          exit: 3,
          status: 'withheld',
          planned: nothing,
        });
        expect(respelled(run)).toContain(words);
        expect(respelled(run)).toContain('roster.columns.previousId');
      }
    }
    for (const make of wrapped)
      expect(await company.night([...withIds(rows, make), joiner])).toMatchObject({
        exit: 0,
        status: 'unchanged',
      });
    expect(company.scim.users).toHaveLength(41);
    expect(company.scim.users.every(({ active }) => active)).toBe(true);
    expect(await company.night([...rows, joiner])).toMatchObject({
      exit: 0,
      status: 'unchanged',
      reasons: [],
    });
    // Values were compared with the last export that was good, not with one that nobody could be found in.
    expect(await company.night([...rows.map((row) => ({ ...row, cost: '' })), joiner])).toMatchObject({
      exit: 3,
    });
  });

  it('in another case, a few of many: these few only', { timeout: timeoutMs }, async () => {
    const rows = costPeople(40).map((row) => ({ ...row, id: `ab${row.id}` }));
    await using company = await openCostCompany(rows);
    const some = rows.map((row, at) => ({
      ...row,
      id: at < 3 ? row.id.toUpperCase() : row.id,
      status: at === 5 ? 'Terminated' : row.status,
    }));
    const run = await company.night(some);
    expect(run).toMatchObject({ exit: 3, applied: { ...nothing, deactivate: 1 } });
    expect(respelled(run)).toContain('3 new ids are 3 absent ones in another case');
    // A run of one of them knows it too.
    company.clock.advance(60_000);
    const { engine } = await company.opened();
    await engine.start();
    const job = await engine.request({
      customer: 'harbour',
      platform: 'academy',
      trigger: 'resync',
      actor: 'jo',
      person: 'AB010001',
      reason: null,
    });
    await engine.result(job, { signal: AbortSignal.timeout(30_000) });
    const one = (await company.rollcall('show', 'last', '--json')).json as RunEnded;
    expect(respelled(one)).toContain('1 new id is an absent one in another case');
    expect(company.scim.users).toHaveLength(40);
  });

  it('go through where HR says what the id was before, and where two people have always had such ids', {
    timeout: timeoutMs,
  }, async () => {
    const rows = [...costPeople(40), costPerson(1, { id: '10001', email: 'other@example.com' })];
    await using company = await openCostCompany(rows);
    expect(company.scim.users).toHaveLength(41);
    expect(await company.night(rows)).toMatchObject({ exit: 0, status: 'unchanged' });
    const changed = rows.map((row) =>
      row.id === '010007' ? { ...row, id: '10007', previousId: row.id } : row,
    );
    const run = await company.night(changed);
    expect(run.reasons).toEqual([]);
    expect(run).toMatchObject({ exit: 0, planned: { ...nothing, create: 0, deactivate: 0 } });
    expect(company.scim.users).toHaveLength(41);
    expect(await company.night(changed)).toMatchObject({ exit: 0, status: 'unchanged' });
  });
});

describe('rows that do not belong to the ids that they bear', () => {
  const slip = (rows: readonly CostRow[], from: number, keys: readonly (keyof CostRow)[]): CostRow[] =>
    rows.map((row, at) => {
      const next = rows[at + 1];
      if (at < from || next === undefined) return row;
      return { ...row, ...Object.fromEntries(keys.map((key) => [key, next[key]])) };
    });

  it.each([
    ['ids', ['id']],
    ['names and emails', ['firstName', 'lastName', 'email']],
    ['emails', ['email']],
  ] as const)(
    '%s slipped by a row: nobody is changed or removed, and the run says so',
    {
      timeout: timeoutMs,
    },
    async (_, keys) => {
      const rows = costPeople(40);
      await using company = await openCostCompany(rows, { config: { absence: { exports: 1, days: 0 } } });
      const before = structuredClone(company.scim.users);
      // Somebody leaves, under the id of somebody else.
      const now = slip(
        rows.map((row, at) => (at === 37 ? { ...row, status: 'Terminated' } : row)),
        30,
        keys,
      );
      for (let night = 0; night < 2; night++) {
        const run = await company.night(now);
        expect(run).toMatchObject({ exit: 3, status: 'withheld' });
        expect(run.reasons.map(({ code }) => code)).toContain('ROSTER_SLIPPED');
      }
      expect(company.scim.users).toEqual(before);
      const mended = await company.night(rows.filter((_row, at) => at !== 3));
      expect(mended).toMatchObject({ exit: 0, applied: { ...nothing, deactivate: 1 } });
    },
  );

  it('a new id for everybody is a changed column, whatever the ids are now', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(40);
    await using company = await openCostCompany(rows, { config: { absence: { exports: 1, days: 0 } } });
    const before = structuredClone(company.scim.users);
    for (const make of [
      (id: string) => `E-${id}`,
      (id: string) => `${id.slice(0, 3)}.${id.slice(3)}`,
      (id: string) => String(Number(id) * 7),
    ]) {
      const run = await company.night([...withIds(rows, make), costPerson(900, { id: make('010900') })]);
      expect(run).toMatchObject({ exit: 3, status: 'withheld', planned: nothing });
      expect(respelled(run)).toContain('40 new ids are 40 absent ones by their people');
    }
    expect(company.scim.users).toEqual(before);
  });
});
