import { expect, test } from 'vitest';
import { startMimecast } from '../../../sandbox/mimecast/index.ts';
import { changed, people } from '../../support/company.ts';
import { openCompany } from '../../support/harness.ts';

const timeoutMs = 180_000;
const dayMs = 86_400_000;

/** A company whose users are on a Mimecast that does not say who is disabled. */
async function openSilent(count: number) {
  const rows = people(count);
  const domains = [...new Set(rows.map(({ email }) => email.slice(email.indexOf('@') + 1).toLowerCase()))];
  const { sandbox, state, keys } = await startMimecast({ tellDisabled: false, domains });
  const block = {
    provider: 'mimecast',
    mode: 'full',
    baseUrl: sandbox.url,
    ...keys,
    manageUsers: true,
    domains,
  };
  const company = await openCompany(
    { backend: 'embedded', rows, clock: '2026-11-20T02:00:00Z' },
    { sandbox, block },
  );
  const isDisabled = (at: number): boolean | undefined =>
    state.users.get((rows[at]?.email ?? '').toLowerCase())?.accountDisabled;
  return Object.assign(company, { rows, isDisabled });
}

test('a leaver whom the platform does not call disabled is disabled once, and enabled again when they come back', {
  timeout: timeoutMs,
}, async () => {
  await using company = await openSilent(12);
  const { rows, isDisabled } = company;
  const id = (at: number): string => rows[at]?.id ?? '';
  expect(await company.sync()).toMatchObject({ exit: 0, applied: { create: 12 } });

  let now = rows;
  // A leaver a night: disabled anew each night, they would be more than the limit of 24 hours lets through.
  for (let night = 0; night < 5; night++) {
    company.clock.advance(dayMs);
    now = changed(now, { [id(night)]: { status: 'Terminated' } });
    await company.export(now);
    expect(await company.sync()).toMatchObject({
      exit: 0,
      planned: { deactivate: 1 },
      applied: { deactivate: 1 },
    });
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', requests: { writes: 0 } });
  }
  expect(rows.map((_, at) => isDisabled(at))).toEqual(rows.map((_, at) => at < 5));

  // Back from there: enabled once, and not disabled by the memory of it.
  company.clock.advance(dayMs);
  now = changed(now, { [id(0)]: { status: 'Active' } });
  await company.export(now);
  expect(await company.sync()).toMatchObject({ exit: 0, applied: { reactivate: 1, deactivate: 0 } });
  expect(isDisabled(0)).toBe(false);
  expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', requests: { writes: 0 } });

  company.clock.advance(dayMs);
  now = changed(now, { [id(0)]: { status: 'Terminated' } });
  await company.export(now);
  const last = await company.sync();
  expect(last).toMatchObject({ exit: 0, applied: { deactivate: 1 } });
  expect(isDisabled(0)).toBe(true);

  // What we remember can be taken back.
  expect((await company.rollcall('undo', last.id ?? '', '--apply', '--json')).exit).toBe(0);
  expect(isDisabled(0)).toBe(false);
});
