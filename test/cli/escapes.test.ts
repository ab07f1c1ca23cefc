import { expect, test } from 'vitest';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';

/** What a platform may hold: a line that looks like ours, and what a terminal obeys. */
const forged = 'Stores\nacademy: failed\r\u001b[1A\u001b]0;title\u0007\u009b2J\u202e';

test('text of a platform stays on its line, and no terminal obeys it', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(4) });
  await company.sync();
  const [user] = company.state.users;
  if (user === undefined) throw new Error('nobody there');
  user.lastName = forged;
  company.state.users.push({
    ...user,
    id: 'somebody-else',
    remoteId: `9${forged}`,
    email: `x${forged}@example.com`,
  });
  for (const args of [['accounts', '--unmanaged'], ['plan'], ['sync'], ['show', 'RUN', '--changes']]) {
    const run = (await company.rollcall('runs', '--json')).json as { runs: { id: string }[] };
    const given = args.map((arg) => (arg === 'RUN' ? (run.runs[0]?.id ?? '') : arg));
    const { out, exit } = await company.rollcall(...given);
    expect(exit, out).toBe(0);
    expect(out).not.toMatch(/^academy: failed/m);
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    if (args[0] === 'accounts') expect(out).toContain('Stores\\nacademy: failed\\r\\u001b[1A');
  }
});
