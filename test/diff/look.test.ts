import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLookBuilder, type LookColumn, placeIn } from '../../src/diff/look.ts';
import type { Person, PersonField } from '../../src/person.ts';
import { attributeCell, fnv1a, type RowHashes } from '../../src/row-hashes.ts';
import { readText } from '../roster/reading.ts';

const field = (name: PersonField, personal = false): LookColumn => ({
  name,
  cell: name,
  read: (person) => person[name],
  personal,
});
const site: LookColumn = {
  name: 'site',
  cell: attributeCell('site'),
  read: (person) => person.attributes['site'] ?? null,
  personal: false,
};
const columns = [site, field('department'), field('firstName', true), field('email', true), field('endDate')];

const cells = fc.record({
  id: fc.integer({ min: 1, max: 40 }).map((number) => `E${number}`),
  first: fc.constantFrom('', 'Ana', 'Zoë', 'ana'),
  email: fc.constantFrom('', 'a@example.com', 'b@example.com'),
  department: fc.constantFrom('', 'Sales', 'Stores', 'Legal'),
  status: fc.constantFrom('Active', 'Active', 'Inactive'),
  site: fc.constantFrom('', 'Cork', 'Kiel'),
  primary: fc.constantFrom('Y', 'N'),
});

test('hashes that come with a person are those of their own row, and a look made of them is the look of its texts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(cells, { maxLength: 30 }), async (rows) => {
      const header = 'id,first,email,department,status,site,primary';
      const csv = [header, ...rows.map((row) => Object.values(row).join(','))].join('\n');
      const fromTexts = createLookBuilder(columns);
      const fromHashes = createLookBuilder(columns);
      let told = 0;
      const onPerson = (person: Person, row?: RowHashes): void => {
        fromTexts.add(person);
        fromHashes.add(person, row);
        if (row === undefined) return;
        told++;
        for (const column of columns.filter(({ cell }) => cell !== 'endDate')) {
          const text = column.read(person);
          expect(row.hashes[row.cells.indexOf(column.cell)]).toBe(text === null ? 0 : fnv1a(text));
        }
      };
      // Rows that are not preferred wait, and are handed out when all others have been.
      const { proof } = await readText(
        `${csv}\n`,
        { attributes: ['site', 'primary'], duplicates: { prefer: 'unused' } },
        {
          rules: {
            stateOf: ({ status }) => (status === 'Inactive' ? 'terminated' : 'active'),
            prefer: ({ attributes }) => attributes['primary'] === 'Y',
          },
          onPerson,
        },
      );
      expect(told).toBeGreaterThanOrEqual(proof.usable);
      expect(fromHashes.finish()).toEqual(fromTexts.finish());
    }),
    { numRuns: 30 },
  );
});

test('what a look keeps does not change: it is stored', () => {
  const builder = createLookBuilder([field('department'), field('email', true)]);
  const people = ['Sales', 'Sales', 'Sales', '', 'Zoë'].map((department, at) => ({
    id: `E${at}`,
    department: department || null,
    email: 'x@example.com',
    attributes: {},
  }));
  for (const person of people) builder.add(person as unknown as Person);
  builder.retract('E4');
  const { ids, columns: looks } = builder.finish();
  expect([...ids]).toMatchInlineSnapshot(`
    [
      2177903524,
      3305600156,
      3448965217,
      4255966855,
    ]
  `);
  expect(looks).toMatchInlineSnapshot(`
    Map {
      "department" => {
        "cells": Uint16Array [
          57367,
          0,
          57367,
          57367,
        ],
        "filled": 3,
        "values": Map {
          57367 => "Sales",
        },
      },
      "email" => {
        "cells": Uint16Array [
          49721,
          49721,
          49721,
          49721,
        ],
        "filled": 4,
        "values": Map {},
      },
    }
  `);
});

test.each([0, 1, 1_024, 1_025, 8_191, 8_192, 65_537, 140_000])(
  'everybody of %i stands where their id says, with their own cells',
  (count) => {
    const builder = createLookBuilder([field('department')]);
    const departments = ['Sales', null, 'Stores'];
    const rowOf = (at: number): Person =>
      ({ id: `E${at}`, department: departments[at % 3] ?? null, attributes: {} }) as unknown as Person;
    for (let at = 0; at < count; at++) builder.add(rowOf(at));
    if (count > 0) builder.retract('E0');
    const { ids, columns: looks } = builder.finish();
    const look = looks.get('department');
    expect(ids).toHaveLength(Math.max(0, count - 1));
    expect(ids.every((id, at) => at === 0 || id >= (ids[at - 1] ?? 0))).toBe(true);
    const cellOf = new Map([...(look?.values ?? [])].map(([hash, text]) => [text, hash]));
    let wrong = 0;
    let unplaced = 0;
    for (let at = 1; at < count; at++) {
      const place = placeIn(ids, `E${at}`);
      const department = departments[at % 3] ?? null;
      const wanted = department === null ? 0 : cellOf.get(department);
      if (place < 0) unplaced++;
      else if (count > 12 && look?.cells[place] !== wanted) wrong++;
    }
    expect(wrong).toBe(0);
    // Two of them may share their hash.
    expect(unplaced).toBeLessThanOrEqual(count / 10_000);
  },
);
