import { expect } from 'vitest';
import { isObject } from '../../sandbox/scim/attributes.ts';
import { startScim } from '../../sandbox/scim/index.ts';
import type { ScimState } from '../../sandbox/scim/state.ts';
import type { LoggedRequest } from '../../sandbox/server.ts';
import type { BackendName } from '../support/backends.ts';
import { type CostRow, costCsv, costPeople, fraud } from '../support/cost.ts';
import { openCompany, platformName } from '../support/harness.ts';
import { expectJournalClosed } from '../support/in-step.ts';
import { until } from '../support/until.ts';

/** Requests that write, of a log. */
export const writes = (log: readonly LoggedRequest[]): readonly LoggedRequest[] =>
  log.filter((entry) => entry.kind === 'write');

/** When the process is stopped: called again and again once its run writes. */
export type Instant = (log: readonly LoggedRequest[]) => boolean;

const size = 80;
const batch = 4;
const ratePerSecond = 10;
const leaving = size / 2;
const renamed = size / 8;
const enrolled = size / 4;
/** Requests that write of the run that is stopped. */
export const writesOfRun = (leaving + renamed + enrolled) / batch;

/** What a trial came to. */
export type Suspended = {
  /** Batches that the stopped process had taken up and not ended. */
  readonly begun: number;
  /** What its run had written when it was stopped. */
  readonly written: number;
};

/** What is wrong between the export and the platform, in words; empty when they are in step. */
function wrongIn(state: ScimState, rows: readonly CostRow[]): string[] {
  const users = new Map(state.users.map((user) => [user.externalId, user]));
  const [members = new Set<string>()] = [...state.groups.values()].map((group) => group.members);
  return rows.flatMap((row) => {
    const user = users.get(row.id);
    if (user === undefined) return [`${row.id} has no account`];
    const wrong: string[] = [];
    const isHere = row.status !== 'Terminated';
    const name = isObject(user['name']) ? user['name']['familyName'] : undefined;
    if (user.active !== isHere) wrong.push(`${row.id} is ${user.active ? 'active' : 'inactive'}`);
    if (isHere && name !== row.lastName) wrong.push(`${row.id} has another name`);
    if (isHere && members.has(user.id) !== (row.cost === 'FIN'))
      wrong.push(`${row.id} ${members.has(user.id) ? 'is enrolled' : 'is not enrolled'}`);
    return wrong;
  });
}

/**
 * A service is stopped (SIGSTOP, as a machine that sleeps is) while its run deactivates, renames and enrolls people; another
 * process brings the run to its end; HR takes all of it back, and a newer run too; then the service wakes up. It must write
 * nothing of what it had begun, and work on.
 */
export async function suspend(backend: BackendName, instant: Instant): Promise<Suspended> {
  const rows = costPeople(size).map((row) => ({ ...row, cost: 'OPS' }));
  const { sandbox, state, token, baseUrl } = await startScim({
    bulk: { maxOperations: batch },
    groups: [{ id: 'group-fraud', displayName: fraud }],
  });
  // Half the company leaves at once: that is what is to be written here, not what is to be doubted.
  const generous = { count: 10_000, floor: 10_000 };
  await using company = await openCompany(
    {
      backend,
      rows: [],
      rate: ratePerSecond,
      roster: { attributes: ['Cost'], maxRecoded: '100%', maxEmptied: '100%' },
      platform: {
        batch,
        timeout: '1s',
        enrollments: [{ target: fraud, when: 'person.attributes.Cost == "FIN"' }],
        limits: {
          deactivate: generous,
          update: generous,
          reactivate: generous,
          enroll: generous,
          unenroll: generous,
          unenrollPerTarget: generous,
        },
      },
      config: { control: { listen: '127.0.0.1:0' } },
    },
    { sandbox, block: { provider: 'scim', baseUrl, token } },
  );
  await company.export(costCsv(rows));
  expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: size } });
  const next = rows.map((row, at): CostRow => {
    if (at < leaving) return { ...row, status: 'Terminated' };
    if (at < leaving + renamed) return { ...row, lastName: 'Changed' };
    return at < leaving + renamed + enrolled ? { ...row, cost: 'FIN' } : row;
  });
  await company.export(costCsv(next));
  const service = await company.spawn('start');
  await until('the service to start', () => company.logged().includes('service started'));
  sandbox.clearLog();
  expect(await company.rollcall('resync', platformName)).toMatchObject({ exit: 0 });
  await until('the moment to stop', () => instant(sandbox.log));
  service.signal('SIGSTOP');
  const { store } = await company.opened();
  const begun = (await store.leases.busy('harbour', platformName)).length;
  const written = writes(sandbox.log).length;

  expect(await company.sync()).toMatchObject({ exit: 0 });
  expect(wrongIn(state, next)).toEqual([]);
  await company.export(costCsv(rows));
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  expect(wrongIn(state, rows)).toEqual([]);

  // Nobody but the service is there when it wakes up; and it still works.
  await company.close();
  sandbox.clearLog();
  service.signal('SIGCONT');
  const asked = await company.spawn('resync', platformName);
  expect(await asked.ended).toMatchObject({ exit: 0 });
  const { store: looking } = await company.opened();
  await until('the run that the service was asked for after it woke up', async () => {
    const [last] = await looking.runs.list({ customer: 'harbour', platform: platformName, limit: 1 });
    return last?.trigger === 'resync' && last.ended_ms !== null;
  });
  await service.kill('SIGTERM');
  expect(writes(sandbox.log)).toEqual([]);
  expect(state.users.filter(({ active }) => !active)).toEqual([]);
  expect(wrongIn(state, rows)).toEqual([]);
  await expectJournalClosed(company);
  return { begun, written };
}
