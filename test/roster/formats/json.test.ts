import { describe, expect, test } from 'vitest';
import type { RosterConfig } from '../../../src/config/schema.ts';
import { codesOf, readText, utf16be, windows1252 } from '../reading.ts';

type Changes = Partial<RosterConfig>;

const nested: Changes = {
  columns: {
    id: 'employee.id',
    email: 'employee.work.email',
    firstName: 'name.first',
    status: 'status',
  },
};

const zoe = {
  employee: { id: '10442', work: { email: 'Zoe.Okafor@example.com' } },
  name: { first: 'Zo\u00eb "Z" \\ O' },
  status: 'Active',
};
const flat = (id: unknown, more: object = {}) => ({
  id,
  email: `p${typeof id === 'object' ? 'x' : id}@example.com`,
  first: 'Ann',
  department: 'Sales',
  status: 'Active',
  ...more,
});
const json = (...records: unknown[]) => JSON.stringify(records);
const lines = (...records: unknown[]) => records.map((one) => `${JSON.stringify(one)}\n`).join('');

describe('where the records are', () => {
  test.each([
    ['a list', JSON.stringify([zoe]), {}, 'json'],
    ['a list with white space', `\n ${JSON.stringify([zoe], undefined, 2)}\n\n`, {}, 'json'],
    [
      'a list by its path',
      JSON.stringify({ meta: { total: 1 }, Report_Entry: [zoe] }),
      { records: 'Report_Entry' },
      'json',
    ],
    [
      'a list deep in it',
      JSON.stringify({ a: [1], data: { items: [zoe], more: [] } }),
      { records: 'data.items' },
      'json',
    ],
    [
      'a list under a name with a dot',
      JSON.stringify({ 'data.items': [zoe] }),
      { records: 'data.items' },
      'json',
    ],
    ['lines', `${lines(zoe, flat(2))}`, {}, 'jsonl'],
    [
      'lines of Windows, with a blank one',
      `${JSON.stringify(zoe)}\r\n\r\n${JSON.stringify(flat(2))}\r\n`,
      {},
      'jsonl',
    ],
    ['one line, named', lines(zoe), { format: 'jsonl' as const }, 'jsonl'],
  ])('%s', async (_, text, changes: Changes, format) => {
    const { people, proof } = await readText(text, { ...nested, ...changes });
    expect(proof).toMatchObject({ format, complete: true });
    expect(people).toMatchObject([
      { id: '10442', email: 'zoe.okafor@example.com', firstName: 'Zo\u00eb "Z" \\ O', line: 1 },
    ]);
  });

  test.each([
    [
      'nothing there',
      { employees: [zoe] },
      { records: 'data' },
      /has nothing at "data"/,
      /The lists there are: "employees"/,
    ],
    [
      'no list there',
      { data: { items: [zoe] } },
      { records: 'data' },
      /at "data" is no list/,
      /"data\.items"/,
    ],
    ['a list itself', [zoe], { records: 'data' }, /a list itself/, /Leave roster\.records out/],
    ['not said', { a: [1], employees: [zoe] }, {}, /not a list itself/, /"a", "employees"/],
    ['an error message', { error: 'unauthorized' }, {}, /not a list itself/, /It has no list at all/],
  ])('%s', async (_, data, changes, message, hint) => {
    await expect(readText(JSON.stringify(data), { ...nested, ...changes })).rejects.toMatchObject({
      code: 'ROSTER_FORMAT',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      place: { key: 'roster.records' },
    });
  });

  test('encodings', async () => {
    const text = JSON.stringify([zoe]);
    for (const [bytes, changes] of [
      [Buffer.from(`\ufeff${text}`), {}],
      [Buffer.from(`\ufeff${text}`, 'utf16le'), {}],
      [utf16be(`\ufeff${text}`), {}],
      [windows1252(text), { encoding: 'windows-1252' }],
    ] as const)
      expect((await readText(bytes, { ...nested, format: 'json', ...changes })).people).toMatchObject([
        { firstName: 'Zo\u00eb "Z" \\ O' },
      ]);
    await expect(readText(windows1252(text), nested)).rejects.toMatchObject({ code: 'ROSTER_ENCODING' });
  });
});

describe('values', () => {
  test('numbers as written, true, false, null, what is absent', async () => {
    const { people, rejected } = await readText(
      `[{"id": 12345678901234567890123, "status": "Active", "age": 1.50, "on": true, "off": false, "none": null, "rate": 1e2},
        {"id": 10442.0, "status": "Active", "age": -0, "on": "", "off": [], "none": {}, "rate": 0}]`,
      {
        columns: { id: 'id', status: 'status', email: 'none' },
        attributes: ['age', 'on', 'off', 'rate'],
      },
    );
    expect(rejected).toEqual([]);
    expect(people).toMatchObject([
      {
        id: '12345678901234567890123',
        email: null,
        attributes: { age: '1.50', on: 'true', off: 'false', rate: '1E+2' },
      },
      { id: '10442', email: null, attributes: { age: '-0', on: '', off: '', rate: '0' } },
    ]);
  });

  test('ids that were rounded, lists and objects where a text belongs, a name twice, and what is no record', async () => {
    const { people, proof, rejected } = await readText(
      `[{"id": 1e5, "email": "a@x.io", "status": "Active"},
        {"id": {"value": 2}, "email": "b@x.io", "status": "Active"},
        {"id": "3", "email": ["c@x.io"], "status": "Active"},
        {"id": "4", "email": {"value": "d@x.io"}, "status": "Active"},
        {"id": "5", "email": "e@x.io", "email": "f@x.io", "status": "Active"},
        {"id": "6", "id": "66", "email": "g@x.io", "status": "Active"},
        {"id": "7", "email": "h@x.io", "email": "h@x.io", "status": "Active"},
        ["8", "i@x.io", "Active"], "9", 10, null, {},
        {"id": null, "email": null},
        {"id": "11", "email": "j@x.io", "status": ["Inactive"]},
        {"id": "12", "email": ["k@x.io"], "status": "Inactive"}]`,
      { columns: { id: 'id', email: 'email', status: 'status' } },
    );
    expect(people.map(({ id, state }) => [id, state])).toEqual([
      ['7', 'active'],
      ['12', 'terminated'],
    ]);
    expect(rejected.map(({ id, line, code }) => [id, line, code])).toEqual([
      [null, 1, 'ID_UNREADABLE'],
      [null, 2, 'ID_UNREADABLE'],
      ['3', 3, 'NOT_A_TEXT'],
      ['4', 4, 'NOT_A_TEXT'],
      ['5', 5, 'NOT_A_TEXT'],
      [null, 6, 'ID_UNREADABLE'],
      [null, 8, 'NOT_A_RECORD'],
      [null, 9, 'NOT_A_RECORD'],
      [null, 10, 'NOT_A_RECORD'],
      [null, 11, 'NOT_A_RECORD'],
      [null, 12, 'ID_MISSING'],
      [null, 13, 'ID_MISSING'],
      ['11', 14, 'NOT_A_TEXT'],
    ]);
    expect(rejected[2]?.message).toBe('Record 3 (id 3): email is a list, where a text belongs.');
    expect(proof.unreadableIds).toBe(9);
  });

  test('what a name is prefixed with, what stands in a list, and names with dots in them', async () => {
    const { people } = await readText(
      json({
        'employee.id': '1',
        emails: [{ value: 'a@x.io' }, { value: 'b@x.io' }],
        name: { first: 'Ann', 'last.name': 'Bo' },
        status: 'Active',
        __proto__: 'x',
        constructor: { name: 'y' },
      }),
      {
        columns: {
          id: 'employee.id',
          email: 'emails.1.value',
          firstName: 'name.first',
          lastName: 'name.last.name',
          status: 'status',
        },
        attributes: ['constructor.name'],
      },
    );
    expect(people).toMatchObject([
      { id: '1', email: 'b@x.io', firstName: 'Ann', lastName: 'Bo', attributes: { 'constructor.name': 'y' } },
    ]);
  });

  test('text that no database holds is no text', async () => {
    const { rejected, people } = await readText(
      '[{"id":"1","first":"A\\ud800B","status":"Active"},{"id":"2","first":"A\\u0000B","status":"Active"}]',
      { columns: { id: 'id', firstName: 'first', status: 'status' } },
    );
    expect(rejected).toMatchObject([{ id: '1', code: 'ENCODING' }]);
    expect(people).toMatchObject([{ id: '2', firstName: 'AB' }]);
  });

  const ended: Changes = { columns: { id: 'id', email: 'email', endDate: 'employment.end' } };
  const active = { rules: { stateOf: () => 'active' as const } };

  test('a field that some records lack is an empty cell, and so is one that all lack, which is said', async () => {
    const some = json(
      { id: '1', email: 'a@x.io', employment: {} },
      { id: '2', employment: { end: '2020-01-01' } },
    );
    const { people, proof } = await readText(some, ended, active);
    expect(people).toMatchObject([
      { id: '1', endDate: null, state: 'active' },
      { id: '2', email: null, endDate: '2020-01-01', state: 'terminated' },
    ]);
    expect(proof.lacking).toEqual([]);
    for (const none of [
      json({ id: '1', email: 'a@x.io', employment: { ended: null } }),
      lines({ id: '1', employment: { ended: null }, email: 'a@x.io' }, { id: '2' }),
    ]) {
      const read = await readText(none, ended, active);
      expect(read.proof.complete).toBe(true);
      expect(read.people[0]).toMatchObject({ id: '1', endDate: null, state: 'active' });
      expect(read.proof.lacking).toEqual([
        {
          name: 'employment.end',
          key: 'roster.columns.endDate',
          hint: expect.stringMatching(
            /^Did you mean "employment\.ended"\? The fields there are: id, .*employment\.ended/,
          ),
        },
      ]);
    }
  });

  test.each([
    ['JSON', json],
    ['JSON lines', lines],
  ])('%s without the id is none, and without any of the fields nothing of it is shown', async (_, write) => {
    const noId = write({ no: '1', email: 'a@x.io' }, { no: '2', employment: { end: '2020-01-01' } });
    await expect(readText(noId, ended, active)).rejects.toMatchObject({
      code: 'ROSTER_HEADER',
      message: 'no record has the field "id".',
      hint: expect.stringContaining('The fields there are: no, email, employment.end'),
      place: { key: 'roster.columns.id' },
    });
    const strange = write({ 'Zoe Okafor': '1', town: 'Cork' }, { town: 'Kiel' });
    const refused: unknown = await readText(strange, ended, active).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'ROSTER_HEADER',
      message: 'no record has any of the configured fields (3), and the names of its own are not shown.',
    });
    expect(JSON.stringify([refused, (refused as Error).message, (refused as Error).stack])).not.toMatch(
      /Okafor|town|Cork/,
    );
  });

  test('labels, totals and skip count records', async () => {
    const { proof } = await readText(json(flat('1'), flat('2'), { id: 'Total', first: '2' }), {
      skip: { above: 0, below: 0, end: 1 },
    });
    expect(proof).toMatchObject({ rows: 2, complete: true });
    const { proof: skipped } = await readText(json(flat('1'), flat('2'), flat('3')), {
      skip: { above: 0, below: 0, end: 1 },
    });
    expect(codesOf(skipped)).toEqual(['ROSTER_SKIPPED']);
    expect(skipped.reasons[0]?.message).toContain('(record 3): the records it is meant for');
  });
});

describe('whole or not', () => {
  const records = Array.from({ length: 40 }, (_, i) => flat(String(1000 + i)));
  test.each([
    ['JSON', json(...records), {}],
    ['JSON at a path', JSON.stringify({ data: records, total: 40 }), { records: 'data' }],
    ['JSON lines', lines(...records), { format: 'jsonl' as const }],
  ])('%s, cut anywhere, is torn, and nobody half is read', async (_, text, changes: Changes) => {
    const bytes = Buffer.from(text);
    for (let cut = 1; cut < bytes.length; cut += 173) {
      const { people, proof } = await readText(bytes.subarray(0, cut), { format: 'json', ...changes });
      const atEnd = proof.format === 'jsonl' && /\}\n?$/.test(bytes.subarray(0, cut).toString());
      if (!atEnd) expect(codesOf(proof), String(cut)).toContain('ROSTER_TORN');
      expect(
        people.every(({ id, email, status }) => email === `p${id}@example.com` && status === 'Active'),
      ).toBe(true);
      expect(people.length).toBeLessThanOrEqual(40);
    }
  });

  test('lines that end at a line, without the break that the last export had', async () => {
    const text = lines(...records.slice(0, 20)).slice(0, -1);
    const baseline = { maxPeople: null, maxPerShrinkValue: {}, endsInLine: true };
    const { proof } = await readText(text, { format: 'jsonl' }, { baseline });
    expect(codesOf(proof)).toEqual(['ROSTER_TORN']);
  });

  test.each([
    ['nothing', '', 'json'],
    ['white space', ' \n', 'json'],
    ['something behind', `${json(...records)}<html>`, undefined],
    ['two of them', `${json(...records)} ${json(...records)}`, undefined],
    ['a comma too many', `${json(...records).slice(0, -1)},]`, undefined],
    ['JavaScript', `[{id: "1"}]`, 'json'],
    ['NaN', json(...records).replace('"Sales"', 'NaN'), undefined],
    ['a line break in a text', json(...records).replace('Sales', 'Sa\nles'), undefined],
    ['a deep nesting', `[{"id":"1","x":${'['.repeat(5000)}${']'.repeat(5000)}}]`, undefined],
  ])('%s', async (_, text, format) => {
    const { proof } = await readText(text, format === undefined ? {} : { format: 'json' }).catch(
      (error: unknown) => {
        // What is JavaScript is nothing that is known.
        expect(error).toMatchObject({ code: 'ROSTER_FORMAT' });
        return { proof: null };
      },
    );
    if (proof !== null) expect(codesOf(proof)).toContain('ROSTER_TORN');
  });

  test.each(['[]', '{"data":[]}'])('%s has no rows', async (text) => {
    const { proof } = await readText(text, text === '[]' ? {} : { records: 'data' });
    expect(codesOf(proof)).toEqual(['ROSTER_EMPTY']);
  });

  test('lines that are no JSON are somebody who cannot be read', async () => {
    const { people, rejected, proof } = await readText(
      `${lines(flat('1'))}{"id":"2"\n${lines(flat('3'))}[1,2]\n${JSON.stringify(flat('4'))}${JSON.stringify(flat('5'))}\nnonsense\n${lines(flat('6'))}`,
    );
    expect(people.map(({ id }) => id)).toEqual(['1', '3', '6']);
    expect(rejected.map(({ id, line, code }) => [id, line, code])).toEqual([
      [null, 2, 'NOT_A_RECORD'],
      [null, 4, 'NOT_A_RECORD'],
      [null, 5, 'NOT_A_RECORD'],
      [null, 6, 'NOT_A_RECORD'],
    ]);
    expect(rejected[2]?.message).toBe(
      'Line 5: the line has two records: the line break between them is missing.',
    );
    expect(proof).toMatchObject({ format: 'jsonl', unreadableIds: 4, rows: 7 });
  });

  test('a text without an end is not kept', async () => {
    const before = process.memoryUsage().rss;
    const { proof } = await readText(`[{"id":"1","x":"${'a'.repeat(120 * 1024 ** 2)}`, {
      columns: { id: 'id' },
    });
    expect(codesOf(proof)).toContain('ROSTER_TORN');
    expect(proof.reasons.map(({ message }) => message).join()).toContain('16 MiB');
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 ** 2);
  });

  test('a roster that is another format than configured', async () => {
    await expect(readText('id,email\n1,a@x.io\n', { format: 'json' })).rejects.toMatchObject({
      code: 'ROSTER_FORMAT',
      message: 'the roster is CSV, or nothing that is known, and roster.format says json.',
      place: { key: 'roster.format' },
    });
    await expect(readText(json(flat('1')), { format: 'csv' })).rejects.toMatchObject({
      message: 'the roster is JSON, and roster.format says csv.',
    });
    await expect(readText('<!doctype html><title>Sign in</title>', { format: 'json' })).rejects.toMatchObject(
      {
        message: 'the roster is an HTML page.',
      },
    );
  });
});
