import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
/** Numbers that nobody can draw again. Ids that only have to differ (`randomUUID`, `randomBytes`) are none of them. */
const unrepeatable = /\bMath\.random\b|\brandomInt\b|\bgetRandomValues\b/;

test('whatever tests and benchmarks draw at random prints its seed: it comes from test/support/drawn.ts', () => {
  const files = ['test', 'bench', 'sandbox'].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' }).map(
      (file) => `${folder}/${file}`,
    ),
  );
  const drawing = files.filter(
    (file) => file.endsWith('.ts') && unrepeatable.test(readFileSync(new URL(file, root), 'utf8')),
  );
  expect(drawing).toEqual(['test/support/drawn.ts']);
});
