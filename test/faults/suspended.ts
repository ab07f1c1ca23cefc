import { expect } from 'vitest';
import type { LoggedRequest } from '../../sandbox/server.ts';
import type { BackendName } from '../support/backends.ts';
import { changed, people } from '../support/company.ts';
import { openSparkwiseCompany, platformName } from '../support/harness.ts';
import { differences, expectJournalClosed, inactive } from '../support/in-step.ts';
import { until } from '../support/until.ts';

/** Requests that write, of a log. */
export const writes = (log: readonly LoggedRequest[]): readonly LoggedRequest[] =>
  log.filter((entry) => entry.kind === 'write');

/** When the process is stopped: called again and again once its run writes. */
export type Instant = (log: readonly LoggedRequest[]) => boolean;

const size = 80;
const batch = 4;
const ratePerSecond = 10;

/** What a trial came to. */
export type Suspended = {
  /** Batches that the stopped process had taken up and not ended. */
  readonly begun: number;
};

/**
 * A service is stopped (SIGSTOP, as a machine that sleeps is) while its run deactivates and renames people; another process
 * brings the run to its end; HR takes all of it back, and a newer run too; then the service wakes up. It must write nothing
 * of what it had begun, and work on.
 */
export async function suspend(backend: BackendName, instant: Instant): Promise<Suspended> {
  const rows = people(size);
  const generous = { count: 10_000, floor: 10_000 };
  await using company = await openSparkwiseCompany({
    backend,
    rows,
    rate: ratePerSecond,
    // Half the company leaves at once: that is what is to be written here, not what is to be doubted.
    roster: { maxRecoded: '100%' },
    platform: {
      batch,
      timeout: '1s',
      limits: { deactivate: generous, update: generous, reactivate: generous },
    },
    config: { control: { listen: '127.0.0.1:0' } },
  });
  expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: size } });
  const leavers = rows.slice(0, size / 2);
  const renamed = rows.slice(size / 2, size / 2 + size / 8);
  const next = changed(rows, {
    ...Object.fromEntries(leavers.map(({ id }) => [id, { status: 'Terminated' }])),
    ...Object.fromEntries(renamed.map(({ id }) => [id, { lastName: 'Changed' }])),
  });
  await company.export(next);
  const service = await company.spawn('start');
  await until('the service to start', () => company.logged().includes('service started'));
  company.sandbox.clearLog();
  expect(await company.rollcall('resync', platformName)).toMatchObject({ exit: 0 });
  await until('the moment to stop', () => instant(company.sandbox.log));
  service.signal('SIGSTOP');
  const { store } = await company.opened();
  const begun = (await store.leases.busy('harbour', platformName)).length;

  expect(await company.sync()).toMatchObject({ exit: 0 });
  expect(differences(company.state, next)).toEqual([]);
  await company.export(rows);
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  expect(differences(company.state, rows)).toEqual([]);

  // Nobody but the service is there when it wakes up; and it still works.
  await company.close();
  company.sandbox.clearLog();
  service.signal('SIGCONT');
  const asked = await company.spawn('resync', platformName);
  expect(await asked.ended).toMatchObject({ exit: 0 });
  const { store: looking } = await company.opened();
  await until('the run that the service was asked for after it woke up', async () => {
    const [last] = await looking.runs.list({ customer: 'harbour', platform: platformName, limit: 1 });
    return last?.trigger === 'resync' && last.ended_ms !== null;
  });
  await service.kill('SIGTERM');
  expect(writes(company.sandbox.log)).toEqual([]);
  expect(inactive(company.state)).toEqual([]);
  expect(differences(company.state, rows)).toEqual([]);
  await expectJournalClosed(company);
  return { begun };
}
