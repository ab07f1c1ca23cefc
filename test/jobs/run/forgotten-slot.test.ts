import { expect, test } from 'vitest';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';

test('a request by hand does not wait for ever behind a slot that nobody performs any more, and takes its place', {
  timeout: 30_000,
}, async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(5) });
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'applied' });
  const { store } = await company.opened();
  const asked = {
    customer: 'harbour',
    platform: platformName,
    person: null,
    trigger: 'schedule' as const,
    actor: null,
    approval: null,
    undoes: null,
  };
  // Begun two minutes ago, and its job is lost; and one of a day that has not come, stored under another clock.
  const nowMs = Date.now();
  await store.runs.begin({ ...asked, id: 'slot-forgotten', slotMs: nowMs - 120_000 }, nowMs - 120_000);
  await store.runs.begin({ ...asked, id: 'slot-to-come', slotMs: nowMs + 86_400_000 }, nowMs + 86_400_000);
  // And one that waits for the roster: it has a deadline of its own.
  await store.runs.begin({ ...asked, id: 'slot-awaits', slotMs: nowMs - 60_000 }, nowMs - 60_000);
  await store.runs.wait('slot-awaits', [{ code: 'ROSTER_AWAITED', message: 'of the test' }]);

  const { engine } = await company.opened();
  const one = { customer: 'harbour', platform: platformName, trigger: 'resync', actor: null } as const;
  const job = await engine.request({ ...one, person: people(5)[0]?.id ?? '' });
  await engine.result(job, { signal: AbortSignal.timeout(20_000) });
  expect((await store.runs.open('harbour')).map((run) => run.id)).toContain('slot-forgotten');

  const whole = await company.sync();
  expect(whole).toMatchObject({ exit: 0, status: 'unchanged' });
  expect((await store.runs.open('harbour')).map((run) => run.id)).toEqual(['slot-awaits']);
  for (const id of ['slot-forgotten', 'slot-to-come'])
    expect(await store.runs.find(id)).toMatchObject({
      status: 'cancelled',
      reasons: [{ code: 'RUN_REPLACED', message: `it never began; ${whole.id} took its place.` }],
    });
});
