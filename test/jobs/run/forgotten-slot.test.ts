import { expect, test } from 'vitest';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany, platformName } from '../../support/harness.ts';

test('a request by hand does not wait for ever behind a slot that nobody performs any more', {
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
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged' });
});
