import { expect, test } from 'vitest';
import { readFrom, readText } from './reading.ts';

/** A small generator of numbers from a seed, so that a failure can be seen again. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('an export as untidy as real ones: who is usable and who is not adds up with a plain reckoning', async () => {
  const pick = numbers(20_260_302);
  const names = ['Ann', 'Bo', 'Zo\u00eb', "D'Arcy", 'van der Berg'];
  const lines: string[] = [];
  const versions = new Map<string, Set<string>>();
  for (let i = 0; i < 3_000; i++) {
    const id = String(1_000 + pick(1_800));
    const row = [
      names[pick(2)],
      names[pick(1) + 3],
      ['Sales', 'Legal'][pick(2)],
      ['Active', 'Inactive'][pick(2)],
    ];
    lines.push([id, ...row, pick(1_000)].join(','));
    versions.set(id, (versions.get(id) ?? new Set()).add(row.join()));
  }
  const { proof, people, rejected } = await readText(
    `id,first,last,department,status,noise\n${lines.join('\n')}\n`,
    {
      columns: { id: 'id', firstName: 'first', lastName: 'last', department: 'department', status: 'status' },
    },
  );
  // Rows that differ are no contradiction where all of them say that somebody has left.
  const agree = (rows: ReadonlySet<string>) =>
    rows.size === 1 || [...rows].every((row) => row.endsWith('Inactive'));
  const single = [...versions].filter(([, rows]) => agree(rows)).map(([id]) => id);
  const several = [...versions].filter(([, rows]) => !agree(rows)).map(([id]) => id);
  expect(several.length).toBeGreaterThan(300);
  expect(people.map(({ id }) => id).sort()).toEqual(single.sort());
  expect([...new Set(rejected.map(({ id }) => id))].sort()).toEqual(several.sort());
  expect(rejected).toHaveLength(lines.filter((line) => several.includes(line.slice(0, 4))).length);
  expect(proof).toMatchObject({ rows: 3_000, usable: single.length, rejected: several.length });
});

const real = process.env['ROLLCALL_REAL_ROSTER'];
if (real === undefined)
  console.info('skipped: a real export. Set ROLLCALL_REAL_ROSTER to the path of one to read it.');

test.skipIf(real === undefined)('a real export of 1,000 rows', async () => {
  const { proof, people, rejected } = await readFrom(real ?? '', {
    columns: {
      id: 'WorkerID',
      firstName: 'FirstName',
      lastName: 'LastName',
      department: 'Department',
      status: 'WorkerStatus',
    },
    maxRejected: 1,
  });
  expect(proof).toMatchObject({ rows: 1_000, usable: 411, rejected: 213, unreadableIds: 0, complete: false });
  expect(new Set(rejected.map(({ id }) => id)).size).toBe(213);
  // 52 contradict themselves in all but one thing: every row says that they have left.
  expect(people.filter(({ status }) => status === 'Active')).toHaveLength(170);
});
