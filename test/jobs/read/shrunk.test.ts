import { expect, test } from 'vitest';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';
import { codes } from '../../support/in-step.ts';

const timeoutMs = 120_000;
const dayMs = 86_400_000;

/** The percentage that the reason of a run says to set, and where. */
function offered(message: string): { readonly key: string; readonly percent: string } {
  const [, key = '', percent = ''] = /set (\S+) to (\d+%) for one run/.exec(message) ?? [];
  return { key, percent };
}

test('somebody cleaned up on the platform: what the reason offers lets that platform go on, and proves the roster as before', {
  timeout: timeoutMs,
}, async () => {
  const rows = people(60);
  await using company = await openSparkwiseCompany({
    backend: 'embedded',
    rows,
    clock: '2026-11-20T02:00:00Z',
  });
  for (let at = 0; at < 20; at++) company.state.add({ firstName: 'Old', lastName: `Guest ${at}` });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged' });

  // Twenty guests of 80 are deleted, and somebody leaves.
  company.state.users.splice(0, company.state.users.length, ...company.state.byRemoteId.values());
  const [leaver, ...staying] = rows;
  if (leaver === undefined) throw new Error('no rows');
  const left = [{ ...leaver, status: 'Terminated' }, ...staying];
  company.clock.advance(dayMs);
  await company.export(left);
  const shrunk = await company.sync();
  expect(shrunk).toMatchObject({ exit: 3, status: 'withheld', applied: { deactivate: 0 } });
  expect(codes(shrunk)).toContain('PLATFORM_SHRUNK');
  const way = offered(shrunk.reasons.find(({ code }) => code === 'PLATFORM_SHRUNK')?.message ?? '');
  expect(way).toEqual({ key: `platforms.${platformName}.maxShrink`, percent: '25%' });

  // A roster that lost a fifth at the same time is still no roster.
  await company.configure({ platform: { maxShrink: way.percent } });
  company.clock.advance(dayMs);
  await company.export(left.slice(0, 48));
  const torn = await company.sync();
  expect(torn).toMatchObject({ exit: 3, status: 'withheld', applied: { deactivate: 0 } });
  expect(codes(torn)).toContain('ROSTER_SHRUNK');
  expect(codes(torn)).not.toContain('PLATFORM_SHRUNK');

  company.clock.advance(dayMs);
  await company.export(left);
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied', applied: { deactivate: 1 } });
  // One run was enough: it is the measure from now on.
  await company.configure({ platform: { maxShrink: '10%' } });
  company.clock.advance(dayMs);
  await company.export(left);
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
});

test('an empty platform passes only where the platform itself may shrink by all', {
  timeout: timeoutMs,
}, async () => {
  const rows = people(12);
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  company.state.users.splice(0);
  company.state.byRemoteId.clear();
  await company.configure({ roster: { maxShrink: '100%' } });
  const empty = await company.sync();
  expect(codes(empty)).toContain('PLATFORM_EMPTY');
  expect(empty.applied.create).toBe(0);
  const way = offered(empty.reasons[0]?.message ?? '');
  expect(way).toEqual({ key: `platforms.${platformName}.maxShrink`, percent: '100%' });
  await company.configure({ roster: { maxShrink: '10%' }, platform: { maxShrink: way.percent } });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied', applied: { create: 12 } });
});
