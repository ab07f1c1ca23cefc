import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { academy, load, newFolder, problems } from './fixtures.ts';

const parts = (lines: string, beside = 'columns: { id: No }'): string =>
  `roster:\n  ${beside}\n  parts:\n${lines.replace(/^/gm, '    ')}\n${academy}`;
const a = '- { name: a, source: ./a.csv }';

test.each<[mistake: string, text: string, said: RegExp]>([
  [
    'a source beside parts',
    parts(a, 'source: ./x.csv\n  columns: { id: No }'),
    /roster\.source: stands beside roster\.parts/,
  ],
  [
    'two parts of one name',
    parts(`${a}\n- { name: A, source: ./b.csv }`),
    /parts\[1\]\.name: is the name of roster\.parts\[0\] too/,
  ],
  [
    'one source for two',
    parts(`${a}\n- { name: b, source: ./a.csv }`),
    /parts\[1\]\.source: is the source of "a" too/,
  ],
  ['a part without a source', parts('- { name: a }'), /parts\[0\]\.source: is required/],
  ['no columns anywhere', parts(a, 'maxShrink: 5%'), /parts\[0\]\.columns: is required, here or/],
  ['a name that is none', parts('- { name: "our staff", source: ./a.csv }'), /parts\[0\]\.name: /],
  [
    'an unknown key',
    parts('- { name: a, source: ./a.csv, maxShirnk: 5% }'),
    /maxShirnk: unknown key.*maxShrink/,
  ],
  ['a wrong value', parts('- { name: a, source: ./a.csv, maxShrink: 5 }'), /parts\[0\]\.maxShrink: .*10%/],
  [
    'a column twice',
    parts('- { name: a, source: ./a.csv, columns: { id: No, email: No } }'),
    /names the same column as roster\.parts\[0\]\.columns\.id/,
  ],
  [
    'neither source nor parts',
    `roster:\n  columns: { id: No }\n${academy}`,
    /roster\.source: is required; of several deliveries/,
  ],
])('%s', async (_mistake, text, said) => {
  expect((await problems(text)).join('\n')).toMatch(said);
});

test('what stands beside parts is their default, and a key of a part counts as a whole', async () => {
  const folder = await newFolder();
  const text = parts(
    '- { name: a, source: ./a.csv }\n- { name: b, source: ./b.csv, columns: { id: Nr, email: Mail }, attributes: [Site], maxShrink: 25%, skip: { end: 1 }, idPrefix: B- }',
    'columns: { id: No, department: Team }\n  attributes: [Grade]\n  maxShrink: 5%\n  skip: { above: 2 }',
  );
  await writeFile(join(folder, 'rollcall.yaml'), text);
  const { roster } = await load(text, folder);
  expect(roster.parts).toMatchObject([
    {
      name: 'a',
      idPrefix: '',
      key: 'roster.parts[0]',
      source: join(folder, 'a.csv'),
      columns: { id: 'No' },
      maxShrink: 5,
      skip: { above: 2, end: 0 },
    },
    {
      name: 'b',
      idPrefix: 'B-',
      key: 'roster.parts[1]',
      source: join(folder, 'b.csv'),
      attributes: ['Site'],
      maxShrink: 25,
      skip: { above: 0, end: 1 },
    },
  ]);
  expect(roster.parts[1]?.columns).toEqual({ id: 'Nr', email: 'Mail' });
  expect(roster.attributes).toEqual(['Grade', 'Site']);
});
