import { expect, test } from 'vitest';
import type { Fault, LoggedRequest } from '../../sandbox/server.ts';
import { type BackendName, describeOn } from '../support/backends.ts';
import { changed, people, person } from '../support/company.ts';
import { type Child, defaultSize, openSparkwiseCompany } from '../support/harness.ts';
import { expectEndsInStep, expectNoWrongRemoval, timesApplied } from '../support/in-step.ts';
import { until } from '../support/until.ts';

/** A moment of a run: what holds it there, and how the test knows that it has come. */
type Moment = {
  readonly name: string;
  readonly hold?: Fault;
  readonly reached: (log: readonly LoggedRequest[]) => boolean;
};

const upsertPath = '/users/batch';
const deactivatePath = '/users/deactivate';
const batchSize = 20;
/** 60 joiners and 5 changed names in batches of 20. */
const upserts = 4;

const count = (log: readonly LoggedRequest[], path: string, answered = false): number =>
  log.filter((entry) => entry.path === path && (!answered || entry.status === 200)).length;

const hang = (path: string, skip: number, applied: boolean): Fault => ({
  path,
  skip,
  effect: { do: 'hang', applied },
});

const moments: readonly Moment[] = [
  {
    name: 'while planning',
    hold: { method: 'GET', path: '/users', skip: 2, effect: { do: 'hang' } },
    reached: (log) => count(log, '/users') >= 3,
  },
  {
    name: 'in the middle of a batch that the platform has applied',
    hold: hang(upsertPath, 1, true),
    reached: (log) => count(log, upsertPath) >= 2,
  },
  {
    name: 'in the middle of a batch that the platform has not seen',
    hold: hang(upsertPath, 1, false),
    reached: (log) => count(log, upsertPath) >= 2,
  },
  {
    name: 'between stages',
    reached: (log) => count(log, upsertPath, true) >= upserts,
  },
  {
    name: 'in the last stage',
    hold: hang(deactivatePath, 0, true),
    reached: (log) => count(log, deactivatePath) >= 1,
  },
];

/** Waits for a moment of a child; one that ends before it came is a failure that shows what it said. */
async function reaches(child: Child, what: string, condition: () => boolean): Promise<void> {
  const early = child.ended.then(({ exit, out, err }) => {
    throw new Error(`ended with ${exit} before ${what}: ${out}${err}`);
  });
  early.catch(() => undefined);
  await Promise.race([until(what, condition), early]);
}

function suite(backend: BackendName, chosen: readonly Moment[]): void {
  const tests = (): void => {
    // A killed process's hold on Redis and PostgreSQL runs out after 15 s: the tests wait for that side by side.
    test.for(chosen)('$name', { timeout: 120_000 }, async ({ hold, reached }) => {
      const rows = people(defaultSize);
      await using company = await openSparkwiseCompany({
        backend,
        rows,
        rate: 100,
        platform: { batch: batchSize },
      });
      expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
      const joiners = people(60, defaultSize + 1);
      const leavers = [1, 2, 3, 4, 5, 6].map((n) => person(n).id);
      const renamed = [21, 22, 23, 24, 25].map((n) => person(n).id);
      const next = [
        ...changed(
          rows,
          Object.fromEntries([
            ...leavers.map((id) => [id, { status: 'Terminated' }]),
            ...renamed.map((id) => [id, { lastName: 'Changed' }]),
          ]),
        ),
        ...joiners,
      ];
      await company.export(next);
      company.sandbox.clearLog();
      if (hold !== undefined) company.sandbox.fail(hold);

      const child = await company.spawn('sync', '--json');
      await reaches(child, 'the moment to kill', () => reached(company.sandbox.log));
      await child.kill();

      expect((await child.ended).out).toBe('');
      expectNoWrongRemoval(company, next);
      company.sandbox.clearFaults();
      await expectEndsInStep(company, next);
      const [created, gone] = [
        await timesApplied(company, 'create'),
        await timesApplied(company, 'deactivate'),
      ];
      for (const { id } of joiners) expect(created.get(id), `creates of ${id}`).toBe(1);
      for (const id of leavers) expect(gone.get(id), `deactivations of ${id}`).toBe(1);
      expect(company.sandbox.counts()).toMatchObject({ tooMany: 0 });
    });

    test('what a killed run left is finished before a newer export is acted on', {
      timeout: 120_000,
    }, async () => {
      const rows = people(60);
      await using company = await openSparkwiseCompany({ backend, rows, rate: 100 });
      await company.sync();
      const [leaver] = rows;
      if (leaver === undefined) throw new Error('nobody there');
      await company.export(changed(rows, { [leaver.id]: { status: 'Terminated' } }));
      company.sandbox.fail(hang(deactivatePath, 0, false));
      const child = await company.spawn('sync', '--json');
      await reaches(child, 'the deactivation', () => count(company.sandbox.log, deactivatePath) >= 1);
      await child.kill();
      company.sandbox.clearFaults();
      // HR takes it back before Rollcall runs again: the leaver never left.
      await company.export(rows);
      expect(await company.sync()).toMatchObject({ exit: 0 });
      const { store } = await company.opened();
      await until('the end of all runs', async () => (await store.runs.open('harbour')).length === 0);
      expect(company.state.byRemoteId.get(leaver.id)?.active).toBe(true);
      await expectEndsInStep(company, rows);
    });

    if (backend !== 'embedded') return;

    test('SIGTERM lets requests in flight end, and the next start goes on', {
      timeout: 120_000,
    }, async () => {
      const rows = people(60);
      await using company = await openSparkwiseCompany({ backend, rows, rate: 100, platform: { batch: 10 } });
      company.sandbox.fail({ path: upsertPath, skip: 1, effect: { do: 'delay', ms: 300 } });
      const child = await company.spawn('sync', '--json');
      await reaches(child, 'the second batch', () => count(company.sandbox.log, upsertPath) >= 2);
      await child.kill('SIGTERM');
      expect(await child.ended).toMatchObject({ exit: 1, err: expect.stringContaining('RUN_ABORTED') });
      await expectEndsInStep(company, rows);
      const created = await timesApplied(company, 'create');
      expect([...created.values()].every((times) => times === 1)).toBe(true);
      expect(created.size).toBe(60);
    });
  };
  describeOn(backend, 'SIGKILL', tests, { concurrent: backend !== 'embedded' });
}

const [planning, applied, , between] = moments;
const essential = [planning, applied, between].filter((moment) => moment !== undefined);

// All moments on all backends belong to the soak.
const soak = process.env['ROLLCALL_SOAK'] !== undefined;
suite('embedded', soak ? moments : essential);
suite('redis', soak ? moments : essential);
suite('postgres', soak ? moments : essential.slice(1, 2));
