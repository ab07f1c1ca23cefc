import { expect, it } from 'vitest';
import { people } from '../../support/company.ts';
import { openSparkwiseCompany } from '../../support/harness.ts';

it('lets people join on the day of the first run, up to the limit and no further', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(300) });
  expect(await company.sync()).toMatchObject({ status: 'applied', applied: { create: 300 } });

  // 20 % of 300: what the first run created does not count, what came after does.
  await company.export(people(340));
  expect(await company.sync()).toMatchObject({ status: 'applied', applied: { create: 40 } });
  await company.export(people(380));
  expect(await company.sync()).toMatchObject({ status: 'held', held: { create: 40 } });
  expect(company.state.users).toHaveLength(340);
});
