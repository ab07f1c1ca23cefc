import { describe, expect, it } from 'vitest';
import { costPeople, fraud, openCostCompany, safety } from '../../support/cost.ts';

const timeoutMs = 120_000;
const nothing = { create: 0, update: 0, reactivate: 0, deactivate: 0, enroll: 0, unenroll: 0 };

/** So many of the 40 people in Cork move to Kiel; nobody's cost centre changes. */
function moved(rows: ReturnType<typeof costPeople>, count: number) {
  let left = count;
  return rows.map((row) => (row.site === 'Cork' && left-- > 0 ? { ...row, site: 'Kiel' } : row));
}

describe('the limit on unenrolling from one target', () => {
  it('holds what would leave that target, names it, and lets others go', { timeout: timeoutMs }, async () => {
    const rows = costPeople(200);
    await using company = await openCostCompany(rows, { roster: { maxRecoded: '100%' } });
    expect([company.members(fraud).length, company.members(safety).length]).toEqual([20, 40]);
    // 11 of 40 are more than a quarter; one of 20 leaves the other.
    const next = moved(rows, 11).map((row) => (row.id === '010010' ? { ...row, cost: 'OPS' } : row));
    const run = await company.night(next);
    expect(run).toMatchObject({
      exit: 3,
      held: { ...nothing, unenroll: 11 },
      applied: { ...nothing, unenroll: 1 },
    });
    const [reason] = run.reasons;
    expect(reason?.code).toBe('HELD_UNENROLL');
    expect(reason?.message).toContain(
      '11 of 40 would leave Harbour safety, and the limit of one target is 10',
    );
    expect(reason?.message).toContain('all of them: Site changed from Cork to Kiel');
    expect(company.members(safety)).toHaveLength(40);
    expect(company.members(fraud)).toHaveLength(19);
    expect(await company.approve(run)).toMatchObject({ exit: 0, applied: { ...nothing, unenroll: 11 } });
    expect(company.members(safety)).toHaveLength(29);
  });

  it('counts 24 hours, so that many small runs are no way around', { timeout: timeoutMs }, async () => {
    const rows = costPeople(200);
    await using company = await openCostCompany(rows);
    expect(await company.night(moved(rows, 7))).toMatchObject({
      exit: 0,
      applied: { ...nothing, unenroll: 7 },
    });
    company.clock.advance(-20 * 3_600_000);
    const more = await company.night(moved(rows, 11));
    expect(more).toMatchObject({ exit: 3, held: { ...nothing, unenroll: 4 } });
    expect(more.reasons[0]?.message).toContain('after 7 in the last 24 h');
    expect(await company.night(moved(rows, 11))).toMatchObject({
      exit: 0,
      applied: { ...nothing, unenroll: 4 },
    });
  });

  it('is configured like the others, and holds an undo as it does a run', {
    timeout: timeoutMs,
  }, async () => {
    const rows = costPeople(200);
    await using company = await openCostCompany(moved(rows, 12), {
      platform: { limits: { unenroll: { floor: 500 }, unenrollPerTarget: { percent: 100, floor: 500 } } },
    });
    const enrolled = await company.night(rows);
    expect(enrolled).toMatchObject({ exit: 0, applied: { ...nothing, enroll: 12 } });
    await company.configure({ platform: { limits: { unenroll: { floor: 500 } } } });
    const undone = await company.rollcall('undo', enrolled.id ?? '', '--json');
    const [undo] = (
      undone.json as { runs: readonly { status: string; reasons: readonly { message: string }[] }[] }
    ).runs;
    expect(undo?.status).toBe('held');
    expect(undo?.reasons[0]?.message).toContain('12 of 40 would leave Harbour safety');
  });
});
