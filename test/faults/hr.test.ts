import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type HrPerson, type HrVendor, hrSecrets, startHr } from '../../sandbox/deliveries/hr.ts';
import { openSparkwiseCompany } from '../support/harness.ts';

// The ready configurations, each against its HR system as a strict local server.

const people: readonly HrPerson[] = Array.from({ length: 120 }, (_, n) => ({
  id: String(10_001 + n),
  email: `p${n}@example.com`,
  first: n % 2 === 0 ? 'Zo\u00eb' : 'Bj\u00f6rn, "B"',
  last: `Okafor ${n}`,
  department: ['Warehouse', 'Finance'][n % 2] ?? '',
  state: n === 5 ? 'leave' : n === 6 ? 'left' : 'active',
  start: n === 7 ? '2099-01-01' : '2020-12-31',
  end: n === 6 ? '2021-03-31' : null,
}));

/** The roster of a ready configuration, with its secrets, and the server in place of the vendor's. */
function rosterOf(vendor: HrVendor, url: string): Record<string, unknown> {
  const text = readFileSync(new URL(`../../config/${vendor}.yaml`, import.meta.url), 'utf8')
    .replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => hrSecrets[name] ?? 'unset')
    .replace(/https:\/\/(?:[\w-]+\.)*(?:workday\.com|bamboohr\.com|personio\.de|hibob\.com)/g, url);
  const { roster } = parse(text) as { readonly roster: Record<string, unknown> };
  return { attributes: [], ...roster };
}

const variants: readonly (readonly [
  name: string,
  vendor: HrVendor,
  change: (roster: Record<string, unknown>) => object,
])[] = [
  ['workday, JSON', 'workday', (roster) => roster],
  [
    'workday, CSV',
    'workday',
    ({ records: _, source, ...roster }) => ({
      ...roster,
      source: JSON.parse(JSON.stringify(source).replace('format=json', 'format=csv')) as object,
    }),
  ],
  ['bamboohr', 'bamboohr', (roster) => roster],
  ['personio', 'personio', (roster) => roster],
  ['hibob', 'hibob', (roster) => roster],
];

test.each(variants)('config/%s', async (name, vendor, change) => {
  const hr = await startHr(vendor);
  hr.put(people);
  // BambooHR has no leave among its two states.
  const leave = vendor === 'bamboohr' ? 0 : 1;
  try {
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: [],
      roster: change(rosterOf(vendor, hr.url)) as Record<string, unknown>,
    });
    const check = await company.rollcall('check', '--quick');
    expect(check, check.out + check.err).toMatchObject({ exit: 0 });
    expect(check.out).toContain(`120 people: 1 preHire, ${118 - leave} active, ${leave} leave, 1 terminated`);
    expect(check.out).not.toContain('rejected');
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 118 } });
    // The token that a client asks for in the way of the book is the one way in which Personio may be asked wrongly.
    expect(hr.refused.filter((what) => what !== 'POST /v1/auth 403')).toEqual([]);

    const leavers = people.map((person) =>
      person.id === '10020' ? { ...person, state: 'left' as const, end: '2024-01-31' } : person,
    );
    hr.put(leavers);
    company.sandbox.clearLog();
    hr.cut(0.6);
    expect(await company.sync('--yes')).toMatchObject({ exit: 1, reasons: [{ code: 'ROSTER_UNREACHABLE' }] });
    expect(company.sandbox.log.filter(({ kind }) => kind === 'write')).toEqual([]);
    hr.cut(null);
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, applied: { create: 0, deactivate: 1 } });

    // Without those who have left it is an export of active people only: they go after `absence`, and nobody with them.
    hr.put(people.filter(({ state, id }) => state !== 'left' && id !== '10020'));
    const active = await company.rollcall('check', '--quick');
    expect(active, active.out + active.err).toMatchObject({ exit: 0 });
    expect(active.out).toContain('nobody on it has left');
    const lacking = `no record has the field "Termination_Date"`;
    // Of these only Workday's JSON leaves out what is empty.
    expect(active.out.includes(`warning: roster.columns.endDate: ${lacking}`)).toBe(name === 'workday, JSON');
    expect(await company.sync('--yes')).toMatchObject({ exit: 0, status: 'unchanged', reasons: [] });
    const shown = await company.rollcall('show', 'last');
    expect(shown.out.includes(`${lacking} (roster.columns.endDate)`)).toBe(name === 'workday, JSON');
  } finally {
    await hr.close();
  }
});
