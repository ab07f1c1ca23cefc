import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openSparkwiseCompany } from '../../support/harness.ts';

// An untidy export of 1,000 rows that nobody here wrote, given by its path: it is not part of the project.
const file = process.env['ROLLCALL_REAL_ROSTER'];
if (file === undefined) process.stderr.write('skipped: the real export: ROLLCALL_REAL_ROSTER is not set\n');

const mapping = {
  columns: {
    id: 'WorkerID',
    firstName: 'FirstName',
    lastName: 'LastName',
    department: 'Department',
    status: 'WorkerStatus',
  },
  attributes: [],
  maxRejected: '50%',
  state: [
    { is: 'terminated', when: 'person.status == "Inactive"' },
    { is: 'active', when: 'person.status == "Active"' },
  ],
};

test.skipIf(file === undefined)(
  'a real export: contradicting rows touch nobody, the others get accounts, the second run finds nothing',
  { timeout: 120_000 },
  async () => {
    const text = await readFile(file ?? '', 'utf8');
    await using company = await openSparkwiseCompany({ backend: 'embedded', roster: mapping });
    const { sandbox, state } = company;
    await company.export(text);

    const first = await company.sync();
    expect(first).toMatchObject({ exit: 0, status: 'applied', rejected: 213, reasons: [] });
    expect(first.applied).toMatchObject({ create: 170, deactivate: 0 });
    expect(first.requests).toEqual({ reads: 1, writes: 1 });
    expect(state.users.length).toBe(170);

    const { store } = await company.opened();
    const rejected = await store.roster.rejectedRows('harbour', 2_000);
    const ids = new Set(rejected.map((row) => row.person));
    expect(ids.size).toBe(213);
    expect(rejected.every((row) => row.line > 1)).toBe(true);
    // Every row of a rejected id is listed, by the line that it begins on.
    const lines = text.split(/\r?\n/);
    for (const row of rejected) expect(lines[row.line - 1]?.split(',')[0]).toBe(row.person);
    const rows = lines.slice(1).filter((line) => ids.has(line.split(',')[0] ?? '')).length;
    expect(rejected.length).toBe(rows);

    sandbox.clearLog();
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', requests: { writes: 0 } });
    expect(sandbox.counts().writes).toBe(0);

    // Some of the rejected have an account already, active or not, under whatever name.
    for (const [at, id] of [...ids].entries())
      if (id !== null)
        state.add({ remoteId: id, firstName: 'Some', lastName: `One ${at}`, active: at % 3 !== 0 });
    const before = structuredClone(state.users);
    sandbox.clearLog();
    expect(await company.sync()).toMatchObject({ exit: 0, status: 'unchanged', requests: { writes: 0 } });
    expect(sandbox.counts().writes).toBe(0);
    expect(state.users).toEqual(before);
  },
);
