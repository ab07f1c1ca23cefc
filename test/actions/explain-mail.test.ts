import { expect, test } from 'vitest';
import { addGroup, startMimecast } from '../../sandbox/mimecast/index.ts';
import { people } from '../support/company.ts';
import { openCompany } from '../support/harness.ts';

type Explained = { readonly platforms: readonly { readonly next: string }[] };

test('where Rollcall does not own the accounts, nobody is told that one is created or deactivated: what a plan does is what is said', async () => {
  const sandbox = await startMimecast({ api: '2.0', joinEnrolls: true });
  addGroup(sandbox.state, { description: 'Harbour awareness' });
  const rows = people(6);
  const rule = [{ target: 'Harbour awareness', when: 'person.state == "active"' }];
  await using company = await openCompany(
    { backend: 'embedded', rows, platform: { enrollments: rule } },
    {
      sandbox: sandbox.sandbox,
      block: { provider: 'mimecast', baseUrl: sandbox.sandbox.url, ...sandbox.client },
    },
  );
  const next = async (person: string) => {
    const { json } = await company.rollcall('explain', person, '--json');
    return (json as Explained).platforms[0]?.next ?? '';
  };
  expect((await company.sync()).status).toBe('applied');
  const [leaver, stayer] = rows;
  expect(await next(stayer?.id ?? '')).toBe(
    'they are enrolled by the rules; Rollcall does not own the accounts there',
  );
  await company.export(rows.map((row) => (row === leaver ? { ...row, status: 'Terminated' } : row)));
  const gone = await next(leaver?.id ?? '');
  expect(gone).toMatch(
    /^they are taken out of the targets; Rollcall does not own the accounts there.*: they have left$/,
  );
  expect((await company.plan()).planned).toMatchObject({ unenroll: 1, deactivate: 0 });
  // Without targets nothing happens to them, and that is what is said.
  await company.configure({ platform: { mode: 'additive' } });
  expect(await next(leaver?.id ?? '')).toBe('nothing: nobody is removed in mode additive');
  expect((await company.plan()).planned).toMatchObject({ unenroll: 0, deactivate: 0 });
});
