import { expect } from 'vitest';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import type { Row } from './company.ts';
import { type Company, platformName, type RunEnded } from './harness.ts';

type SparkwiseCompany = Company & { readonly state: SparkwiseState };

/** What is wrong between the export and the platform, in words; empty when they are in step. */
export function differences(state: SparkwiseState, rows: readonly Row[]): string[] {
  const wrong: string[] = [];
  for (const row of rows) {
    const user = state.byRemoteId.get(row.id);
    const wanted = row.status !== 'Terminated';
    if (user === undefined) {
      if (wanted) wrong.push(`${row.id} has no account`);
      continue;
    }
    if (user.active !== wanted) wrong.push(`${row.id} is ${user.active ? 'active' : 'inactive'}`);
    if (wanted && (user.firstName !== row.firstName || user.lastName !== row.lastName))
      wrong.push(`${row.id} has another name`);
  }
  return wrong;
}

/** The people whose account is inactive. */
export function inactive(state: SparkwiseState): string[] {
  return state.users.flatMap((user) => (user.active || user.remoteId === null ? [] : [user.remoteId])).sort();
}

/** Nobody is inactive but who is a leaver by the true export. */
export function expectNoWrongRemoval(company: SparkwiseCompany, rows: readonly Row[]): void {
  const leavers = new Set(rows.filter((row) => row.status === 'Terminated').map((row) => row.id));
  expect(inactive(company.state).filter((id) => !leavers.has(id))).toEqual([]);
}

/** Every change that was to be applied has exactly one outcome, and no run is still open. */
export async function expectJournalClosed(company: Company): Promise<void> {
  const { store } = await company.opened();
  const { db } = store.database;
  const open = await db
    .selectFrom('journal')
    .select(['run_id', 'seq'])
    .where('disposition', '=', 'apply')
    .where('outcome', 'is', null)
    .execute();
  expect(open).toEqual([]);
  expect(await store.runs.open('harbour')).toEqual([]);
}

/** How often each change of a kind was applied, by person. */
export async function timesApplied(company: Company, kind: string): Promise<Map<string, number>> {
  const { store } = await company.opened();
  const rows = await store.database.db
    .selectFrom('journal')
    .select(['person', (eb) => eb.fn.countAll<number>().as('count')])
    .where('kind', '=', kind as 'create')
    .where('outcome', '=', 'done')
    .where('platform', '=', platformName)
    .groupBy('person')
    .execute();
  return new Map(rows.map((row) => [row.person, Number(row.count)]));
}

/**
 * A clean run brings the platform in step, and the one after it finds nothing and writes nothing. Returns the clean run.
 */
export async function expectEndsInStep(company: SparkwiseCompany, rows: readonly Row[]): Promise<RunEnded> {
  await company.export(rows);
  const clean = await company.sync();
  expect(clean).toMatchObject({ exit: 0, reasons: [] });
  expect(['applied', 'unchanged']).toContain(clean.status);
  expect(differences(company.state, rows)).toEqual([]);
  const again = await company.sync();
  expect(again).toMatchObject({ exit: 0, status: 'unchanged', hash: null, requests: { writes: 0 } });
  expect((await company.plan()).changes).toEqual([]);
  expectNoWrongRemoval(company, rows);
  const ids = company.state.users.map((user) => user.remoteId);
  expect(ids.length).toBe(new Set(ids).size);
  await expectJournalClosed(company);
  return clean;
}

/** The codes of a run's reasons. */
export function codes(run: RunEnded): string[] {
  return run.reasons.map((reason) => reason.code);
}
