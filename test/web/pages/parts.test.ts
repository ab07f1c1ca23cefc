import { expect, test } from 'vitest';
import { readHold } from '../../../src/actions/hold-groups.ts';
import { overview } from '../../../src/actions/overview.ts';
import { homePage } from '../../../src/web/pages/home.ts';
import { people } from '../../support/company.ts';
import { openPartsCompany } from '../../support/parts.ts';

test('the roster stands there by part, with its age; whoever is held is told by part and line', {
  timeout: 120_000,
}, async () => {
  await using company = await openPartsCompany({
    parts: ['employees', 'contractors'],
    clock: '2026-11-20T12:00:00Z',
  });
  const staff = people(40);
  const hands = people(30, 101);
  await company.deliver('employees', staff, { ageMs: 3 * 3_600_000 });
  await company.deliver('contractors', hands, { ageMs: 50 * 3_600_000 });
  await company.sync('--yes');
  const { customers, engine } = await company.opened();
  const { html } = homePage(await overview(engine.deps, customers, () => null), company.clock.now());
  expect(html).toMatch(
    /<th scope="row">employees<\/th><td data-label="Age">3 hours<\/td>[\s\S]*?data-label="Rows">40</,
  );
  expect(html).toMatch(
    /<th scope="row">contractors<\/th><td data-label="Age">2 days<\/td>[\s\S]*?data-label="Rows">30</,
  );

  company.clock.advance(24 * 3_600_000);
  await company.deliver(
    'contractors',
    hands.map((row, at) => (at < 20 ? { ...row, status: 'Terminated' } : row)),
  );
  const run = await company.sync('--yes');
  expect(run.held.deactivate).toBe(20);
  const { groups } = await readHold((await company.opened()).engine.deps, { id: run.id ?? '' });
  expect(groups[0]?.people[0]).toMatchObject({ person: `C-${hands[0]?.id}`, part: 'contractors', line: 2 });
});
