import { afterAll, afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import { type BackendName, describeOn } from '../support/backends.ts';
import { changed, people, person, type Row } from '../support/company.ts';
import { defaultSize, openSparkwiseCompany } from '../support/harness.ts';
import {
  codes,
  differences,
  expectEndsInStep,
  expectNoWrongRemoval,
  timesApplied,
} from '../support/in-step.ts';
import { type Day, type FaultCase, matrix, type SparkwiseCompany } from './matrix.ts';

const dayMs = 24 * 3_600_000;

/**
 * One company lives through all the faults, a day each, and is in step at the end of every day. After a failure the next
 * day begins with a fresh one.
 */
function suite(backend: BackendName, cases: readonly FaultCase[]): void {
  describeOn(backend, 'the fault matrix', () => {
    let company: SparkwiseCompany | undefined;
    let rows: readonly Row[] = [];
    let next = 0;

    beforeEach(async () => {
      if (company !== undefined) return;
      rows = people(defaultSize);
      next = defaultSize + 1;
      company = await openSparkwiseCompany({
        backend,
        rows,
        clock: '2026-03-02T06:00:00Z',
        roster: { expected: { maxAge: '26h' } },
        platform: { timeout: '1s' },
      });
      expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
    }, 120_000);

    afterEach(() => {
      company?.sandbox.clearFaults();
      company?.state.omitted.clear();
      company?.state.unprocessable.clear();
    });

    afterAll(async () => company?.[Symbol.asyncDispose]());

    function dayInHr(): Day {
      const joiners = [0, 1, 2, 3, 4].map((at) => person(next + at));
      const gone = [0, 1, 2, 3].map((at) => person(next - defaultSize + at).id);
      const renamed = [10, 11, 12].map((at) => person(next - defaultSize + at).id);
      next += 5;
      const changes = Object.fromEntries([
        ...gone.map((id) => [id, { status: 'Terminated' }]),
        ...renamed.map((id) => [id, { lastName: `Married ${next}` }]),
      ]);
      return {
        rows: [...changed(rows, changes), ...joiners],
        joiners: joiners.map(({ id }) => id),
        renamed,
        leavers: gone,
      };
    }

    test.for(cases)('$name', { timeout: 90_000 }, async (fault) => {
      if (company === undefined) throw new Error('no company');
      const living = company;
      onTestFailed(async () => {
        company = undefined;
        await living[Symbol.asyncDispose]();
      });
      living.clock.advance(2 * dayMs);
      const before = rows;
      const day = dayInHr();
      await living.export(day.rows);
      living.sandbox.clearLog();
      await fault.plant(living, day);

      const run = await living.sync();

      expect({ exit: run.exit, status: run.status, codes: codes(run) }).toEqual({
        exit: fault.exit,
        status: fault.status,
        codes: fault.codes,
      });
      for (const { message } of run.reasons) expect(message.length).toBeGreaterThan(20);
      expectNoWrongRemoval(living, day.rows);
      const { state } = living;
      if (fault.status === 'failed') expect(differences(state, before)).toEqual([]);
      for (const id of fault.done.joiners ? day.joiners : []) expect(state.byRemoteId.has(id)).toBe(true);
      for (const id of day.leavers)
        if (fault.done.leavers) expect(state.byRemoteId.get(id)?.active).toBe(false);
        else if (fault.exit !== 4) expect(state.byRemoteId.get(id)?.active).toBe(true);
      fault.also?.(living, day);
      expect(living.sandbox.counts().largestItems).toBeLessThanOrEqual(200);

      living.sandbox.clearFaults();
      state.omitted.clear();
      state.unprocessable.clear();
      living.clock.advance(3_600_000);
      await expectEndsInStep(living, day.rows);
      rows = day.rows;
      const [created, gone] = [
        await timesApplied(living, 'create'),
        await timesApplied(living, 'deactivate'),
      ];
      for (const id of day.joiners) expect(created.get(id), `creates of ${id}`).toBe(1);
      for (const id of day.leavers) expect(gone.get(id), `deactivations of ${id}`).toBe(1);
    });
  });
}

suite('embedded', matrix);
suite('redis', matrix);
suite(
  'postgres',
  matrix.filter((fault) => fault.postgres === true),
);
