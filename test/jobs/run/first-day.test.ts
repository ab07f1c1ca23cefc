import { expect, it } from 'vitest';
import { people } from '../../support/company.ts';
import { openFive, platformNames } from '../../support/five.ts';

const timeoutMs = 180_000;

it('a first sync binds no limit on joining, and the joiner of the same day is held nowhere', {
  timeout: timeoutMs,
}, async () => {
  // More than the floor of the limit on enrolling, on every platform that enrolls or launches.
  const rows = people(130);
  await using five = await openFive({ backend: 'embedded', rows, everybody: true });
  const first = await five.syncAll();
  expect(first.exit).toBe(0);
  for (const name of platformNames)
    expect(first.runs[name]).toMatchObject({ status: 'applied', reasons: [] });
  const [enrollment] = five.keepnet.company.enrollments.rows();
  expect(enrollment?.mails.size).toBe(130);

  await five.export(people(131));
  const second = await five.syncAll();
  for (const name of platformNames) {
    const run = second.runs[name];
    expect({ name, held: run?.held, status: run?.status }).toMatchObject({
      held: { create: 0, enroll: 0 },
      status: 'applied',
    });
  }
  expect(second.exit).toBe(0);
  expect(second.runs['phishing']?.applied).toMatchObject({ create: 1, enroll: 1 });
});
