import { describe, expect, test } from 'vitest';
import type { RosterRules } from '../../../src/roster/index.ts';
import { plainRules, readText } from '../reading.ts';

const header = 'id,email,first,department,status\n';

describe('several rows of one id, rejected by default', () => {
  test('the same row twice is one person, white space and case of the email aside', async () => {
    const { proof, people } = await readText(
      `${header}1,a@x.io,Ann,Sales,Active\n1,A@X.io, Ann ,Sales,Active\n1,a@x.io,Ann,Sales,Active\n`,
    );
    expect(proof).toMatchObject({ rows: 3, usable: 1, rejected: 0, rejectedRows: 0 });
    expect(people[0]?.line).toBe(2);
  });

  test('contradicting rows: retracted, every line reported once with all lines and the first differing column', async () => {
    const { proof, people, retracted, rejected } = await readText(
      `${header}1,a@x.io,Ann,Sales,Active\n2,b@x.io,Bo,Sales,Active\n1,a@x.io,Ann,Sales,Active\n1,a@x.io,Ann,Legal,Inactive\n1,z@x.io,Zed,x,Active\n`,
    );
    expect(people.map(({ id }) => id)).toEqual(['2']);
    expect(retracted).toEqual(['1']);
    expect(rejected.map(({ line }) => line)).toEqual([2, 4, 5, 6]);
    for (const row of rejected) {
      expect(row).toMatchObject({ id: '1', code: 'DUPLICATE_CONTRADICTS', field: 'department' });
      expect(row.message).toContain('lines 2, 4, 5, 6');
      expect(row.message).not.toMatch(/Ann|Legal/);
    }
    expect(proof).toMatchObject({ rows: 5, usable: 1, rejected: 1, rejectedRows: 4 });
  });

  test.each([
    ['email', 'b@x.io,Ann,Sales,Active,Y'],
    ['first', 'a@x.io,Anne,Sales,Active,Y'],
    ['department', 'a@x.io,Ann,,Active,Y'],
    ['status', 'a@x.io,Ann,Sales,Inactive,Y'],
    ['extra', 'a@x.io,Ann,Sales,Active,N'],
  ])('a difference in %s alone contradicts', async (field, row) => {
    const { rejected } = await readText(
      `id,email,first,department,status,extra\n1,a@x.io,Ann,Sales,Active,Y\n1,${row}\n`,
      { attributes: ['extra'] },
    );
    expect(rejected).toMatchObject([{ field }, { field }]);
  });

  test('a difference in a column that is not mapped does not', async () => {
    const { proof } = await readText('id,status,seat\n1,Active,A\n1,Active,B\n', {
      columns: { id: 'id', status: 'status' },
    });
    expect(proof).toMatchObject({ usable: 1, rejected: 0 });
  });

  test.each([
    ['after', ['1,a@x.io,Ann,Sales,Active', '1,not-an-email,Ann,Sales,Active'], 3, ['1']],
    ['before', ['1,not-an-email,Ann,Sales,Active', '1,a@x.io,Ann,Sales,Active'], 2, []],
    ['short, after', ['1,a@x.io,Ann,Sales,Active', '1,a@x.io'], 3, ['1']],
  ])('a rejected row %s a good one rejects the person', async (_, rows, line, retracted) => {
    const outcome = await readText(`${header}${rows.join('\n')}\n2,b@x.io,Bo,Sales,Active\n`);
    expect(outcome.people.map(({ id }) => id)).toEqual(['2']);
    expect(outcome.rejected).toMatchObject([{ id: '1', line }]);
    expect(outcome.retracted).toEqual(retracted);
    expect(outcome.proof).toMatchObject({ rows: 3, usable: 1, rejected: 1, rejectedRows: 2 });
  });

  test('ids that differ in case, zeros or inner spaces are different people', async () => {
    const { people } = await readText(
      `${header}e1,,A,x,Active\nE1,,B,x,Active\n01,,C,x,Active\n1,,D,x,Active\ne 1,,E,x,Active\n`,
    );
    expect(people.map(({ id }) => id)).toEqual(['e1', 'E1', '01', '1', 'e 1']);
  });

  test('every one of 200,000 ids is told apart, and each contradiction found', async () => {
    const row = (i: number, name: string) => `${i},p${i}@x.io,${name},x,Active\n`;
    let text = header;
    for (let i = 0; i < 200_000; i++) text += row(i, 'Ann');
    for (let i = 0; i < 200_000; i += 1_000) text += row(i, 'Anm') + row(i + 1, 'Ann');
    const { proof } = await readText(text);
    expect(proof).toMatchObject({ rows: 200_400, usable: 199_800, rejected: 200, rejectedRows: 400 });
  });
});

describe('prefer', () => {
  const head = 'id,first,status,primary\n';
  const config = {
    columns: { id: 'id', firstName: 'first', status: 'status' },
    attributes: ['primary'],
  };
  const rules: RosterRules = { ...plainRules, prefer: (row) => row.attributes['primary'] === 'Y' };
  test.each([
    ['one of two, first', ['Ann,Active,Y', 'Bo,Active,N'], 'Ann'],
    ['one of two, last', ['Ann,Active,N', 'Bo,Active,Y'], 'Bo'],
    ['one in the middle', ['Ann,Active,N', 'Bo,Active,Y', 'Cy,Active,N'], 'Bo'],
    ['two that are the same', ['Ann,Active,Y', 'Bo,Active,N', 'Ann,Active,Y'], 'Ann'],
    ['none, a single row', ['Ann,Active,N'], 'Ann'],
    ['none, rows that are the same', ['Ann,Active,N', 'Ann,Active,N'], 'Ann'],
    ['none, rows that differ', ['Ann,Active,N', 'Bo,Active,N'], null],
    ['two that differ', ['Ann,Active,Y', 'Bo,Active,Y', 'Cy,Active,N'], null],
    ['one after two that differ', ['Ann,Active,N', 'Bo,Active,N', 'Cy,Active,Y'], 'Cy'],
    ['one twice after two that differ', ['Ann,Active,N', 'Bo,Active,N', 'Cy,Active,Y', 'Cy,Active,Y'], 'Cy'],
    ['two that differ after another', ['Ann,Active,N', 'Bo,Active,Y', 'Cy,Active,Y'], null],
  ])('%s', async (_, rows, name) => {
    const { people, rejected, proof } = await readText(
      head + rows.map((row) => `1,${row}\n`).join(''),
      config,
      { rules },
    );
    expect(people.map(({ firstName }) => firstName)).toEqual(name === null ? [] : [name]);
    expect(rejected.map(({ code, line }) => `${code} ${line}`)).toEqual(
      name === null ? rows.map((__, at) => `DUPLICATE_PREFER ${at + 2}`) : [],
    );
    expect(proof).toMatchObject({ rows: rows.length, usable: people.length, rejected: 1 - people.length });
  });

  test('a row that is not preferred, and is rejected, rejects the person too', async () => {
    const { people, rejected } = await readText(
      `${head}1,Ann,Active,N\n1,Bo,Sabbatical,N\n1,Cy,Active,Y\n`,
      config,
      { rules },
    );
    expect(people).toEqual([]);
    expect(rejected).toMatchObject([{ code: 'STATUS_UNKNOWN', line: 3 }]);
  });
});
