import { describe, expect, test } from 'vitest';
import type { RosterRules } from '../../../src/roster/index.ts';
import { codesOf, plainRules, readText } from '../reading.ts';

const header = 'id,email,first,department,status\n';
const good = '1,a@x.io,Ann,Sales,Active\n';

describe('the header', () => {
  test('columns are found trimmed, exactly before whatever the case', async () => {
    const { people } = await readText(
      ' ID , E-Mail ,First,first, Department\u00a0Name,STATUS\n7,a@x.io,no,yes,Sales,Active\n',
      {
        columns: {
          id: 'id',
          email: 'e-mail',
          firstName: 'first',
          department: 'Department Name',
          status: 'Status',
        },
      },
    );
    expect(people).toMatchObject([
      { id: '7', email: 'a@x.io', firstName: 'yes', department: 'Sales', status: 'Active' },
    ]);
  });

  test.each([
    [
      'a field',
      { columns: { id: 'id', firstName: 'FirstName' } },
      'roster.columns.firstName',
      'Did you mean "first"?',
    ],
    ['an attribute', { attributes: ['Departement'] }, 'roster.attributes', 'Did you mean "department"?'],
    [
      'shrinkBy',
      { shrinkBy: 'Legal Entity Code' },
      'roster.shrinkBy',
      'The columns there are: id, email, first, department, status.',
    ],
  ])('%s that is missing', async (_, config, key, hint) => {
    await expect(readText(header + good, config)).rejects.toMatchObject({
      code: 'ROSTER_HEADER',
      message: expect.stringMatching(/is not in the header/),
      place: { key, line: 1 },
      hint: expect.stringContaining(hint),
    });
  });

  test.each(['id,status,status,x\n', 'id,STATUS,Status,x\n'])(
    'a mapped column that stands twice: %j',
    async (head) => {
      await expect(
        readText(`${head}1,Active,Inactive,x\n`, { columns: { id: 'id', status: 'status' } }),
      ).rejects.toMatchObject({
        code: 'ROSTER_HEADER',
        message: expect.stringContaining('columns 2, 3'),
      });
    },
  );

  test.each(['', '\n\n', '\ufeff'])('no header at all: %j', async (content) => {
    await expect(readText(content)).rejects.toMatchObject({ code: 'ROSTER_HEADER' });
  });
});

describe('a row', () => {
  test('becomes a person, normalised', async () => {
    const { people } = await readText(
      'id,email,first,last,department,status,start,end,old,OnLeave,Note\n' +
        ' 00442 , Zoe.Okafor@Example.COM ,ZOE\u0308 , van  der\u00a0Berg,Warehouse,Active,02.03.2020,,0007, True ,\n',
      {
        columns: {
          id: 'id',
          email: 'email',
          firstName: 'first',
          lastName: 'last',
          department: 'department',
          status: 'status',
          startDate: 'start',
          endDate: 'end',
          previousId: 'old',
        },
        dateFormat: 'dd.MM.yyyy',
        attributes: ['OnLeave', 'note'],
      },
    );
    expect(people).toEqual([
      {
        id: '00442',
        email: 'zoe.okafor@example.com',
        firstName: 'ZO\u00cb',
        lastName: 'van der Berg',
        department: 'Warehouse',
        status: 'Active',
        startDate: '2020-03-02',
        endDate: null,
        previousId: '0007',
        manager: null,
        attributes: { OnLeave: 'True', note: '' },
        state: 'active',
        line: 2,
      },
    ]);
  });

  const dated = { columns: { id: 'id', status: 'status', startDate: 'start', endDate: 'end' } } as const;
  test.each([
    ['Active', '', '', 'active'],
    ['Active', '2026-03-02', '', 'active'],
    ['Active', '2026-03-03', '', 'preHire'],
    ['Active', '', '2026-03-01', 'terminated'],
    ['Active', '', '2026-03-02', 'active'],
    ['Active', '', '2026-03-03', 'active'],
    ['Active', '2026-03-03', '2026-03-01', 'terminated'],
    ['Inactive', '2026-03-03', '', 'terminated'],
    ['Inactive', '', '2027-01-01', 'terminated'],
    ['Leave', '2026-01-01', '', 'leave'],
    ['Leave', '2026-03-03', '', 'preHire'],
    ['Leave', '', '2026-03-01', 'terminated'],
  ])('%s, from %j to %j, is %s on 2026-03-02', async (status, start, end, state) => {
    const rules: RosterRules = {
      stateOf: (row) => (row.status === 'Leave' ? 'leave' : plainRules.stateOf(row)),
    };
    const { people } = await readText(`id,status,start,end\n1,${status},${start},${end}\n`, dated, { rules });
    expect(people[0]?.state).toBe(state);
  });

  test('the rules see the row as mapped, its line too, and no state', async () => {
    const seen: unknown[] = [];
    await readText(
      header + good,
      { attributes: ['department'] },
      { rules: { stateOf: (row) => (seen.push({ ...row }) > 0 ? 'active' : null) } },
    );
    expect(seen).toEqual([
      {
        id: '1',
        email: 'a@x.io',
        firstName: 'Ann',
        lastName: null,
        department: 'Sales',
        status: 'Active',
        startDate: null,
        endDate: null,
        previousId: null,
        manager: null,
        attributes: { department: 'Sales' },
        line: 2,
      },
    ]);
  });
});

describe('rejected by name', () => {
  const columns = {
    id: 'id',
    email: 'email',
    firstName: 'first',
    status: 'status',
    startDate: 'start',
    endDate: 'end',
  } as const;
  const head = 'id,email,first,status,start,end\n';
  const secret = 'Okafor';
  test.each([
    ['ID_MISSING', ' ,a@x.io,Okafor,Active,,', null, 'id'],
    ['ID_MISSING', '\u200b,a@x.io,Okafor,Active,,', null, 'id'],
    ['ID_UNREADABLE', '4\u00012,a@x.io,Okafor,Active,,', null, 'id'],
    ['ID_UNREADABLE', '"4\n2",a@x.io,Okafor,Active,,', null, 'id'],
    ['ID_UNREADABLE', `${'4'.repeat(257)},a@x.io,Okafor,Active,,`, null, 'id'],
    ['STATUS_UNKNOWN', '42,a@x.io,Okafor,Sabbatical,,', '42', 'status'],
    ['STATUS_UNKNOWN', '42,a@x.io,Okafor,,,', '42', 'status'],
    ['DATE_INVALID', '42,a@x.io,Okafor,Active,2026-02-31,', '42', 'start'],
    ['DATE_INVALID', '42,a@x.io,Okafor,Active,,31.12.2026', '42', 'end'],
    ['DATES_CONTRADICT', '42,a@x.io,Okafor,Active,2018-03-01,1900-01-01', '42', 'end'],
    ['DATES_CONTRADICT', '42,a@x.io,Okafor,Active,2026-02-01,2024-05-31', '42', 'end'],
    ['QUOTES', '42,a@x.io,“Okafor”,Active,,', '42', 'first'],
    ['QUOTES', '42,a@x.io,„Okafor“,Active,,', '42', 'first'],
    ['QUOTES', '42,a@x.io,«Okafor»,Active,,', '42', 'first'],
    ['QUOTES', '42,a@x.io,‘Okafor’,Active,,', '42', 'first'],
    ['ENCODING', '42,a@x.io,OkaforÃ¼,Active,,', '42', 'first'],
    ['ENCODING', '42,a@x.io,Okafor?ka,Active,,', '42', 'first'],
    ['ENCODING', '42,a@x.io,Okafor³a,Active,,', '42', 'first'],
    ['ENCODING', '42,a@x.io,Okafor&uuml;,Active,,', '42', 'first'],
    ['ENCODING', '42,a@x.io,Okafor%C3%BC,Active,,', '42', 'first'],
    ['ERROR_WORD', '42,a@x.io,undefined,Active,,', '42', 'first'],
    ['ERROR_WORD', '42,a@x.io,[object Object],Active,,', '42', 'first'],
    ['EMAIL_INVALID', '42,Okafor,x,Active,,', '42', 'email'],
    ['EMAIL_INVALID', '42,Zoe Okafor@x.io,x,Active,,', '42', 'email'],
    ['EMAIL_INVALID', '42,@Okafor.io,x,Active,,', '42', 'email'],
    ['EMAIL_INVALID', '42,Okafor@,x,Active,,', '42', 'email'],
    ['EMAIL_INVALID', '42,Okafor@x.io;z@x.io,x,Active,,', '42', 'email'],
    ['COLUMN_COUNT', '42,a@x.io,Okafor', '42', null],
    ['COLUMN_COUNT', '42,a@x.io,Okafor, Zoe,Active,,', '42', null],
  ])('%s: %s', async (code, row, id, field) => {
    const { proof, people, rejected } = await readText(
      `${head}10,a@x.io,Ann,Active,,\n${row}\n11,b@x.io,Bo,Active,,\n`,
      { columns },
    );
    expect(people.map((person) => person.id)).toEqual(['10', '11']);
    expect(rejected).toMatchObject([{ code, id, field, line: 3 }]);
    expect(rejected[0]?.message).toMatch(/^Line 3( \(id 42\))?: .+\.$/);
    expect(rejected[0]?.message).not.toContain(secret);
    expect(proof).toMatchObject({
      rows: 3,
      usable: 2,
      rejected: 1,
      rejectedRows: 1,
      unreadableIds: id === null ? 1 : 0,
    });
  });

  test('an end before the start takes nobody away by itself, and keeps no leaver', async () => {
    const states = async (row: string): Promise<(string | undefined)[]> => {
      const { people, rejected } = await readText(`${head}${row}\n`, { columns });
      return [people[0]?.state, rejected[0]?.code];
    };
    // By the status; on a day to come; and where the start is to come, by either date.
    expect(await states('42,a@x.io,Ann,Inactive,2026-02-01,2024-05-31')).toEqual(['terminated', undefined]);
    expect(await states('42,a@x.io,Ann,Active,2026-02-01,2026-02-01')).toEqual(['terminated', undefined]);
    expect(await states('42,a@x.io,Ann,Active,2026-05-01,2026-01-31')).toEqual(['terminated', undefined]);
    expect(await states('42,a@x.io,Ann,Active,,1900-01-01')).toEqual(['terminated', undefined]);
    expect(await states('42,a@x.io,Ann,Active,2026-05-01,2026-04-01')).toEqual(['preHire', undefined]);
  });

  test.each(['2026-03-01', '1-Mar', '01.03.26', '2026-03-01T00:00:00'])(
    'an id that a spreadsheet took for a date is none: %s',
    async (date) => {
      const people = Array.from({ length: 12 }, (_, at) => `${at + 1}-1${at},a${at}@x.io,Ann,Active,,`);
      const some = Array.from({ length: 12 }, (_, at) => `E${at + 100},a${at}@x.io,Ann,Active,,`);
      const { proof, rejected } = await readText(`${head}${some.join('\n')}\n${date},z@x.io,Zoe,Active,,\n`, {
        columns,
      });
      expect(rejected).toMatchObject([{ code: 'ID_UNREADABLE', id: null, line: 14 }]);
      expect(proof).toMatchObject({ unreadableIds: 1 });
      // Where ids have that form, they are ids.
      const all = await readText(`${head}${people.join('\n')}\n`, { columns });
      expect(all.rejected).toEqual([]);
    },
  );

  test.each(['Gesamt: 40', 'Total (40)', 'Records = 40'])(
    'a total with its count in the place of the id is nobody: %s',
    async (total) => {
      const people = Array.from({ length: 40 }, (_, at) => `${1_000 + at},,Ann,Active,,`);
      const { rejected } = await readText(`${head}${people.join('\n')}\n${total},,,Active,,\n`, { columns });
      expect(rejected).toMatchObject([{ code: 'NOT_A_PERSON', id: total, line: 42 }]);
    },
  );

  test('subtotals between the people are nobody, and an id of letters alone may be somebody', async () => {
    const people = Array.from({ length: 40 }, (_, at) => `${1_000 + at},,Ann,Active,,`);
    const sums = people.flatMap((row, at) => (at % 10 === 9 ? [row, 'Subtotal,,10,Active,,'] : [row]));
    const two = await readText(`${head}${sums.join('\n')}\n2000,,Bo,Active,,\n`, { columns });
    expect(two.people).toHaveLength(41);
    expect(two.rejected.map(({ id, code }) => [id, code])).toContainEqual(['Subtotal', 'NOT_A_PERSON']);
    const named = ['id,first,last,status', ...people.map((_, at) => `${1_000 + at},Ann,Lee,Active`)];
    named.splice(9, 0, 'CEO,Zoe,Okafor,Active');
    const one = await readText(`${named.join('\n')}\n`, {
      columns: { id: 'id', firstName: 'first', lastName: 'last', status: 'status' },
    });
    expect([one.people.length, one.rejected]).toEqual([41, []]);
  });

  test('two numbers with a dash between them are an id, in whatever order they come', async () => {
    for (const last of ['20-1', '9.1', '3/4']) {
      const rows = Array.from({ length: 12 }, (_, at) => `${at + 100}-1,a${at}@x.io,Ann,Active,,`);
      const { rejected } = await readText(`${head}${[...rows, `${last},z@x.io,Zoe,Active,,`].join('\n')}\n`, {
        columns,
      });
      expect(rejected).toEqual([]);
    }
  });

  test('people without addresses whose ids are words are people, the first and the last as well', async () => {
    const word = (at: number): string => String.fromCharCode(113, 97 + (at % 26), 97 + Math.floor(at / 26));
    const ids = Array.from({ length: 60 }, (_, at) => (at % 5 === 2 ? `${word(at)}2` : word(at)));
    const { rejected } = await readText(
      `id,first,status\n${ids.map((id) => `${id},Ann,Active\n`).join('')}`,
      {
        columns: { id: 'id', firstName: 'first', status: 'status' },
      },
    );
    expect(rejected).toEqual([]);
  });

  test('quotes within a name, and around a department, are theirs', async () => {
    const { people } = await readText(
      `${header}10,a@x.io,Anna „Anni“ Maria,«Sales»,Active\n11,b@x.io,‘Iolani,x,Active\n12,c@x.io,D’Arcy’,x,Active\n`,
    );
    expect(people.map(({ firstName }) => firstName)).toEqual(['Anna „Anni“ Maria', '‘Iolani', 'D’Arcy’']);
    expect(people[0]?.department).toBe('«Sales»');
  });

  test('of an unknown status the shape is shown, and the value only to who asks for the counts', async () => {
    const { rejected, proof } = await readText(
      `${header}1,a@x.io,Ann,Sales,Sabbatical\n2,,Bo,Sales,\n3,,Cy,Sales,Sabbatical\n`,
    );
    expect(rejected[0]?.message).toContain('status has the shape Aaaaaaaaaa');
    expect(rejected[1]?.message).toContain('status is empty');
    expect(proof.unknownStatuses).toEqual([
      { value: 'Sabbatical', rows: 2 },
      { value: '', rows: 1 },
    ]);
  });

  test('no email is no error', async () => {
    const { people } = await readText(`${header}1, ,Ann,Sales,Active\n`);
    expect(people[0]?.email).toBeNull();
  });

  test('the two halves of a broken line: the first is its person, the second nobody, by no name', async () => {
    const { proof, rejected } = await readText(
      `${header}${good}2,b@x.io,Zoe\nOkafor,Sales,Active\n3,c@x.io,Cy,x,Active\n`,
    );
    expect(rejected.map(({ id, line, code }) => ({ id, line, code }))).toEqual([
      { id: '2', line: 3, code: 'COLUMN_COUNT' },
      { id: null, line: 4, code: 'COLUMN_COUNT' },
    ]);
    expect(rejected.map(({ message }) => message).join()).not.toContain('Okafor');
    expect(proof.unreadableIds).toBe(1);
  });

  test('where the id is not the first column, a row with another number of cells has no sure id', async () => {
    const { proof, rejected } = await readText('first,id,status\nAnn,1,Active\nOkafor, Zoe,2,Active\n', {
      columns: { id: 'id', firstName: 'first', status: 'status' },
    });
    expect(rejected).toMatchObject([{ id: null, code: 'COLUMN_COUNT', line: 3 }]);
    expect(proof.unreadableIds).toBe(1);
  });

  test('more such rows than are kept waiting', async () => {
    const bad = Array.from({ length: 25_000 }, (_, i) => `${20_000 + i},x\n`).join('');
    const { proof } = await readText(`${header}10000,,A,x,Active\n${bad}99999,,Z,x,Active\n`);
    expect(proof).toMatchObject({ rows: 25_002, usable: 2, rejected: 25_000 });
  });
});

describe('torn', () => {
  const two = `${header}10,a@x.io,Ann,Sales,Active\n11,b@x.io,Bo,Sales,Active\n`;
  test.each([
    ['in a row', `${two}12,c@x.io,Cy`, ['ROSTER_TORN'], '12'],
    ['in an id', `${two}12`, ['ROSTER_TORN'], null],
    ['in a quote', `${two}12,c@x.io,"Cy`, ['ROSTER_TORN'], '12'],
    [
      'by a quote that is never closed',
      `${two}12,c@x.io,"Cy,Sales,Active\n13,d@x.io,Di,Sales,Active\n`,
      ['ROSTER_TORN'],
      '12',
    ],
    ['nowhere: only the last line break is missing', `${two}12,c@x.io,Cy,Sales,Active`, [], undefined],
    ['nowhere: a short row before others is a rejected row', `${two}12,c@x.io\n`, [], '12'],
  ])('%s', async (_, content, codes, id) => {
    const { proof, people, rejected } = await readText(content);
    expect(codesOf(proof)).toEqual(codes);
    expect(people.slice(0, 2).map((person) => person.id)).toEqual(['10', '11']);
    expect(rejected.map((row) => row.id)).toEqual(id === undefined ? [] : [id]);
  });

  test('in the middle of a character', async () => {
    const bytes = Buffer.from(`${two}12,c@x.io,Zo\u00eb,Sales,Active\n13,c@x.io,Cy,Sales,Actif\u00e9`);
    const { proof } = await readText(bytes.subarray(0, -1));
    expect(codesOf(proof)).toEqual(['ROSTER_TORN']);
  });

  test('in the middle of a UTF-16 unit', async () => {
    const bytes = Buffer.from(`\ufeff${two}`, 'utf16le');
    expect(codesOf((await readText(bytes.subarray(0, -1))).proof)).toEqual(['ROSTER_TORN']);
  });

  test.each([
    ['to a later stray quote', '12,c@x.io,"Cy,Sales,Active\n13,d@x.io,"Di" D,Sales,Active\n'],
    ['to another number of cells', '12,c@x.io,"Cy,Sales,Active\n13,d@x.io,Di",Sales,Active,\n'],
  ])('a quote that swallows rows, %s', async (_, rows) => {
    const { proof } = await readText(`${two}${rows}14,e@x.io,Ed,Sales,Active\n`);
    expect(codesOf(proof)).toContain('ROSTER_TORN');
    expect(proof.reasons[0]?.message).toContain('line 4');
  });

  test('a note of several lines, with quotes and commas, is none', async () => {
    const { proof, people } = await readText(
      `${two}12,c@x.io,"""The Lodge"", 1 High St\nDublin, Ireland",Sales,Active\n`,
    );
    expect(proof.complete).toBe(true);
    expect(people[2]?.firstName).toBe('"The Lodge", 1 High St Dublin, Ireland');
  });

  test('a quote never closed in a large file ends the reading soon, and the whole is fingerprinted', async () => {
    const rest = Array.from({ length: 200_000 }, (_, i) => `${i},,Ann,x,Active\n`).join('');
    const torn = await readText(`${two}12,c@x.io,"Cy,Sales,Active\n${rest}`);
    const other = await readText(`${two}12,c@x.io,"Cy,Sales,Active\n${rest}x`);
    expect(codesOf(torn.proof)).toEqual(['ROSTER_TORN']);
    expect(torn.proof.usable).toBe(2);
    expect(torn.proof.fingerprint).not.toBe(other.proof.fingerprint);
  });
});
